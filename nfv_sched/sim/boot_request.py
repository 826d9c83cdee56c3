"""Requests of tenants, as nova-api and nova-conductor pass them on."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from nova import objects
from nova.virt import hardware
from oslo_utils import uuidutils

from nfv_sched.nova import boot_ports
from nfv_sched.nova import boot_request
from nfv_sched.nova.boot_ports import Port

__all__ = [
    'SimulatedFlavor',
    'SimulatedGroup',
    'Port',
    'nova_flavor',
    'request_spec',
]


@dataclasses.dataclass(frozen=True, slots=True)
class SimulatedFlavor:
    """A flavor, with the ports that its instances have by default."""

    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int = 20
    extra_specs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    about: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class SimulatedGroup:
    """A server group that the cloud has stored in Nova's database."""

    uuid: str
    name: str
    policy: str


def nova_flavor(context: Any, flavor: SimulatedFlavor) -> Any:
    """The ``objects.Flavor`` of a flavor."""
    return boot_request.flavor_of(
        context,
        flavor.name,
        vcpus=flavor.vcpus,
        ram_mib=flavor.ram_mib,
        disk_gib=flavor.disk_gib,
        extra_specs=flavor.extra_specs,
    )


def request_spec(  # noqa: PLR0913 - everything in a request
    context: Any,
    flavor: SimulatedFlavor,
    *,
    ports: Sequence[Port] | None = None,
    image: Mapping[str, str] | None = None,
    group: Any = None,
    hints: Mapping[str, Any] | None = None,
    uuids: Sequence[str] = (),
) -> Any:
    """The ``objects.RequestSpec`` that nova-conductor schedules.

    :param ports: instead of the flavor's own
    :param image: image properties
    :param group: an ``objects.InstanceGroup``
    :param hints: scheduler hints, each a text or a list of texts
    :param uuids: of the instances; a new one if empty
    :raises nova.exception.NovaException: Nova refuses the request
    """
    wanted = flavor.ports if ports is None else tuple(ports)
    nova_meta = boot_request.image_of(image)
    real_flavor = nova_flavor(context, flavor)
    instances = list(uuids) or [uuidutils.generate_uuid()]
    port_uuids = boot_ports.new_uuids(wanted)
    requests = boot_ports.pci_requests(
        real_flavor, nova_meta, wanted, port_uuids
    )
    requests.instance_uuid = instances[0]
    spec = objects.RequestSpec.from_components(
        context,
        instances[0],
        nova_meta,
        real_flavor,
        hardware.numa_get_constraints(real_flavor, nova_meta),
        requests,
        filter_properties={'scheduler_hints': dict(hints or {})},
        instance_group=group,
        availability_zone=None,
        port_resource_requests=boot_ports.port_groups(wanted, port_uuids)
        or None,
    )
    spec.num_instances = len(instances)
    if wanted:
        spec.network_metadata = boot_ports.networks_of(wanted)
    return spec
