"""The best choice of hosts in hindsight, beside every choice of hosts."""

import random

import pytest

from benchmarks.packing import computes
from benchmarks.packing import hindsight
from benchmarks.packing import runs
from benchmarks.packing import scheduler
from benchmarks.packing import simulate
from benchmarks.packing.columns import COLUMNS
from benchmarks.packing.loads import LOADS
from benchmarks.tests import tiny


@pytest.fixture(autouse=True)
def _configured():
    with scheduler.configured(COLUMNS['stock']):
        yield


def every_choice(hosts, names):
    """How many of the names, in order, the claims take at most."""
    by_name = {one.name: one for one in tiny.SHAPES}
    known = {}

    def takes(flavors):
        """Whether Nova's claims on an empty host all succeed."""
        if flavors not in known:
            compute = computes.Compute('host', tiny.MACHINE)
            known[flavors] = True
            for flavor in flavors:
                wanted = by_name[flavor]
                if not compute.offered(wanted):
                    known[flavors] = False
                    break
                try:
                    compute.claim(wanted, None)
                except computes.Refused:
                    known[flavors] = False
                    break
        return known[flavors]

    reached = {((),) * hosts}
    for number, name in enumerate(names):
        reached = {
            tuple(sorted((*state[:i], (*host, name), *state[i + 1 :])))
            for state in reached
            for i, host in enumerate(state)
            if takes((*host, name))
        }
        if not reached:
            return number
    return len(names)


@pytest.mark.parametrize('seed', range(12))
def test_the_search_finds_what_trying_everything_finds(seed):
    dice = random.Random(f'hindsight/{seed}')  # noqa: S311
    names = dice.choices(list(tiny.FLAVORS), k=14)
    found = hindsight.hosts_for(tiny.cloud(2), tiny.LOAD, names)
    assert len(found) == every_choice(2, names)


def test_nova_claims_what_was_found(monkeypatch):
    monkeypatch.setitem(runs.CLOUDS, 'tiny', tiny.cloud(3))
    monkeypatch.setitem(LOADS, 'tiny', tiny.LOAD)
    [task] = runs.tasks(
        ['tiny'], ['tiny'], runs.MODES, [1], [runs.HINDSIGHT], 600, {}
    )
    assert task.mode == 'fill'
    outcome = runs.perform(task)
    assert outcome.failed_claims == 0
    assert outcome.rejected == {}
    for column in ('stock', 'ours'):
        other = simulate.fill(tiny.cloud(3), tiny.LOAD, COLUMNS[column], 1)
        assert other.placed <= outcome.placed
