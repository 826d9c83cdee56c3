"""Example topologies: a host with two cells and a pool of VFs in each."""

import dataclasses
import uuid

from nfv_sched.model import CellTopology
from nfv_sched.model import FunctionTopology
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage
from nfv_sched.model import PageCapacity
from nfv_sched.model import PoolTopology
from nfv_sched.placement import api
from nfv_sched.placement import schema
from nfv_sched.placement.codec import decode

NAMES = uuid.UUID('00000000-0000-4000-8000-000000000000')


def pool(node, vfs=16):
    return PoolTopology(
        vendor_id='8086',
        product_id='154c',
        dev_type='type-VF',
        total=vfs,
        numa_node=node,
        parent=f'0000:{0x3B + (node or 0):02x}:00.0',
        physnet='physnet0',
    )


def cell(number, of=2):
    return CellTopology(
        id=number,
        memory_mib=65536,
        dedicated_cpus=32,
        shared_cpus=8,
        cores=20,
        socket=number,
        pages=(PageCapacity(2048, 512), PageCapacity(1048576, 32)),
        distances={i: 10 if i == number else 21 for i in range(of)},
        physnets=frozenset({'physnet0'}),
        tunneled=number == 0,
    )


def host(number=0, name=None, cells=2, pools=2, usage=None):
    return HostTopology(
        name=name or f'host{number}',
        uuid=str(uuid.uuid5(NAMES, str(number))),
        cells=tuple(cell(i, cells) for i in range(cells)),
        pools=tuple(pool(i) for i in range(pools)),
        usage=usage or HostUsage(),
    )


def with_guest(topology, cpus=4):
    usage = HostUsage(
        dedicated_cpus={0: cpus},
        memory_mib={0: 4096},
        pages={(0, 1048576): 4},
        devices={topology.pools[0].key: 1},
    )
    return dataclasses.replace(topology, usage=usage)


def reported(number=0, **changes):
    """A host as nova-compute reports it, without what sysfs adds."""
    topology = host(number, **changes)
    return dataclasses.replace(
        topology,
        cells=tuple(
            dataclasses.replace(cell, distances={}) for cell in topology.cells
        ),
    )


def supplement(number=0, speed=25000, far=21):
    """What sysfs adds to the same host; it has one more node, without CPUs."""
    topology = host(number)
    ids = (0, 1, 2)
    return HostTopology(
        topology.name,
        topology.uuid,
        cells=tuple(
            CellTopology(
                id=cell,
                distances={i: 10 if i == cell else far for i in ids},
                l3=frozenset({cell}) if cell < 2 else frozenset(),
                offline_cpus=2 * (cell == 1),
            )
            for cell in ids
        ),
        functions=(
            FunctionTopology('0000:3b:00.0', vfs=64, link_mbps=speed),
            FunctionTopology('0000:3c:00.0', vfs=64),
        ),
    )


def both(topology, extra):
    """The host that a reader sees after both have published."""
    cells = {cell.id: cell for cell in extra.cells}
    return dataclasses.replace(
        topology,
        cells=tuple(
            dataclasses.replace(
                cell,
                distances=cells[cell.id].distances,
                l3=cells[cell.id].l3,
                offline_cpus=cells[cell.id].offline_cpus,
            )
            for cell in topology.cells
        ),
        functions=extra.functions,
    )


def bare(topology):
    """Without usage, which no digest covers."""
    return dataclasses.replace(topology, usage=HostUsage())


def read(client, topology):
    """The host as a reader of Placement sees it."""
    root = schema.root_uuid(topology.uuid)
    summaries = api.summaries(client, in_tree=root)
    return decode(topology.name, root, summaries.get(root, {}))
