"""Options for a while."""

import nova.conf

from nfv_sched.sim import settings

OPTION = 'filter_scheduler.max_instances_per_host'


def said():
    return nova.conf.CONF.filter_scheduler.max_instances_per_host


def test_what_was_said_before_counts_again():
    default = said()
    with settings.override({OPTION: default + 1}):
        with settings.override({OPTION: default + 2}):
            assert said() == default + 2
        assert said() == default + 1
    assert said() == default
