"""Nova's own answers: its claim, and brute force over its per-cell fit.

Nothing here uses nfv_sched.fit: the two must be able to disagree.
"""

import collections
import copy
import dataclasses
import itertools
import types

from nova import exception
from nova import objects
from nova.compute import claims
from nova.compute import utils as compute_utils
from nova.pci import manager as pci_manager
from nova.pci import stats as pci_stats
from nova.pci import whitelist
from nova.scheduler import utils as scheduler_utils
from nova.virt import hardware
from oslo_serialization import jsonutils

#: The service version of Nova 33, the last release in which a claim looks at
#: devices only for instances that ask for them.
NOVA_33 = 72

_INSTANCE = '00000000-0000-0000-0000-000000000001'


@dataclasses.dataclass
class Scene:
    """One host and one request in Nova's objects.

    ``candidates`` are the host's allocation candidates where Placement chose
    devices or interfaces, ``names`` those of bandwidth providers by uuid.
    ``service_version`` is that of the host's nova-compute: NOVA_33, or None
    for the installed release. ``written_limits`` are those that the scheduler
    hands to the claim, None for what the stock filter writes.
    """

    topology: objects.NUMATopology | None
    stats: object
    spec: objects.RequestSpec
    cpu_ratio: float = 1.0
    ram_ratio: float = 1.0
    candidates: tuple = ()
    names: dict = dataclasses.field(default_factory=dict)
    service_version: int | None = None
    written_limits: objects.NUMATopologyLimits | None = None

    def limits(self):
        if self.written_limits is not None:
            return self.written_limits
        limits = objects.NUMATopologyLimits(
            cpu_allocation_ratio=self.cpu_ratio,
            ram_allocation_ratio=self.ram_ratio,
        )
        if self.spec.network_metadata:
            limits.network_metadata = self.spec.network_metadata
        return limits

    @property
    def requests(self):
        return self.spec.pci_requests.requests

    @property
    def compute_node(self):
        """What a claim reads of the compute node's record."""
        topology = self.topology
        return objects.ComputeNode(
            numa_topology=topology._to_json() if topology else None
        )


@dataclasses.dataclass
class Claimed:
    """What a claim took."""

    topology: objects.InstanceNUMATopology | None
    devices: list


class Refused(Exception):
    """The claim fails or its result is invalid."""


class _ReportClient:
    """What nova-compute asks of Placement before a claim."""

    def __init__(self, names):
        self._names = names

    def get_resource_provider_name(self, context, uuid):
        return self._names[uuid]


def as_claimed(scene, candidate):
    """The scene whose request says what a candidate chose.

    As nova-conductor fills the request's provider mapping, and nova-compute
    the PCI requests before it claims; Refused where that aborts the build.
    """
    spec = scene.spec.obj_clone()
    scheduler_utils.fill_provider_mapping(
        spec,
        objects.Selection(allocation_request=jsonutils.dumps(candidate)),
    )
    mapping = spec.get_request_group_mapping()
    if mapping:
        try:
            compute_utils.update_pci_request_with_placement_allocations(
                None,
                _ReportClient(scene.names),
                spec.pci_requests.requests,
                mapping,
            )
        except (
            exception.AmbiguousResourceProviderForPCIRequest,
            exception.UnexpectedResourceProviderNameForPCIRequest,
        ) as exc:
            raise Refused(f'aborted: {exc!r}') from exc
    return dataclasses.replace(scene, spec=spec, candidates=())


def by_count(stats):
    """The pools alone, for PciDeviceStats.support_requests.

    It copies all of the statistics and uses counts and sockets only: most of
    the time of a claim goes into copies of devices.
    """
    pools = copy.copy(stats)
    pools.pools = [{**pool, 'devices': []} for pool in stats.pools]
    pools.dev_filter = None
    if stats.numa_topology:
        pools.numa_topology = types.SimpleNamespace(
            cells=[
                types.SimpleNamespace(id=cell.id, socket=cell.socket)
                for cell in stats.numa_topology.cells
            ]
        )
    return pools


def _copy_of(stats):
    """PciDeviceStats whose devices can be taken.

    A claim only reads the topology and the filter.
    """
    shared = (stats.numa_topology, stats.dev_filter)
    return copy.deepcopy(stats, {id(value): value for value in shared})


