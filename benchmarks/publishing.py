# ruff: noqa: S608 - what is put into SQL here are constants
"""What publishing a large cloud costs: publisher, reader and Placement.

The cells' database is Nova's, on SQLite; every compute node is a copy of one
that a simulated nova-compute reported. Placement is the real one, over HTTP,
in a process of its own, on SQLite. The first pass is made over ``--first``
hosts; the trees of the others are put into Placement's database as that pass
would have left them, so that everything else is measured at full size.

The reader is measured in a process that has nothing else: memory per tree,
how long reads take, how long a loop of requests pauses beside them, and what
the first requests of a scheduler take while Placement cannot be reached.
``--only reader`` leaves all else out.

The first publication is also measured by itself, with Placement on PostgreSQL:
with single calls, with one call for all inventories, and with several hosts at
the same time.
"""

import argparse
from collections.abc import Callable
import contextlib
import dataclasses
import datetime
import gc
import itertools
import json
import multiprocessing
import pathlib
import resource
import shutil
import socket
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
import uuid

from keystoneauth1 import adapter as ksa_adapter
from keystoneauth1 import session as ksa_session
from keystoneauth1 import token_endpoint
from nova import objects
from nova.db.main import models
from oslo_utils import timeutils
import pytest
import requests.adapters
from rich.console import Console
from rich.table import Table
import sqlalchemy as sa

from benchmarks import memory
from nfv_sched.nova import node_topologies
from nfv_sched.nova import node_versions
from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.codec import encode
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.publishing.cells import CellsSource
from nfv_sched.publishing.pass_report import PassReport
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.sim import machine
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched_testing import placement_server

MACHINE = 'turin-nps4'
#: Calls of a round before its first host: the roots, the known names.
ROUND = 3
#: Hosts that are put into a database at once.
BATCH = 500
#: When rows that are put into Placement's database were made, in SQL.
THEN = "'2026-01-01 00:00:00.000000'"


class Counting(requests.adapters.HTTPAdapter):
    """Counts requests and bytes of bodies, both ways."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()
        self.calls = self.writes = self.sent = self.received = 0

    def send(self, request, **kwargs):
        """Send and count."""
        answer = super().send(request, **kwargs)
        with self.lock:
            self.calls += 1
            self.writes += request.method != 'GET'
            self.sent += len(request.body or b'')
            self.received += len(answer.content)
        return answer


def client_of(url, counting, roles='service'):
    """A client whose requests ``counting`` counts."""
    session = ksa_session.Session(auth=token_endpoint.Token(url, 'admin'))
    session.session.mount('http://', counting)
    adapter = ksa_adapter.Adapter(
        session,
        service_type='placement',
        additional_headers={'X-Roles': roles},
    )
    return PlacementClient(adapter, deadline=600)


@dataclasses.dataclass
class Row:
    """One pass: bytes are those of bodies, memory is the peak so far."""

    what: str
    calls: int
    writes: int
    sent: int
    received: int
    seconds: float
    memory_mib: float
    counts: dict[str, int]


def peak_mib():
    """The most memory that this process has had, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Computes:
    """Compute nodes of a cell, copies of one."""

    def __init__(self, cloud, pools):
        node = cloud.add_host('host', machine.load(MACHINE)).node
        kept = node.pci_device_pools.objects[:pools]
        node.pci_device_pools = objects.PciDevicePoolList(objects=kept)
        node.save()
        addresses = {pool.tags['address'] for pool in kept}
        self.engine = sa.create_engine(cloud.cell.database_connection)
        with self.engine.connect() as connection:
            self.node = self._one(connection, models.ComputeNode)
            self.devices = [
                dict(row)
                for row in connection.execute(
                    sa.select(models.PciDevice.__table__)
                ).mappings()
                if row['parent_addr'] in addresses
            ]
        with self.engine.begin() as connection:
            for model in (models.PciDevice, models.ComputeNode):
                connection.execute(sa.delete(model.__table__))
        self.count = 0

    @staticmethod
    def _one(connection, model):
        return dict(
            connection.execute(sa.select(model.__table__)).mappings().one()
        )

    def add(self, count):
        """Rows of an hour ago: they are settled."""
        then = timeutils.utcnow() - datetime.timedelta(hours=1)
        while count:
            batch = min(count, BATCH)
            nodes, devices = [], []
            for number in range(self.count + 1, self.count + batch + 1):
                name = f'host{number:05d}'
                nodes.append(
                    self.node
                    | {
                        'id': number,
                        'uuid': str(uuid.uuid4()),
                        'host': name,
                        'hypervisor_hostname': name,
                        'updated_at': then,
                        'created_at': then,
                    }
                )
                for device in self.devices:
                    changed = {
                        'uuid': str(uuid.uuid4()),
                        'compute_node_id': number,
                        'updated_at': then,
                        'created_at': then,
                    }
                    fields = device | changed
                    del fields['id']
                    devices.append(fields)
            with self.engine.begin() as connection:
                connection.execute(
                    sa.insert(models.ComputeNode.__table__), nodes
                )
                connection.execute(
                    sa.insert(models.PciDevice.__table__), devices
                )
            self.count += batch
            count -= batch

    def change(self, count):
        """A guest on each of ``count`` hosts."""
        node = models.ComputeNode.__table__
        topology = objects.NUMATopology.obj_from_db_obj(
            self.node['numa_topology']
        )
        topology.cells[0].memory_usage += 4096
        topology.cells[0].cpu_usage += 1
        with self.engine.begin() as connection:
            connection.execute(
                sa.update(node)
                .where(node.c.id <= count)
                .values(
                    numa_topology=topology._to_json(),  # noqa: SLF001
                    updated_at=timeutils.utcnow(),
                )
            )


