"""The order in which files of tests are run."""

import pathlib

from nfv_sched_testing import pytest_plugin

_ROOT = pathlib.Path(__file__).parents[1]


def test_the_slowest_files_are_there():
    for path in pytest_plugin._SLOWEST:
        assert (_ROOT / path).is_file()