def claim_candidate(scene, candidate):
    """Claim with an allocation candidate; Refused says why not."""
    return claim(as_claimed(scene, candidate))


def candidate_succeeds(scene, candidate):
    """Whether the claim with an allocation candidate does."""
    try:
        claim_candidate(scene, candidate)
    except Refused:
        return False
    return True


def claim(scene):
    """Claim as nova-compute does, on copies; Refused says why not."""
    return claim_on(scene)[0]


def succeeds(scene):
    """Whether the claim does."""
    try:
        claim(scene)
    except Refused:
        return False
    return True


def claim_on(scene):
    """As claim, with the statistics of what it leaves of the devices.

    Follows ResourceTracker.instance_claim.
    """
    given = run_claim(scene, by_count(scene.stats))
    stats, devices = copy.copy(scene.stats), []
    if scene.requests:
        # Copies of devices take most of the time.
        stats = _copy_of(scene.stats)
        devices = _take_devices(scene, stats, given)
    if scene.spec.numa_topology:
        if not given:
            raise Refused('invalid: no NUMA topology')
        host = scene.topology.obj_clone()
        try:
            hardware.numa_usage_from_instance_numa(host, given)
        except (
            exception.CPUPinningInvalid,
            exception.CPUPinningUnknown,
            IndexError,
        ) as exc:
            raise Refused(f'usage: {exc!r}') from exc
        validate(scene, given)
    return Claimed(given, devices), stats


def run_claim(scene, stats):
    """What nova.compute.claims.Claim gives an instance.

    :param stats: of the devices, which Claim counts only
    """
    requests = scene.spec.pci_requests
    if scene.service_version == NOVA_33 and not requests.requests:
        # So Claim passes no devices to the fit, as up to Nova 33.
        stats = None
    try:
        return claims.Claim(
            None,
            # Claim works on a copy.
            objects.Instance(
                uuid=_INSTANCE, numa_topology=scene.spec.numa_topology
            ),
            'node',
            types.SimpleNamespace(
                pci_tracker=types.SimpleNamespace(stats=stats)
            ),
            scene.compute_node,
            requests,
            limits={'numa_topology': scene.limits()},
        ).claimed_numa_topology
    except exception.ComputeResourcesUnavailable as exc:
        raise Refused(f'claim: {exc}') from exc
    except ValueError as exc:
        raise Refused(f'claim raised {exc!r}') from exc


class PciTracker(pci_manager.PciDevTracker):
    """The devices of a compute, with no database."""

    def __init__(self, stats):
        self.stats = stats
        self.pci_devs = objects.PciDeviceList(objects=stats.get_free_devs())
        self._build_device_tree(self.pci_devs)
        self.claims = collections.defaultdict(list)


def _take_devices(scene, stats, given):
    requests = objects.InstancePCIRequests(
        instance_uuid=_INSTANCE, requests=scene.requests
    )
    try:
        return PciTracker(stats).claim_instance(None, requests, given)
    except (exception.PciDeviceRequestFailed, IndexError) as exc:
        raise Refused(f'consume: {exc!r}') from exc


def after(scene, claimed, stats):
    """The scene once nova-compute has taken a claim from it."""
    topology = scene.topology
    if claimed.topology:
        topology = hardware.numa_usage_from_instance_numa(
            topology, claimed.topology
        )
    stats.numa_topology = topology
    return dataclasses.replace(scene, topology=topology, stats=stats)


def pair_fits(scene, host_cell, index):
    """Nova's per-cell function on untouched copies."""
    topology = scene.spec.numa_topology
    reserved = int(topology.emulator_threads_isolated and index == 0)
    try:
        fitted = hardware._numa_fit_instance_cell(
            host_cell.obj_clone(),
            topology.cells[index].obj_clone(),
            scene.limits(),
            reserved,
        )
    except (exception.MemoryPageSizeNotSupported, ValueError):
        return False
    return fitted is not None


