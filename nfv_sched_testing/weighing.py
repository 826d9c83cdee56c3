"""Hosts and requests for tests of weighers, and a reader without a thread."""

from nova.scheduler import weights

from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.model import CellTopology
from nfv_sched.model import HostTopology
from nfv_sched.model import PageCapacity
from nfv_sched.model import PoolTopology
from nfv_sched.nova import host_states as nova_hosts
from nfv_sched.placement.snapshot import Snapshot
from nfv_sched.scheduler import cycle
from nfv_sched_testing import builders
from nfv_sched_testing import scheduling

#: CPUs of guests; a cell has room for one large guest.
SMALL = 2
LARGE = 8


class Reader:
    """A reader with a snapshot and without a thread."""

    def __init__(self, *topologies, taken=1.0):
        self.started = 0
        self.snapshot = Snapshot(
            hosts={t.uuid: t for t in topologies}, taken=taken
        )

    def ensure_started(self):
        self.started += 1


def vfs(node, bus, count=2):
    return [
        builders.device(
            f'0000:{bus}:02.{i}', 'type-VF', node, parent=f'0000:{bus}:00.0'
        )
        for i in range(count)
    ]


def request(count, policy):
    pci_request = builders.device_request(count, product_id='1572')
    pci_request.numa_policy = policy
    return pci_request


def cell(number=0, free=LARGE, cores=LARGE):
    return builders.host_cell(
        number, cores=cores, pinned=range(cores - free), pages={2048: 65536}
    )


def state(name, cells, guests=(SMALL,), devices=(), requested=()):
    scene = builders.scene(
        cells,
        [
            builders.guest_cell(i, cpus=cpus, pagesize=2048)
            for i, cpus in enumerate(guests)
        ],
        devices,
        requested,
    )
    host_state = scheduling.host_state(scene, name)
    return host_state, scheduling.request(scene)


def spec_of(*guests, requested=(), **extra_specs):
    _, spec = state('any', [cell()], guests, (), requested)
    spec.flavor.extra_specs = {
        key.replace('nfv_', 'nfv:'): value
        for key, value in extra_specs.items()
    }
    return spec


def weigh(weigher, states, spec):
    """Weights by host, after our filter."""
    kept = list(NUMAFitFilter().filter_all(states, spec))
    assert kept == states
    weighed = weights.HostWeightHandler().get_weighed_objects(
        [weigher()], kept, spec
    )
    return {entry.obj.host: entry.weight for entry in weighed}


def expect(*sizes):
    for cpus in sizes:
        cycle.begin(spec_of(cpus))


def best(weight_of):
    return max(weight_of, key=weight_of.get)


def plain(name, *free):
    return state(name, [cell(i, cpus) for i, cpus in enumerate(free)])[0]


def device_state(name, cells, devices, *requested):
    return state(name, cells, devices=devices, requested=requested)[0]


def topology(state, distance):
    """What is published of a host whose cells are so far from each other."""
    host = nova_hosts.host_of(state)
    return HostTopology(
        state.nodename,
        state.uuid,
        tuple(
            CellTopology(
                cell.id,
                cell.memory_mib,
                len(cell.dedicated_cpus),
                socket=cell.socket,
                pages=tuple(
                    PageCapacity(pool.size_kib, pool.total)
                    for pool in cell.pages
                ),
                distances={
                    other.id: distance for other in host.cells if other != cell
                },
            )
            for cell in host.cells
        ),
        tuple(
            PoolTopology(
                pool.vendor_id,
                pool.product_id,
                pool.dev_type,
                pool.count,
                pool.numa_node,
                pool.address,
            )
            for pool in host.pools
        ),
    )
