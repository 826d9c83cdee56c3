"""Run and output of ``nfv-sched simulate``.

Separate from the command, because it needs the extra ``nfv-sched[demo]``.
"""

from collections import Counter
from collections.abc import Iterator
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
from rich.table import Table as RichTable
from rich.text import Text

from nfv_sched.cmd import demo_tables
from nfv_sched.cmd import rich_console
from nfv_sched.cmd import simulate_tables
from nfv_sched.dryrun.tables import Table
from nfv_sched.placement import publisher
from nfv_sched.placement.client import PlacementClient
from nfv_sched.render import page
from nfv_sched.render import usage_plot
from nfv_sched.scenario import loader
from nfv_sched.scenario import recorder
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

    def tables(self) -> Iterator[Table[Any]]:
        """Everything that happened, and the hosts at the end."""
        found = self.run.events
        yield simulate_tables.events(found)
        yield simulate_tables.steps(self.scenario.steps, found)
        yield simulate_tables.flavors(found)
        yield simulate_tables.errors(found)
        yield simulate_tables.rejections(self.run.whys)
        yield simulate_tables.hosts(
            self.survey, self.scenario.kinds, self.run.lost
        )

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
    scenario, run = result.scenario, result.run
    if scenario.about:
        console.print(Text(scenario.about, Style(bold=True)))
    console.print(Rule('Step by step', align='left'))
    console.print(_table(simulate_tables.steps(scenario.steps, run.events), 2))
    console.print(Rule('Flavor by flavor', align='left'))
    console.print(_table(simulate_tables.flavors(run.events), 1))
    if run.whys:
        console.print(Rule('Instances without a host', align='left'))
        for why in run.whys[:_MOST_REASONS]:
            console.print(Text(f'step {why.step + 1}', _DIM))
            console.print(_rejection(why))
        more = len(run.whys) - _MOST_REASONS
        if more > 0:
            console.print(Text(f'and {more} more', _DIM))
    errors = simulate_tables.errors(run.events)
    if errors.rows:
        console.print(Rule('Refused by Nova, and failed claims', align='left'))
        console.print(_table(errors, 2))
    console.print(Rule('Hosts at the end', align='left'))
    hosts = simulate_tables.hosts(result.survey, scenario.kinds, run.lost)
    console.print(_table(hosts, 1 + len(scenario.kinds)))
    _summary(result, console)


def _rejection(why: RejectionExplained) -> RenderableType:
    """Why no host accepts an instance, or all of one request."""
    if why.explanation.conditions:
        reasons = demo_tables.rejection_table(why.instance, why.explanation)
    else:
        reasons = Text(why.instance.name, Style(bold=True))
    return Group(reasons, Text(why.note)) if why.note else reasons


def _table(table: Table[Any], texts: int) -> RichTable:
    """A table whose first columns are texts, and the others figures."""
    shown = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for place, name in enumerate(table.headings):
        shown.add_column(
            Text(name), justify='left' if place < texts else 'right'
        )
    for row in table.cells():
        shown.add_row(*map(_cell, row))
    return shown


def _cell(value: Any) -> Text:
    # Names and patterns are not markup.
    return Text('-', _DIM) if value in (None, 0, '-') else Text(str(value))


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
