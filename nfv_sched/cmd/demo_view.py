"""Run and output of ``nfv-sched demo``.

Separate from the command, because it needs the extra ``nfv-sched[demo]``.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import itertools
import pathlib
import time

from rich.console import Console
from rich.progress import Progress
from rich.rule import Rule

from nfv_sched.cmd import demo_serve
from nfv_sched.cmd import demo_tables
from nfv_sched.cmd import rich_console
from nfv_sched.dryrun.values import Explanation
from nfv_sched.journal.files import JournalWriter
from nfv_sched.placement import publisher
from nfv_sched.placement.client import PlacementClient
from nfv_sched.render import host_view
from nfv_sched.render import terminal
from nfv_sched.scenario import explain
from nfv_sched.scheduler import published_topology
from nfv_sched.scheduler.decision_journal import DecisionJournal
from nfv_sched.sim import flavors
from nfv_sched.sim import machine
from nfv_sched.sim import served
from nfv_sched.sim import settings
from nfv_sched.sim import topology_reader
from nfv_sched.sim.boot_request import SimulatedGroup
from nfv_sched.sim.boot_result import SimulatedInstance
from nfv_sched.sim.cloud import Cloud
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched.sim.machine import Assign
from nfv_sched.sim.machine import Machine
from nfv_sched.survey import nova as nova_survey

_RACK = 6

# Most hosts of a telco cloud are of a few kinds.
_MACHINES = (
    'dell-2x6230r-64vf',
    'r740-sriov-2x32vf',
    'epyc7451-4node',
    'r740xd-one-pool',
    'turin-nps4',
    'r740-dpdk-320g',
    's2600wt-4port',
    'opteron-sparse-ids',
    'dell-2x6230r-64vf',
    'r740-sriov-2x32vf',
)
_EDGE_MACHINE = 'epyc7451-4node'
# Hosts whose [pci] device_spec has both ports and their VFs. The first has two
# ports on physnet1, the second has one.
_BOTH_FUNCTIONS = ('dell-2x6230r-64vf', 'r740-sriov-2x32vf')

# An instance with a port and a VF, which cannot be of the same port.
_ROUTERS = 4

# Flavors that fit no host of this cloud.
_IMPOSSIBLE = ('packet-cache.200GB', 'telefonica-dataplane-1')
_MAX_REFUSALS = 8
_JOURNAL_MIB = 64


def _machine_names(hosts: int) -> Iterator[str]:
    """The machine of each host."""
    return itertools.islice(itertools.cycle(_MACHINES), hosts)


def _machine(kind: str) -> Machine:
    found = machine.load(kind)
    if kind not in _BOTH_FUNCTIONS:
        return found
    nics = (
        dataclasses.replace(nic, assign=Assign.BOTH) if nic.vfs else nic
        for nic in found.nics
    )
    return dataclasses.replace(found, nics=tuple(nics))


@dataclasses.dataclass(frozen=True, slots=True)
class DemoBoot:
    """One instance to boot; its server group is named as ``service``."""

    name: str
    service: flavors.Service


def demo_boots(guests: int, edges: int, seed: int) -> Iterator[DemoBoot]:
    """The instances of the demo: a mix between deliberate cases.

    :param edges: hosts with the card that ``edge-upf`` requires
    """
    known = flavors.flavors()
    for number in range(_ROUTERS):
        yield DemoBoot(
            f'edge-router-{number}',
            flavors.Service('edge-router', known['edge-router']),
        )
    mix = (
        DemoBoot(f'{service.name}-{number}', service)
        for service in flavors.arrivals(seed)
        for number in range(service.guests)
    )
    yield from itertools.islice(mix, guests)
    # One more than there are NUMA nodes with such a card.
    for number in range(edges + 1 if edges else 0):
        yield DemoBoot(
            f'upf-{number}', flavors.Service('upf', known['edge-upf'])
        )
    for name in _IMPOSSIBLE:
        yield DemoBoot(name, flavors.Service(name, known[name]))


class DemoRun:
    """One run of the demo over a cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        for flavor in flavors.flavors().values():
            cloud.add_flavor(flavor)
        self.instances: list[SimulatedInstance] = []
        self.refusals: dict[str, tuple[SimulatedInstance, Explanation]] = {}
        self.published: list[tuple[publisher.PublishReport, float]] = []
        self.view: published_topology.PublishedTopology | None = None
        self._client = PlacementClient(cloud.placement)
        self._groups: dict[str, SimulatedGroup] = {}

    def add_hosts(self, count: int) -> Iterator[str]:
        """Start hosts of several kinds, in racks.

        :returns: their names
        """
        names = []
        for number, kind in enumerate(_machine_names(count)):
            name = f'r{number // _RACK + 1}-{kind.split("-")[0]}-{number:02}'
            self.cloud.add_host(name, _machine(kind))
            names.append(name)
            yield name
        for start in range(0, count, _RACK):
            rack = f'rack{start // _RACK + 1}'
            self.cloud.add_aggregate(
                rack, names[start : start + _RACK], {'rack': rack}
            )

    def boot(self, order: DemoBoot) -> SimulatedInstance:
        """Boot an instance."""
        service = order.service
        group = self._group(service)
        [guest] = self.cloud.boot(service.flavor, name=order.name, group=group)
        self.instances.append(guest)
        return guest

    def explain(self, guest: SimulatedInstance) -> None:
        """Explain the rejection of an instance, once for each flavor."""
        if guest.flavor.name not in self.refusals:
            self.refusals[guest.flavor.name] = (
                guest,
                explain.explain(self.cloud, guest.flavor, group=guest.group),
            )

    def publish(self) -> None:
        """Publish topology and usage in Placement."""
        begin = time.perf_counter()
        report = publisher.publish(self._client, self.cloud.topologies())
        self.published.append((report, time.perf_counter() - begin))

    def _group(self, service: flavors.Service) -> SimulatedGroup | None:
        if service.policy is None:
            return None
        if service.name not in self._groups:
            self._groups[service.name] = self.cloud.add_group(
                service.name, service.policy, service.max_per_host
            )
        return self._groups[service.name]

    def shown_hosts(self) -> Sequence[str]:
        """The two busiest hosts, one of them with two NUMA nodes."""

        def score(name: str) -> int:
            return sum(
                bool(demo_tables.cpus_of(guest)) * 2 + bool(guest.devices)
                for guest in self.instances
                if guest.host == name and guest.booted
            )

        best: dict[bool, str] = {}
        for name in sorted(self.cloud.computes, key=score, reverse=True):
            two = len(self.cloud.computes[name].machine.cells) == 2
            best.setdefault(two, name)
        return list(best.values())


