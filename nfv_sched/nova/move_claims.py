"""What nova-compute claims for an instance that moves.

A RequestSpec says what was requested at the boot. The claim on the
destination takes other things where they matter:

* that of a shelved instance takes the topology and the PCI requests which
  the instance had last (``ResourceTracker.instance_claim``);
* all others take the topology of the flavor, and PCI requests of the flavor's
  aliases that ``ResourceTracker._move_claim`` makes again: without the PCI
  NUMA affinity policy of flavor and image, and without the providers that
  Placement chose. The requests of ports are those of the instance;
* a live migration is refused where the page size would change
  (``MoveClaim._test_live_migration_page_size``), and claims the devices
  again, by the instance's own PCI requests.

``instance.task_state`` says which move it is: nova-api sets it before it
calls nova-conductor.
"""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import logging
from typing import Any

from nova import exception
from nova import objects
from nova.compute import task_states
from nova.pci import request as pci_request
from nova.virt import hardware

from nfv_sched.model import DeviceRequest
from nfv_sched.model import Guest
from nfv_sched.model import PAGES_ANY
from nfv_sched.model import PAGES_LARGE
from nfv_sched.nova import instances
from nfv_sched.nova import request_spec
from nfv_sched.nova.types import RequestSpec

LOG = logging.getLogger(__name__)

#: Moves whose claim is a ``nova.compute.claims.MoveClaim``: resize and cold
#: migration, live migration, evacuation.
_MOVE_CLAIMS = (
    task_states.RESIZE_PREP,
    task_states.MIGRATING,
    task_states.REBUILDING,
)


@dataclasses.dataclass(frozen=True, slots=True)
class LiveMigration:
    """What else has to hold on the destination of a live migration.

    ``page_size_kib`` is the page size of guest NUMA node 0, None where the
    instance has none. ``devices`` are claimed after the NUMA nodes, near
    these. ``pcie_policy`` is as that of a guest, for these devices.
    """

    page_size_kib: int | None
    devices: tuple[DeviceRequest, ...]
    pcie_policy: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class MoveClaim:
    """The guest that is claimed; ``live`` is None unless it moves live."""

    guest: Guest
    live: LiveMigration | None = None


def is_move(spec: RequestSpec) -> bool:
    """Whether a request is for a move, and not for a boot.

    Nova sets the cell of the requested destination for moves only, see also
    nova.scheduler.weights.cross_cell. It is None where any cell will do.
    """
    if 'requested_destination' not in spec:
        return False
    destination = spec.requested_destination
    return destination is not None and 'cell' in destination


def move_of(
    spec: RequestSpec, guest: Guest, task_state: str | None = None
) -> MoveClaim | None:
    """What is claimed for an instance that moves.

    None for a boot, for a guest that asks for nothing, and where the
    instance cannot be read: the guest is claimed as it is requested, then.
    Asks the database of a Nova cell, once, for a move only.

    :param guest: the guest as the request has it
    :param task_state: that of the move, where it is not made, but asked about
    """
    uuid = request_spec.instance_uuid(spec)
    if guest.asks_nothing or uuid is None or not is_move(spec):
        return None
    cell = spec.requested_destination.cell
    stored = instances.find_stored(uuid, cell.uuid if cell else None)
    if stored is None:
        return None
    if task_state is not None:
        stored = dataclasses.replace(stored, task_state=task_state)
    try:
        return _move(spec, guest, stored)
    except (ValueError, NotImplementedError) as error:
        # What versioned objects raise for a field that is not there.
        LOG.warning(
            'What instance %s has is invalid, its move is decided like a '
            'boot: %s',
            uuid,
            error,
        )
        return None


