"""Capacity N: the scheduler places exactly N, and refuses the next."""

import pytest

from nfv_sched.capacity.mixture import weighted_round_robin
from nfv_sched.dryrun import placement_ledger
from nfv_sched_testing import capacity_trials
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture


@pytest.mark.parametrize('seed', range(1, 13))
def test_the_scheduler_places_what_is_told_and_refuses_the_next(seed):
    for trial in capacity_trials.trials(seed):
        assert trial.exact, trial


def test_turns_are_even_and_by_weight():
    turns = weighted_round_robin({'a': 5, 'b': 1, 'c': 2})
    found = [next(turns) for _ in range(16)]
    assert found[:8] == found[8:]
    assert [found[:8].count(name) for name in 'abc'] == [5, 1, 2]
    # Nobody waits until all others are through.
    assert found[:3] != ['a', 'a', 'a']


def candidate(**amounts):
    return {'allocations': {'p': {'resources': amounts}}, 'mappings': {}}


def summary(**values):
    return {
        'p': {
            'resources': {
                name: {'capacity': capacity, 'used': used}
                for name, (capacity, used) in values.items()
            }
        }
    }


def test_the_ledger_counts_what_is_left():
    ledger = placement_ledger.PlacementLedger()
    ledger.learn(summary(PCPU=(10, 3), MEMORY_MB=(100, 0)))
    one = candidate(PCPU=3, MEMORY_MB=10)
    assert ledger.left(one) == 2
    ledger.take(one)
    # What is known is not learnt again.
    ledger.learn(summary(PCPU=(10, 3)))
    ledger.take(one)
    assert ledger.short_of(one) == 'PCPU'
    assert ledger.short_of(candidate(MEMORY_MB=81)) == 'MEMORY_MB'
    assert ledger.short_of(candidate(MEMORY_MB=80)) is None
    assert ledger.short_of(candidate(DISK_GB=1)) == 'DISK_GB'


def test_what_is_tried_on_a_branch_is_not_taken():
    ledger = placement_ledger.PlacementLedger()
    ledger.learn(summary(PCPU=(10, 3)))
    one = candidate(PCPU=3)
    ledger.take(one)
    branch = ledger.branch()
    branch.take(one)
    assert (branch.left(one), ledger.left(one)) == (0, 1)
    assert ledger.branch().left(one) == 1
