"""What the exporter knows of a cloud: plain values, replaced pass by pass."""

from collections.abc import Mapping
import dataclasses
import enum

from nfv_sched.capacity.count import Capacity
from nfv_sched.capacity.count import HostCount
from nfv_sched.exporter.free_amounts import HostAmounts
from nfv_sched.exporter.requests import RequestKey
from nfv_sched.nova.host_changes import ScannedHost
from nfv_sched.placement.snapshot import ReaderCounters


class Published(enum.StrEnum):
    """Whether the published topology of a host can be used."""

    AGREES = 'agrees'
    DRIFTED = 'drifted'
    UNPUBLISHED = 'unpublished'


@dataclasses.dataclass(frozen=True, slots=True)
class HostRecord:
    """One compute node as it was counted last.

    ``figures`` and ``published`` are None where its record could not be read.
    """

    scanned: ScannedHost
    counts: Mapping[RequestKey, HostCount]
    figures: HostAmounts | None = None
    published: Published | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class LossResult:
    """What becomes of the instances of a failure domain once it is lost.

    ``at`` is when it was computed, in seconds since the epoch.
    """

    instances: int
    unplaced: int
    at: float


@dataclasses.dataclass(frozen=True, slots=True)
class CloudState:
    """All hosts by name.

    ``public`` says of each request whether its flavor is public; ``losses``
    are by kind and name of a failure domain; ``trees`` are the reader's
    counters.
    """

    hosts: Mapping[str, HostRecord] = dataclasses.field(default_factory=dict)
    public: Mapping[RequestKey, bool] = dataclasses.field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    losses: Mapping[tuple[str, str], LossResult] = dataclasses.field(
        default_factory=dict
    )
    trees: ReaderCounters = dataclasses.field(default_factory=ReaderCounters)

    def capacity(self, key: RequestKey) -> Capacity:
        """The counts of a request, as ``nfv-sched capacity`` has them."""
        counts = [
            record.counts[key]
            for record in self.hosts.values()
            if key in record.counts
        ]
        counts.sort(key=lambda count: count.host)
        return Capacity(tuple(counts))
