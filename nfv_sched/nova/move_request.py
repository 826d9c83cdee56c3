"""RequestSpecs of moves, as nova-api and nova-conductor make them.

An instance holds its room on the source until the move has ended:
nova-conductor gives the source's allocations to the migration's record
(``MigrationTask._preallocate_migration``, ``LiveMigrationTask``), those of an
evacuated instance stay until the source is up again, and nova-compute counts
the instance on both hosts (``_update_usage_from_migration`` of the
``ResourceTracker``). A resize on the same host claims beside the old room,
too. So none of it is free for any of these moves.
"""

import dataclasses
import enum
from typing import Any

from nova import exception
from nova import objects
from nova.compute import task_states
from nova.compute import vm_states
import nova.conf
from nova.pci import request as pci_request
from nova.virt import hardware

from nfv_sched.nova import instances
from nfv_sched.nova import stored_requests
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.nova.request_template import of_stored
from nfv_sched.nova.request_template import Origin
from nfv_sched.nova.request_template import RequestTemplate

CONF = nova.conf.CONF

#: States in which nova-api allows a live migration.
_LIVE = (vm_states.ACTIVE, vm_states.PAUSED)


class Purpose(enum.StrEnum):
    """What an instance is to be scheduled for."""

    BOOT = 'boot'
    MIGRATE = 'migrate'
    LIVE_MIGRATE = 'live-migrate'
    RESIZE = 'resize'
    EVACUATE = 'evacuate'


_TASK_STATES = {
    Purpose.MIGRATE: task_states.RESIZE_PREP,
    Purpose.RESIZE: task_states.RESIZE_PREP,
    Purpose.LIVE_MIGRATE: task_states.MIGRATING,
    Purpose.EVACUATE: task_states.REBUILDING,
}


#: What can be changed and reaches the request. What an instance had when it
#: booted is stored with it: a change of its flavor or image changes nothing.
_EDITABLE = {
    Purpose.BOOT: tuple(Origin),
    Purpose.RESIZE: (Origin.FLAVOR,),
}


@dataclasses.dataclass(frozen=True, slots=True)
class StoredRequest:
    """A request for an instance that exists.

    ``template`` has the ``task_state`` that nova-api gives the instance, by
    which the claim is known (:mod:`nfv_sched.nova.move_claims`). ``host`` is
    the one that it is on, ``room`` says in words what becomes of its room
    there; empty without a host.
    """

    template: RequestTemplate
    host: str | None = None
    room: str = ''


def request_of(
    context: Any,
    instance_uuid: str,
    purpose: Purpose,
    flavor: Any = None,
) -> StoredRequest:
    """The request of an instance that exists.

    :param flavor: the new one of a resize
    :raises BadRequestError: it cannot be made; says why
    """
    spec = stored_requests.stored_spec(context, instance_uuid)
    stored = instances.find_stored(instance_uuid, None)
    host = stored.host if stored else None
    if purpose is Purpose.BOOT:
        room = host and (
            'This explains a boot of one more instance like it: what it holds '
            f'on {host} counts as used. For a move of the instance itself use '
            '--for.'
        )
        return StoredRequest(of_stored(spec), host, room or '')
    if stored is None or host is None:
        raise BadRequestError(
            f'instance {instance_uuid} is on no host: it can only boot'
        )
    if purpose is Purpose.LIVE_MIGRATE and stored.vm_state not in _LIVE:
        raise BadRequestError(
            f'instance {instance_uuid} is {stored.vm_state}: Nova migrates '
            'only active and paused instances live'
        )
    try:
        _move(context, spec, purpose, host, flavor)
    except (exception.NovaException, ValueError) as error:
        raise BadRequestError(f'{type(error).__name__}: {error}') from error
    template = of_stored(
        spec, _EDITABLE.get(purpose, ()), _TASK_STATES[purpose]
    )
    return StoredRequest(template, host, _room(spec, host))


def _move(
    context: Any, spec: Any, purpose: Purpose, host: str, flavor: Any
) -> None:
    """Turn the request of the boot into that of a move.

    As nova.compute.api ``API.resize``, and ``MigrationTask``,
    ``LiveMigrationTask`` and ``rebuild_instance`` of nova-conductor.
    """
    spec.force_hosts = spec.force_nodes = None
    spec.requested_destination = objects.Destination(
        cell=_cell(context, spec.instance_uuid)
    )
    spec.ignore_hosts = [host]
    if purpose is not Purpose.RESIZE:
        return
    if CONF.allow_resize_to_same_host:
        spec.ignore_hosts = []
    if flavor is None:
        raise BadRequestError('a resize needs a flavor to resize to')
    if flavor.flavorid == spec.flavor.flavorid:
        # CannotResizeToSameFlavor of nova.compute.api.
        raise BadRequestError(
            f'the instance has flavor {flavor.name} already: Nova resizes '
            'only to another one'
        )
    image = spec.image or objects.ImageMeta.from_dict({})
    old = spec.pci_requests.requests if spec.pci_requests else ()
    made = pci_request.get_pci_requests_from_flavor(flavor)
    made.instance_uuid = spec.instance_uuid
    made.requests += [
        request for request in old if request.source == request.NEUTRON_PORT
    ]
    spec.numa_topology = hardware.numa_get_constraints(flavor, image)
    spec.flavor, spec.pci_requests = flavor, made
    spec.requested_resources = []
    spec.generate_request_groups_from_pci_requests()


def _cell(context: Any, instance_uuid: str) -> Any:
    """The Nova cell of an instance; None where it is not known."""
    try:
        mapping = objects.InstanceMapping.get_by_instance_uuid(
            context, instance_uuid
        )
    except exception.InstanceMappingNotFound:
        return None
    return mapping.cell_mapping


def _room(spec: Any, host: str) -> str:
    if spec.ignore_hosts:
        return (
            f'{host}, which the instance is on, is excluded; the instance '
            'holds its room there until the move has ended.'
        )
    return (
        f'{host}, which the instance is on, is included ([DEFAULT] '
        'allow_resize_to_same_host); what the instance holds there counts as '
        'used, since Nova frees it only when the resize is confirmed.'
    )
