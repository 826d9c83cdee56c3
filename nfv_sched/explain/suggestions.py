"""Suggestions for an instance that fits no host, each of them proved."""

from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses

from nfv_sched.dryrun.blockers import is_of_claim
from nfv_sched.dryrun.scheduler import DryRun
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.dryrun.scheduler import HostReport
from nfv_sched.dryrun.values import Blocker
from nfv_sched.dryrun.values import COMBINATION
from nfv_sched.dryrun.values import PLACEMENT
from nfv_sched.explain import commands
from nfv_sched.explain.alternatives import alternatives
from nfv_sched.explain.alternatives import Harm
from nfv_sched.model import Host
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.nova.request_template import Edit
from nfv_sched.nova.request_template import RequestTemplate
from nfv_sched.placement.errors import PlacementError
from nfv_sched.plan.clearing import fits_without
from nfv_sched.plan.clearing import HostClearing
from nfv_sched.plan.planner import PlannedCloud
from nfv_sched.plan.projected_host import RequestClass
from nfv_sched.plan.reading import CloudReading
from nfv_sched.survey import nova as nova_survey

#: The number of hosts for which moves are tried.
NEAREST_HOSTS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Suggestion:
    """One change, the number of hosts that then fit, and the first new one.

    ``commands`` make the change. ``guests`` are the instances that move, by
    name and uuid; ``to`` names for each the host that has room for it.
    """

    commands: tuple[str, ...]
    harm: Harm
    hosts: int
    host: str
    guests: tuple[tuple[str, str], ...] = ()
    to: tuple[str, ...] = ()


def alternative_requests(
    scheduler: DryRunScheduler, dry_run: DryRun, template: RequestTemplate
) -> Iterator[Suggestion]:
    """Other requests that more hosts fit, by harm and number of hosts.

    Each is proved: the request that Nova would make is run dry.
    """
    fitting = {
        str(report.state.nodename)
        for report in dry_run.reports
        if not report.blockers
    }
    by_edits: dict[tuple[Edit, ...], int] = {}
    found: list[Suggestion] = []
    for alternative in alternatives(template, _page_sizes(dry_run)):
        try:
            proof = scheduler.run_without_reasons(
                alternative.spec, task_state=template.task_state
            )
        except (PlacementError, ValueError):
            # It is not proved.
            continue
        hosts = [str(report.state.nodename) for report in proof.reports]
        by_edits[alternative.edits] = len(hosts)
        enough = max(
            (by_edits.get(part, 0) for part in alternative.parts), default=0
        )
        new = next((host for host in hosts if host not in fitting), None)
        if len(hosts) > enough and new is not None:
            found.append(
                Suggestion(
                    tuple(commands.of_edits(template, alternative.edits)),
                    alternative.harm,
                    len(hosts),
                    new,
                )
            )
    yield from sorted(found, key=lambda one: (one.harm, -one.hosts))


def _page_sizes(dry_run: DryRun) -> frozenset[int]:
    return frozenset(
        pool.size_kib
        for report in dry_run.reports
        if (host := _host(dry_run, report)) is not None
        for cell in host.cells
        for pool in cell.pages
    )


def _host(dry_run: DryRun, report: HostReport) -> Host | None:
    try:
        host = dry_run.host(report)
        # What is malformed shows when it is read.
        list(host.cells), list(host.pools)
    except Exception:
        return None
    return host


def moves_of_instances(
    scheduler: DryRunScheduler, dry_run: DryRun, template: RequestTemplate
) -> Iterator[Suggestion]:
    """The fewest instances to move from each of the nearest hosts.

    Only for hosts that lack nothing but room. Each is a plan, whose every
    step is known to succeed.

    :param template: of the request that was run
    """
    near = [
        report
        for report in dry_run.reports
        if report.blockers and all(map(_is_shortage, report.blockers))
    ][:NEAREST_HOSTS]
    known = _read(scheduler, near, template)
    if known is None:
        return
    cloud, asked = known
    services = {str(state.nodename): state.host for state in scheduler.states}
    clearing = HostClearing(cloud, asked)
    for report in near:
        host = str(report.state.nodename)
        plan = clearing.plan(host)
        if plan is None:
            continue
        moves = [step for step in plan.steps if step.instance is not None]
        yield Suggestion(
            tuple(
                commands.of_step(step, services[step.destination])
                for step in moves
            ),
            Harm.MOVE,
            1,
            host,
            tuple((step.name, step.instance or '') for step in moves),
            tuple(step.destination for step in moves),
        )


def _read(
    scheduler: DryRunScheduler,
    reports: Sequence[HostReport],
    template: RequestTemplate,
) -> tuple[PlannedCloud, RequestClass] | None:
    """The cloud as plans see it, and what the request asks.

    :param reports: of the hosts whose instances may move
    :returns: None if there are none, or it cannot be read
    """
    if not reports:
        return None
    spec = template.request()
    survey = nova_survey.read(
        uuids=[str(report.state.uuid) for report in reports]
    )
    try:
        cloud, [asked] = CloudReading(scheduler, survey).cloud(
            [str(report.state.nodename) for report in reports],
            [(str(spec.flavor.name), spec)],
            task_state=template.task_state,
        )
    except (BadRequestError, PlacementError, ValueError):
        return None
    return cloud, asked


def fits_in_its_place(
    scheduler: DryRunScheduler,
    dry_run: DryRun,
    uuid: str,
    template: RequestTemplate,
) -> str | None:
    """The host of an instance, if it lacks only what the instance holds.

    :param uuid: of an instance for which the run is
    :param template: of the request that was run
    """
    near = [
        report
        for report in dry_run.reports
        if uuid in report.state.instances
        and report.blockers
        and all(map(_is_shortage, report.blockers))
    ]
    known = _read(scheduler, near, template)
    if known is None:
        return None
    cloud, asked = known
    for host, residents in cloud.residents.items():
        leaving = [each for each in residents if each.uuid == uuid]
        if leaving and fits_without(cloud, asked, host, leaving):
            return host
    return None


def _is_shortage(blocker: Blocker) -> bool:
    """Whether instances that leave could remove a blocker."""
    if blocker.stage != PLACEMENT:
        return is_of_claim(blocker)
    if blocker.condition == COMBINATION:
        return True
    return (
        blocker.asked is not None and (blocker.available or 0) < blocker.asked
    )


def suggest(
    scheduler: DryRunScheduler, dry_run: DryRun, template: RequestTemplate
) -> list[Suggestion]:
    """Every suggestion, in the order of :class:`.Harm`.

    :param template: of the request that was run
    """
    moved = list(moves_of_instances(scheduler, dry_run, template))
    return [
        *sorted(moved, key=lambda one: len(one.guests)),
        *alternative_requests(scheduler, dry_run, template),
    ]
