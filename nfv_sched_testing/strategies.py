"""Hosts and requests, small and odd, in Nova's own objects.

Hosts are drawn as nova-compute would report them: cells with any ids, some
without CPUs or memory; cores of mixed widths, partly pinned; page pools that
differ from cell to cell; network cards whose physical and virtual functions
share an address.
"""

import functools
import uuid

from hypothesis import strategies as st
from nova import objects

from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle
from nfv_sched_testing.nova_oracle import Scene

GIB = 1024 * 1024
PAGE_SIZES = (4, 2048, GIB)
PHYSNETS = ('physnet0', 'physnet1')
POLICIES = ('required', 'socket', 'legacy', 'preferred')


# A scene takes some hundred draws: a new strategy for each of them would be
# validated each time, which takes longer than the draw.
@functools.cache
def pick(*values):
    """One of some values."""
    return st.sampled_from(values)


@functools.cache
def between(least, most):
    """A whole number of a range."""
    return st.integers(least, most)


@functools.cache
def some(*values, **bounds):
    """A set of some of some values."""
    return st.sets(pick(*values), **bounds)


YES_OR_NO = st.booleans()


@st.composite
def cells(draw, cell_id, first_cpu, host_style):
    """One host cell whose CPUs start at ``first_cpu``."""
    threads = host_style['threads']
    rich = host_style['rich']
    cores = draw(pick(*((4, 6, 8) if rich else (0, 1, 2, 3, 4, 6))))
    siblings = []
    cpu = first_cpu
    for _ in range(cores):
        width = threads
        if host_style['hybrid']:
            width = draw(between(1, threads))
        siblings.append(set(range(cpu, cpu + width)))
        cpu += width
    cpus = set(range(first_cpu, cpu))
    shared, dedicated = _split(draw, cpus, host_style['split'])
    usable = shared | dedicated
    siblings = [core & usable for core in siblings if core & usable]
    pinned = set()
    if dedicated:
        pinned = draw(some(*sorted(dedicated), max_size=4))
    memory = draw(pick(*((4096, 8192) if rich else (0, 1024, 4096))))
    used = draw(pick(0, 0, 0, 1, 2)) * memory // 2
    cell = objects.NUMACell(
        id=cell_id,
        cpuset=shared,
        pcpuset=dedicated,
        pinned_cpus=pinned,
        siblings=siblings,
        memory=memory,
        memory_usage=used,
        cpu_usage=draw(pick(0, 0, 1, 2)) * len(shared),
        mempages=draw(page_pools(memory, host_style['pages'])),
        socket=draw(pick(*host_style['sockets'])),
    )
    if host_style['networks']:
        cell.network_metadata = objects.NetworkMetadata(
            physnets=draw(some(*PHYSNETS)),
            tunneled=draw(YES_OR_NO),
        )
    return cell, cpu


def _split(draw, cpus, style):
    """The shared and the dedicated CPUs of a cell."""
    if style == 'same':
        return set(cpus), set(cpus)
    if style == 'dedicated':
        return set(), set(cpus)
    ordered = sorted(cpus)
    dedicated = {c for c in ordered if draw(between(0, 3))}
    return cpus - dedicated, dedicated


