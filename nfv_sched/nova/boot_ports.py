"""Hypothetical ports, and what Nova makes of them.

Neutron has none of them: they are typed by an operator, or simulated.
"""

from collections.abc import Sequence
import dataclasses
import re
from typing import Any
import uuid

from nova import objects
from nova.accelerator import cyborg
from nova.network import model as network_model
from nova.pci import request as pci_request
from nova.virt import hardware
import os_resource_classes
import os_traits
from oslo_utils import strutils

_NORMAL = network_model.VNIC_TYPE_NORMAL
_REMOTE_MANAGED = network_model.VNIC_TYPE_REMOTE_MANAGED
_ACCELERATED = network_model.VNIC_TYPES_ACCELERATOR
#: VNIC types of hypothetical ports.
VNIC_TYPES = (_NORMAL, *network_model.VNIC_TYPES_SRIOV, *_ACCELERATED)
#: A resource class and traits, see Port.
_DEVICE_PROFILE = re.compile(r'[A-Z0-9_]+(\+[A-Z0-9_]+)*')
_POLICIES = ('required', 'socket', 'legacy', 'preferred')


@dataclasses.dataclass(frozen=True, slots=True)
class Port:
    """A neutron port of an instance.

    ``vnic_type`` is one of VNIC_TYPES: ``normal`` (vSwitch), ``direct`` (a
    VF), ``direct-physical`` (a whole port), ... ``numa_policy`` is that of
    the port; None leaves it to flavor and image. ``trusted`` is None where
    trusted and other VFs are equally good. A minimum bandwidth is in kbit/s,
    0 for none. ``accelerator`` is what the device profile of a port for an
    accelerator asks of Placement: a resource class, of which Nova allows one,
    and after ``+`` each trait that is required.
    """

    physnet: str | None = None
    vnic_type: str = 'direct'
    numa_policy: str | None = None
    tunneled: bool = False
    trusted: bool | None = None
    egress_kbps: int = 0
    ingress_kbps: int = 0
    accelerator: str | None = None

    def __post_init__(self) -> None:
        """Check what goes together.

        :raises ValueError: says what is wrong
        """
        accelerated = self.vnic_type in _ACCELERATED
        if accelerated and self.accelerator is None:
            raise ValueError(
                f'vnic_type={self.vnic_type} needs accelerator=CLASS, what '
                'its device profile asks'
            )
        if self.accelerator is not None and not accelerated:
            raise ValueError(
                f'accelerator={self.accelerator} needs one of vnic_type='
                f'{", ".join(_ACCELERATED)}'
            )


def port_of(text: str) -> Port:
    """A port in words: ``NETWORK[:VNIC TYPE[:POLICY]]``, or NAME=VALUE,...

    The names are those of the fields of Port.

    :raises ValueError: says what is wrong
    """
    if '=' in text:
        values = _named_values(text)
    else:
        physnet, _, rest = text.partition(':')
        vnic_type, _, numa_policy = rest.partition(':')
        values = {
            'physnet': physnet,
            'vnic_type': vnic_type,
            'numa_policy': numa_policy,
        }
    policy = values.get('numa_policy') or None
    return Port(
        physnet=values.get('physnet') or None,
        vnic_type=_one_of(
            values.get('vnic_type') or network_model.VNIC_TYPE_DIRECT,
            VNIC_TYPES,
        ),
        numa_policy=policy and _one_of(policy, _POLICIES),
        tunneled=_boolean(values.get('tunneled', 'false')),
        trusted=_boolean(values['trusted']) if 'trusted' in values else None,
        egress_kbps=_number(values.get('egress_kbps', '0')),
        ingress_kbps=_number(values.get('ingress_kbps', '0')),
        accelerator=_accelerator(values.get('accelerator')),
    )


def port_text(port: Port) -> str:
    """The shortest text of which :func:`port_of` makes this port."""
    usual = Port(port.physnet, port.vnic_type, port.numa_policy)
    if port == usual and port.physnet and not set(port.physnet) & set(':=,'):
        parts = [port.physnet, port.vnic_type, port.numa_policy or '']
        return ':'.join(parts).removesuffix(':')
    values = {
        field.name: getattr(port, field.name)
        for field in dataclasses.fields(Port)
        if field.name == 'vnic_type'
        or getattr(port, field.name) != field.default
    }
    return ','.join(
        f'{name}={str(value).lower() if isinstance(value, bool) else value}'
        for name, value in values.items()
    )


def _named_values(text: str) -> dict[str, str]:
    known = [field.name for field in dataclasses.fields(Port)]
    values = {}
    for item in text.split(','):
        name, equals, value = item.partition('=')
        if not equals:
            raise ValueError(f'{item!r} is not NAME=VALUE')
        values[_one_of(name, known)] = value
    return values