def exists(scene):
    """Whether any assignment of guest cells to host cells is right."""
    wanted = scene.spec.numa_topology
    if not wanted:
        return not scene.requests or by_count(scene.stats).support_requests(
            scene.requests, None
        )
    if not scene.topology:
        return False
    cells = scene.topology.cells
    count = len(wanted.cells)
    good = [
        [pair_fits(scene, cell, index) for cell in cells]
        for index in range(count)
    ]
    judged = {}
    for order in itertools.permutations(range(len(cells)), count):
        if not all(good[i][cell] for i, cell in enumerate(order)):
            continue
        key = frozenset(order)
        if key not in judged:
            judged[key] = joint(scene, [cells[i] for i in sorted(key)])
        if judged[key]:
            return True
    return False


def joint(scene, chosen):
    """Whether devices and networks are near chosen host cells."""
    guests = [
        objects.InstanceNUMACell(
            id=cell.id, cpuset=set(), pcpuset=set(), memory=0
        )
        for cell in chosen
    ]
    if scene.requests and not by_count(scene.stats).support_requests(
        scene.requests, None, guests
    ):
        return False
    return hardware._numa_cells_support_network_metadata(
        scene.topology, chosen, scene.spec.network_metadata
    )


def validate(scene, given):
    """Check a claimed topology against the host it was claimed on."""
    wanted = scene.spec.numa_topology
    by_id = {cell.id: cell for cell in scene.topology.cells}
    ids = [cell.id for cell in given.cells]
    if len(set(ids)) != len(wanted.cells) or set(ids) - set(by_id):
        raise Refused(f'invalid: cells {ids}')
    for index, (wanted_cell, got) in enumerate(
        zip(wanted.cells, given.cells, strict=True)
    ):
        host = by_id[got.id]
        if not pair_fits(scene, host, index):
            raise Refused(f'invalid: {index} does not fit {got.id}')
        _validate_pages(wanted_cell, got, host)
        if wanted_cell.pcpuset:
            _validate_pins(wanted_cell, got, host)
        if wanted.emulator_threads_isolated and index == 0:
            _validate_emulator(got, host)


def _validate_pages(wanted_cell, got, host):
    if not wanted_cell.pagesize:
        return
    pools = {pool.size_kb: pool for pool in host.mempages}
    size = got.pagesize
    if size not in pools:
        raise Refused(f'invalid: no pages of {size} on {host.id}')
    if (
        wanted_cell.memory * 1024 % size
        or pools[size].free_kb < wanted_cell.memory * 1024
    ):
        raise Refused(f'invalid: not enough pages of {size} on {host.id}')
    smallest = min(pools)
    if (
        (wanted_cell.pagesize > 0 and size != wanted_cell.pagesize)
        or (wanted_cell.pagesize == -1 and size != smallest)
        or (wanted_cell.pagesize == -2 and size == smallest)
    ):
        raise Refused(f'invalid: pages of {size} were not asked')


def _validate_pins(wanted_cell, got, host):
    cpus = set((got.cpu_pinning or {}).values())
    if set(got.cpu_pinning or {}) != wanted_cell.pcpuset:
        raise Refused('invalid: not every CPU is pinned')
    if len(cpus) != len(wanted_cell.pcpuset) or not cpus <= host.free_pcpus:
        raise Refused(f'invalid: pins {cpus} on {host.id}')
    for core in host.siblings:
        if not core & cpus:
            continue
        if wanted_cell.cpu_thread_policy == 'isolate' and (
            len(core & cpus) > 1 or core - host.free_pcpus
        ):
            raise Refused('invalid: core is not isolated')
        if (
            wanted_cell.cpu_thread_policy == 'require'
            and len(core & host.free_pcpus) < 2
        ):
            raise Refused('invalid: core has no siblings')


def _validate_emulator(got, host):
    reserved = got.cpuset_reserved or set()
    pinned = set((got.cpu_pinning or {}).values())
    if len(reserved) != 1 or not reserved <= host.free_pcpus - pinned:
        raise Refused(f'invalid: emulator threads on {reserved}')


def stats_for(topology, devices=(), specs=()):
    """PciDeviceStats of a compute with ``devices`` matched by ``specs``."""
    stats = pci_stats.PciDeviceStats(
        topology,
        dev_filter=whitelist.Whitelist([jsonutils.dumps(s) for s in specs]),
    )
    for device in devices:
        stats.add_device(device)
    return stats
