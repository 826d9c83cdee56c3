from hypothesis import given

from nfv_sched.placement.interning import TopologyInterner
from nfv_sched_testing.topology_strategies import hosts
from tests.placement.examples import host


@given(hosts(), hosts())
def test_an_interned_host_is_equal(one, other):
    shared = TopologyInterner()
    for topology in (one, other, one):
        found = shared.intern(topology)
        assert found == topology
        assert found.domains == topology.domains


def test_equal_hosts_share_cells_and_pools():
    shared = TopologyInterner()
    one, other = shared.intern(host(0)), shared.intern(host(1))
    assert one != other
    assert one.cells[0] is other.cells[0]
    assert one.pools[1] is other.pools[1]
    assert one.cells[0] is not one.cells[1]
