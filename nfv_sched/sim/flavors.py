"""Real VNF flavors, and services that arrive in a cloud.

The data lie in ``flavors.yaml``, which tells documented figures from chosen
ones.
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
    """Guests that are booted one after another, often as a server group.

    ``weight`` is how often such services come, compared with the others.
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
    """Return the values of ``[pci] alias`` that the flavors use."""
    return [dict(alias) for alias in _data()['aliases']]


@functools.cache
def flavors() -> dict[str, SimulatedFlavor]:
    """Return all flavors by name."""
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
    """Return all kinds of services."""
    known = flavors()
    return tuple(
        Service(**{**entry, 'flavor': known[entry['flavor']]})
        for entry in _data()['services']
    )


def arrivals(seed: int) -> Iterator[Service]:
    """Yield services for ever, each with a name of its own."""
    # Not for secrets: for the same cloud again.
    dice = random.Random(seed)  # noqa: S311
    kinds = services()
    weights = [service.weight for service in kinds]
    counts = collections.Counter[str]()
    while True:
        [kind] = dice.choices(kinds, weights)
        counts[kind.name] += 1
        yield dataclasses.replace(kind, name=f'{kind.name}{counts[kind.name]}')
