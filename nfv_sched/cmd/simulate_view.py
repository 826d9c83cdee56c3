"""Run and output of ``nfv-sched simulate``.

Separate from the command, because it needs the extra ``nfv-sched[demo]``.
"""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import pathlib
import time
from typing import Any

from rich import box
from rich.console import Console
from rich.console import Group
from rich.console import RenderableType
from rich.rule import Rule
from rich.style import Style
from rich.table import Table
from rich.text import Text

from nfv_sched.cmd import demo_tables
from nfv_sched.cmd import rich_console
from nfv_sched.placement import publisher
from nfv_sched.placement.client import PlacementClient
from nfv_sched.render import host_view
from nfv_sched.render import metrics
from nfv_sched.render import page
from nfv_sched.render import usage_plot
from nfv_sched.render.formatting import size_name
from nfv_sched.scenario import loader
from nfv_sched.scenario import recorder
from nfv_sched.scenario.run import Event
from nfv_sched.scenario.run import EventKind
from nfv_sched.scenario.run import FAILURES
from nfv_sched.scenario.run import RejectionExplained
from nfv_sched.scenario.run import ScenarioRun
from nfv_sched.scenario.values import BootStep
from nfv_sched.scenario.values import MixStep
from nfv_sched.scenario.values import Scenario
from nfv_sched.sim import topology_reader
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched.survey import nova as nova_survey
from nfv_sched.survey import Survey

_DIM = Style(dim=True)
_MOST_REASONS = 12


@dataclasses.dataclass(frozen=True, slots=True)
class SimulationResult:
    """A scenario after its run, and a survey of the cloud at the end."""

    scenario: Scenario
    run: ScenarioRun
    survey: Survey
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether any instance has no host."""
        return any(event.kind in FAILURES for event in self.run.events)

    def rows(self) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """All events as a table."""
        columns = (
            'Step',
            'Instance',
            'Flavor',
            'Fate',
            'Host',
            'Before',
            'Error',
        )
        return columns, [
            (
                event.step + 1,
                event.instance,
                event.flavor,
                event.kind.value,
                event.host,
                event.before,
                event.error or None,
            )
            for event in self.run.events
        ]

    def plot(self) -> str:
        """The used shares after each event as SVG."""
        title = self.scenario.about or 'Scenario'
        return usage_plot.usage(
            title,
            [event.used for event in self.run.events],
            list(self._plot_steps()),
        )

    def _plot_steps(self) -> Iterator[usage_plot.PlotStep]:
        events = self.run.events
        for number, step in enumerate(self.scenario.steps):
            here = [n for n, e in enumerate(events) if e.step == number]
            if here:
                failed = [n for n in here if events[n].kind in FAILURES]
                yield usage_plot.PlotStep(str(step), here[0], failed)

    def page(self) -> str:
        """A page about the cloud at the end."""
        return page.report(self.survey)

    def requests(self) -> str:
        """The requests as JSON lines."""
        return ''.join(map(recorder.line, self.run.requests))


def simulate(file: pathlib.Path, console: Console) -> SimulationResult:
    """Run a scenario, with a progress bar on the console.

    :raises nfv_sched.scenario.loader.ScenarioError: it is invalid
    """
    begin = time.perf_counter()
    scenario = loader.read(file)
    options = {
        'nfv_sched.failure_domains': list(scenario.kinds),
        **scenario.options,
    }
    with simulated_cloud(
        scenario.scheduler, aliases=scenario.aliases, options=options
    ) as cloud:
        run = ScenarioRun(cloud, scenario)
        with rich_console.progress(console) as progress:
            hosts = len(scenario.hosts)
            task = progress.add_task('hosts', total=hosts, now='')
            for name in run.start_hosts():
                progress.update(task, advance=1, now=name)
            publisher.publish(
                PlacementClient(cloud.placement), cloud.topologies()
            )
            task = progress.add_task(
                'events', total=_expected_events(scenario), now=''
            )
            with topology_reader.read_published_topology(cloud):
                for event in run.play():
                    now = f'{event.instance}: {event.host or event.kind.value}'
                    progress.update(task, advance=1, now=now)
        survey = nova_survey.read(scenario.kinds)
    return SimulationResult(scenario, run, survey, time.perf_counter() - begin)


def _expected_events(scenario: Scenario) -> int:
    """A lower bound of the number of events."""
    return sum(
        step.count
        for step in scenario.steps
        if isinstance(step, BootStep | MixStep)
    )


def show(result: SimulationResult, console: Console) -> None:
    """Print what happened to the instances."""
    if result.scenario.about:
        console.print(Text(result.scenario.about, Style(bold=True)))
    console.print(Rule('Step by step', align='left'))
    console.print(_steps(result))
    console.print(Rule('Flavor by flavor', align='left'))
    console.print(_flavors(result.run.events))
    if result.run.whys:
        console.print(Rule('Instances without a host', align='left'))
        for why in result.run.whys[:_MOST_REASONS]:
            console.print(Text(f'step {why.step + 1}', _DIM))
            console.print(_rejection(why))
        more = len(result.run.whys) - _MOST_REASONS
        if more > 0:
            console.print(Text(f'and {more} more', _DIM))
    _errors(result.run.events, console)
    console.print(Rule('Hosts at the end', align='left'))
    console.print(_hosts(result))
    _summary(result, console)


def _rejection(why: RejectionExplained) -> RenderableType:
    """Why no host accepts an instance, or all of one request."""
    if why.explanation.conditions:
        reasons = demo_tables.rejection_table(why.instance, why.explanation)
    else:
        reasons = Text(why.instance.name, Style(bold=True))
    return Group(reasons, Text(why.note)) if why.note else reasons


def _errors(events: Sequence[Event], console: Console) -> None:
    """Print requests that Nova refused as such, and failed claims."""
    counts = Counter(
        (event.flavor, event.error)
        for event in events
        if event.kind in (EventKind.IMPOSSIBLE, EventKind.CLAIM_FAILED)
    )
    if not counts:
        return
    console.print(Rule('Refused by Nova, and failed claims', align='left'))
    table = _table('flavor', 'error', 'instances', figures=1)
    for (flavor, error), count in counts.most_common():
        table.add_row(Text(flavor), Text(error), str(count))
    console.print(table)


def _table(*columns: str, figures: int) -> Table:
    """An empty table whose last columns are figures."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    texts = len(columns) - figures
    for place, name in enumerate(columns):
        table.add_column(
            Text(name), justify='left' if place < texts else 'right'
        )
    return table


