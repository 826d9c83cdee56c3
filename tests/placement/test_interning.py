from hypothesis import given

from nfv_sched.placement.interning import TopologyInterner
from nfv_sched_testing.topology_strategies import hosts
from tests.placement.examples import host


@given(hosts(), hosts())
def test_an_interned_host_is_equal(host, other):
    shared = TopologyInterner()
    for topology in (host, other, host):
        interned = shared.intern(topology)
        assert interned == topology
        assert interned.domains == topology.domains


def test_equal_hosts_share_cells_and_pools():
    shared = TopologyInterner()
    first, second = shared.intern(host(0)), shared.intern(host(1))
    assert first != second
    assert first.cells[0] is second.cells[0]
    assert first.pools[1] is second.pools[1]
    assert first.cells[0] is not first.cells[1]