def seed(database, hosts):
    """Put trees into Placement as publishing leaves them."""
    base = sqlite3.connect(database, timeout=60)
    with contextlib.closing(base), base:
        classes = dict(base.execute('select name, id from resource_classes'))
        traits = dict(base.execute('select name, id from traits'))
        (last,) = base.execute(
            'select max(id) from resource_providers'
        ).fetchone()
        for host in hosts:
            tree = encode(host)
            ids = {}
            for provider in tree.providers:
                last += 1
                ids[provider.uuid] = last
                parent = ids.get(provider.parent)
                base.execute(
                    'insert into resource_providers (id, uuid, name, '
                    'generation, root_provider_id, parent_provider_id, '
                    'created_at, updated_at) '
                    f'values (?, ?, ?, 3, ?, ?, {THEN}, {THEN})',
                    (
                        last,
                        provider.uuid,
                        provider.name,
                        ids[tree.root.uuid],
                        parent,
                    ),
                )
                base.executemany(
                    'insert into inventories (resource_provider_id, '
                    'resource_class_id, total, reserved, min_unit, max_unit, '
                    'step_size, allocation_ratio, created_at) '
                    f'values (?, ?, ?, ?, ?, ?, ?, ?, {THEN})',
                    [
                        (last, classes[name], *dataclasses.astuple(inventory))
                        for name, inventory in provider.inventories.items()
                    ],
                )
                base.executemany(
                    'insert into resource_provider_traits '
                    '(resource_provider_id, trait_id, created_at) '
                    f'values (?, ?, {THEN})',
                    [(last, traits[name]) for name in provider.traits],
                )


def seed_computes(database, hosts):
    """Nova's own provider of each host: what guests are allocated from."""
    base = sqlite3.connect(database, timeout=60)
    with contextlib.closing(base), base:
        classes = dict(base.execute('select name, id from resource_classes'))
        row = base.execute('select max(id) from resource_providers').fetchone()
        last = row[0] or 0
        for host in hosts:
            last += 1
            base.execute(
                'insert into resource_providers (id, uuid, name, generation, '
                'root_provider_id, created_at, updated_at) '
                f'values (?, ?, ?, 1, ?, {THEN}, {THEN})',
                (last, host.uuid, host.name, last),
            )
            base.executemany(
                'insert into inventories (resource_provider_id, '
                'resource_class_id, total, reserved, min_unit, max_unit, '
                'step_size, allocation_ratio, created_at) '
                f'values (?, ?, ?, 0, 1, ?, 1, 1.0, {THEN})',
                [
                    (last, classes[name], total, total)
                    for name, total in (
                        ('VCPU', 64),
                        ('PCPU', 192),
                        ('MEMORY_MB', 1500000),
                        ('DISK_GB', 10000),
                    )
                ],
            )


