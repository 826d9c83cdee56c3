"""A plain host: two cells, one pool of virtual functions in each."""

import dataclasses
import uuid

from nfv_sched.model import CellTopology
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage
from nfv_sched.model import PageCapacity
from nfv_sched.model import PoolTopology

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
