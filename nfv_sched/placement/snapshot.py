"""The reader's state at one moment."""

from collections.abc import Mapping
import dataclasses
import time
from types import MappingProxyType

from nfv_sched.model import HostTopology


@dataclasses.dataclass(frozen=True, slots=True)
class ReaderCounters:
    """The numbers of trees by state, and of failed refreshes.

    ``read`` hosts have a topology; ``incomplete``, ``unknown`` and
    ``corrupt`` trees are not used; ``truncated`` trees were missing from bulk
    answers and too many to read singly. ``errors`` counts the refreshes that
    failed since the reader began, ``failing`` those since the last one that
    succeeded.
    """

    read: int = 0
    incomplete: int = 0
    unknown: int = 0
    corrupt: int = 0
    truncated: int = 0
    errors: int = 0
    failing: int = 0

    def __str__(self) -> str:
        return (
            f'{self.read} read, {self.incomplete} incomplete, '
            f'{self.unknown} unknown, {self.corrupt} corrupt, '
            f'{self.truncated} truncated; {self.errors} failed refreshes'
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Snapshot:
    """Every host's topology by compute node uuid, as of ``taken``.

    ``bad`` says by provider name why a tree is not among ``hosts``.
    ``taken`` is the ``time.monotonic()`` of the last refresh that succeeded,
    None before the first. A host's usage is as old as the last read of its
    tree, which only a change of its hardware causes.
    """

    hosts: Mapping[str, HostTopology] = dataclasses.field(
        default_factory=lambda: MappingProxyType({})
    )
    bad: Mapping[str, str] = dataclasses.field(
        default_factory=lambda: MappingProxyType({})
    )
    counters: ReaderCounters = dataclasses.field(
        default_factory=ReaderCounters
    )
    taken: float | None = None

    @property
    def age(self) -> float | None:
        """Seconds since ``taken``, None before the first refresh."""
        return None if self.taken is None else time.monotonic() - self.taken

    def get(self, compute_uuid: str) -> HostTopology | None:
        """The topology of a compute node, None if it is unpublished."""
        return self.hosts.get(compute_uuid)
