"""Scenario files in a folder of their own."""

import textwrap

import pytest

from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture


@pytest.fixture
def scenario(tmp_path):
    """Writes a scenario; returns its path."""

    def write(text, name='what-if.yaml'):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write
