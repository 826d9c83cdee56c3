"""What ``nfv-sched simulate`` plays and shows.

Apart from the command, since it needs the extra ``nfv-sched[demo]``.
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
    """A scenario that was played, and the cloud as it is at the end."""

    scenario: Scenario
    run: ScenarioRun
    survey: Survey
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether any guest found no host."""
        return any(event.fate in FAILURES for event in self.run.events)

    def rows(self) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return all events as a table."""
        columns = (
            'Step',
            'Guest',
            'Flavor',
            'Fate',
            'Host',
            'Before',
            'Error',
        )
        return columns, [
            (
                event.step + 1,
                event.guest,
                event.flavor,
                event.fate.value,
                event.host,
                event.before,
                event.error or None,
            )
            for event in self.run.events
        ]

    def drawn(self) -> str:
        """Return what was in use after each event as SVG."""
        title = self.scenario.about or 'Scenario'
        return usage_plot.usage(
            title,
            [event.used for event in self.run.events],
            list(self._plotted()),
        )

    def _plotted(self) -> Iterator[usage_plot.PlotStep]:
        events = self.run.events
        for number, step in enumerate(self.scenario.steps):
            here = [n for n, one in enumerate(events) if one.step == number]
            if here:
                failed = [n for n in here if events[n].fate in FAILURES]
                yield usage_plot.PlotStep(str(step), here[0], failed)

    def paged(self) -> str:
        """Return a page about the cloud at the end."""
        return page.report(self.survey)

    def recorded(self) -> str:
        """Return the requests as JSON lines."""
        return ''.join(map(recorder.line, self.run.requests))


def simulate(file: pathlib.Path, console: Console) -> SimulationResult:
    """Play a scenario; tells on the console how far it is.

    :raises nfv_sched.scenario.yaml_source.ScenarioError: it makes no sense
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
                    now = f'{event.guest}: {event.host or event.fate.value}'
                    progress.update(task, advance=1, now=now)
        survey = nova_survey.read(scenario.kinds)
    return SimulationResult(scenario, run, survey, time.perf_counter() - begin)


def _expected_events(scenario: Scenario) -> int:
    """How many events there will be at least."""
    return sum(
        step.count
        for step in scenario.steps
        if isinstance(step, BootStep | MixStep)
    )


def show(played: SimulationResult, console: Console) -> None:
    """Tell what became of the guests."""
    if played.scenario.about:
        console.print(Text(played.scenario.about, Style(bold=True)))
    console.print(Rule('Step by step', align='left'))
    console.print(_steps(played))
    console.print(Rule('Flavor by flavor', align='left'))
    console.print(_flavors(played.run.events))
    if played.run.whys:
        console.print(Rule('Guests that found no host', align='left'))
        for why in played.run.whys[:_MOST_REASONS]:
            console.print(Text(f'step {why.step + 1}', _DIM))
            console.print(_refusal(why))
        more = len(played.run.whys) - _MOST_REASONS
        if more > 0:
            console.print(Text(f'and {more} more', _DIM))
    _errors(played.run.events, console)
    console.print(Rule('Hosts at the end', align='left'))
    console.print(_hosts(played))
    _summary(played, console)


def _refusal(why: RejectionExplained) -> RenderableType:
    """Return why no host took a guest, or not all that came with it."""
    if why.explanation.conditions:
        told = demo_tables.rejection_table(why.guest, why.explanation)
    else:
        told = Text(why.guest.name, Style(bold=True))
    return Group(told, Text(why.note)) if why.note else told


def _errors(events: Sequence[Event], console: Console) -> None:
    """Tell what Nova itself had against requests, and failed claims."""
    found = Counter(
        (event.flavor, event.error)
        for event in events
        if event.fate in (EventKind.IMPOSSIBLE, EventKind.CLAIM_FAILED)
    )
    if not found:
        return
    console.print(Rule('Refused by Nova, and failed claims', align='left'))
    table = _table('flavor', 'error', 'guests', figures=1)
    for (flavor, error), count in found.most_common():
        table.add_row(Text(flavor), Text(error), str(count))
    console.print(table)


