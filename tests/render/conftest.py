"""A browser for all tests that look at pages."""

import pytest

from tests.render import chromium


@pytest.fixture(autouse=True)
def nova_options():
    """Leave Nova's options alone: pictures do not read them."""


@pytest.fixture(scope='module')
def browser():
    path = chromium.executable()
    if path is None:
        pytest.skip('there is no Chromium; Debian has it as "chromium"')
    with chromium.running(path) as found:
        yield found


@pytest.fixture
def tab(browser):
    return browser.page()
