"""Free and total amounts of a host, NUMA node by NUMA node: plain values."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses

from nfv_sched.render import metrics
from nfv_sched.render.device_view import PoolView
from nfv_sched.render.host_view import host_view
from nfv_sched.survey.values import HostSurvey


@dataclasses.dataclass(frozen=True, slots=True)
class FreeAndTotal:
    """How many there are, and how many of them are free."""

    total: int = 0
    free: int = 0

    def __add__(self, other: 'FreeAndTotal') -> 'FreeAndTotal':
        return FreeAndTotal(self.total + other.total, self.free + other.free)


#: Devices of one kind (VF, PF, ...) on one physical network, or of one
#: vendor and product without one.
DeviceKey = tuple[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class NodeAmounts:
    """One NUMA node; ``cpus`` are dedicated CPUs, ``pages`` are by KiB.

    Reserved pages are not counted. ``id`` is None for devices that are on no
    NUMA node.
    """

    id: int | None
    cpus: FreeAndTotal
    pages: Mapping[int, FreeAndTotal]
    devices: Mapping[DeviceKey, FreeAndTotal]


@dataclasses.dataclass(frozen=True, slots=True)
class HostAmounts:
    """One host; ``fragmentation`` is from 0 to 1.

    ``instances`` is None where they are not known.
    """

    nodes: tuple[NodeAmounts, ...]
    instances: int | None
    stranded: int
    fragmentation: float


def host_amounts(host: HostSurvey) -> HostAmounts:
    """The figures of a host as it was surveyed."""
    view = host_view(host)
    figures = metrics.host_metrics(view)
    nodes = [
        NodeAmounts(
            cell.id,
            FreeAndTotal(cell.dedicated, max(0, cell.free)),
            {
                pool.size_kib: FreeAndTotal(pool.usable, max(0, pool.free))
                for pool in cell.pages
                if pool.usable > 0
            },
            _devices(cell.pools),
        )
        for cell in view.cells
    ]
    if view.pools:
        nodes.append(
            NodeAmounts(None, FreeAndTotal(), {}, _devices(view.pools))
        )
    return HostAmounts(
        tuple(nodes),
        figures.guests,
        figures.stranded,
        figures.fragmentation,
    )


def _devices(pools: Iterable[PoolView]) -> dict[DeviceKey, FreeAndTotal]:
    found: dict[DeviceKey, FreeAndTotal] = {}
    for pool in pools:
        key = pool.kind, pool.label
        found[key] = found.get(key, FreeAndTotal()) + FreeAndTotal(
            pool.total, pool.free
        )
    return found