def _table(*columns: str, figures: int) -> Table:
    """Return an empty table whose last columns are figures."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    words = len(columns) - figures
    for place, name in enumerate(columns):
        table.add_column(
            Text(name), justify='left' if place < words else 'right'
        )
    return table


def _steps(played: SimulationResult) -> Table:
    table = _table(
        'step',
        'what',
        'placed',
        'refused',
        'moved',
        'lost',
        'deleted',
        figures=5,
    )
    for number, step in enumerate(played.scenario.steps):
        found = Counter(
            event.fate for event in played.run.events if event.step == number
        )
        refused = sum(
            found[fate]
            for fate in (
                EventKind.REFUSED,
                EventKind.CLAIM_FAILED,
                EventKind.IMPOSSIBLE,
            )
        )
        table.add_row(
            str(number + 1),
            # Names and patterns are no markup.
            Text(str(step)),
            *(
                _figure(count)
                for count in (
                    found[EventKind.PLACED],
                    refused,
                    found[EventKind.MOVED],
                    found[EventKind.LOST],
                    found[EventKind.DELETED],
                )
            ),
        )
    return table


def _figure(count: int) -> Text:
    return Text(str(count)) if count else Text('-', _DIM)


def _flavors(events: Sequence[Event]) -> Table:
    table = _table(
        'flavor', 'asked', 'placed', 'refused', 'moved', 'lost', figures=5
    )
    asked: dict[str, Counter[EventKind]] = {}
    for event in events:
        asked.setdefault(event.flavor, Counter())[event.fate] += 1
    for name, found in sorted(asked.items()):
        refused = sum(
            found[fate]
            for fate in (
                EventKind.REFUSED,
                EventKind.CLAIM_FAILED,
                EventKind.IMPOSSIBLE,
            )
        )
        table.add_row(
            Text(name),
            *(
                _figure(count)
                for count in (
                    found[EventKind.PLACED] + refused,
                    found[EventKind.PLACED],
                    refused,
                    found[EventKind.MOVED],
                    found[EventKind.LOST],
                )
            ),
        )
    return table


def _hosts(played: SimulationResult) -> Table:
    hosts = [host_view.host_view(host) for host in played.survey.hosts]
    found = [metrics.host_metrics(host) for host in hosts]
    sizes = sorted(
        {
            size
            for one in found
            for size, (_, usable) in one.pages.items()
            if usable and size > metrics.SMALL_PAGE_KIB
        }
    )
    table = _table(
        'host',
        *played.scenario.kinds,
        'guests',
        'free CPUs',
        *(f'free {size_name(size)}' for size in sizes),
        'free devices',
        'stranded',
        'fragmentation',
        figures=5 + len(sizes),
    )
    for host, view, one in zip(played.survey.hosts, hosts, found, strict=True):
        off = ' (lost)' if host.host in played.run.lost else ''
        domains = host.topology.domains
        table.add_row(
            Text(view.name).append(off, _DIM),
            *(Text(domains.get(kind, '-')) for kind in played.scenario.kinds),
            _figure(one.guests or 0),
            f'{one.free_cpus}/{one.cpus}',
            *(_pages(one.pages.get(size, (0, 0))) for size in sizes),
            _pages((one.free_devices, one.devices)),
            _figure(one.stranded),
            f'{100 * one.fragmentation:.0f} %',
        )
    return table


def _pages(amount: tuple[int, int]) -> Text:
    free, usable = amount
    return Text(f'{free}/{usable}') if usable else Text('-', _DIM)


def _count_noun(count: int, what: str) -> str:
    return f'{count} {what}{"s" * (count != 1)}'


def _summary(played: SimulationResult, console: Console) -> None:
    found = Counter(event.fate for event in played.run.events)
    running = (
        found[EventKind.PLACED]
        - found[EventKind.DELETED]
        - found[EventKind.LOST]
    )
    failed = sum(found[fate] for fate in FAILURES)
    lost = f', {len(played.run.lost)} of them lost' if played.run.lost else ''
    console.print(
        f'{_count_noun(len(played.scenario.hosts), "host")}{lost}; '
        f'{_count_noun(running, "guest")} in the end, '
        f'{failed} found no host, '
        f'{found[EventKind.CLAIM_FAILED]} claims failed; '
        f'{played.seconds:.0f} s',
        highlight=False,
    )
