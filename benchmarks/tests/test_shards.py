"""A small shard: every request ends, and none is lost on the way."""

import pytest

from benchmarks import shards
from benchmarks import storm
from benchmarks.packing import scheduler

COLUMNS = {column.name: column for column in storm.COLUMNS}
HOSTS = 24


@pytest.fixture(autouse=True)
def few_variants(monkeypatch):
    monkeypatch.setattr(shards, 'VARIANTS', 1)
    monkeypatch.setattr(shards, 'MEASURED_HOSTS', 8)


@pytest.mark.parametrize('name', shards.COLUMNS)
def test_all_requests_end(name):
    load = shards.Load(
        shards=1, hosts=HOSTS, rate=4.0, seconds=3.0, limit=HOSTS
    )
    found = shards.simulate(COLUMNS[name], load)
    assert found.requests > 5
    assert found.placed + found.rejected == found.requests
    assert found.rescheduled <= found.failed
    assert 0 < found.p50 <= found.p99


def test_forks_are_independent():
    with scheduler.configured(COLUMNS['ours']):
        [[compute], *_] = shards.residents(1)
        before = [dict(pool) for pool in compute.state.pci_stats.pools]
        used = compute.pcpus
        fork = compute.fork('fork')
        while fork.held:
            fork.release(fork.held.pop())
        assert fork.pcpus == 0 < used == compute.pcpus
        assert compute.held
        assert compute.state.pci_stats.pools == before
        assert shards.Host(0, compute).state().host == 'host00000'


def test_memory_is_that_of_forecasts():
    found = shards.measure_memory(COLUMNS['ours'], 20, page=20)
    assert found.hosts == 20
    assert found.forecasts > 20