def measured(what, counting, work: Callable[[], PassReport]):
    """Make a pass and measure it."""
    before = dataclasses.astuple(_totals(counting))
    started = time.perf_counter()
    report = work()
    seconds = time.perf_counter() - started
    after = dataclasses.astuple(_totals(counting))
    assert report.finished, report
    numbers = [new - old for new, old in zip(after, before, strict=True)]
    counts = dataclasses.asdict(report)
    return Row(
        what,
        *numbers,
        seconds,
        peak_mib(),
        {name: counts[name] for name in ('hosts', 'checked', 'usage')},
    )


@dataclasses.dataclass
class _Totals:
    calls: int
    writes: int
    sent: int
    received: int


def _totals(counting):
    return _Totals(
        counting.calls, counting.writes, counting.sent, counting.received
    )


class SchedulerLoop:
    """Requests as fast as they come; how long each step took.

    A step looks up hosts in the snapshot in hand and computes for about a
    millisecond, as filters do.
    """

    def __init__(self, reader):
        self.reader = reader
        self.going = True
        # Wall clock and CPU time of the process at the end of each step.
        self.steps: list[tuple[float, float]] = []
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while self.going:
            hosts = self.reader.snapshot.hosts
            for topology in itertools.islice(hosts.values(), 50):
                sum(cell.memory_mib for cell in topology.cells)
            self.steps.append((time.perf_counter(), time.process_time()))
            # A scheduler waits for messages, too.
            time.sleep(0.001)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.going = False
        self.thread.join()

    def lengths(self):
        """Seconds of each step, from the end of the one before.

        By the wall clock, and in CPU time of the process: other processes on
        the machine make the former longer.
        """
        return [
            [b - a for a, b in itertools.pairwise(ends)]
            for ends in zip(*self.steps, strict=True)
        ]

    def pauses(self, idle):
        """The longest step beyond one of ``idle`` seconds, in ms."""
        wall, cpu = (1000 * (max(steps) - idle) for steps in self.lengths())
        return {'longest_pause_ms': wall, 'longest_pause_cpu_ms': cpu}


def measure_reader(url, database):
    """What the reader of a scheduler takes, in a process of its own."""
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return pool.apply(_measure_reader, (url, str(database)))


