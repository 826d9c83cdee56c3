"""The shares of one scheduling request, by the number of hosts.

``python -m benchmarks.scale --hosts 1000,5000,10000`` sends requests through
Nova's own host manager, filter handler and weight handler in one process, with
the filters, weighers and options of the README, the topology of every host
published, failure domains, a server group and instances in flight, with and
without choosing NUMA nodes. It prints what each step takes in CPU time:

* *host states*: what Nova makes of the rows of the databases, its ComputeNode
  and Service objects and of these its host states
  (``HostManager._get_host_states``). The rows are there already: queries and
  their transport are not counted, so that the shares of nfv_sched are rather
  too large;
* *filters*: the four filters of nfv_sched. *Floor*: reading the fields that
  they need. *Stock*: ``PciPassthroughFilter`` and ``NUMATopologyFilter``, over
  a few of the hosts;
* *cold*: all weighers of nfv_sched in a process without any forecast. *Warm*:
  the same with the forecasts of an earlier request for the same hosts, which
  are other objects then, as they are in each of Nova's requests;
* *choice*: of the NUMA nodes on the selected host;
* *Nova's others*: the filters and weighers of Nova that the README keeps.

Half of the hosts have 2 NUMA nodes and 64 virtual functions on four cards, a
quarter has 8 NUMA nodes and 48 of them on six cards, and a quarter 2 NUMA
nodes without devices. Half of their CPUs, pages and devices are in use. One
host in 50 has an instance in flight, which one of three other schedulers sent.

Times are the medians of ``--runs`` requests, one after another, each with host
states of its own as in a scheduler. Full garbage collections, 1 to 3 in a
request, nearly always fall into the host states, of which most objects are:
they are more than a third of that time. In a step of nfv_sched there is one in
about 30 requests at 1,000 hosts, which the median leaves out.

With ``--calls`` it prints instead how many functions each step calls, which
does not depend on the machine: per host as many at all sizes.

``--output FOLDER`` also writes the table as ``scale.csv``, ``--results
FOLDER`` its figures as ``scale.json``.
"""

import argparse
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import csv
import dataclasses
import json
import logging
import os
import pathlib
import random
import statistics
import sys
import time
from typing import Any
from unittest import mock
import uuid

from nova import context as nova_context
from nova import objects
from nova.objects import base as nova_base
from nova.scheduler import host_manager
from oslo_serialization import jsonutils
from oslo_utils import timeutils
from rich.console import Console
from rich.table import Table

from benchmarks import clouds
from benchmarks import filters
from benchmarks.packing import computes
from benchmarks.packing import loads
from benchmarks.packing import scheduler as packing_scheduler
from benchmarks.packing.columns import COLUMNS
from nfv_sched import fit
from nfv_sched.nova import compute_topology
from nfv_sched.nova import request_spec
from nfv_sched.placement.snapshot import Snapshot
from nfv_sched.scheduler import cycle
from nfv_sched.scheduler import forecasts
from nfv_sched.scheduler import node_chooser
from nfv_sched.scheduler import process
from nfv_sched.scheduler.in_flight import InFlight
from nfv_sched.scheduler.pick_messages import SharedPick
from nfv_sched.scheduler.process import SchedulerProcess
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.sim import settings
from nfv_sched_testing import scheduling

#: Goals: the most of the time of Nova's host states that nfv_sched takes.
GOAL_WARM, GOAL_WARM_CHOOSING, GOAL_COLD = 0.1, 0.2, 1.0
#: The largest time per host in relation to that at the fewest hosts.
GOAL_GROWTH = 1.5
#: Hosts of each kind that differ.
_VARIANTS = 16
#: Hosts per rack, and per instance in flight; the schedulers that sent those.
_RACK, _PER_PICK, _PEERS = 40, 50, 3
#: Hosts that the stock filters are given, which take milliseconds for each.
_STOCK_HOSTS = 40
_CELL = '00000000-0000-0000-0000-0000000000ce'
_POLICY = 'soft-anti-affinity'
_VF = ('physnet1',)

