"""Suggestions for a guest that fits no host: moves, or other requests."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from nfv_sched import fit
from nfv_sched.dryrun.blockers import is_of_claim
from nfv_sched.dryrun.scheduler import DryRun
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.dryrun.scheduler import HostReport
from nfv_sched.dryrun.values import Blocker
from nfv_sched.dryrun.values import COMBINATION
from nfv_sched.dryrun.values import PLACEMENT
from nfv_sched.explain import moves
from nfv_sched.explain.alternatives import Alternative
from nfv_sched.explain.alternatives import alternatives
from nfv_sched.explain.moves import Move
from nfv_sched.fit.candidates import Candidate
from nfv_sched.fit.candidates import providers
from nfv_sched.fit.candidates import refusal_with
from nfv_sched.model import Host
from nfv_sched.nova import boot_request
from nfv_sched.placement import api
from nfv_sched.placement.candidate_request import RequestGroup
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import PlacementError
from nfv_sched.placement.matching import offers
from nfv_sched.survey import nova as nova_survey
from nfv_sched.survey.values import HostSurvey

#: The number of hosts for which moves are tried.
NEAREST_HOSTS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Suggestion:
    """One change, the hosts that then fit, and the first of them.

    ``guests`` are the instances that move, by name and uuid; ``to`` names
    for each a host that fits it, empty where there is none.
    """

    change: str
    hosts: int
    host: str
    guests: tuple[tuple[str, str], ...] = ()
    to: tuple[str, ...] = ()


def alternative_requests(dry_run: DryRun) -> Iterator[Suggestion]:
    """Other requests that fit hosts which only the claim rejects."""
    hosts = [
        (report, host)
        for report in dry_run.reports
        if report.blockers
        and all(map(_avoidable, report.blockers))
        and (host := _host(dry_run, report)) is not None
    ]
    sizes = {
        pool.size_kib
        for _, host in hosts
        for cell in host.cells
        for pool in cell.pages
    }
    for alternative in alternatives(dry_run.fit_request.guest, sizes):
        fit_request = fit.FitRequest(
            alternative.guest, pack=dry_run.fit_request.pack
        )
        fitting = [
            str(report.state.nodename)
            for report, host in hosts
            if _offered(dry_run, report, alternative)
            and _fits(dry_run, fit_request, report, host)
        ]
        if fitting:
            yield Suggestion(alternative.change, len(fitting), fitting[0])


def _avoidable(blocker: Blocker) -> bool:
    """Whether an alternative request could avoid a blocker."""
    return blocker.stage == PLACEMENT or is_of_claim(blocker)


def _offered(
    dry_run: DryRun, report: HostReport, alternative: Alternative
) -> bool:
    """Whether Placement offers a host for an alternative."""
    if all(blocker.stage != PLACEMENT for blocker in report.blockers):
        return True
    placement = dry_run.placement
    tree = placement.tree(report.state.uuid) if placement else None
    if placement is None or tree is None:
        return False
    request = dataclasses.replace(
        placement.request,
        groups=tuple(
            group if group.suffix else _changed(group, alternative)
            for group in placement.request.groups
        ),
    )
    return offers(tree, request) is True


def _changed(group: RequestGroup, alternative: Alternative) -> RequestGroup:
    """What an alternative asks of Placement instead."""
    names = frozenset((alternative.trait,))
    return dataclasses.replace(
        group,
        resources={
            name: amount - alternative.spared if name == 'PCPU' else amount
            for name, amount in group.resources.items()
        },
        required=tuple(each for each in group.required if each != names),
        forbidden=group.forbidden - names,
    )


def _host(dry_run: DryRun, report: HostReport) -> Host | None:
    try:
        host = dry_run.host(report)
        # What is malformed shows when it is read.
        list(host.cells), list(host.pools)
    except Exception:
        return None
    return host


def _fits(
    dry_run: DryRun,
    fit_request: fit.FitRequest,
    report: HostReport,
    host: Host,
) -> bool:
    evaluation = fit.Evaluation(fit_request, host)
    published = dry_run.cycle.process.published
    classes = fit_request.guest.accelerators

    def fits(candidate: Candidate) -> bool:
        offered = providers(fit_request, candidate, published.provider_name)
        cards = published.accelerators(report.state, host, classes, candidate)
        return refusal_with(evaluation, offered, cards) is None

    try:
        return any(
            fits(candidate)
            for candidate in report.candidates or [{'mappings': {'': []}}]
        )
    except Exception:
        return False


def moves_of_instances(
    dry_run: DryRun,
    surveys: Callable[[Sequence[str]], Mapping[str, HostSurvey]],
    client: PlacementClient,
) -> Iterator[moves.Move]:
    """The fewest instances to move from each of the nearest hosts.

    Only for hosts that lack nothing but room.

    :param surveys: the hosts of these names, by name
    """
    near = [
        report
        for report in dry_run.reports
        if report.blockers and all(map(_is_shortage, report.blockers))
    ][:NEAREST_HOSTS]
    known = surveys([str(report.state.nodename) for report in near])
    for report in near:
        survey = known.get(str(report.state.nodename))
        host = _host(dry_run, report)
        if survey is None or host is None:
            continue
        try:
            room = _room(dry_run, report, client)
        except PlacementError:
            # It is not known what instances would return to Placement.
            continue
        move = moves.fewest_moves(dry_run.fit_request, survey, host, room)
        if move:
            yield move


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


#: The number of moves for whose instances another host is searched.
MOVES_WITH_DESTINATIONS = 2


def suggest(scheduler: DryRunScheduler, dry_run: DryRun) -> list[Suggestion]:
    """Every suggestion: fewest moves first, then other requests.

    For each instance that moves another host is searched, as its stored
    request asks.
    """
    moves = sorted(
        moves_of_instances(dry_run, _surveys(dry_run), scheduler.client),
        key=lambda move: len(move.guests),
    )
    # Before destinations are searched, which changes the host states.
    others = list(alternative_requests(dry_run))
    return [
        *(
            _suggestion(move, _destinations(scheduler, move))
            for move in moves[:MOVES_WITH_DESTINATIONS]
        ),
        *(_suggestion(move, ()) for move in moves[MOVES_WITH_DESTINATIONS:]),
        *others,
    ]


def _suggestion(move: Move, to: Iterable[str]) -> Suggestion:
    count = len(move.guests)
    return Suggestion(
        f'move {count} instance{"s" if count > 1 else ""} away',
        1,
        move.host,
        tuple((guest.name, guest.uuid) for guest in move.guests),
        tuple(to),
    )


def _destinations(scheduler: DryRunScheduler, move: Move) -> Iterator[str]:
    """A host for each instance that moves, where its request is known."""
    for guest in move.guests:
        try:
            spec = boot_request.stored_spec(scheduler.context, guest.uuid)
        except boot_request.BadRequestError:
            yield 'unknown: no request is stored'
            continue
        spec.ignore_hosts = [move.host]
        # A host that was once forced does not bind it.
        spec.force_hosts = spec.force_nodes = None
        try:
            explanation = scheduler.explain(spec, detailed=0)
        except PlacementError:
            yield 'unknown: Placement does not answer'
            continue
        yield next(
            (finding.host for finding in explanation.findings if finding.fits),
            'none',
        )


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
