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
    order = [next(turns) for _ in range(16)]
    assert order[:8] == order[8:]
    assert [order[:8].count(name) for name in 'abc'] == [5, 1, 2]
    # Nobody waits until all others are through.
    assert order[:3] != ['a', 'a', 'a']


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


def claims_until_short(ledger, allocated):
    """How often a candidate can be taken, tried on a branch."""
    branch = ledger.branch()
    for count in range(100):
        if branch.short_of(allocated):
            return count
        branch.take(allocated)
    raise AssertionError('no end')


def test_the_ledger_counts_what_is_left():
    ledger = placement_ledger.PlacementLedger()
    ledger.learn(summary(PCPU=(10, 3), MEMORY_MB=(100, 0)))
    three_cpus = candidate(PCPU=3, MEMORY_MB=10)
    assert claims_until_short(ledger, three_cpus) == 2
    ledger.take(three_cpus)
    # What is known is not learnt again.
    ledger.learn(summary(PCPU=(10, 3)))
    ledger.take(three_cpus)
    assert ledger.short_of(three_cpus) == {'PCPU'}
    assert ledger.short_of(candidate(MEMORY_MB=81)) == {'MEMORY_MB'}
    assert not ledger.short_of(candidate(MEMORY_MB=80))
    assert ledger.short_of(candidate(DISK_GB=1)) == {'DISK_GB'}


def test_what_is_tried_on_a_branch_is_not_taken():
    ledger = placement_ledger.PlacementLedger()
    ledger.learn(summary(PCPU=(10, 3)))
    three_cpus = candidate(PCPU=3)
    ledger.take(three_cpus)
    branch = ledger.branch()
    branch.take(three_cpus)
    assert claims_until_short(branch, three_cpus) == 0
    assert claims_until_short(ledger, three_cpus) == 1
    assert claims_until_short(ledger.branch(), three_cpus) == 1