_DELL = clouds.machine_topology('dell-2x6230r-64vf', labelled=True)
_TURIN = clouds.machine_topology('turin-nps4', labelled=True)
_DELL_CARDS = clouds.cards([0, 0, 1, 1], 16)
_TURIN_CARDS = clouds.cards([1, 2, 3, 3, 6, 7], 8)

#: The kinds of hosts, as often as they are named.
KINDS = (
    clouds.Case('2 nodes, VFs', 'scale', _DELL, 1, devices=_DELL_CARDS),
    clouds.Case('8 nodes, VFs', 'scale', _TURIN, 1, devices=_TURIN_CARDS),
    clouds.Case('2 nodes, VFs', 'scale', _DELL, 1, devices=_DELL_CARDS),
    clouds.Case('2 nodes, no devices', 'scale', _DELL, 1),
)
#: The requests.
REQUESTS = (
    clouds.Case('1 node with a VF', 'scale', _DELL, 1, physnets=_VF),
    clouds.Case('2 nodes', 'scale', _DELL, 2),
)


@dataclasses.dataclass(frozen=True)
class Row:
    """A request at one size, in CPU time: the median of several.

    Microseconds per host, but for ``cold_ms`` and ``choice_us``, which are
    per request.
    """

    request: str
    hosts: int
    chosen: bool
    fit: float
    states_us: float
    others_us: float
    stock_us: float
    filters_us: float
    floor_us: float
    cold_ms: float
    warm_us: float
    choice_us: float

    @property
    def warm(self) -> float:
        """What nfv_sched takes as a share of what Nova's host states take."""
        ours = self.filters_us + self.warm_us + self.choice_us / self.hosts
        return ours / self.states_us

    @property
    def cold(self) -> float:
        """The same where no forecast exists."""
        once = self.cold_ms * 1000 + self.choice_us
        return (self.filters_us + once / self.hosts) / self.states_us

    @property
    def met(self) -> bool:
        """Whether the goals of this row are met."""
        goal = GOAL_WARM_CHOOSING if self.chosen else GOAL_WARM
        return self.warm <= goal and self.cold <= GOAL_COLD


@dataclasses.dataclass
class Steps:
    """The steps of one request, in CPU seconds or in calls of functions.

    ``fit`` is the number of hosts that fit.
    """

    others: float
    filters: float
    weighers: float
    choice: float
    fit: int


class Reader:
    """A reader that has read everything."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def ensure_started(self) -> None:
        """Do nothing."""


class RecordedHostManager(host_manager.HostManager):  # type: ignore[misc]
    """Nova's host manager, given rows instead of databases.

    ``ours`` and ``others`` are the enabled filters of nfv_sched and of Nova,
    ``our_weighers`` and ``other_weighers`` the weighers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ours = self._of_nfv_sched(self.enabled_filters)
        self.others = [
            one for one in self.enabled_filters if one not in self.ours
        ]
        self.our_weighers = self._of_nfv_sched(self.weighers)
        self.other_weighers = [
            one for one in self.weighers if one not in self.our_weighers
        ]

    @staticmethod
    def _of_nfv_sched(plugins: Sequence[Any]) -> list[Any]:
        return [
            plugin
            for plugin in plugins
            if type(plugin).__module__.startswith('nfv_sched')
        ]

    def refresh_cells_caches(self) -> None:
        """Know no cell."""
        self.cells = {}
        self.enabled_cells: list[Any] = []

    def _init_aggregates(self) -> None:
        pass

    def _init_instance_info(self, computes_by_cell: Any = None) -> None:
        pass

    def _get_instances_by_host(
        self, context: Any, host_name: str
    ) -> dict[str, Any]:
        return {}

    def states_of(
        self,
        node_rows: Sequence[Mapping[str, Any]],
        service_rows: Sequence[Mapping[str, Any]],
    ) -> list[Any]:
        """The host states that Nova makes of rows for one request."""
        context = nova_context.get_admin_context()
        nodes = nova_base.obj_make_list(
            context,
            objects.ComputeNodeList(context),
            objects.ComputeNode,
            node_rows,
        )
        services = nova_base.obj_make_list(
            context,
            objects.ServiceList(context),
            objects.Service,
            service_rows,
        )
        return list(
            self._get_host_states(
                context,
                {_CELL: list(nodes)},
                {service.host: service for service in services},
            )
        )

    def filter(
        self, enabled: Sequence[Any], states: Sequence[Any], spec: Any
    ) -> list[Any]:
        """The states that pass some of the filters."""
        return list(
            self.filter_handler.get_filtered_objects(enabled, states, spec)
            or ()
        )

    def weigh(
        self, weighers: Sequence[Any], states: Sequence[Any], spec: Any
    ) -> list[Any]:
        """The states with the weights of some of the weighers, best first."""
        weighed: list[Any] = self.weight_handler.get_weighed_objects(
            weighers, states, spec
        )
        return weighed


