"""A plan: steps in order, each of which is known to succeed."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import enum


class Method(enum.StrEnum):
    """The way in which a step puts an instance onto a host."""

    LIVE = 'live migration'
    COLD = 'cold migration'
    EVACUATION = 'evacuation'
    BOOT = 'boot'


@dataclasses.dataclass(frozen=True, slots=True)
class PredictedNode:
    """What the claim takes of one NUMA node of the destination.

    ``cpus`` are host CPUs that are used exclusively; memory is MiB.
    ``page_size_kib`` is None where no page size is asked.
    """

    guest_node: int
    node: int
    cpus: tuple[int, ...]
    memory_mib: int
    page_size_kib: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class PredictedDevices:
    """``count`` devices that the claim takes.

    ``address`` is the PCI address of their physical function, None where
    nova-compute does not report it.
    """

    vendor_id: str
    product_id: str
    dev_type: str | None
    numa_node: int | None
    address: str | None
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class PredictedClaim:
    """The predicted claim on the destination."""

    nodes: tuple[PredictedNode, ...] = ()
    devices: tuple[PredictedDevices, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One instance that gets onto one host.

    ``instance`` is the uuid, None for one that is booted; ``source`` is None
    then, too. ``memory_mib`` is what is copied, by live migrations only.
    ``after`` has the numbers of the steps that have to be done before this
    one, since they make its room, without those that they wait for
    themselves.
    """

    number: int
    method: Method
    instance: str | None
    name: str
    flavor: str
    source: str | None
    destination: str
    predicted: PredictedClaim
    memory_mib: int
    after: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Unplaced:
    """An instance that the plan does not place.

    ``host`` is where it is, None for one that would be booted; ``short`` is
    what most hosts lack, ``why`` the reason as a sentence.
    """

    instance: str | None
    name: str
    flavor: str
    host: str | None
    short: str
    why: str


@dataclasses.dataclass(frozen=True, slots=True)
class ShapeRoom:
    """Room for instances of an expected shape, before a plan and after it.

    ``share`` is how many of all expected instances are of this shape.
    """

    name: str
    share: float
    before: int
    after: int


@dataclasses.dataclass(frozen=True, slots=True)
class Regained:
    """The room that a plan regains, as a part of all room before it.

    At the prices of the weighers. ``at_most`` is a bound on what a plan of
    this kind can regain, as far as it was proved.
    """

    value: float
    at_most: float | None
    shapes: tuple[ShapeRoom, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Released:
    """The hosts that a plan empties, of all.

    ``at_most`` is a bound on how many a plan of this kind can empty, as far
    as it was proved.
    """

    hosts: tuple[str, ...]
    of: int
    at_most: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are made.

    Each is valid in the state that the steps before it leave. ``unplaced``
    are the instances that find no host; ``at_most`` is a bound on how many
    of those that were to be placed can be, as far as it was proved.
    ``lost_without`` are those that find no host if the steps are not made
    before hosts are lost. ``regained`` is the room for which instances move,
    ``released`` are the hosts that they leave for that.
    ``notes`` say what else to know.
    """

    steps: tuple[Step, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()
    at_most: int | None = None
    lost_without: tuple[Unplaced, ...] = ()
    regained: Regained | None = None
    released: Released | None = None
    notes: tuple[str, ...] = ()

    def on_services(self, names: Mapping[str, str]) -> 'Plan':
        """The plan with the names of compute services, as Nova's API has them.

        :param names: of the services, by name of the compute node
        """
        return dataclasses.replace(
            self,
            steps=tuple(
                dataclasses.replace(
                    step,
                    source=step.source and names.get(step.source, step.source),
                    destination=names.get(step.destination, step.destination),
                )
                for step in self.steps
            ),
            unplaced=_on_services(self.unplaced, names),
            lost_without=_on_services(self.lost_without, names),
            released=self.released
            and dataclasses.replace(
                self.released,
                hosts=tuple(
                    names.get(host, host) for host in self.released.hosts
                ),
            ),
        )

    @property
    def is_complete(self) -> bool:
        """Whether every instance that was to be placed is."""
        return not self.unplaced

    @property
    def memory_mib(self) -> int:
        """The memory that all steps copy."""
        return sum(step.memory_mib for step in self.steps)

    def transfer_seconds(self, gbit_per_s: float) -> float:
        """The time that copying the memory once takes, one after another.

        Pages that the instance dirties meanwhile are copied again: it is the
        least that a live migration takes.
        """
        return self.memory_mib * 2**20 * 8 / (gbit_per_s * 1e9)


def _on_services(
    unplaced: Sequence[Unplaced], names: Mapping[str, str]
) -> tuple[Unplaced, ...]:
    return tuple(
        dataclasses.replace(
            each, host=each.host and names.get(each.host, each.host)
        )
        for each in unplaced
    )