def demo(
    console: Console,
    hosts: int,
    guests: int,
    seed: int,
    folder: pathlib.Path | None = None,
) -> int:
    """Run the demo.

    :param folder: serve the cloud with files in this folder
    :returns: the exit code: 1 if a claim failed, which the filters prevent
    :raises nfv_sched.sim.served.BadFolderError: the folder cannot be used
    """
    if folder is None:
        return _demo(console, hosts, guests, seed, None)
    files = served.ServedFolder(folder)
    with served.ended_by_sigterm():
        with files.prepared():
            code = _demo(console, hosts, guests, seed, files)
        demo_serve.say_what_is_left(files, console)
    return code


def _demo(
    console: Console,
    hosts: int,
    guests: int,
    seed: int,
    files: served.ServedFolder | None,
) -> int:
    edges = sum(kind == _EDGE_MACHINE for kind in _machine_names(hosts))
    wanted = list(demo_boots(guests, edges, seed))
    with _cloud(settings.STOCK) as cloud:
        stock = DemoRun(cloud)
        with rich_console.progress(console) as progress:
            _add_hosts(stock, progress, hosts)
            for _ in _boot(stock, progress, wanted, 'stock Nova'):
                pass
    begin = time.perf_counter()
    with _cloud(settings.NFV, files) as cloud:
        run = DemoRun(cloud)
        _play(run, console, hosts, wanted)
        _show(run, console)
        _show_outcomes(stock, run, console, time.perf_counter() - begin)
        if files is None:
            demo_serve.say_next(console)
        else:
            demo_serve.serve(cloud, files, console, run.instances)
    return int(
        any(instance.outcome == 'claim failed' for instance in run.instances)
    )


def _cloud(
    profile: settings.Profile,
    files: served.ServedFolder | None = None,
) -> contextlib.AbstractContextManager[Cloud]:
    return simulated_cloud(
        profile,
        aliases=flavors.aliases(),
        options={'nfv_sched.failure_domains': ['rack']},
        folder=files.databases if files else None,
        journal=DecisionJournal(JournalWriter(files.journal, _JOURNAL_MIB))
        if files
        else None,
    )


def _add_hosts(run: DemoRun, progress: Progress, count: int) -> None:
    task = progress.add_task('hosts', total=count, now='')
    for name in run.add_hosts(count):
        progress.update(task, advance=1, now=name)


