"""A table of hosts with their figures."""

from collections.abc import Sequence
import dataclasses

from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import Table
from nfv_sched.render import host_view
from nfv_sched.render import metrics
from nfv_sched.render.formatting import printable
from nfv_sched.render.formatting import size_name
from nfv_sched.survey import HostSurvey
from nfv_sched.survey import Survey


@dataclasses.dataclass(frozen=True, slots=True)
class HostFigures:
    """A host with its figures."""

    survey: HostSurvey
    name: str
    figures: metrics.HostMetrics


def summary(survey: Survey) -> Table[HostFigures]:
    """The table of a survey, as :func:`table` returns it."""
    return table(survey.hosts, list(map(host_view.host_view, survey.hosts)))


def table(
    surveyed: Sequence[HostSurvey], hosts: Sequence[host_view.HostView]
) -> Table[HostFigures]:
    """One row per host.

    For people each size of huge pages and each kind of failure domain of any
    host has columns of its own. Fragmentation is in percent.
    """
    rows = [
        HostFigures(host, view.name, metrics.host_metrics(view))
        for host, view in zip(surveyed, hosts, strict=True)
    ]
    sizes = sorted({size for row in rows for size in row.figures.pages})
    kinds = sorted(
        {kind for host in surveyed for kind in host.topology.domains}
    )
    columns = (
        _NAME,
        *map(_of_kind, kinds),
        *_BEFORE_PAGES,
        *(column for size in sizes for column in _of_size(size)),
        *_AFTER_PAGES,
    )
    return Table('summary', columns, rows)


_NAME = Column[HostFigures](
    'host', 'Host', lambda row: row.survey.host, lambda row: row.name
)
_BEFORE_PAGES = (
    Column[HostFigures](
        'failure_domains', '', lambda row: dict(row.survey.topology.domains)
    ),
    Column[HostFigures]('enabled', 'Enabled', lambda row: row.survey.enabled),
    Column[HostFigures](
        'instances', 'Instances', lambda row: row.figures.guests
    ),
    Column[HostFigures](
        'free_cpus', 'Free CPUs', lambda row: row.figures.free_cpus
    ),
    Column[HostFigures]('cpus', 'CPUs', lambda row: row.figures.cpus),
    Column[HostFigures](
        'broken_cores', 'Broken Cores', lambda row: row.figures.broken_cores
    ),
    Column[HostFigures](
        'huge_pages',
        '',
        lambda row: [
            {'size_kib': size, 'free': free, 'usable': usable}
            for size, (free, usable) in sorted(row.figures.pages.items())
        ],
    ),
)
_AFTER_PAGES = (
    Column[HostFigures](
        'free_devices', 'Free Devices', lambda row: row.figures.free_devices
    ),
    Column[HostFigures]('devices', 'Devices', lambda row: row.figures.devices),
    Column[HostFigures](
        'stranded_devices', 'Stranded', lambda row: row.figures.stranded
    ),
    Column[HostFigures](
        'fragmentation_percent',
        'Fragmentation',
        lambda row: round(100 * row.figures.fragmentation),
    ),
)


def _of_kind(kind: str) -> Column[HostFigures]:
    """The failure domain of a kind, for people."""
    return Column(
        '',
        printable(kind).capitalize(),
        lambda row: row.survey.topology.domains.get(kind),
    )


def _of_size(size: int) -> tuple[Column[HostFigures], ...]:
    """Free and all pages of a size, for people."""
    name = size_name(size)
    return (
        Column(
            '',
            f'Free {name}',
            lambda row: row.figures.pages.get(size, (0, 0))[0],
        ),
        Column('', name, lambda row: row.figures.pages.get(size, (0, 0))[1]),
    )
