"""The filters beside the stock ones, over the same host states.

``python -m benchmarks.filters`` prints the table, and what choosing NUMA nodes
takes; ``--output FOLDER`` also writes the table as ``filters.svg`` and
``filters.csv``, and its figures as ``filters.json``, the latter to the folder
of ``--results`` if that is given.
"""

import argparse
from collections.abc import Callable
import copy
import csv
import dataclasses
import gc
import json
import logging
import os
import pathlib
import platform
import statistics
import sys
import time
from typing import Any
from unittest import mock

import nova.conf
from nova.scheduler import filters as nova_filters
from nova.scheduler import weights as nova_weights
from nova.scheduler.filters import numa_topology_filter
from nova.scheduler.filters import pci_passthrough_filter
from rich.console import Console
from rich.table import Table

from benchmarks import clouds
from nfv_sched.filters.cpu_pinning import CPUPinningFilter
from nfv_sched.filters.huge_pages import HugePagesFilter
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.filters.pci_numa import PCINUMAFilter
from nfv_sched.scheduler import cycle
from nfv_sched.scheduler import forecasts
from nfv_sched.scheduler import node_chooser
from nfv_sched.scheduler import process
from nfv_sched.scheduler.process import SchedulerProcess
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.weighers.fragmentation import FragmentationWeigher
from nfv_sched.weighers.pci_locality import PCILocalityWeigher
from nfv_sched_testing import scheduling

STOCK = (
    pci_passthrough_filter.PciPassthroughFilter,
    numa_topology_filter.NUMATopologyFilter,
)
OURS = (HugePagesFilter, CPUPinningFilter, PCINUMAFilter, NUMAFitFilter)


@dataclasses.dataclass(frozen=True)
class Row:
    """One case at one size: microseconds per host, medians of the runs."""

    group: str
    case: str
    hosts: int
    stock_hosts: int
    stock_us: float
    ours_us: float
    floor_us: float
    weighers_us: float | None
    stock_passed: float
    ours_passed: float

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.stock_us / self.ours_us

    @property
    def over_floor(self) -> float:
        """How many times the floor ours takes."""
        return self.ours_us / self.floor_us if self.floor_us else 0.0


def fresh(states: list[Any]) -> None:
    """Bring states back to how Nova hands them to the first filter."""
    for state in states:
        state.allocation_candidates = [scheduling.CANDIDATE]
        state.limits = {}
        for name in [n for n in vars(state) if n.startswith('_nfv_sched')]:
            delattr(state, name)


def run(classes: Any, states: list[Any], spec: Any) -> Any:
    """One request through Nova's filter handler."""
    return nova_filters.HostFilterHandler().get_filtered_objects(
        [cls() for cls in classes], states, spec
    )


def touch(states: list[Any], spec: Any) -> None:
    """Read what must be read of each host to decide, and nothing else."""
    wanted = spec.numa_topology
    keys = {
        key
        for request in spec.pci_requests.requests
        for one in request.spec
        for key in one
    }
    for state in states:
        if wanted:
            for cell in state.numa_topology.cells:
                cell.id, cell.pcpuset, cell.pinned_cpus, cell.siblings  # noqa: B018
                cell.memory, cell.memory_usage  # noqa: B018
                for pages in cell.mempages:
                    pages.size_kb, pages.total, pages.used  # noqa: B018
                    pages.reserved  # noqa: B018
        if keys:
            for pool in state.pci_stats.pools:
                pool['count'], pool['numa_node'], pool['dev_type']
                pool['address']
                for key in keys:
                    pool.get(key)


def weigh(states: list[Any], spec: Any) -> Any:
    """The hosts that passed through our weighers that look at forecasts."""
    return nova_weights.HostWeightHandler().get_weighed_objects(
        [FragmentationWeigher(), PCILocalityWeigher()], states, spec
    )


def median_us(
    work: Callable[[], Any], prepare: Callable[[], None], hosts: int, runs: int
) -> tuple[float, Any]:
    """The median time of ``work`` per host in µs, and its last answer."""
    times = []
    for _ in range(runs):
        prepare()
        gc.collect()
        start = time.perf_counter()
        answer = work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) / hosts * 1e6, answer


