"""Nova's own claims for instances that move.

The claims are Nova's: ``ResourceTracker._move_claim`` with its MoveClaim, and
``Claim`` for a shelved instance. Only databases and Placement are left out.
"""

import contextlib
import copy
import dataclasses
from unittest import mock
import uuid

from nova import context as nova_context
from nova import exception
from nova import objects
from nova.compute import claims
from nova.compute import resource_tracker
from nova.compute import task_states
from nova.virt import hardware

from nfv_sched_testing import nova_oracle
from nfv_sched_testing import scheduling
from nfv_sched_testing.nova_oracle import Refused

_FAILURES = (
    exception.ComputeResourcesUnavailable,
    exception.PciDeviceRequestFailed,
    exception.CPUPinningInvalid,
    exception.CPUPinningUnknown,
    ValueError,
    IndexError,
)

_MIGRATION_TYPES = {
    task_states.RESIZE_PREP: 'migration',
    task_states.MIGRATING: 'live-migration',
    task_states.REBUILDING: 'evacuation',
}


@dataclasses.dataclass
class Stored:
    """An instance as its Nova cell has it: what is claimed depends on it."""

    task_state: str
    topology: objects.InstanceNUMATopology | None
    pci_requests: objects.InstancePCIRequests


class _PciTracker:
    """The PCI devices of the destination, as PciDevTracker claims them."""

    def __init__(self, stats):
        self.stats = _Statistics(stats)

    def claim_instance(self, context, pci_requests, topology):
        if not pci_requests.requests:
            return []
        return self.stats.devices.consume_requests(
            pci_requests.requests, topology.cells if topology else None
        )


class _Statistics:
    """Statistics that are copied without their devices to be asked."""

    def __init__(self, stats):
        self.devices = nova_oracle.PciTracker(copy.deepcopy(stats)).stats

    @property
    def pools(self):
        return self.devices.pools

    def support_requests(self, *args, **kwargs):
        pools = nova_oracle.by_count(self.devices)
        return pools.support_requests(*args, **kwargs)


def succeeds(scene, stored, candidate):
    """Whether the claims of a move succeed with an allocation candidate."""
    try:
        claim(scene, stored, candidate)
    except Refused:
        return False
    return True


def claim(scene, stored, candidate):
    """Claim for a move; Refused says why not."""
    spec = scene.spec.obj_clone()
    spec.pci_requests = stored.pci_requests.obj_clone()
    # As nova-compute, or for a live migration nova-conductor, updates the
    # requests of the instance.
    chosen = nova_oracle.as_claimed(
        dataclasses.replace(scene, spec=spec), candidate
    )
    instance = objects.Instance(
        uuid=str(uuid.uuid4()),
        numa_topology=stored.topology and stored.topology.obj_clone(),
        pci_requests=chosen.spec.pci_requests,
        pci_devices=objects.PciDeviceList(objects=[]),
        resources=None,
    )
    tracker = mock.MagicMock()
    tracker.disabled.return_value = False
    tracker.compute_nodes = {'host': scheduling.compute_node(scene)}
    tracker.pci_tracker = _PciTracker(scene.stats)
    tracker._claim_resources.return_value = None
    try:
        with _release(scene):
            return _claim_for(scene, stored, instance, tracker)
    except _FAILURES as exc:
        raise Refused(repr(exc)) from exc


@contextlib.contextmanager
def _release(scene):
    """Let claims be those of the host's release of Nova.

    Up to Nova 33, Claim shows devices to the fit only for requests for them.
    """
    of_installed = claims.Claim._test_numa_topology

    def of_33(self, *args):
        if self._pci_requests.requests:
            return of_installed(self, *args)
        with mock.patch.object(self.tracker.pci_tracker, 'stats', None):
            return of_installed(self, *args)

    if scene.service_version != nova_oracle.NOVA_33:
        yield
        return
    with mock.patch.object(claims.Claim, '_test_numa_topology', of_33):
        yield


def _claim_for(scene, stored, instance, tracker):
    if stored.task_state == task_states.UNSHELVING:
        return _claim(scene, instance, tracker)
    if stored.task_state == task_states.MIGRATING and (
        not instance.numa_topology
    ):
        # libvirt asks for no MoveClaim then.
        return nova_oracle.Claimed(
            None, _later_devices(instance, tracker, None)
        )
    return _move_claim(scene, instance, tracker, stored.task_state)


def _claim(scene, instance, tracker):
    claim = claims.Claim(
        nova_context.get_admin_context(),
        instance,
        'host',
        tracker,
        tracker.compute_nodes['host'],
        instance.pci_requests,
        limits=_limits(scene),
    )
    given = claim.claimed_numa_topology
    devices = tracker.pci_tracker.claim_instance(
        None, instance.pci_requests, given
    )
    return _checked(scene, instance.numa_topology, given, devices)


def _move_claim(scene, instance, tracker, task_state):
    wanted = scene.spec.numa_topology
    if wanted and not scene.topology:
        # MoveClaim raises an AttributeError for a live migration.
        raise Refused('no NUMA topology')

    def of_flavor(flavor, image):
        return wanted and wanted.obj_clone()

    migration = objects.Migration(
        id=1, migration_type=_MIGRATION_TYPES[task_state]
    )
    with (
        mock.patch.object(hardware, 'numa_get_constraints', of_flavor),
        mock.patch.object(objects.Instance, 'save'),
    ):
        claim = resource_tracker.ResourceTracker._move_claim(
            tracker,
            nova_context.get_admin_context(),
            instance,
            scene.spec.flavor,
            'host',
            migration,
            {},
            limits=_limits(scene),
        )
    given = claim.claimed_numa_topology
    if task_state == task_states.MIGRATING:
        devices = _later_devices(instance, tracker, given)
    else:
        devices = instance.migration_context.new_pci_devices.objects
    return _checked(scene, wanted, given, devices)


def _later_devices(instance, tracker, topology):
    """As ComputeManager.check_can_live_migrate_destination."""
    requests = instance.pci_requests.requests
    devices = []
    for source in (
        objects.InstancePCIRequest.FLAVOR_ALIAS,
        objects.InstancePCIRequest.NEUTRON_PORT,
    ):
        devices += tracker.pci_tracker.claim_instance(
            None,
            objects.InstancePCIRequests(
                requests=[r for r in requests if r.source == source]
            ),
            topology,
        )
    return devices


def _checked(scene, wanted, given, devices):
    if wanted and given is None:
        raise Refused('no NUMA topology')
    if given:
        hardware.numa_usage_from_instance_numa(
            scene.topology.obj_clone(), given
        )
        spec = scene.spec.obj_clone()
        spec.numa_topology = wanted
        nova_oracle.validate(dataclasses.replace(scene, spec=spec), given)
    return nova_oracle.Claimed(given, devices)


def _limits(scene):
    return objects.SchedulerLimits.from_dict({'numa_topology': scene.limits()})
