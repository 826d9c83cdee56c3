"""HTML pages in one file each, without external resources.

A content security policy allows no script but the page's own, whatever name
a tenant gives to an instance.
"""

import base64
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import functools
import gzip
import hashlib
from importlib import resources
from typing import Any

import jinja2
import markupsafe

from nfv_sched.model import cpu_list
from nfv_sched.render import formatting
from nfv_sched.render import heatmap
from nfv_sched.render import host_view
from nfv_sched.render import metrics
from nfv_sched.render import summary
from nfv_sched.render import svg
from nfv_sched.render import svg_canvas
from nfv_sched.render import trend_plot
from nfv_sched.render.log_reader import LoggedRejection
from nfv_sched.survey import HostSurvey
from nfv_sched.survey import Survey

_TEMPLATES = 'templates'
# Hosts in a column of the heat map where no failure domains are known.
_GROUP = 24
# Above this number of hosts the details of each are compressed until they
# are opened: they take 15 KB a host.
_MOST_PLAIN = 100
# The newest refused requests are listed, up to this number.
_MOST_REFUSED = 500


@dataclasses.dataclass(frozen=True, slots=True)
class PagedFinding:
    """What ``nfv-sched check`` finds about the instances of a host."""

    host: str
    verdict: str
    text: str
    fix: str


@dataclasses.dataclass(frozen=True, slots=True)
class PagedHost:
    """A host on a page; its anchor is made from ``number``, its place."""

    number: int
    view: host_view.HostView
    group: str | None
    drawing: markupsafe.Markup
    findings: tuple[PagedFinding, ...] = ()

    @property
    def width(self) -> int:
        """The number of NUMA nodes."""
        return len(self.view.cells)


@dataclasses.dataclass(frozen=True, slots=True)
class FlavorRoom:
    """How many more instances of a flavor fit, ``counts`` by host in order.

    ``limit`` is what runs out first. ``shape`` has the ports and image
    properties beside the flavor, with which ``running`` instances run.
    """

    name: str
    total: int
    counts: Sequence[int]
    limit: str = ''
    shape: str = ''
    running: int = 0


def topology(survey: Survey) -> str:
    """A page with the NUMA maps of the hosts of a survey."""
    hosts = _paged(survey.hosts)
    title = hosts[0].view.name if len(hosts) == 1 else 'NUMA maps'
    return _render('topology.html.j2', survey, hosts, title=title, large=False)


@dataclasses.dataclass(frozen=True, slots=True)
class ReportParts:
    """What a report has beside a survey.

    ``capacity`` is by flavor, with counts in the survey's order; ``findings``
    are about the instances of hosts. ``refusals`` is None where no log was
    read, ``trends`` of the last days where they are not asked for.
    """

    capacity: Sequence[FlavorRoom] = ()
    refusals: Sequence[LoggedRejection] | None = None
    findings: Sequence[PagedFinding] = ()
    trends: Sequence[trend_plot.Trend] | None = None


_NOTHING_MORE = ReportParts()


def report(
    survey: Survey,
    parts: ReportParts = _NOTHING_MORE,
    tell: Callable[[int, int], None] | None = None,
) -> str:
    """A page about a whole cloud.

    :param tell: called with the number of hosts drawn, and of all
    """
    trends, refusals = parts.trends, parts.refusals
    hosts = _paged(survey.hosts, parts.findings, tell)
    heat = heatmap.resources([host.view for host in hosts])
    table = summary.table(survey.hosts, [host.view for host in hosts])
    return _render(
        'report.html.j2',
        survey,
        hosts,
        title='NUMA report',
        tiles=list(_tiles(survey, hosts)),
        large=len(hosts) > _MOST_PLAIN,
        heat=heat,
        heat_data=[_heat_data(resource) for resource in heat],
        levels=heatmap.LEVELS,
        groups=_groups(hosts),
        columns=table.headings,
        rows=table.cells(),
        # Text columns come first, then figures.
        texts=table.headings.index('Enabled') + 1,
        capacity=list(parts.capacity),
        trends=None if trends is None else list(map(_drawn, trends)),
        refusals=None if refusals is None else refusals[:_MOST_REFUSED],
        older=max(0, len(refusals or ()) - _MOST_REFUSED),
    )


def _drawn(trend: trend_plot.Trend) -> tuple[str, markupsafe.Markup]:
    # The XML serializer has escaped all text.
    drawing = markupsafe.Markup(trend_plot.plot(trend))  # noqa: S704
    return formatting.printable(trend.title), drawing