def _one_of(value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise ValueError(f'{value} is none of {", ".join(known)}')
    return value


def _boolean(text: str) -> bool:
    return bool(strutils.bool_from_string(text, strict=True))


def _accelerator(text: str | None) -> str | None:
    if text is not None and not _DEVICE_PROFILE.fullmatch(text):
        raise ValueError(f'{text!r} is not CLASS or CLASS+TRAIT')
    return text


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f'{text!r} is no number of kbit/s')
    return int(text)


def pci_requests(
    flavor: Any,
    image: Any,
    ports: Sequence[Port],
    uuids: Sequence[str] | None = None,
) -> Any:
    """The ``objects.InstancePCIRequests`` of flavor and ports.

    As nova.compute.api does for the flavor, and for ports
    ``create_resource_requests`` of nova.network.neutron.

    :param uuids: of the ports
    """
    policy = hardware.get_pci_numa_policy_constraint(flavor, image)
    requests = pci_request.get_pci_requests_from_flavor(flavor, policy)
    for port, port_uuid in zip(ports, uuids or new_uuids(ports), strict=True):
        if port.vnic_type not in network_model.VNIC_TYPES_SRIOV:
            continue
        spec = {
            pci_request.PCI_NET_TAG: port.physnet,
            pci_request.PCI_REMOTE_MANAGED_TAG: str(
                port.vnic_type == _REMOTE_MANAGED
            ),
        }
        dev_type = pci_request.DEVICE_TYPE_FOR_VNIC_TYPE.get(port.vnic_type)
        if dev_type:
            spec[pci_request.PCI_DEVICE_TYPE_TAG] = dev_type
        if port.trusted is not None:
            spec[pci_request.PCI_TRUSTED_TAG] = str(port.trusted)
        request = objects.InstancePCIRequest(
            count=1,
            spec=[spec],
            request_id=str(uuid.uuid4()),
            requester_id=port_uuid,
        )
        if numa_policy := port.numa_policy or policy:
            request.numa_policy = numa_policy
        requests.requests.append(request)
    return requests


def new_uuids(ports: Sequence[Port]) -> list[str]:
    """A new uuid for each port."""
    return [str(uuid.uuid4()) for _ in ports]


def bandwidth_groups(ports: Sequence[Port], uuids: Sequence[str]) -> list[Any]:
    """The ``objects.RequestGroup`` of each port with a minimum bandwidth.

    As neutron describes them (neutron_lib.placement.utils) and Nova makes
    them (``RequestGroup.from_port_request``).
    """
    groups = []
    for port, port_uuid in zip(ports, uuids, strict=True):
        resources = {
            name: amount
            for name, amount in (
                (
                    os_resource_classes.NET_BW_EGR_KILOBIT_PER_SEC,
                    port.egress_kbps,
                ),
                (
                    os_resource_classes.NET_BW_IGR_KILOBIT_PER_SEC,
                    port.ingress_kbps,
                ),
            )
            if amount
        }
        if not resources:
            continue
        traits = [f'VNIC_TYPE_{port.vnic_type}']
        if port.physnet:
            traits.append(f'PHYSNET_{port.physnet}')
        groups.append(
            objects.RequestGroup(
                use_same_provider=True,
                resources=resources,
                required_traits=set(map(os_traits.normalize_name, traits)),
                requester_id=port_uuid,
            )
        )
    return groups


def accelerator_groups(
    ports: Sequence[Port], uuids: Sequence[str]
) -> list[Any]:
    """The ``objects.RequestGroup`` of each port for an accelerator.

    As Nova makes them of Cyborg's device profile
    (``nova.accelerator.cyborg`` ``get_device_request_groups``).
    """
    groups = []
    for port, port_uuid in zip(ports, uuids, strict=True):
        if port.accelerator is None:
            continue
        resource_class, *traits = port.accelerator.split('+')
        group = objects.RequestGroup(
            requester_id=cyborg.get_device_profile_group_requester_id(
                0, port_uuid
            )
        )
        group.add_resource(rclass=resource_class, amount=1)
        for trait in traits:
            group.add_trait(trait_name=trait, trait_type='required')
        groups.append(group)
    return groups


def port_groups(ports: Sequence[Port], uuids: Sequence[str]) -> list[Any]:
    """What ports ask of Placement, each as an ``objects.RequestGroup``."""
    return [
        *bandwidth_groups(ports, uuids),
        *accelerator_groups(ports, uuids),
    ]


def networks_of(ports: Sequence[Port]) -> Any:
    """The ``objects.NetworkMetadata`` of ports."""
    return objects.NetworkMetadata(
        physnets={port.physnet for port in ports if port.physnet},
        tunneled=any(port.tunneled for port in ports),
    )
