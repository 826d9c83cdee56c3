"""A table of hosts with their figures."""

from collections.abc import Sequence
from typing import Any

from nfv_sched.render import host_view
from nfv_sched.render import metrics
from nfv_sched.render.formatting import printable
from nfv_sched.render.formatting import size_name
from nfv_sched.render.metrics import SMALL_PAGE_KIB
from nfv_sched.survey import HostSurvey
from nfv_sched.survey import Survey

Row = tuple[Any, ...]


def summary(survey: Survey) -> tuple[tuple[str, ...], list[Row]]:
    """The table of a survey, as :func:`table` returns it."""
    return table(survey.hosts, list(map(host_view.host_view, survey.hosts)))


def table(
    surveyed: Sequence[HostSurvey], hosts: Sequence[host_view.HostView]
) -> tuple[tuple[str, ...], list[Row]]:
    """Columns, and one row per host; None is an unknown value.

    Each size of huge pages and each kind of failure domain of any host has
    columns of its own. Fragmentation is in percent.
    """
    figures = [metrics.host_metrics(host) for host in hosts]
    sizes = sorted(
        {
            size
            for figure in figures
            for size in figure.pages
            if size > SMALL_PAGE_KIB
        }
    )
    kinds = sorted(
        {kind for host in surveyed for kind in host.topology.domains}
    )
    columns = (
        'Host',
        *(printable(kind).capitalize() for kind in kinds),
        'Enabled',
        'Instances',
        'Free CPUs',
        'CPUs',
        'Broken Cores',
        *(
            name
            for size in sizes
            for name in (f'Free {size_name(size)}', size_name(size))
        ),
        'Free Devices',
        'Devices',
        'Stranded',
        'Fragmentation',
    )
    rows = []
    for host, view, figure in zip(surveyed, hosts, figures, strict=True):
        rows.append(
            (
                view.name,
                *(_domain(host.topology.domains.get(kind)) for kind in kinds),
                host.enabled,
                *_figures(figure, sizes),
            )
        )
    return columns, rows


def _domain(name: str | None) -> str | None:
    return None if name is None else printable(name)


def _figures(figure: metrics.HostMetrics, sizes: Sequence[int]) -> Row:
    return (
        figure.guests,
        figure.free_cpus,
        figure.cpus,
        figure.broken_cores,
        *(count for size in sizes for count in figure.pages.get(size, (0, 0))),
        figure.free_devices,
        figure.devices,
        figure.stranded,
        round(100 * figure.fragmentation),
    )
