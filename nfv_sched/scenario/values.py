"""Scenarios as values: hosts, and the steps to run on them."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import fnmatch
from typing import Any

from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.machine import Machine
from nfv_sched.sim.settings import NFV
from nfv_sched.sim.settings import Profile


@dataclasses.dataclass(frozen=True, slots=True)
class PlannedHost:
    """A host; ``domains`` maps kinds of failure domains to names."""

    name: str
    machine: Machine
    domains: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class PlannedGroup:
    """A server group with the parameters of Nova's API."""

    name: str
    policy: str
    max_per_host: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class BootStep:
    """Boot ``count`` instances, one after another or in one request.

    ``name`` is the instances' name, with a number if there are several.
    ``hints`` may have names of instances and groups instead of uuids.
    """

    flavor: SimulatedFlavor
    count: int = 1
    name: str = ''
    group: PlannedGroup | None = None
    hints: Mapping[str, Sequence[str]] = dataclasses.field(
        default_factory=dict
    )
    image: Mapping[str, str] = dataclasses.field(default_factory=dict)
    together: bool = False

    def __str__(self) -> str:
        times = f'{self.count} x ' if self.count > 1 else ''
        return f'boot {times}{self.flavor.name}'


@dataclasses.dataclass(frozen=True, slots=True)
class MixStep:
    """Boot ``count`` instances of several flavors in a random order.

    ``boots`` are boots of one instance each, with their weights. The same
    seed gives the same order.
    """

    boots: tuple[tuple[BootStep, int], ...]
    count: int
    seed: int = 1

    def __str__(self) -> str:
        return f'boot a mix of {self.count}'


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteStep:
    """Delete instances, oldest first.

    :param guests: shell patterns of their names
    :param count: at most this number; None for all
    """

    guests: tuple[str, ...]
    count: int | None = None

    def __str__(self) -> str:
        return f'delete {" ".join(self.guests)}'


@dataclasses.dataclass(frozen=True, slots=True)
class _HostsStep:
    """A step for some hosts.

    :param kind: ``host``, or a kind of failure domain
    :param name: of the host or domain, or a shell pattern
    """

    kind: str
    name: str

    def hits(self, host: PlannedHost) -> bool:
        """Whether a host is among them."""
        here = host.domains.get(self.kind, '')
        name = host.name if self.kind == 'host' else here
        return fnmatch.fnmatchcase(name, self.name)


@dataclasses.dataclass(frozen=True, slots=True)
class LoseStep(_HostsStep):
    """Lose hosts; their instances are booted on other hosts."""

    def __str__(self) -> str:
        return f'lose {self.kind} {self.name}'


@dataclasses.dataclass(frozen=True, slots=True)
class DrainStep(_HostsStep):
    """Disable hosts, and migrate their instances as a plan says."""

    def __str__(self) -> str:
        return f'drain {self.kind} {self.name}'


Step = BootStep | MixStep | DeleteStep | LoseStep | DrainStep


@dataclasses.dataclass(frozen=True, slots=True)
class Scenario:
    """A cloud, and the steps to run on it.

    ``options`` are Nova's, named ``option`` or ``group.option``.
    """

    about: str
    hosts: tuple[PlannedHost, ...]
    steps: tuple[Step, ...]
    aliases: tuple[Mapping[str, str], ...] = ()
    scheduler: Profile = NFV
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def kinds(self) -> tuple[str, ...]:
        """All kinds of failure domains, in order of appearance."""
        return tuple(
            dict.fromkeys(kind for host in self.hosts for kind in host.domains)
        )
