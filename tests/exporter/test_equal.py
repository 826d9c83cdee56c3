"""The exporter's counts are those of ``nfv-sched capacity``."""

import pytest

from nfv_sched.exporter import recount
from nfv_sched_testing import budgets
from nfv_sched_testing import exporter_trials
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture

SEEDS = range(1, 51 if budgets.ALL else 7 if budgets.EXHAUSTIVE else 2)


@pytest.mark.parametrize('seed', SEEDS)
def test_counts_equal_those_of_capacity_after_random_events(seed, monkeypatch):
    if seed % 2:
        # As in a pass over many hosts: all are asked for at once, and
        # counted group by group.
        monkeypatch.setattr(recount, 'GROUP', 2)
        monkeypatch.setattr(recount, 'ONE_BY_ONE', 0)
    with exporter_trials.trial(seed) as trial:
        for each in trial.run():
            assert each.exported == each.capacity, each
        # One more pass after the last change, and then none.
        assert trial.counted_afterwards() == 0