def _paged(
    hosts: Sequence[HostSurvey],
    findings: Sequence[PagedFinding] = (),
    tell: Callable[[int, int], None] | None = None,
) -> list[PagedHost]:
    by_host: dict[str, list[PagedFinding]] = {}
    for finding in findings:
        by_host.setdefault(finding.host, []).append(finding)
    paged = []
    for number, host in enumerate(hosts):
        view = host_view.host_view(host)
        # The XML serializer has escaped all text.
        drawing = markupsafe.Markup(svg.drawing(view))  # noqa: S704
        own = tuple(by_host.get(host.host, ()))
        paged.append(PagedHost(number, view, _group(host), drawing, own))
        if tell is not None:
            tell(number + 1, len(hosts))
    return paged


def _group(host: HostSurvey) -> str | None:
    """The failure domain of the first kind that the operator named."""
    for kind, name in host.topology.domains.items():
        return formatting.printable(f'{kind} {name}')
    return None


def _groups(
    hosts: Sequence[PagedHost],
) -> list[tuple[str, Sequence[PagedHost]]]:
    """Hosts by failure domain, or in columns of a readable length."""
    shown = [host for host in hosts if host.width]
    groups: dict[str, list[PagedHost]] = {}
    for host in shown:
        if host.group:
            groups.setdefault(host.group, []).append(host)
    named = sorted(groups.items())
    rest = [host for host in shown if not host.group]
    title = 'in no failure domain' if named else 'hosts'
    loose = [
        (title, rest[start : start + _GROUP])
        for start in range(0, len(rest), _GROUP)
    ]
    return [*named, *loose]


def _heat_data(resource: heatmap.HeatmapRow) -> dict[str, Any]:
    return {
        'name': resource.name,
        'cells': [
            [
                [amount.free, amount.total, amount.level, amount.short]
                for amount in host
            ]
            for host in resource.amounts
        ],
    }


def _tiles(
    survey: Survey, hosts: Sequence[PagedHost]
) -> Iterator[tuple[str, str, str]]:
    off = sum(host.enabled is False for host in survey.hosts)
    figures = [metrics.host_metrics(host.view) for host in hosts]
    yield 'Hosts', str(len(hosts)), f'{off} disabled or down' if off else ''
    guests = [figure.guests for figure in figures]
    known = [count for count in guests if count is not None]
    coverage = f'on {len(known)} of {len(guests)} hosts'
    yield (
        'Instances',
        str(sum(known)) if known or not guests else '?',
        coverage if len(known) < len(guests) else '',
    )
    cpus = sum(figure.cpus for figure in figures)
    if findings := sum(len(host.findings) for host in hosts):
        yield 'Findings about instances', str(findings), ''
    yield (
        'Free dedicated CPUs',
        str(sum(figure.free_cpus for figure in figures)),
        f'of {cpus}',
    )
    sizes = {size for figure in figures for size in figure.pages}
    for size in sorted(sizes, reverse=True):
        pages = [figure.pages.get(size, (0, 0)) for figure in figures]
        yield (
            f'Free pages of {formatting.size_name(size)}',
            str(sum(free for free, _ in pages)),
            f'of {sum(usable for _, usable in pages)}',
        )
    if devices := sum(figure.devices for figure in figures):
        free = sum(figure.free_devices for figure in figures)
        yield 'Free devices', str(free), f'of {devices}'
        stranded = sum(figure.stranded for figure in figures)
        yield (
            'Stranded devices',
            str(stranded),
            f'{100 * stranded // free} % of free devices' if free else '',
        )


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader('nfv_sched.render', _TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        address=formatting.address_name,
        memory=formatting.memory_name,
        packed=_packed,
        ranges=cpu_list.ranges,
        size=formatting.size_name,
    )
    return environment


def _packed(markup: str) -> str:
    """Compress a part of a page, which the page's script expands."""
    data = gzip.compress(markup.encode(), mtime=0)
    return base64.b64encode(data).decode()


def _inlined(name: str) -> markupsafe.Markup:
    """A style or script of the package: safe, unlike data from a cloud."""
    folder = resources.files(__package__).joinpath(_TEMPLATES)
    return markupsafe.Markup(folder.joinpath(name).read_text())  # noqa: S704


def _render(
    template: str, survey: Survey, hosts: Sequence[PagedHost], **values: Any
) -> str:
    script = _inlined('script.js')
    digest = hashlib.sha256(script.encode()).digest()
    page = _environment().get_template(template)
    return page.render(
        script=script,
        script_hash=f'sha256-{base64.b64encode(digest).decode()}',
        style=_inlined('style.css') + markupsafe.Markup(svg_canvas.STYLE),  # noqa: S704
        hosts=hosts,
        source=survey.source.value,
        taken=f'{survey.taken:%Y-%m-%d %H:%M %Z}',
        problems=list(map(formatting.printable, survey.problems)),
        unknown=list(survey.unknown),
        **values,
    )
