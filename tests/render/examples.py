"""A small cloud, spelled out: the pictures of it are looked at by eye."""

import dataclasses
import datetime

from nfv_sched.model import Cell
from nfv_sched.model import CellTopology
from nfv_sched.model import FunctionTopology
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage
from nfv_sched.model import PageCapacity
from nfv_sched.model import PagePool
from nfv_sched.model import PoolTopology
from nfv_sched.survey import HostSurvey
from nfv_sched.survey import InstanceCell
from nfv_sched.survey import Source
from nfv_sched.survey import Survey
from nfv_sched.survey import SurveyedDevice
from nfv_sched.survey import SurveyedInstance

G1 = 1024 * 1024
M2 = 2048
TAKEN = datetime.datetime(2026, 3, 2, 14, 5, tzinfo=datetime.UTC)

HOSTILE = '</title><script>alert(1)</script>"\'&\x1b[31m\u202e'


def guest_uuid(number):
    return f'00000000-0000-0000-0000-{number:012}'


def resident_cell(
    guest_cell, host_cell, cpus, memory_mib=4096, page=G1, **fields
):
    return InstanceCell(
        guest_cell=guest_cell,
        host_cell=host_cell,
        memory_mib=memory_mib,
        pinning=tuple(enumerate(cpus)),
        page_size_kib=page,
        **fields,
    )


def cell(number, cores, first, stride, pinned=(), shared=(), **fields):
    """A cell of cores with two threads each, ``stride`` CPUs apart."""
    siblings = [
        frozenset((first + core, first + core + stride))
        for core in range(cores)
    ]
    cpus = frozenset().union(*siblings)
    return Cell(
        id=number,
        memory_mib=65536,
        dedicated_cpus=cpus - frozenset(shared),
        shared_cpus=frozenset(shared),
        pinned_cpus=frozenset(pinned),
        siblings=siblings,
        socket=number,
        **fields,
    )


def functions(parent, count, node, physnet, taken=(), blocked=()):
    """Virtual functions; ``taken`` maps their numbers to guests."""
    taken = dict(taken)
    bus = parent.rpartition(':')[0]
    return [
        SurveyedDevice(
            address=f'{bus}:{2 + number // 8:02x}.{number % 8}',
            vendor_id='8086',
            product_id='154c',
            dev_type='type-VF',
            numa_node=node,
            parent=parent,
            physnet=physnet,
            guest=taken.get(number),
            free=number not in taken and number not in blocked,
        )
        for number in range(count)
    ]