class Cloud:
    """The rows of a cloud's hosts, and what is published of them."""

    def __init__(self, hosts: int, seed: int = 1) -> None:
        self.manager = RecordedHostManager()
        draws = random.Random(seed)  # noqa: S311 - not for secrets
        kinds = [
            [
                scheduling.compute_node(clouds.scene(kind, draws))
                for _ in range(max(1, min(_VARIANTS, hosts // len(KINDS))))
            ]
            for kind in KINDS
        ]
        rows = [list(map(node_row, nodes)) for nodes in kinds]
        topologies = [
            list(map(compute_topology.topology_of, nodes)) for nodes in kinds
        ]
        self._nodes = []
        self._services = []
        published = {}
        racks: dict[str, list[str]] = {}
        for number in range(hosts):
            kind, place = number % len(KINDS), number // len(KINDS)
            variant = place % len(rows[kind])
            name = f'host{number:05}'
            host_uuid = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
            self._nodes.append(
                rows[kind][variant]
                | {
                    'id': number + 1,
                    'uuid': host_uuid,
                    'host': name,
                    'hypervisor_hostname': name,
                }
            )
            self._services.append(service_row(number + 1, name))
            published[host_uuid] = dataclasses.replace(
                topologies[kind][variant], name=name, uuid=host_uuid
            )
            racks.setdefault(f'r{number // _RACK}', []).append(name)
        self.reader = Reader(Snapshot(hosts=published, taken=1.0))
        for number, (rack, names) in enumerate(racks.items()):
            self.manager.update_aggregates(
                objects.Aggregate(
                    id=number + 1,
                    name=rack,
                    hosts=names,
                    metadata={'rack': rack, 'availability_zone': 'az1'},
                )
            )
        self.members = self._place_members()

    def _place_members(self) -> dict[str, str]:
        """The hosts of the members of a server group, by instance."""
        members = {}
        for number, row in enumerate(self._nodes):
            instances = {}
            if number % max(1, len(self._nodes) // 4) == 0:
                instance = str(uuid.UUID(int=number + 1))
                instances[instance] = objects.Instance(uuid=instance)
                members[instance] = row['host']
            self.manager._instance_info[row['host']] = {  # noqa: SLF001
                'instances': instances,
                'updated': True,
            }
        return members

    def states(self) -> list[Any]:
        """The host states that Nova makes for one request."""
        return self.manager.states_of(self._nodes, self._services)

    def spec(self, case: clouds.Case) -> Any:
        """The request of a case, for a member of the server group."""
        draws = random.Random(1)  # noqa: S311 - not for secrets
        return scheduling.request(
            clouds.scene(case, draws),
            instance_group=objects.InstanceGroup(
                uuid=str(uuid.UUID(int=1)),
                policy=_POLICY,
                policies=[_POLICY],
                rules={},
                members=list(self.members),
                hosts=list(self.members.values()),
            ),
        )


def node_row(node: Any) -> dict[str, Any]:
    """The row of ``compute_nodes`` of a ``nova.objects.ComputeNode``."""
    names = set(node.fields) - {
        'pci_device_pools',
        'stats',
        'supported_hv_specs',
    }
    row = {
        name: getattr(node, name) if name in node else None for name in names
    }
    return row | {
        'created_at': timeutils.utcnow(),
        'updated_at': timeutils.utcnow(),
        'memory_mb_used': 0,
        'mapped': 1,
        'stats': jsonutils.dumps({'num_instances': '4', 'io_workload': '0'}),
        'supported_instances': jsonutils.dumps([['x86_64', 'kvm', 'hvm']]),
        'pci_stats': jsonutils.dumps(node.pci_device_pools.obj_to_primitive()),
    }


def service_row(number: int, host: str) -> dict[str, Any]:
    """The row of ``services`` of a nova-compute that is up."""
    row = dict.fromkeys(objects.Service.fields) | {
        'id': number,
        'uuid': str(uuid.uuid5(uuid.NAMESPACE_OID, host)),
        'host': host,
        'binary': 'nova-compute',
        'topic': 'compute',
        'report_count': 1,
        'disabled': False,
        'forced_down': False,
        'last_seen_up': timeutils.utcnow(),
        'version': objects.service.SERVICE_VERSION,
    }
    del row['availability_zone'], row['compute_node']
    return row


def reset(states: Sequence[Any]) -> None:
    """Bring states back to how Nova hands them to the first filter."""
    filters.fresh(list(states))
    for state in states:
        vars(state).pop('consume_from_request', None)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """The CPU seconds of some work, and its answer."""
    start = time.process_time()
    answer = work()
    return time.process_time() - start, answer


def counted(work: Callable[[], Any]) -> tuple[float, Any]:
    """How many functions some work calls, those in C too, and its answer."""
    count = 0

    def called(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        del frame, argument
        count += event in ('call', 'c_call')

    sys.setprofile(called)
    try:
        answer = work()
    finally:
        sys.setprofile(None)
    return count, answer


@contextlib.contextmanager
def configured(*, chosen: bool) -> Iterator[None]:
    """Set Nova's options as in the README.

    :param chosen: whether NUMA nodes are chosen
    """
    column = COLUMNS['ours-choosing' if chosen else 'ours']
    with (
        packing_scheduler.configured(column),
        settings.override(
            {
                **settings.profile_options(settings.NFV),
                'nfv_sched.failure_domains': ['rack'],
                # Services stay up, however long it takes.
                'service_down_time': 10**8,
            }
        ),
    ):
        yield


def start(cloud: Cloud, states: Sequence[Any], spec: Any) -> SchedulerProcess:
    """Start a scheduler that knows demand, and has instances in flight."""
    scheduler_process = SchedulerProcess(
        PublishedTopology(cloud.reader),  # type: ignore[arg-type]
        in_flight=InFlight(dict.fromkeys),
    )
    process.replace(scheduler_process)
    # All shapes that come: another one would invalidate all forecasts.
    specs = [computes.shape(each).spec for each in loads.FLAVORS.values()]
    specs += map(cloud.spec, REQUESTS)
    scheduler_process.demand.prime(
        (fit.FitRequest(request_spec.read_guest(each)), 1.0) for each in specs
    )
    fit_request = cycle.begin(_own(spec)).fit_request
    for number, state in enumerate(states[::_PER_PICK]):
        pick = SharedPick(
            str(uuid.UUID(int=10**6 + number)),
            state.uuid,
            state.host,
            fit_request,
            fit_request.no_providers,
            choice=None,
            age=0.0,
        )
        scheduler_process.in_flight.include(pick, f'peer{number % _PEERS}')
    return scheduler_process


def _own(spec: Any) -> Any:
    """A request for another instance."""
    own = spec.obj_clone()
    own.instance_uuid = str(uuid.uuid4())
    return own


def send(
    cloud: Cloud,
    states: Sequence[Any],
    spec: Any,
    measured: Callable[[Callable[[], Any]], tuple[float, Any]] = timed,
) -> Steps:
    """Filter, weigh and choose once.

    :param measured: does a step; returns what it takes, and its answer
    """
    manager = cloud.manager
    spec = _own(spec)
    reset(states)
    other_filters, kept = measured(
        lambda: manager.filter(manager.others, states, spec)
    )
    our_filters, kept = measured(
        lambda: manager.filter(manager.ours, kept, spec)
    )
    other_weighers, _ = measured(
        lambda: manager.weigh(manager.other_weighers, kept, spec)
    )
    our_weighers, weighed = measured(
        lambda: manager.weigh(manager.our_weighers, kept, spec)
    )
    best = weighed[0].obj
    choice, _ = measured(
        lambda: node_chooser.choose(cycle.begin(spec), best, spec)
    )
    return Steps(
        other_filters + other_weighers,
        our_filters,
        our_weighers,
        choice,
        len(kept),
    )


def request(cloud: Cloud, spec: Any) -> tuple[float, Steps]:
    """Send a request with host states of its own.

    :return: the CPU seconds that the host states take, and the steps
    """
    seconds, states = timed(cloud.states)
    return seconds, send(cloud, states, spec)


def measure(
    hosts: int, runs: int, cases: Sequence[clouds.Case] = REQUESTS
) -> list[Row]:
    """Measure requests at one size.

    :param runs: requests of each kind
    """
    with configured(chosen=False):
        cloud = Cloud(hosts)
    rows = []
    for chosen in (False, True):
        with configured(chosen=chosen):
            rows += [
                _measure_request(cloud, case, runs, chosen) for case in cases
            ]
    return rows


def _measure_request(
    cloud: Cloud, case: clouds.Case, runs: int, chosen: bool
) -> Row:
    spec = cloud.spec(case)
    states = cloud.states()
    hosts = len(states)
    cold = []
    for _ in range(runs):
        start(cloud, states, spec)
        cold.append(send(cloud, states, spec))
    floor = statistics.median(
        timed(lambda: filters.touch(states, spec))[0] for _ in range(runs)
    )
    few = states[:_STOCK_HOSTS]
    reset(few)
    stock, _ = timed(lambda: filters.run(filters.STOCK, few, _own(spec)))
    stock_us = stock / len(few) * 1e6
    with mock.patch.object(forecasts, 'NEW_PER_REQUEST', sys.maxsize):
        send(cloud, states, spec)
    # Nova's are gone when the next request comes, and so are these.
    states.clear()
    few.clear()
    requests = [request(cloud, spec) for _ in range(runs)]
    seconds, warm = zip(*requests, strict=True)
    per_host = 1e6 / hosts
    return Row(
        case.name,
        hosts,
        chosen,
        warm[0].fit / hosts,
        statistics.median(seconds) * per_host,
        _median(warm, 'others') * per_host,
        stock_us,
        _median(warm, 'filters') * per_host,
        floor * per_host,
        _median(cold, 'weighers') * 1e3,
        _median(warm, 'weighers') * per_host,
        _median(warm, 'choice') * 1e6,
    )


def _median(steps: Sequence[Steps], name: str) -> float:
    return statistics.median(getattr(step, name) for step in steps)


def calls(hosts: int, case: clouds.Case, *, chosen: bool) -> Steps:
    """The function calls of one request whose forecasts all exist."""
    with configured(chosen=chosen):
        cloud = Cloud(hosts)
        spec = cloud.spec(case)
        first, second = cloud.states(), cloud.states()
        start(cloud, first, spec)
        with mock.patch.object(forecasts, 'NEW_PER_REQUEST', sys.maxsize):
            send(cloud, first, spec)
        return send(cloud, second, spec, counted)


def growth(rows: Sequence[Row]) -> dict[str, float]:
    """The most that a step's time per host grows from the fewest hosts on.

    One that is linear in hosts keeps 1.
    """
    steps = ('states_us', 'others_us', 'filters_us', 'warm_us')
    worst = dict.fromkeys(steps, 0.0)
    smallest = {
        (row.request, row.chosen): row
        for row in sorted(rows, key=lambda row: -row.hosts)
    }
    for row in rows:
        least = smallest[row.request, row.chosen]
        for step in steps:
            ratio = getattr(row, step) / getattr(least, step)
            worst[step] = max(worst[step], ratio)
    return worst


_HEADERS = (
    'instance',
    'hosts',
    'nodes chosen',
    'hosts that fit',
    'host states µs/host',
    "Nova's others µs/host",
    'stock filters µs/host',
    'filters µs/host',
    'floor µs/host',
    'weighers warm µs/host',
    'weighers cold ms',
    'choice µs',
    'warm / host states',
    'cold / host states',
)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.request,
        f'{row.hosts:,}',
        'on' if row.chosen else 'off',
        f'{row.fit:.0%}',
        f'{row.states_us:,.0f}',
        f'{row.others_us:,.0f}',
        f'{row.stock_us:,.0f}',
        f'{row.filters_us:,.1f}',
        f'{row.floor_us:,.1f}',
        f'{row.warm_us:,.1f}',
        f'{row.cold_ms:,.0f}',
        f'{row.choice_us:,.0f}',
        f'{row.warm:.3f}',
        f'{row.cold:.3f}',
    )


def show(rows: Sequence[Row], console: Console) -> None:
    """Print the table, and which goals are missed."""
    table = Table(title=f'One request, CPU time, {filters.machine()}')
    for header in _HEADERS:
        table.add_column(
            header, justify='left' if header == 'instance' else 'right'
        )
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)
    missed = [row for row in rows if not row.met]
    console.print(f'{len(rows)} rows, {len(missed)} miss a goal')
    for step, ratio in growth(rows).items():
        console.print(
            f'{step.removesuffix("_us")}: time per host grows '
            f'{ratio:.2f} times'
            f'{", more than linear" if ratio > GOAL_GROWTH else ""}'
        )


def show_calls(
    sizes: Sequence[int], cases: Sequence[clouds.Case], console: Console
) -> None:
    """Print how many functions each step calls per host."""
    table = Table(title='Calls of functions per host')
    steps = ("Nova's others", 'filters', 'weighers warm')
    for header in ('instance', 'nodes chosen', 'hosts', *steps):
        table.add_column(
            header, justify='left' if header == 'instance' else 'right'
        )
    for case in cases:
        for chosen in (False, True):
            for hosts in sizes:
                found = calls(hosts, case, chosen=chosen)
                table.add_row(
                    case.name,
                    'on' if chosen else 'off',
                    f'{hosts:,}',
                    *(
                        f'{count / hosts:.1f}'
                        for count in (
                            found.others,
                            found.filters,
                            found.weighers,
                        )
                    ),
                )
    console.print(table)


def _write(
    rows: Sequence[Row],
    folder: pathlib.Path | None,
    results: pathlib.Path | None,
) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / 'scale.csv').open('w', newline='') as file:
            writer = csv.writer(file)
            writer.writerow(_HEADERS)
            writer.writerows(map(_cells, rows))
    if results:
        results.mkdir(parents=True, exist_ok=True)
        figures = [
            {**dataclasses.asdict(row), 'warm': row.warm, 'cold': row.cold}
            for row in rows
        ]
        (results / 'scale.json').write_text(
            json.dumps(
                {'machine': filters.machine(), 'rows': figures}, indent=1
            )
            + '\n'
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.scale',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--hosts', default='1000,5000,10000')
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--request', default='', help='part of its name')
    parser.add_argument(
        '--calls', action='store_true', help='count calls of functions'
    )
    parser.add_argument('--output', type=pathlib.Path, metavar='FOLDER')
    parser.add_argument('--results', type=pathlib.Path, metavar='FOLDER')
    args = parser.parse_args()
    # As nova-scheduler logs by default, short of writing to a disk.
    logging.basicConfig(level=logging.INFO, filename=os.devnull)
    console = Console(width=160)
    cases = [case for case in REQUESTS if args.request in case.name]
    sizes = list(map(int, args.hosts.split(',')))
    if args.calls:
        show_calls(sizes, cases, console)
        return
    rows: list[Row] = []
    for hosts in sizes:
        with console.status(f'{hosts} hosts'):
            rows += measure(hosts, args.runs, cases)
        # The largest sizes take minutes.
        _write(rows, args.output, args.results)
    show(rows, console)


if __name__ == '__main__':
    main()
