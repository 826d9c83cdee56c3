"""Real VNF flavors, and random arrivals of services.

The data is in ``flavors.yaml``, which says which figures are documented and
which are chosen.
"""

import collections
from collections.abc import Iterator
import dataclasses
import functools
from importlib import resources
import random
from typing import Any

import yaml  # type: ignore[import-untyped]

from nfv_sched.sim.boot_request import Port
from nfv_sched.sim.boot_request import SimulatedFlavor


@dataclasses.dataclass(frozen=True, slots=True)
class Service:
    """Instances booted one after another, often in a server group.

    ``weight`` is the relative frequency of the service.
    """

    name: str
    flavor: SimulatedFlavor
    guests: int = 1
    weight: int = 1
    policy: str | None = None
    max_per_host: int | None = None


@functools.cache
def _data() -> Any:
    source = resources.files(__package__).joinpath('flavors.yaml')
    return yaml.safe_load(source.read_text())


def aliases() -> list[dict[str, str]]:
    """The values of ``[pci] alias`` that the flavors use."""
    return [dict(alias) for alias in _data()['aliases']]


@functools.cache
def flavors() -> dict[str, SimulatedFlavor]:
    """All flavors by name."""
    return {
        entry['name']: SimulatedFlavor(
            name=entry['name'],
            vcpus=entry['vcpus'],
            ram_mib=entry['ram_mib'],
            extra_specs=entry.get('extra_specs', {}),
            ports=tuple(Port(**port) for port in entry.get('ports', [])),
            about=entry['about'],
        )
        for entry in _data()['flavors']
    }


@functools.cache
def services() -> tuple[Service, ...]:
    """All kinds of services."""
    known = flavors()
    return tuple(
        Service(**{**entry, 'flavor': known[entry['flavor']]})
        for entry in _data()['services']
    )


def arrivals(seed: int) -> Iterator[Service]:
    """An endless sequence of random services with unique names."""
    # Not for secrets: for the same sequence with the same seed.
    dice = random.Random(seed)  # noqa: S311
    kinds = services()
    weights = [service.weight for service in kinds]
    counts = collections.Counter[str]()
    while True:
        [kind] = dice.choices(kinds, weights)
        counts[kind.name] += 1
        yield dataclasses.replace(kind, name=f'{kind.name}{counts[kind.name]}')