def _move(
    spec: RequestSpec, guest: Guest, stored: instances.StoredInstance
) -> MoveClaim | None:
    stored_guest = request_spec.guest_of(
        spec, stored.topology, stored.pci_requests
    )
    live = stored.task_state == task_states.MIGRATING
    if stored.task_state == task_states.UNSHELVING or (
        live and not stored_guest.cells
    ):
        # Without NUMA topology a live migration claims devices only.
        return MoveClaim(stored_guest)
    if stored.task_state not in _MOVE_CLAIMS:
        return None
    moved = dataclasses.replace(guest, devices=_devices(spec, stored))
    if not live:
        return MoveClaim(moved)
    # The claim of the NUMA nodes does not take its devices.
    policy = 'preferred' if guest.pcie_policy else None
    # Nova compares the page size of this cell only, too.
    return MoveClaim(
        dataclasses.replace(moved, pcie_policy=policy),
        LiveMigration(
            stored_guest.cells[0].page_size,
            stored_guest.devices,
            guest.pcie_policy,
        ),
    )


def _devices(
    spec: RequestSpec, stored: instances.StoredInstance
) -> tuple[DeviceRequest, ...]:
    """The device requests of ``ResourceTracker._move_claim``."""
    made = alias_requests(spec.flavor)
    if made is None:
        made = _of_aliases(spec.pci_requests)
    ports = [
        request
        for request in stored.pci_requests.requests
        if request.source == request.NEUTRON_PORT
    ]
    guest = request_spec.guest_of(
        spec, None, objects.InstancePCIRequests(requests=[*made, *ports])
    )
    return tuple(
        request
        if request.from_port
        else dataclasses.replace(request, request_id=None, rp_uuids=())
        for request in guest.devices
    )


def alias_requests(flavor: Any) -> list[Any] | None:
    """The PCI requests of a flavor's aliases as a move claims them.

    By ``[pci] alias`` of this host, as nova-compute uses its own. None where
    it does not define them all.
    """
    try:
        made = pci_request.get_pci_requests_from_flavor(flavor)
    except (
        exception.PciRequestAliasNotDefined,
        exception.PciInvalidAlias,
        ValueError,
    ):
        return None
    return list(made.requests)


def _of_aliases(pci_requests: Any) -> list[Any]:
    return [
        request
        for request in (pci_requests.requests if pci_requests else ())
        if request.source == request.FLAVOR_ALIAS
    ]


def notes(spec: RequestSpec) -> Iterator[str]:
    """What is different, or not known, when the instance of a request moves.

    Also when another host has to be found for its boot.
    """
    topology = spec.numa_topology
    cells = topology.cells if topology else ()
    if any(
        'pagesize' in cell and cell.pagesize in (PAGES_LARGE, PAGES_ANY)
        for cell in cells
    ):
        yield (
            'If the first host fails to spawn the instance, its next host has '
            'to have pages of the size that the first one gave it. Alternate '
            'hosts are chosen before that size is known.'
        )
    requested = _of_aliases(spec.pci_requests)
    claimed = alias_requests(spec.flavor)
    if claimed is None:
        if requested and _policy_of_flavor_and_image(spec):
            yield (
                f'A migration or an evacuation claims the devices of alias '
                f'{_names(requested)} with the numa_policy that [pci] alias '
                f'has on the compute node. [pci] alias is not configured '
                f'here: the policy is not known, and that of the request, '
                f'{_policies(requested)}, is used.'
            )
    elif _by_policy(requested) != _by_policy(claimed):
        yield (
            f'A migration or an evacuation claims the devices of alias '
            f'{_names(claimed)} with the numa_policy of [pci] alias, '
            f'{_policies(claimed)}, instead of {_policies(requested)}.'
        )


def _policy_of_flavor_and_image(spec: RequestSpec) -> str | None:
    image = spec.image or objects.ImageMeta.from_dict({})
    policy: str | None = hardware.get_pci_numa_policy_constraint(
        spec.flavor, image
    )
    return policy


def _by_policy(requests: Iterable[Any]) -> list[tuple[str, str]]:
    return [
        (request.alias_name, request.numa_policy or 'legacy')
        for request in requests
    ]


def _names(requests: Iterable[Any]) -> str:
    return ', '.join(dict.fromkeys(name for name, _ in _by_policy(requests)))


def _policies(requests: Iterable[Any]) -> str:
    return ', '.join(
        dict.fromkeys(policy for _, policy in _by_policy(requests))
    )
