"""Valid entries of scenarios as values."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from nfv_sched.nova.boot_ports import Port
from nfv_sched.scenario.values import DeleteStep
from nfv_sched.scenario.values import PlannedGroup
from nfv_sched.sim.boot_request import SimulatedFlavor

#: An entry that its schema allows.
Data = Mapping[str, Any]


def texts(data: Data) -> dict[str, str]:
    """A mapping with all its values as text."""
    return {name: str(value) for name, value in data.items()}


def text_list(value: str | Sequence[Any]) -> list[str]:
    """A text, or a list of values, as a list of text."""
    return [value] if isinstance(value, str) else list(map(str, value))


def flavor(data: Data) -> SimulatedFlavor:
    """A flavor with the ports of its instances."""
    return SimulatedFlavor(
        name=data['name'],
        vcpus=int(data['vcpus']),
        ram_mib=int(data['ram_mib']),
        disk_gib=int(data.get('disk_gib', 20)),
        extra_specs=texts(data.get('extra_specs', {})),
        ports=tuple(map(_port, data.get('ports', ()))),
        about=data.get('about', ''),
    )


def _port(data: Data) -> Port:
    return Port(
        physnet=data.get('physnet'),
        vnic_type=data.get('vnic_type', 'direct'),
        numa_policy=data.get('numa_policy') or None,
        tunneled=data.get('tunneled', False),
        trusted=data.get('trusted'),
        egress_kbps=int(data.get('egress_kbps', 0)),
        ingress_kbps=int(data.get('ingress_kbps', 0)),
        accelerator=data.get('accelerator'),
    )


def group(data: Data) -> PlannedGroup:
    """A server group."""
    limit = data.get('max_per_host')
    return PlannedGroup(
        data['name'], data['policy'], None if limit is None else int(limit)
    )


def delete_step(section: Data) -> DeleteStep:
    """A step that deletes instances."""
    count = section.get('count')
    return DeleteStep(
        tuple(map(str, section['guests'])),
        None if count is None else int(count),
    )