def measure(case: clouds.Case, hosts: int, runs: int) -> Row:
    """Measure one case at one size."""
    states, spec = clouds.states(case, hosts)
    few = states[: case.stock_hosts or hosts]
    stock_us, stock = median_us(
        lambda: run(STOCK, few, spec), lambda: fresh(few), len(few), runs
    )
    ours_us, ours = median_us(
        lambda: run(OURS, states, spec), lambda: fresh(states), hosts, runs
    )
    weighers_us = None
    if ours and not case.nothing:
        # As between two requests: the forecasts for all hosts are there.
        process.replace(SchedulerProcess(PublishedTopology(None)))
        with mock.patch.object(forecasts, 'NEW_PER_REQUEST', hosts):
            weigh(ours, spec)
        weighers_us, _ = median_us(
            lambda: weigh(ours, spec),
            lambda: (fresh(states), run(OURS, states, spec)),
            len(ours),
            runs,
        )
    floor_us, _ = median_us(
        lambda: touch(states, spec), lambda: None, hosts, runs
    )
    return Row(
        case.group,
        case.name,
        hosts,
        len(few),
        stock_us,
        ours_us,
        floor_us,
        weighers_us,
        len(stock) / len(few),
        len(ours) / hosts,
    )


@dataclasses.dataclass(frozen=True)
class ChoosingRow:
    """One case at one size, with or without choosing NUMA nodes.

    Medians of the runs, in CPU time: microseconds of the filters per host,
    milliseconds of the weighers in a request that has to make forecasts, as
    many as one may (``cold``), microseconds of the weighers per host where
    all forecasts are there (``warm``), and of the choice on the selected host.
    """

    case: str
    hosts: int
    chosen: bool
    filters_us: float
    cold_ms: float
    warm_us: float
    choice_us: float


def measure_choosing(
    case: clouds.Case, hosts: int, runs: int, *, chosen: bool
) -> ChoosingRow:
    """Measure one case at one size."""
    nova.conf.CONF.set_override('choose_nodes', chosen, 'nfv_sched')
    states, spec = clouds.states(case, hosts)
    times = []
    for _ in range(runs):
        _expect_all()
        times.append(_request(states, spec))
    filters_s, cold_s, choice_s = map(
        statistics.median, zip(*times, strict=True)
    )
    with mock.patch.object(forecasts, 'NEW_PER_REQUEST', sys.maxsize):
        _request(states, spec)
    warm_s = statistics.median(_request(states, spec)[1] for _ in range(runs))
    return ChoosingRow(
        case.name,
        hosts,
        chosen,
        filters_s / hosts * 1e6,
        cold_s * 1e3,
        warm_s / hosts * 1e6,
        choice_s * 1e6,
    )


def _expect_all() -> None:
    """Start a scheduler that has placed an instance of each shape."""
    process.replace(SchedulerProcess(PublishedTopology(None)))
    for case in clouds.CHOOSING_CASES:
        cycle.begin(clouds.states(case, 1)[1])


def _request(states: list[Any], spec: Any) -> tuple[float, float, float]:
    """CPU seconds of one request: of filters, weighers and the choice."""
    spec = copy.copy(spec)
    fresh(states)
    gc.collect()
    start = time.process_time()
    kept = run(OURS, states, spec)
    filtered = time.process_time()
    best = weigh(kept, spec)[0].obj
    weighed = time.process_time()
    node_chooser.choose(cycle.begin(spec), best, spec)
    return (
        filtered - start,
        weighed - filtered,
        time.process_time() - weighed,
    )


