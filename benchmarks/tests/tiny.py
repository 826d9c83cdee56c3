"""Clouds small enough to try everything."""

from benchmarks.packing import computes
from benchmarks.packing.clouds import Cloud
from benchmarks.packing.loads import Load
from nfv_sched.sim import machine
from nfv_sched.sim.boot_request import Port
from nfv_sched.sim.boot_request import SimulatedFlavor

MACHINE = machine.parse(
    'tiny',
    """
about: two cells of four CPUs, one of them with two VFs on each network
smt: {threads: 2, stride: 4}
dedicated: 0-7
cells:
  - {id: 0, socket: 0, cpus: '0-1,4-5', memory_mib: 16384, pages: {1G: 6}}
  - {id: 1, socket: 1, cpus: '2-3,6-7', memory_mib: 16384, pages: {1G: 5}}
nics:
  - {address: '0000:3b:00.0', cell: 0, ids: '8086:158b',
     vfs: 2, vf_ids: '8086:154c', physnet: physnet1}
  - {address: '0000:3b:00.1', cell: 0, ids: '8086:158b',
     vfs: 2, vf_ids: '8086:154c', physnet: physnet2}
""",
)


def cloud(hosts):
    return Cloud(f'tiny{hosts}', 'for tests', ((MACHINE, hosts),))


def flavor(name, cpus, gib, cells=1, ports=()):
    return SimulatedFlavor(
        name,
        cpus,
        gib * 1024,
        extra_specs={
            'hw:cpu_policy': 'dedicated',
            'hw:mem_page_size': '1GB',
            'hw:numa_nodes': f'{cells}',
        },
        ports=ports,
    )


NEAR = Port('physnet1', numa_policy='required')
FAR = Port('physnet2', numa_policy='preferred')
FLAVORS = {
    one.name: one
    for one in (
        flavor('small', 1, 1),
        flavor('pages', 1, 3),
        flavor('near', 2, 1, ports=(NEAR,)),
        flavor('wide', 4, 4, cells=2),
        flavor('anywhere', 2, 2, cells=2, ports=(FAR,)),
    )
}
SHAPES = tuple(map(computes.shape, FLAVORS.values()))
LOAD = Load('tiny', 'for tests', dict.fromkeys(FLAVORS, 1), known=FLAVORS)


def brute_force(hosts, names):
    """How many of the names, in order, can be placed at all."""
    by_name = {one.name: one for one in SHAPES}
    cells = [
        (len(cell.cpus & MACHINE.dedicated), cell.pages[1024 * 1024])
        for cell in MACHINE.cells
    ]
    empty = ((*cells, (2, 2)),) * hosts
    reached = {empty}
    for number, name in enumerate(names):
        reached = {
            tuple(sorted((*state[:i], after, *state[i + 1 :])))
            for state in reached
            for i, host in enumerate(state)
            for after in _placed(host, by_name[name])
        }
        if not reached:
            return number
    return len(names)


def _placed(host, shape):
    """Every state of a host after it takes one guest."""
    wanted = shape.spec.numa_topology.cells
    orders = [(0,), (1,)] if len(wanted) == 1 else [(0, 1), (1, 0)]
    for order in orders:
        cells = list(host[:2])
        for guest, cell in zip(wanted, order, strict=True):
            cpus, pages = cells[cell]
            cells[cell] = (
                cpus - len(guest.pcpuset),
                pages - guest.memory // 1024,
            )
        vfs = list(host[2])
        for request in shape.requests:
            near = request.numa_policy == 'required'
            if near and 0 not in order:
                vfs = [-1, -1]
            network = request.spec[0]['physical_network']
            vfs[int(network[-1]) - 1] -= 1
        if min(min(cell) for cell in cells) >= 0 and min(vfs) >= 0:
            yield (*cells, tuple(vfs))
