"""A browser for all tests that look at pages."""

import pytest

from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from tests.render import chromium


@pytest.fixture(scope='module')
def browser():
    path = chromium.executable()
    if path is None:
        pytest.skip('there is no Chromium; Debian has it as "chromium"')
    with chromium.running(path) as started:
        yield started


@pytest.fixture
def tab(browser):
    return browser.page()
