"""Scenario files in a folder of their own."""

import textwrap

import pytest


@pytest.fixture(autouse=True)
def nova_options():
    """Leave Nova's options alone: simulated clouds set them."""


@pytest.fixture
def scenario(tmp_path):
    """Writes a scenario; returns its path."""

    def write(text, name='what-if.yaml'):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write
