"""One request with everything on, at a few hosts."""

import dataclasses

import pytest

from benchmarks import scale
from nfv_sched.scheduler import cycle

HOSTS = 8


@pytest.fixture
def cloud():
    with scale.configured(chosen=False):
        yield scale.Cloud(HOSTS)


def _weights(cloud, spec):
    """Weights by host of each of the weighers of nfv_sched."""
    states = cloud.states()
    scale.start(cloud, states, spec)
    scale.reset(states)
    kept = cloud.manager.filter(cloud.manager.ours, states, spec)
    return {
        type(weigher).__name__: {
            weighed.obj.host: weighed.weight
            for weighed in cloud.manager.weigh([weigher], kept, spec)
        }
        for weigher in cloud.manager.our_weighers
    }


def test_nova_passes_all_hosts_and_devices_decide(cloud):
    spec = cloud.spec(scale.REQUESTS[0])
    states = cloud.states()
    scale.start(cloud, states, spec)
    scale.reset(states)
    assert len(cloud.manager.others) == 5
    assert len(cloud.manager.ours) == 4
    assert cloud.manager.filter(cloud.manager.others, states, spec) == states
    kept = cloud.manager.filter(cloud.manager.ours, states, spec)
    with_devices = {state.host for state in states if state.pci_stats.pools}
    assert len(with_devices) == HOSTS * 3 // 4
    assert {state.host for state in kept} <= with_devices
    assert kept


def test_every_weigher_tells_hosts_apart(cloud):
    found = _weights(cloud, cloud.spec(scale.REQUESTS[1]))
    # The members of the group are to be apart.
    assert set(found.pop('AffinityWeigher').values()) == {0}
    assert len(found) == 5
    for name, weights in found.items():
        assert len(set(weights.values())) > 1, name


def test_what_is_published_describes_the_hosts(cloud):
    spec = cloud.spec(scale.REQUESTS[0])
    _weights(cloud, spec)
    published = cycle.of(spec).process.published
    assert len(published.hosts()) == HOSTS
    assert not published.drifted
    assert not published.unpublished


def test_rows_have_every_request_with_and_without_a_choice():
    rows = scale.measure(HOSTS, 1)
    assert [(row.request, row.chosen) for row in rows] == [
        (case.name, chosen)
        for chosen in (False, True)
        for case in scale.REQUESTS
    ]
    for row in rows:
        assert 0 < row.fit <= 1
        assert min(dataclasses.astuple(row)[4:]) > 0
    # The same time per host at more hosts.
    more = [dataclasses.replace(row, hosts=16 * HOSTS) for row in rows]
    assert set(scale.growth([*more, *rows]).values()) == {1.0}
    slow = dataclasses.replace(more[0], warm_us=2 * more[0].warm_us)
    assert scale.growth([slow, *rows])['warm_us'] == pytest.approx(2)


@pytest.mark.parametrize(
    ('case', 'chosen'),
    zip(scale.REQUESTS, (False, True), strict=True),
    ids=('1 node', '2 nodes, chosen'),
)
def test_no_step_calls_more_functions_per_host(case, chosen):
    # At both sizes this scheduler's partition has all variants of hosts.
    few, many = 256, 512
    at_few = scale.calls(few, case, chosen=chosen)
    at_many = scale.calls(many, case, chosen=chosen)
    assert at_few.fit * 2 == at_many.fit
    for step in ('filters', 'weighers'):
        count = getattr(at_few, step)
        assert count > few
        assert getattr(at_many, step) <= 1.01 * count * many / few
    assert at_many.choice <= 1.01 * at_few.choice
