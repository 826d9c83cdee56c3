"""What a scene asks for and has, by name: the coverage of random pairs."""

from collections.abc import Iterator

from nfv_sched_testing.strategies import GIB

_PAGE_SIZES = {
    None: 'unset',
    -1: 'small',
    -2: 'large',
    -3: 'any',
    4: '4 KiB',
    2048: '2 MiB',
    GIB: '1 GiB',
}
_SEVERAL = 2


def features(scene):
    """The names of a scene's features."""
    return {
        *_of_topology(scene),
        *_of_devices(scene),
        *_of_candidates(scene),
        *_of_networks(scene),
    }


def _of_topology(scene) -> Iterator[str]:
    wanted = scene.spec.numa_topology
    if not wanted:
        yield 'no guest NUMA topology'
        return
    cells = wanted.cells
    yield f'guest NUMA nodes: {min(len(cells), 3)}' + '+' * (len(cells) > 2)
    if len({(c.memory, len(c.cpuset), len(c.pcpuset)) for c in cells}) > 1:
        yield 'unequal guest NUMA nodes'
    yield f'CPU policy: {cells[0].cpu_policy or "unset"}'
    if cells[0].cpu_policy in ('dedicated', 'mixed'):
        yield f'thread policy: {cells[0].cpu_thread_policy or "unset"}'
        yield f'emulator threads: {wanted.emulator_threads_policy or "unset"}'
    if cells[0].pagesize in _PAGE_SIZES:
        yield f'page size: {_PAGE_SIZES[cells[0].pagesize]}'
    if scene.cpu_ratio > 1 and cells[0].cpu_policy in ('mixed', 'shared'):
        yield 'shared CPUs, overcommitted'


def _of_devices(scene) -> Iterator[str]:
    requests = scene.requests
    if not requests:
        yield 'no devices'
        return
    if len(requests) >= _SEVERAL:
        yield 'several device requests'
    nodes = bool(scene.spec.numa_topology)
    for request in requests:
        yield 'SR-IOV port' if request.alias_name is None else 'alias'
        if request.count >= _SEVERAL:
            yield 'several devices in one request'
        if len(request.spec) >= _SEVERAL:
            yield 'several specs in one request'
        if nodes:
            yield f'affinity policy: {request.numa_policy or "unset"}'
        for spec in request.spec:
            if 'dev_type' in spec:
                yield f'device type: {spec["dev_type"]}'
            if 'live_migratable' in spec:
                yield f'live_migratable: {spec["live_migratable"]}'
            if 'physical_network' in spec:
                yield 'device on a physical network'
    if any(pool['numa_node'] is None for pool in scene.stats.pools):
        yield 'host with devices on no NUMA node'
    if scene.spec.flavor.extra_specs.get('nfv:pci_spread'):
        yield 'spread over PFs'


def _of_candidates(scene) -> Iterator[str]:
    if not scene.candidates:
        return
    several = len(scene.candidates) >= _SEVERAL
    aliases = [r for r in scene.requests if r.alias_name is not None]
    if aliases:
        number = 'several candidates' if several else 'one candidate'
        yield f'PCI in Placement, {number}'
    for request in aliases:
        spec = request.spec[0]
        if 'resource_class' in spec:
            yield 'PCI in Placement, alias by resource class'
        if 'traits' in spec:
            yield 'PCI in Placement, alias by traits'
        if request.count >= _SEVERAL:
            yield 'PCI in Placement, several groups of one alias'
        if _shares_provider(scene, request):
            yield 'PCI in Placement, several devices of one provider'
        if _may_be_used_once(scene, request):
            yield 'PCI in Placement, one-time-use devices'
    yield from _of_bandwidth(scene, several=several)


def _shares_provider(scene, request):
    return any(
        len(providers) > len(set(providers))
        for providers in _providers(scene, request)
    )


def _may_be_used_once(scene, request):
    once = {
        pool['rp_uuid']
        for pool in scene.stats.pools
        if pool.get('one_time_use') == 'true'
    }
    return any(once.intersection(p) for p in _providers(scene, request))


def _providers(scene, request):
    for candidate in scene.candidates:
        yield [
            providers[0]
            for group, providers in candidate['mappings'].items()
            if group.startswith(request.request_id)
        ]


def _of_bandwidth(scene, *, several) -> Iterator[str]:
    groups = {g.requester_id for g in scene.spec.requested_resources}
    ports = [r for r in scene.requests if r.alias_name is None]
    named = [port for port in ports if port.requester_id in groups]
    if named:
        number = 'several candidates' if several else 'one candidate'
        yield f'port with bandwidth, {number}'
    if len(named) >= _SEVERAL:
        yield 'several ports with bandwidth'
    if len(named) < len(ports) and any(
        group.resources.keys() & {'NET_BW_EGR_KILOBIT_PER_SEC'}
        and group.requester_id not in {p.requester_id for p in named}
        for group in scene.spec.requested_resources
    ):
        yield 'port with a request group of its own name'
    if any(
        len(providers) > 1 or scene.names[providers[0]].count(':') != 2
        for port in named
        for candidate in scene.candidates
        for providers in [candidate['mappings'][port.requester_id]]
    ):
        yield 'bandwidth provider without an interface'


def _of_networks(scene) -> Iterator[str]:
    if not scene.spec.numa_topology:
        return
    if scene.spec.network_metadata.physnets:
        yield 'physical networks'
    if scene.spec.network_metadata.tunneled:
        yield 'tunneled networks'
