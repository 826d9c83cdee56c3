"""What the decision journal costs, beside the time of the filters.

``python -m benchmarks.decisions`` schedules requests of each case: filters,
weighers and the selection of a host. What a request calls of the journal is
called again many times by itself, since it takes less than the time of the
filters differs from one request to the next. CPU times, medians.
"""

import argparse
import copy
import gc
import logging
import os
import pathlib
import statistics
import tempfile
import time
from typing import Any

import nova.conf
from nova.scheduler import filters as nova_filters
from nova.scheduler import weights as nova_weights
from rich.console import Console
from rich.table import Table

from benchmarks import clouds
from benchmarks import filters
from nfv_sched.journal.files import JournalWriter
from nfv_sched.scheduler import forecasts
from nfv_sched.scheduler import process
from nfv_sched.scheduler.decision_journal import DecisionJournal
from nfv_sched.scheduler.pending_decision import PendingDecision
from nfv_sched.scheduler.process import SchedulerProcess
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.weighers import all_weighers


def request(states: list[Any], spec: Any) -> float:
    """Place an instance; returns the CPU seconds of the filters."""
    spec = copy.copy(spec)
    spec.__dict__.pop('_nfv_sched_request', None)
    filters.fresh(states)
    for state in states:
        vars(state).pop('consume_from_request', None)
    gc.collect()
    start = time.process_time()
    kept = nova_filters.HostFilterHandler().get_filtered_objects(
        [cls() for cls in filters.OURS], states, spec
    )
    filtered = time.process_time()
    if kept:
        weighed = nova_weights.HostWeightHandler().get_weighed_objects(
            _WEIGHERS, kept, spec
        )
        best = weighed[0].obj
        before = dict(vars(best))
        pools = best.pci_stats and copy.deepcopy(best.pci_stats.pools)
        best.allocation_candidates[0]
        best.consume_from_request(spec)
        vars(best).update(before)
        if best.pci_stats:
            best.pci_stats.pools = pools
    return filtered - start


_WEIGHERS = [cls() for cls in all_weighers()]


class Repeated(PendingDecision):
    """A decision that repeats each call, and adds up the time of one."""

    times = 20
    seconds = 0.0


def _repeated(name: str) -> Any:
    method = getattr(PendingDecision, name)

    def called(self: Repeated, *args: Any, **values: Any) -> None:
        weights, filtered = self._weights, list(self._filters)
        weighed = self._weighed
        start = time.process_time()
        for _ in range(Repeated.times):
            # As it was before.
            self._weights, self._filters = dict(weights), filtered[:]
            self._weighed = weighed
            method(self, *args, **values)
        Repeated.seconds += (time.process_time() - start) / Repeated.times

    return called


for _name in ('filtered', 'weighed', 'select'):
    setattr(Repeated, _name, _repeated(_name))


class RepeatedJournal(DecisionJournal):
    """A journal whose time is measured."""

    def begin(self, spec: Any, *, live: bool) -> PendingDecision | None:
        """As the real one."""
        start = time.process_time()
        for _ in range(Repeated.times):
            made = Repeated(self.add, spec, live=live)
        Repeated.seconds += (time.process_time() - start) / Repeated.times
        return made


def measure(
    case: clouds.Case, hosts: int, runs: int, folder: pathlib.Path
) -> tuple[str, ...]:
    """The cells of one row."""
    states, spec = clouds.states(case, hosts)
    spec.flavor.name = case.name
    journal = RepeatedJournal(JournalWriter(folder, 64), start=lambda _: None)
    state = SchedulerProcess(PublishedTopology(None))
    process.replace(state)
    forecasts.NEW_PER_REQUEST = hosts
    request(states, spec)
    filtering, more, writing = [], [], []
    for _ in range(runs):
        state._journal = None  # noqa: SLF001
        filtering.append(request(states, spec))
        state._journal = journal  # noqa: SLF001
        Repeated.seconds = 0.0
        request(states, spec)
        more.append(Repeated.seconds)
        start = time.process_time()
        journal.flush()
        writing.append(time.process_time() - start)
    base, added, written = map(statistics.median, (filtering, more, writing))
    return (
        case.group,
        case.name,
        f'{hosts}',
        f'{base * 1e3:.2f}',
        f'{added * 1e6:.0f}',
        f'{added / base:.1%}',
        f'{written * 1e6:.0f}',
        f'{written / base:.1%}',
    )


def main() -> None:
    """Measure and print every case at every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hosts', default='100,1000,5000')
    parser.add_argument('--runs', type=int, default=31)
    parser.add_argument('--case', default='', help='part of a case')
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, filename=os.devnull)
    nova.conf.CONF([], project='nova', default_config_files=[])
    table = Table(title=f'Decision journal, {filters.machine()}')
    for header in (
        'group',
        'case',
        'hosts',
        'filters, ms',
        'journal, µs',
        'of the filters',
        'thread, µs',
        'of the filters',
    ):
        table.add_column(header)
    with tempfile.TemporaryDirectory() as folder:
        for case in clouds.CASES:
            for hosts in map(int, args.hosts.split(',')):
                if args.case in f'{case.group}: {case.name}':
                    row = measure(case, hosts, args.runs, pathlib.Path(folder))
                    table.add_row(*row)
    Console(width=140).print(table)


if __name__ == '__main__':
    main()