def _boot(
    run: DemoRun, progress: Progress, wanted: Sequence[DemoBoot], what: str
) -> Iterator[SimulatedInstance]:
    """Boot instances; yields each."""
    task = progress.add_task(what, total=len(wanted), now='')
    for order in wanted:
        guest = run.boot(order)
        where = guest.host if guest.booted else guest.outcome.value
        progress.update(task, advance=1, now=f'{guest.name}: {where}')
        yield guest


def _play(
    run: DemoRun, console: Console, hosts: int, wanted: Sequence[DemoBoot]
) -> None:
    with rich_console.progress(console) as progress:
        _add_hosts(run, progress, hosts)
        run.publish()
        with topology_reader.read_published_topology(run.cloud) as run.view:
            for guest in _boot(run, progress, wanted, 'instances'):
                if not guest.booted:
                    run.explain(guest)
        run.publish()


def _heading(console: Console, title: str, about: str) -> None:
    console.print(Rule(title, align='left'))
    console.print(about, highlight=False, markup=False)
    console.print()


def _show(run: DemoRun, console: Console) -> None:
    booted = [guest for guest in run.instances if guest.booted]
    _heading(
        console,
        'Placed instances',
        'Where nova-scheduler placed each instance, and what the claim of '
        'nova-compute gave it: NUMA nodes, CPUs, pages and devices. A local '
        'device is on a NUMA node of its instance.',
    )
    console.print(demo_tables.placements_table(booted))
    hosts = {host.host: host for host in nova_survey.read(('rack',)).hosts}
    _heading(
        console,
        'NUMA map',
        'The two fullest hosts, as "nfv-sched topology" draws them: each '
        'letter is an instance, each dot is free.',
    )
    for name in run.shown_hosts():
        console.print(terminal.host_map(host_view.host_view(hosts[name])))
        console.print()
    _show_published(run, console)
    _heading(
        console,
        'Instances without a host',
        'Why, as "nfv-sched explain" finds it. Each host counts for the first '
        'condition that rejects it; the last column is the host that lacks '
        'least.',
    )
    for guest, explanation in itertools.islice(
        run.refusals.values(), _MAX_REFUSALS
    ):
        console.print(demo_tables.rejection_table(guest, explanation))
    if not run.refusals:
        console.print('none')


def _show_outcomes(
    stock: DemoRun, run: DemoRun, console: Console, seconds: float
) -> None:
    _heading(
        console,
        'The same instances with stock Nova',
        'Each instance is tried once. In a real cloud nova-conductor tries '
        'other hosts after a failed claim, up to [scheduler] max_attempts: '
        'each costs a build. Devices are those of instances with NUMA nodes.',
    )
    console.print(
        demo_tables.outcomes_table(
            {'stock Nova': stock.instances, 'nfv_sched': run.instances}
        )
    )
    failed = next(
        (each for each in stock.instances if each.outcome == 'claim failed'),
        None,
    )
    if failed is not None:
        console.print(
            f"For example, Nova's own filters accepted {failed.host} for "
            f'{failed.name} ({failed.flavor.about}), and its claim failed.',
            highlight=False,
            markup=False,
        )
        console.print()
    booted = sum(guest.booted for guest in run.instances)
    claims = sum(guest.outcome == 'claim failed' for guest in run.instances)
    console.print(Rule('Summary', align='left'))
    console.print(
        f'{len(run.cloud.computes)} hosts, {len(run.instances)} instances '
        f'requested: {booted} placed, '
        f'{len(run.instances) - booted} refused, '
        f'{claims} failed claims; {seconds:.0f} s',
        highlight=False,
    )


def _show_published(run: DemoRun, console: Console) -> None:
    _heading(
        console,
        'Providers in Placement',
        'What "nfv-sched publish" writes for a host: its NUMA nodes, page '
        'pools and devices, used and total. nova-scheduler reads it.',
    )
    name = run.shown_hosts()[0]
    console.print(
        demo_tables.provider_tree(
            run.cloud.placement, run.cloud.computes[name].node.uuid
        )
    )
    (first, before), (last, after) = run.published
    console.print(
        f'Published the topology of {first.count("written")} hosts in '
        f'{first.writes} writes, {before:.1f} s; then the usage of '
        f'{last.count("usage")} hosts in {last.writes} writes, '
        f'{after:.1f} s.',
        highlight=False,
    )
    if run.view and run.view.reader:
        snapshot = run.view.reader.snapshot
        console.print(
            f'The scheduler read {len(snapshot.hosts)} hosts from Placement '
            f'in the background: {len(run.view.drifted)} drifted, '
            f'{len(run.view.unpublished)} unpublished.',
            highlight=False,
        )
    console.print()