@st.composite
def page_pools(draw, memory_mib, style):
    """Page pools as libvirt reports them: none without memory."""
    if style == 'none' or not memory_mib:
        return []
    small = memory_mib * 256
    pools = [
        objects.NUMAPagesTopology(
            size_kb=4,
            total=small,
            used=draw(pick(0, 0, 0, small // 2, small)),
            reserved=draw(pick(0, 0, 256)),
        )
    ]
    for size in PAGE_SIZES[1:]:
        if draw(between(0, 3)):
            total = draw(pick(0, 1, 2, 4, 4)) * GIB // size
            used = draw(pick(0, 0, 0, 1, 2))
            pools.append(
                objects.NUMAPagesTopology(
                    size_kb=size,
                    total=total,
                    used=used * total // 2,
                    reserved=draw(pick(0, 0, 0, 1)),
                )
            )
    return pools


@st.composite
def topologies(draw, max_cells=4):
    """A host's NUMA topology."""
    count = draw(pick(1, *(2, 3, max_cells) * 2))
    ids = draw(
        st.one_of(
            st.just(list(range(count))),
            st.lists(
                between(0, 9), min_size=count, max_size=count, unique=True
            ),
        )
    )
    style = {
        'threads': draw(pick(1, 2, 2, 4)),
        'rich': bool(draw(between(0, 3))),
        'hybrid': draw(between(0, 5)) == 0,
        'split': draw(pick('same', 'dedicated', 'mixed')),
        'pages': draw(pick('none', *('some',) * 9)),
        'sockets': draw(pick((0,), (0, 1), (0, 1, None))),
        'networks': draw(YES_OR_NO),
    }
    host_cells, cpu = [], 0
    for cell_id in ids:
        cell, cpu = draw(cells(cell_id, cpu, style))
        host_cells.append(cell)
    return objects.NUMATopology(cells=host_cells)


_PRODUCTS = {
    'type-PF': '1572',
    'type-VF': '154c',
    'vdpa': '101e',
    'type-PCI': '0435',
}


@st.composite
def pci_stats_of(draw, topology):
    """PciDeviceStats as on a compute, with its real devices."""
    nodes = [c.id for c in topology.cells] if topology else [0]
    specs = []
    devices = []
    for bus in range(draw(pick(0, 1, 2, 3, 4, 4))):
        node = draw(pick(*nodes, *nodes, *nodes, None))
        tags = {}
        if draw(YES_OR_NO):
            tags['physical_network'] = draw(pick(*PHYSNETS))
        specs.append({'address': f'0000:8{bus}:*', **tags})
        kind = draw(pick('pci', *('nic',) * 5, *('vdpa',) * 3))
        devices += _card(draw, bus, node, kind)
    return nova_oracle.stats_for(
        topology, draw(st.permutations(devices)), specs
    )


def _card(draw, bus, node, kind):
    """The free devices of one card; its functions exclude each other."""
    if kind == 'pci':
        count = draw(between(1, 2))
        return [
            builders.device(
                f'0000:8{bus}:00.{n}', 'type-PCI', node, product='0435'
            )
            for n in range(count)
        ]
    pf = builders.device(f'0000:8{bus}:00.0', 'type-PF', node)
    child_type = 'vdpa' if kind == 'vdpa' else 'type-VF'
    children = [
        builders.device(
            f'0000:8{bus}:02.{n}',
            child_type,
            node,
            parent=pf.address,
            product=_PRODUCTS[child_type],
        )
        for n in range(draw(pick(0, 1, 2, 3, 4, 4)))
    ]
    if not draw(YES_OR_NO):
        # The physical function is not whitelisted, or in use by the host.
        return children
    if children and draw(between(0, 3)) == 0:
        # A virtual function is in use: the physical one is unavailable.
        return children[1:]
    return [pf, *children]


@st.composite
def guest_topologies(draw, host_cells):
    """A guest's topology with the fields of numa_get_constraints."""
    count = draw(pick(1, 2, 2, 3, host_cells, host_cells + 1))
    count = min(count, host_cells + draw(between(0, 9)) // 9)
    policy = draw(pick('dedicated', 'dedicated', 'mixed', 'shared', None))
    pinned = policy in ('dedicated', 'mixed')
    page_size = draw(
        pick(*(None, -2, -3) * 3, -1, 4, 2048, 2048, GIB, GIB, GIB, 16384)
    )
    thread_policy = None
    if pinned:
        thread_policy = draw(
            pick(*(None, 'prefer', 'require', 'isolate') * 2, None)
        )
    equal = draw(YES_OR_NO)
    # Small cells fit most hosts: then it depends on all else.
    memories, sizes = (*(512, 1024, 2048) * 4, 256, 3), (1, 2, 2, 3, 4, 6)
    if draw(YES_OR_NO):
        memories, sizes = ((1024,) if page_size == GIB else (512,)), (1, 2)
    guest_cells, cpu = [], 0
    memory = vcpus = split = None
    for index in range(count):
        if index == 0 or not equal:
            memory = draw(pick(*memories))
            vcpus = draw(pick(*sizes))
            split = draw(between(0, vcpus))
        numbers = set(range(cpu, cpu + vcpus))
        cpu += vcpus
        dedicated = {
            'dedicated': numbers,
            'mixed': set(sorted(numbers)[:split]),
        }.get(policy, set())
        guest_cells.append(
            objects.InstanceNUMACell(
                id=index,
                cpuset=numbers - dedicated,
                pcpuset=dedicated,
                memory=memory,
                pagesize=page_size,
                cpu_policy=policy,
                cpu_thread_policy=thread_policy,
            )
        )
    emulator = None
    if pinned:
        emulator = draw(pick(None, None, 'share', 'isolate'))
    return objects.InstanceNUMATopology(
        cells=guest_cells, emulator_threads_policy=emulator
    )


@st.composite
def pci_requests(draw, pools):
    """Requests by alias and by port, for any kind of device."""
    requests = []
    for _ in range(draw(pick(0, 0, 0, 1, 1, 2, 3))):
        specs = [draw(_specs(pools)) for _ in range(draw(pick(1, 1, 1, 1, 2)))]
        port = draw(YES_OR_NO)
        requests.append(
            objects.InstancePCIRequest(
                count=draw(pick(1, 1, 1, 2, 3)),
                spec=specs,
                alias_name=None if port else 'alias',
                request_id=str(uuid.UUID(int=len(requests) + 1)),
                numa_policy=draw(pick(None, *POLICIES)),
            )
        )
    return objects.InstancePCIRequests(requests=requests)


@st.composite
def _specs(draw, pools):
    kind = draw(pick(*sorted(_PRODUCTS)))
    if pools and draw(between(0, 7)):
        kind = pools[draw(between(0, len(pools) - 1))]['dev_type']
    by = draw(pick('type', 'type', 'product', 'both', 'both', 'net'))
    spec = {}
    if by in ('type', 'both'):
        spec['dev_type'] = kind
    if by in ('product', 'both'):
        spec.update(vendor_id='8086', product_id=_PRODUCTS[kind])
    if by == 'net' or draw(between(0, 9)) == 0:
        spec['physical_network'] = draw(pick(*PHYSNETS)).upper()
    return spec


@st.composite
def networks(draw):
    """The networks of a guest: none, mostly."""
    if draw(between(0, 3)):
        return objects.NetworkMetadata(physnets=set(), tunneled=False)
    return objects.NetworkMetadata(
        physnets=draw(some(*PHYSNETS)), tunneled=draw(YES_OR_NO)
    )


@st.composite
def scenes(draw, max_host_cells=4):
    """One host and one request for it."""
    topology = (
        draw(topologies(max_host_cells)) if draw(between(0, 29)) else None
    )
    wanted = (
        draw(guest_topologies(len(topology.cells) if topology else 1))
        if draw(between(0, 9))
        else None
    )
    network = draw(networks())
    stats = draw(pci_stats_of(topology))
    spec = objects.RequestSpec(
        flavor=objects.Flavor(extra_specs={}),
        numa_topology=wanted,
        pci_requests=draw(pci_requests(stats.pools)),
        network_metadata=network,
    )
    return Scene(
        topology=topology,
        stats=stats,
        spec=spec,
        cpu_ratio=draw(pick(1.0, 4.0, 16.0)),
        ram_ratio=draw(pick(1.0, 1.5)),
        service_version=draw(pick(None, None, nova_oracle.NOVA_33)),
    )
