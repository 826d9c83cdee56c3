"""One cloud after another."""

from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.cloud import cloud
from nfv_sched.sim.guests import Flavor

PINNED = Flavor('pinned', 2, 1024, extra_specs={'hw:cpu_policy': 'dedicated'})


def test_clouds_follow_each_other_without_a_trace():
    for _ in range(2):
        with cloud(settings.STOCK) as sky:
            sky.add_host('one', machine.load('epyc7451-4node'))
            sky.add_aggregate('rack1', ['one'], {'rack': '1'})
            [state] = sky.host_states()
            assert state.host == 'one'
            [aggregate] = state.aggregates
            assert aggregate.name == 'rack1'
            assert sky.boot(PINNED)[0].booted


def test_the_same_boots_land_on_the_same_hosts():
    def landings():
        with cloud(settings.STOCK) as sky:
            for number in range(3):
                sky.add_host(f'n{number}', machine.load('epyc7451-4node'))
            return [sky.boot(PINNED)[0].host for _ in range(4)]

    assert landings() == landings()


def test_novas_options_reach_the_scheduler():
    options = {'compute.packing_host_numa_cells_allocation_strategy': True}
    with cloud(settings.STOCK, options=options) as sky:
        sky.add_host('one', machine.load('epyc7451-4node'))
        cells = {
            cell.id
            for _ in range(3)
            for cell in sky.boot(PINNED)[0].instance.numa_topology.cells
        }
        assert len(cells) == 1