def main() -> None:
    """Measure and print every case at every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hosts', default='100,1000,5000')
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--case', default='', help='part of a case')
    parser.add_argument('--output', type=pathlib.Path)
    parser.add_argument('--results', type=pathlib.Path)
    args = parser.parse_args()
    # As nova-scheduler logs by default, short of writing to a disk.
    logging.basicConfig(level=logging.INFO, filename=os.devnull)
    nova.conf.CONF([], project='nova', default_config_files=[])
    process.replace(SchedulerProcess(PublishedTopology(None)))
    console = Console()
    rows = []
    for case in clouds.CASES:
        for hosts in map(int, args.hosts.split(',')):
            if args.case in f'{case.group}: {case.name}':
                with console.status(f'{case.name}, {hosts} hosts'):
                    rows.append(measure(case, hosts, args.runs))
    choosing = [
        measure_choosing(case, hosts, args.runs, chosen=chosen)
        for case in clouds.CHOOSING_CASES
        if args.case in f'{case.group}: {case.name}'
        for hosts in map(int, args.hosts.split(','))
        for chosen in (False, True)
    ]
    if rows:
        console.print(_table(rows))
    if choosing:
        console.print(_choosing_table(choosing))
    if args.output:
        _write(rows, args.output, args.results or args.output)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.group,
        row.case,
        f'{row.hosts}',
        f'{row.stock_us:,.0f}',
        f'{row.ours_us:,.1f}',
        f'{row.ratio:,.0f}',
        f'{row.floor_us:,.1f}',
        f'{row.over_floor:.1f}' if row.over_floor else 'n/a',
        'n/a' if row.weighers_us is None else f'{row.weighers_us:,.1f}',
        f'{row.ours_passed:.0%}',
    )


_HEADERS = (
    'group',
    'case',
    'hosts',
    'stock µs/host',
    'ours µs/host',
    'ratio',
    'floor µs/host',
    'ours / floor',
    'weighers µs/host',
    'hosts that fit',
)


def _table(rows: list[Row]) -> Table:
    table = Table(title=f'Filters, {machine()}')
    for header in _HEADERS:
        left = header in ('group', 'case')
        table.add_column(header, justify='left' if left else 'right')
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _choosing_table(rows: list[ChoosingRow]) -> Table:
    table = Table('case', title=f'Choosing NUMA nodes, CPU time, {machine()}')
    for header in (
        'hosts',
        'nodes chosen',
        'filters, µs/host',
        'cold, ms/request',
        'warm, µs/host',
        'choice, µs',
    ):
        table.add_column(header, justify='right')
    for row in rows:
        table.add_row(
            row.case,
            f'{row.hosts}',
            'on' if row.chosen else 'off',
            f'{row.filters_us:,.1f}',
            f'{row.cold_ms:,.1f}',
            f'{row.warm_us:,.1f}',
            f'{row.choice_us:,.0f}',
        )
    return table


def machine() -> str:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = pathlib.Path('/proc/cpuinfo')
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith('model name'):
                model = line.split(':', 1)[1].strip()
                break
    return (
        f'{model}, {os.cpu_count()} CPUs, Python {platform.python_version()}'
    )


def _write(
    rows: list[Row], folder: pathlib.Path, results: pathlib.Path
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    results.mkdir(parents=True, exist_ok=True)
    figures = [
        {
            **dataclasses.asdict(row),
            'ratio': row.ratio,
            'over_floor': row.over_floor,
        }
        for row in rows
    ]
    (results / 'filters.json').write_text(
        json.dumps({'machine': machine(), 'rows': figures}, indent=1) + '\n'
    )
    with (folder / 'filters.csv').open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(_HEADERS)
        writer.writerows(map(_cells, rows))
    _plot(rows, folder / 'filters.svg')


def _plot(rows: list[Row], path: pathlib.Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - only the plot needs it

    mpl.use('svg')
    from matplotlib import pyplot  # noqa: PLC0415

    largest = max(row.hosts for row in rows)
    shown = [row for row in rows if row.hosts == largest and row.floor_us]
    names = [row.case for row in shown]
    figure, axes = pyplot.subplots(figsize=(9, 0.45 * len(shown) + 1.5))
    places = range(len(shown))
    for offset, values, label in (
        (-0.27, [row.stock_us for row in shown], 'stock filters'),
        (0.0, [row.ours_us for row in shown], 'nfv_sched'),
        (0.27, [row.floor_us for row in shown], 'reading the hosts'),
    ):
        axes.barh(
            [place + offset for place in places], values, 0.25, label=label
        )
    axes.set_yticks(list(places), names)
    axes.invert_yaxis()
    axes.set_xscale('log')
    axes.set_xlabel(f'µs per host, {largest} hosts (log scale)')
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={'Date': None})


if __name__ == '__main__':
    main()