def topology(name, number, usage=None, pools=(), networks=None, **fields):
    near = networks or {}
    return HostTopology(
        name=f'{name}.example',
        uuid=guest_uuid(900 + number),
        cells=tuple(
            CellTopology(
                id=node,
                memory_mib=65536,
                dedicated_cpus=20,
                shared_cpus=4,
                cores=12,
                socket=node,
                pages=(
                    PageCapacity(4, 8 * G1 // 4),
                    PageCapacity(M2, 1024),
                    PageCapacity(G1, 28, 4),
                ),
                distances={0: 10 + 11 * node, 1: 21 - 11 * node},
                **near.get(node, {}),
                l3=frozenset((2 * node, 2 * node + 1)),
                offline_cpus=2 * node,
            )
            for node in (0, 1)
        ),
        pools=tuple(pools),
        functions=(FunctionTopology('0000:3b:00.0', 64, 25000),),
        usage=usage or HostUsage(),
        **fields,
    )


def busy_host():
    """Both cells in use: pinned and floating guests, devices on cell 0.

    Cell 0 has devices but no pages of 1 GiB left; the vRouter has whole
    cores, half of each by thread policy "isolate".
    """
    vrouter = SurveyedInstance(
        guest_uuid(1),
        'vrouter-1',
        'vrouter.large',
        (
            resident_cell(0, 0, range(4), 16384, reserved=frozenset((4,))),
            resident_cell(1, 1, range(12, 16), 8192),
        ),
    )
    upf = SurveyedInstance(
        guest_uuid(2),
        HOSTILE,
        'upf.small',
        (resident_cell(0, 0, (5, 29, 6, 30), 12288),),
    )
    web = SurveyedInstance(guest_uuid(3), 'web', 'm1.small')
    shared = (10, 11, 34, 35)
    pages = [
        PagePool(4, 8 * G1 // 4),
        PagePool(M2, 1024, 256),
        PagePool(G1, 32, 28, 4),
    ]
    near = {0: {'physnets': frozenset(('physnet1',))}, 1: {'tunneled': True}}
    cells = (
        cell(
            0,
            12,
            0,
            24,
            pinned={0, 1, 2, 3, 4, 24, 25, 26, 27, 28, 5, 29, 6, 30, 7},
            shared=shared,
            shared_used=6,
            pages=pages,
            memory_used_mib=28672,
            **near[0],
        ),
        cell(
            1,
            12,
            12,
            24,
            pinned={12, 13, 14, 15, 36, 37, 38, 39},
            shared=(22, 23, 46, 47),
            pages=[*pages[:2], PagePool(G1, 32, 8, 4)],
            memory_used_mib=8192,
            **near[1],
        ),
    )
    devices = [
        *functions(
            '0000:3b:00.0',
            16,
            0,
            'physnet1',
            {0: guest_uuid(1), 1: guest_uuid(1), 2: guest_uuid(2)},
        ),
        SurveyedDevice(
            '0000:3b:00.1', '8086', '158b', 'type-PF', 0, free=False
        ),
        SurveyedDevice('0000:af:00.0', '10de', '1eb8', 'type-PCI', None),
    ]
    usage = HostUsage(
        dedicated_cpus={0: 15, 1: 8},
        shared_cpus={0: 6},
        memory_mib={0: 28672, 1: 8192},
        pages={(0, M2): 256, (0, G1): 28, (1, M2): 256, (1, G1): 8},
    )
    return HostSurvey(
        host='cmp-1',
        topology=topology(
            'cmp-1', 1, usage, networks=near, domains={'rack': 'R1'}
        ),
        state=Host('cmp-1.example', cells),
        residents=(vrouter, upf, web),
        devices=tuple(devices),
        enabled=True,
        availability_zone='nova',
    )


def empty_host():
    """Nothing runs there, and it is disabled."""
    return HostSurvey(
        host='cmp-2',
        topology=topology('cmp-2', 2, domains={'rack': 'R2'}),
        state=Host(
            'cmp-2.example',
            tuple(
                cell(
                    node,
                    12,
                    12 * node,
                    24,
                    shared=(12 * node + 11, 12 * node + 35),
                    pages=[PagePool(G1, 32, 0, 4)],
                )
                for node in (0, 1)
            ),
        ),
        residents=(),
        devices=tuple(functions('0000:5e:00.0', 8, 1, 'physnet2')),
        enabled=False,
    )


def counted_host():
    """As Placement alone knows a host."""
    pool = PoolTopology(
        '8086', '154c', 'type-VF', 16, 0, '0000:3b:00.0', 'physnet1'
    )
    return HostSurvey(
        host='cmp-3',
        topology=topology(
            'cmp-3',
            3,
            usage=HostUsage(
                dedicated_cpus={0: 20, 1: 5},
                shared_cpus={1: 3},
                memory_mib={0: 28672, 1: 4096},
                pages={(0, G1): 28, (1, G1): 4},
                devices={pool.key: 4},
            ),
            pools=[pool],
            domains={'rack': 'R2'},
        ),
    )


def large_host(nodes, nodes_a_socket, busy):
    """A host of many NUMA nodes, each with four cores.

    :param busy: the nodes with an instance
    """
    cells, residents = [], []
    for number in range(nodes):
        first = 4 * number
        pinned = (first, first + 1) if number in busy else ()
        if pinned:
            own = (resident_cell(0, number, pinned),)
            residents.append(
                SurveyedInstance(
                    guest_uuid(number), f'vnf-{number}', 'vnf', own
                )
            )
        cells.append(
            dataclasses.replace(
                cell(
                    number,
                    4,
                    first,
                    4 * nodes,
                    pinned,
                    pages=(PagePool(G1, 32, 4 if pinned else 0),),
                    memory_used_mib=4096 if pinned else 0,
                ),
                socket=number // nodes_a_socket,
            )
        )
    card = '0000:04:00.0'
    return HostSurvey(
        'large',
        HostTopology(
            'large',
            guest_uuid(999),
            cells=tuple(
                CellTopology(
                    each.id,
                    each.memory_mib,
                    8,
                    socket=each.socket,
                    distances={
                        other.id: 10
                        if other is each
                        else 12
                        if other.socket == each.socket
                        else 32
                        for other in cells
                    },
                )
                for each in cells
            ),
        ),
        Host('large', tuple(cells)),
        tuple(residents),
        devices=tuple(functions(card, 4, 1, 'physnet1')),
        enabled=True,
    )


def survey():
    return Survey(
        Source.NOVA, TAKEN, (busy_host(), empty_host()), ('cell2: down',)
    )


def counts():
    return Survey(
        Source.PLACEMENT,
        TAKEN,
        (counted_host(),),
        unknown=('which guest uses what', 'which CPUs are pinned'),
    )
