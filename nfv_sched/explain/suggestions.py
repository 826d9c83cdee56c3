"""Suggestions for an instance that fits no host, each of them proved."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import itertools

from nfv_sched.dryrun.blockers import is_of_claim
from nfv_sched.dryrun.placement_ledger import PlacementLedger
from nfv_sched.dryrun.scheduler import DryRun
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.dryrun.scheduler import HostReport
from nfv_sched.dryrun.values import Blocker
from nfv_sched.dryrun.values import COMBINATION
from nfv_sched.dryrun.values import PLACEMENT
from nfv_sched.explain import commands
from nfv_sched.explain import moves
from nfv_sched.explain.alternatives import alternatives
from nfv_sched.explain.alternatives import Harm
from nfv_sched.explain.moves import Move
from nfv_sched.model import Host
from nfv_sched.nova import move_request
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.nova.move_request import Purpose
from nfv_sched.nova.request_template import Edit
from nfv_sched.nova.request_template import RequestTemplate
from nfv_sched.nova.types import HostState
from nfv_sched.placement import api
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import PlacementError
from nfv_sched.survey import nova as nova_survey
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import SurveyedInstance

#: The number of hosts for which moves are tried.
NEAREST_HOSTS = 5
#: The choices of instances for which other hosts are searched, on each host.
MAX_CHOICES = 4
#: The instances for which another host is searched: each costs a dry run.
MAX_SEARCHES = 24


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
    scheduler: DryRunScheduler,
    dry_run: DryRun,
    surveys: Callable[[Sequence[str]], Mapping[str, HostSurvey]],
) -> Iterator[Suggestion]:
    """The fewest instances to move from each of the nearest hosts.

    Only for hosts that lack nothing but room, and only instances that fit
    elsewhere, all of a move on different hosts.

    :param surveys: the hosts of these names, by name
    """
    near = [
        report
        for report in dry_run.reports
        if report.blockers and all(map(_is_shortage, report.blockers))
    ][:NEAREST_HOSTS]
    known = surveys([str(report.state.nodename) for report in near])
    choices = []
    for report in near:
        survey = known.get(str(report.state.nodename))
        host = _host(dry_run, report)
        if survey is None or host is None:
            continue
        try:
            room = _room(dry_run, report, scheduler.client)
        except PlacementError:
            # It is not known what instances would return to Placement.
            continue
        possible = moves.possible_moves(
            dry_run.fit_request, survey, host, room
        )
        choices.append((survey, list(itertools.islice(possible, MAX_CHOICES))))
    # Only now, since searching hosts changes the host states.
    destinations = _Destinations(scheduler)
    for survey, of_host in choices:
        yield from itertools.islice(
            destinations.suggestions(survey.topology.name, of_host), 1
        )


def fits_in_its_place(
    scheduler: DryRunScheduler, dry_run: DryRun, uuid: str
) -> str | None:
    """The host of an instance, if it lacks only what the instance holds.

    :param uuid: of an instance for which the run is
    """
    near = [
        report
        for report in dry_run.reports
        if uuid in report.state.instances
        and report.blockers
        and all(map(_is_shortage, report.blockers))
    ]
    if not near:
        return None
    known = _surveys(dry_run)([str(r.state.nodename) for r in near])
    for report in near:
        name = str(report.state.nodename)
        survey, host = known.get(name), _host(dry_run, report)
        if survey is None or host is None:
            continue
        leaving = [
            each for each in survey.residents or () if each.uuid == uuid
        ]
        try:
            room = _room(dry_run, report, scheduler.client)
        except PlacementError:
            continue
        if moves.fits_without(
            dry_run.fit_request, survey, host, room, leaving
        ):
            return name
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


def _room(
    dry_run: DryRun, report: HostReport, client: PlacementClient
) -> moves.PlacementRoom | None:
    """What instances hold in Placement of what the request is short of.

    One request for each provider that has a class of the request.

    :raises nfv_sched.placement.errors.PlacementError: no answer
    """
    placement = dry_run.placement
    if placement is None or all(
        blocker.stage != PLACEMENT for blocker in report.blockers
    ):
        return None
    tree = placement.tree(report.state.uuid)
    if tree is None:
        return None
    held: dict[str, dict[str, Mapping[str, int]]] = {}
    for provider in tree.providers():
        if provider.used.keys() & placement.request.amounts().keys():
            allocations = api.allocations_of(client, provider.uuid)
            for consumer, amounts in allocations.items():
                held.setdefault(consumer, {})[provider.uuid] = amounts
    return moves.PlacementRoom(tree, placement.request, held)


def suggest(
    scheduler: DryRunScheduler, dry_run: DryRun, template: RequestTemplate
) -> list[Suggestion]:
    """Every suggestion, in the order of :class:`.Harm`.

    :param template: of the request that was run
    """
    surveys = _surveys(dry_run)
    moved = list(moves_of_instances(scheduler, dry_run, surveys))
    return [
        *sorted(moved, key=lambda one: len(one.guests)),
        *alternative_requests(scheduler, dry_run, template),
    ]


class _Destinations:
    """The hosts that have room for instances, if they move."""

    def __init__(self, scheduler: DryRunScheduler) -> None:
        self._scheduler = scheduler
        self._known: dict[str, tuple[Purpose, DryRun] | None] = {}

    def suggestions(
        self, host: str, choices: Iterable[Move]
    ) -> Iterator[Suggestion]:
        """The moves that are possible, with the hosts that take them."""
        for move in choices:
            found = self._of(move)
            if found is None:
                continue
            targets = [target for _, target in found]
            yield Suggestion(
                tuple(
                    commands.of_move(purpose, guest.uuid, target.host)
                    for guest, (purpose, target) in zip(
                        move.guests, found, strict=True
                    )
                ),
                Harm.MOVE,
                1,
                host,
                tuple((guest.name, guest.uuid) for guest in move.guests),
                tuple(str(target.nodename) for target in targets),
            )

    def _of(self, move: Move) -> list[tuple[Purpose, HostState]] | None:
        """A host for each instance, another one for each; None without."""
        ledger = PlacementLedger()
        found: list[tuple[Purpose, HostState]] = []
        for guest in move.guests:
            run = self._run(guest)
            if run is None:
                return None
            purpose, dry_run = run
            ledger.learn(dry_run.summaries)
            taken = {state.nodename for _, state in found}
            state = next(
                (
                    report.state
                    for report in dry_run.reports
                    if report.state.nodename not in taken
                    and dry_run.claim(
                        dry_run.target(report), report.candidates, ledger
                    )
                    is None
                ),
                None,
            )
            if state is None:
                return None
            found.append((purpose, state))
        return found

    def _run(self, guest: SurveyedInstance) -> tuple[Purpose, DryRun] | None:
        """What Nova would do to move an instance live, or else not live."""
        if guest.uuid not in self._known:
            if len(self._known) >= MAX_SEARCHES:
                return None
            self._known[guest.uuid] = next(self._runs(guest), None)
        return self._known[guest.uuid]

    def _runs(
        self, guest: SurveyedInstance
    ) -> Iterator[tuple[Purpose, DryRun]]:
        for purpose in (Purpose.LIVE_MIGRATE, Purpose.MIGRATE):
            try:
                template = move_request.request_of(
                    self._scheduler.context, guest.uuid, purpose
                ).template
                dry_run = self._scheduler.run_without_reasons(
                    template.request(), task_state=template.task_state
                )
            except (BadRequestError, PlacementError, ValueError):
                continue
            if dry_run.reports:
                yield purpose, dry_run


def _surveys(
    dry_run: DryRun,
) -> Callable[[Sequence[str]], Mapping[str, HostSurvey]]:
    """A function that reads the surveys of hosts of a dry run."""
    uuids = {
        str(report.state.nodename): str(report.state.uuid)
        for report in dry_run.reports
    }

    def read(names: Sequence[str]) -> Mapping[str, HostSurvey]:
        survey = nova_survey.read(uuids=[uuids[name] for name in names])
        return {host.topology.name: host for host in survey.hosts}

    return read