def _measure_reader(url, database):
    reader = TopologyReader(
        lambda: client_of(url, Counting()), deadline=600, full_every=10**6
    )
    gc.collect()
    before = memory.resident_mib()
    results = {'first': _paused_read(reader)}
    gc.collect()
    trees = len(reader.snapshot.hosts)
    results['memory'] = {
        'trees': trees,
        'kib_per_tree': 1024 * (memory.resident_mib() - before) / trees,
        'peak_mib': peak_mib() - before,
    }
    results['unchanged'] = _paused_read(reader)
    for what, count in (
        ('1 changed', 1),
        (f'{trees // 100} changed', trees // 100),
        ('all changed', trees),
    ):
        _touch_roots(database, count)
        results[what] = _paused_read(reader)
    results['swap'] = _swap(reader)
    results['without Placement'] = _without_placement()
    return results


def _touch_roots(database, count):
    """Change trees as their publication does: generations of roots."""
    base = sqlite3.connect(database, timeout=60)
    with contextlib.closing(base), base:
        base.execute(
            'update resource_providers set generation = generation + 1 where '
            'id in (select id from resource_providers where parent_provider_id'
            " is null and name like '%:nfv' limit ?)",
            (count,),
        )


def _paused_read(reader):
    """What a read takes, and how long requests wait beside it."""
    gc.collect()
    with SchedulerLoop(reader) as loop:
        idle = _idle_step(loop)
        started, used = time.perf_counter(), time.process_time()
        assert reader.refresh()
        seconds = time.perf_counter() - started
        cpu = time.process_time() - used
        pauses = loop.pauses(idle)
    return {
        'refresh_seconds': seconds,
        'cpu_seconds': cpu,
        'idle_step_ms': 1000 * idle,
    } | pauses


def _idle_step(loop):
    """Seconds that a step takes with nothing beside it, its sleep included."""
    time.sleep(0.5)
    wall, _cpu = loop.lengths()
    loop.steps.clear()
    return statistics.median(wall)


def _without_placement():
    """What requests wait while nothing answers at Placement's address."""
    with socket.socket() as closed:
        closed.bind(('127.0.0.1', 0))
        port = closed.getsockname()[1]
        published = PublishedTopology(
            TopologyReader(
                lambda: client_of(f'http://127.0.0.1:{port}', Counting())
            )
        )
        times = []
        for _ in range(200):
            started = time.perf_counter()
            assert not published.hosts()
            times.append(time.perf_counter() - started)
            time.sleep(0.005)
        published.reader.stop()
    return {
        'first_request_ms': 1000 * times[0],
        'longest_request_ms': 1000 * max(times),
    }


def _swap(reader):
    """Nothing but the swap: what of the above is the snapshot's own."""
    view = reader._view  # noqa: SLF001
    with SchedulerLoop(reader) as loop:
        idle = _idle_step(loop)
        for _ in range(5):
            reader._succeeded(view)  # noqa: SLF001
            time.sleep(0.02)
        return loop.pauses(idle)


def candidates(urls, repeat=9):
    """Seconds of what Nova asks for a guest, by server.

    The servers are asked in turn, so that whatever else the machine does
    strikes all of them; the fastest of all answers counts.
    """
    clients = [client_of(url, Counting()) for url in urls]
    seconds = [[] for _ in urls]
    for _ in range(repeat):
        for client, mine in zip(clients, seconds, strict=True):
            started = time.perf_counter()
            client.get(
                '/allocation_candidates',
                resources='VCPU:4,MEMORY_MB:8192,DISK_GB:20',
                limit='1000',
            )
            mine.append(time.perf_counter() - started)
    return [min(mine) for mine in seconds]


def first_publications(url, host, count, concurrencies, repeat=3):
    """What a host costs that is published for the first time, by way.

    Placement allows the one call for all inventories to the role ``service``
    only; without it, each provider has a call of its own. The
    ways take turns, and the fastest turn of each counts.
    """
    ways = [('single calls', 'admin', 1)]
    ways += [('one call', 'service', number) for number in concurrencies]
    clients = {}
    for way in ways:
        counting = Counting()
        clients[way] = counting, client_of(url, counting, way[1])
        # Creates the names, opens a connection, and tries the one call.
        publish(clients[way][1], copies(host, 1))
        counting.calls = 0
    seconds = {way: [] for way in ways}
    for _ in range(repeat):
        for way, (_, client) in clients.items():
            started = time.perf_counter()
            report = publish(client, copies(host, count), concurrency=way[2])
            seconds[way].append(time.perf_counter() - started)
            assert report.count('written') == count, report
    return [
        {
            'what': what,
            'concurrency': concurrency,
            'calls_per_host': (counting.calls / repeat - ROUND) / count,
            'seconds_per_host': min(seconds[what, roles, concurrency]) / count,
        }
        for (what, roles, concurrency), (counting, _) in clients.items()
    ]


def copies(host, count):
    """New hosts like ``host``."""
    return [
        dataclasses.replace(host, uuid=uuid_, name=f'new-{uuid_}')
        for uuid_ in (str(uuid.uuid4()) for _ in range(count))
    ]


def first_publications_on_postgresql(host, options):
    """Measure them on a server of their own; nothing without PostgreSQL."""
    with contextlib.ExitStack() as stack:
        try:
            database = stack.enter_context(placement_server.postgresql())
        except pytest.skip.Exception:
            return []
        url = stack.enter_context(placement_server.running(database))
        return first_publications(
            url, host, options.first, options.concurrency
        )


def run(options, console):
    """All measurements, in an order that builds on each other."""
    rows = []
    results = {
        'hosts': options.hosts,
        'first': options.first,
        'machine': MACHINE,
        'pools': options.pools,
        'first_publications': [],
        'candidates': {},
    }
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory())
        )
        database = folder / 'placement.db'
        url = stack.enter_context(
            placement_server.running(f'sqlite:///{database}')
        )
        cloud = stack.enter_context(simulated_cloud())
        computes = Computes(cloud, options.pools)
        counting = Counting()
        client = client_of(url, counting)

        def one(source):
            def work():
                report = PassReport('none')
                source.run(client, report)
                return report

            return work

        computes.add(options.first)
        console.print(f'first pass over {options.first} hosts')
        rows.append(
            measured(
                f'first pass, {options.first} hosts',
                counting,
                one(CellsSource()),
            )
        )
        if options.only == 'all':
            computes.add(options.hosts - options.first)
        console.print('reading all hosts')
        scan = node_versions.scan()
        published = set(client_roots(client))
        missing = {
            each
            for each in scan.node_versions
            if schema.root_uuid(each) not in published
        }
        everything = [
            host
            for page in node_topologies.read_topologies(
                scan, scan.node_versions.keys()
            )
            for host in page.hosts
        ]
        if options.only == 'reader':
            more = copies(everything[0], options.hosts - options.first)
            missing = {host.uuid for host in more}
            everything += more
        seed_computes(database, everything)
        # The same cloud, but for our trees of all but the first hosts.
        shutil.copy(database, folder / 'without.db')
        seed(database, [host for host in everything if host.uuid in missing])
        example = everything[0]
        del everything
        if options.only == 'all':
            passes, found = measure_passes(
                computes, counting, one, (database, url), options, console
            )
            rows += passes
            results |= found
            console.print('first publications')
            results['first_publications'] = first_publications_on_postgresql(
                example, options
            )
        console.print('reader')
        results['reader'] = measure_reader(url, database)
    return results | {'passes': [dataclasses.asdict(row) for row in rows]}