def _steps(result: SimulationResult) -> Table:
    table = _table(
        'step',
        'action',
        'placed',
        'refused',
        'moved',
        'lost',
        'deleted',
        figures=5,
    )
    for number, step in enumerate(result.scenario.steps):
        counts = Counter(
            event.kind for event in result.run.events if event.step == number
        )
        table.add_row(
            str(number + 1),
            # Names and patterns are not markup.
            Text(str(step)),
            *(
                _figure(count)
                for count in (
                    counts[EventKind.PLACED],
                    _refused(counts),
                    counts[EventKind.MOVED],
                    counts[EventKind.LOST],
                    counts[EventKind.DELETED],
                )
            ),
        )
    return table


def _refused(counts: Counter[EventKind]) -> int:
    return (
        counts[EventKind.REFUSED]
        + counts[EventKind.CLAIM_FAILED]
        + counts[EventKind.IMPOSSIBLE]
    )


def _figure(count: int) -> Text:
    return Text(str(count)) if count else Text('-', _DIM)


def _flavors(events: Sequence[Event]) -> Table:
    table = _table(
        'flavor', 'requested', 'placed', 'refused', 'moved', 'lost', figures=5
    )
    by_flavor: dict[str, Counter[EventKind]] = {}
    for event in events:
        by_flavor.setdefault(event.flavor, Counter())[event.kind] += 1
    for name, counts in sorted(by_flavor.items()):
        refused = _refused(counts)
        table.add_row(
            Text(name),
            *(
                _figure(count)
                for count in (
                    counts[EventKind.PLACED] + refused,
                    counts[EventKind.PLACED],
                    refused,
                    counts[EventKind.MOVED],
                    counts[EventKind.LOST],
                )
            ),
        )
    return table


def _hosts(result: SimulationResult) -> Table:
    hosts = [host_view.host_view(host) for host in result.survey.hosts]
    figures = [metrics.host_metrics(host) for host in hosts]
    sizes = sorted(
        {
            size
            for host_figures in figures
            for size, (_, usable) in host_figures.pages.items()
            if usable and size > metrics.SMALL_PAGE_KIB
        }
    )
    table = _table(
        'host',
        *result.scenario.kinds,
        'instances',
        'free CPUs',
        *(f'free {size_name(size)}' for size in sizes),
        'free devices',
        'stranded',
        'fragmentation',
        figures=5 + len(sizes),
    )
    for host, view, host_figures in zip(
        result.survey.hosts, hosts, figures, strict=True
    ):
        off = ' (lost)' if host.host in result.run.lost else ''
        domains = host.topology.domains
        table.add_row(
            Text(view.name).append(off, _DIM),
            *(Text(domains.get(kind, '-')) for kind in result.scenario.kinds),
            _figure(host_figures.guests or 0),
            f'{host_figures.free_cpus}/{host_figures.cpus}',
            *(_pages(host_figures.pages.get(size, (0, 0))) for size in sizes),
            _pages((host_figures.free_devices, host_figures.devices)),
            _figure(host_figures.stranded),
            f'{100 * host_figures.fragmentation:.0f} %',
        )
    return table


def _pages(amount: tuple[int, int]) -> Text:
    free, usable = amount
    return Text(f'{free}/{usable}') if usable else Text('-', _DIM)


def _count_noun(count: int, what: str) -> str:
    return f'{count} {what}{"s" * (count != 1)}'


def _summary(result: SimulationResult, console: Console) -> None:
    counts = Counter(event.kind for event in result.run.events)
    running = (
        counts[EventKind.PLACED]
        - counts[EventKind.DELETED]
        - counts[EventKind.LOST]
    )
    failed = sum(counts[kind] for kind in FAILURES)
    lost = f', {len(result.run.lost)} of them lost' if result.run.lost else ''
    console.print(
        f'{_count_noun(len(result.scenario.hosts), "host")}{lost}; '
        f'{_count_noun(running, "instance")} at the end, '
        f'{failed} without a host, '
        f'{_count_noun(counts[EventKind.CLAIM_FAILED], "failed claim")}; '
        f'{result.seconds:.0f} s',
        highlight=False,
    )