def measure_passes(computes, counting, one, placement, options, console):
    """Passes over all hosts, and Placement with and without their trees.

    :param one: makes a pass of a source
    :param placement: the database with the trees, and the server's URL
    """
    database, url = placement
    rows = []
    console.print('allocation candidates')
    with placement_server.running(
        f'sqlite:///{database.with_name("without.db")}'
    ) as other:
        without, within = candidates([other, url])
    source = CellsSource()
    for what in ('full pass, nothing to write', 'unchanged pass'):
        console.print(what)
        rows.append(measured(what, counting, one(source)))
    changed = int(options.hosts * options.changed)
    computes.change(changed)
    for what in (f'pass with {changed} changed', 'the pass after it'):
        console.print(what)
        rows.append(measured(what, counting, one(source)))
    return rows, {
        'candidates': {
            'without_seconds': without,
            'with_seconds': within,
            'ratio': within / without,
        }
    }


def client_roots(client):
    """The roots of all trees."""
    answer = client.get(
        '/resource_providers', resources=f'{schema.TOPOLOGY}:1'
    )
    return [provider['uuid'] for provider in answer['resource_providers']]


def show(results, console):
    """Print what was measured."""
    table = Table(title=f'{results["hosts"]} hosts of {results["machine"]}')
    for name in ('pass', 'calls', 'writes', 'sent', 'received', 's', 'MiB'):
        table.add_column(name, justify='left' if name == 'pass' else 'right')
    for row in results['passes']:
        table.add_row(
            row['what'],
            str(row['calls']),
            str(row['writes']),
            str(row['sent']),
            str(row['received']),
            f'{row["seconds"]:.2f}',
            f'{row["memory_mib"]:.0f}',
        )
    console.print(table)
    table = Table(title='A host that is published for the first time')
    for name in ('way', 'hosts at a time', 'calls', 'ms'):
        table.add_column(name, justify='left' if name == 'way' else 'right')
    for row in results['first_publications']:
        table.add_row(
            row['what'],
            str(row['concurrency']),
            f'{row["calls_per_host"]:.1f}',
            f'{1000 * row["seconds_per_host"]:.0f}',
        )
    console.print(table)
    console.print_json(json.dumps(results['reader']))
    console.print_json(json.dumps(results['candidates']))


def main(arguments=None):
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        'benchmarks.publishing', description=__doc__
    )
    parser.add_argument('--hosts', type=int, default=5000)
    parser.add_argument('--first', type=int, default=100)
    parser.add_argument('--pools', type=int, default=4)
    parser.add_argument('--changed', type=float, default=0.01)
    parser.add_argument(
        '--concurrency', type=int, nargs='+', default=[1, 2, 4, 8]
    )
    parser.add_argument('--only', choices=('all', 'reader'), default='all')
    parser.add_argument('--output', type=pathlib.Path, metavar='JSON')
    options = parser.parse_args(arguments)
    console = Console(stderr=True)
    results = run(options, console)
    show(results, console)
    if options.output:
        options.output.write_text(f'{json.dumps(results, indent=2)}\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
