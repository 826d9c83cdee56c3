"""nova-scheduler's pipeline run dry: every host against one request."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
from typing import Any

from nfv_sched import fit
from nfv_sched.dryrun import blockers
from nfv_sched.dryrun import eligibility
from nfv_sched.dryrun import placement_ledger
from nfv_sched.dryrun import published_topology
from nfv_sched.dryrun.candidates import PlacementCandidates
from nfv_sched.dryrun.eligibility import Eligibility
from nfv_sched.dryrun.node_choices import NodeChoices
from nfv_sched.dryrun.placement_ledger import HostUnderTest
from nfv_sched.dryrun.placement_ledger import PlacementLedger
from nfv_sched.dryrun.values import Blocker
from nfv_sched.dryrun.values import Explanation
from nfv_sched.dryrun.values import HostFinding
from nfv_sched.dryrun.values import PLACEMENT
from nfv_sched.dryrun.values import REQUEST
from nfv_sched.dryrun.values import SERVICE
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.fit.candidates import Candidate
from nfv_sched.fit.candidates import named_providers
from nfv_sched.model import Host
from nfv_sched.nova import host_states
from nfv_sched.nova import node_labels
from nfv_sched.nova import request_spec
from nfv_sched.nova import scheduler_pipeline
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.placement.candidate_request import CandidateRequest
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import PlacementError
from nfv_sched.placement.provider_names import ProviderNames
from nfv_sched.scheduler import cycle as scheduling_cycle
from nfv_sched.scheduler import demand
from nfv_sched.scheduler import host_cycle
from nfv_sched.scheduler.cycle import RequestCycle
from nfv_sched.scheduler.process import SchedulerProcess
from nfv_sched.scheduler.published_topology import PublishedTopology

#: The number of hosts of which all blockers are found.
DETAILED = 10


@dataclasses.dataclass(slots=True)
class HostReport:
    """The result for one host, in the order of the pipeline.

    ``candidates`` are those that Placement offers there.
    """

    state: HostState
    candidates: list[Candidate]
    blockers: list[Blocker] = dataclasses.field(default_factory=list)

    @property
    def rank(self) -> tuple[object, ...]:
        """Less for what is nearer to fitting, as far as is known."""
        return (
            len(self.blockers),
            -min(
                (blocker.closeness for blocker in self.blockers), default=1.0
            ),
            str(self.state.nodename),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class DryRun:
    """The result of one request.

    ``reports`` are of the hosts that nova-scheduler sees, nearest first;
    ``summaries`` are Placement's of the providers of candidates, ``choices``
    the choices of NUMA nodes where nova-scheduler makes any, ``placement`` all
    of Placement's answers; None if it was not asked.
    """

    cycle: RequestCycle
    explanation: Explanation
    reports: tuple[HostReport, ...]
    summaries: Mapping[str, Any]
    choices: NodeChoices | None = None
    placement: PlacementCandidates | None = None

    @property
    def fit_request(self) -> fit.FitRequest:
        """What the request asks."""
        return self.cycle.fit_request

    def host(self, report: HostReport) -> Host:
        """A host as its claim sees it.

        :raises Exception: whatever a malformed state makes Nova's objects
            raise
        """
        state = report.state
        published = self.cycle.process.published
        return published.augment(
            state,
            host_states.host_of(state),
            roots=self.fit_request.asks_roots,
        )

    def target(self, report: HostReport) -> HostUnderTest:
        """A host for hypothetical claims.

        :raises Exception: whatever a malformed state makes Nova's objects
            raise
        """
        target = HostUnderTest(
            str(report.state.nodename),
            self.host(report),
            report.state,
            {},
            self.cycle.process.published.provider_name,
        )
        self._prepare(target)
        return target

    def _prepare(self, target: HostUnderTest) -> None:
        """Add what this request needs to know of a host.

        Claims of other requests may have been the first on it: these need
        other accelerators, or no PCIe roots.
        """
        published, state = self.cycle.process.published, target.state
        target.host = published.augment(
            state, target.host, roots=self.fit_request.asks_roots
        )
        target.distances = published.distances(state, target.host)
        target.accelerators_of = functools.partial(
            published.accelerators,
            state,
            target.host,
            self.fit_request.guest.accelerators,
        )

    def claim(
        self,
        target: HostUnderTest,
        candidates: Sequence[Candidate],
        ledger: PlacementLedger,
    ) -> str | None:
        """Claim for one more such instance, on the nodes that it would get.

        As :func:`nfv_sched.dryrun.placement_ledger.claim`.
        """
        self._prepare(target)
        return placement_ledger.claim(
            self.fit_request,
            target,
            candidates,
            ledger,
            (
                self.choices.outcome
                if self.choices
                else placement_ledger.unrestricted
            ),
        )

    def host_key(self, target: HostUnderTest) -> Hashable:
        """Equal for hosts on which the same claims succeed in turn."""
        return (
            placement_ledger.host_key(target.host),
            self.choices and self.choices.key(target),
        )


class DryRunScheduler:
    """Runs requests on the hosts as they are when it is made.

    Nothing is claimed or written, and nothing is counted as demand of the
    real scheduler: a dry run has a scheduler process of its own.

    :param tell: called with the number of hosts done, and of all
    :param only: the compute nodes to read instead of all, by uuid, with the
        names of their services
    :param published: what is published of the hosts, with a reader that
        starts no thread; read if None
    """

    def __init__(
        self,
        pipeline: scheduler_pipeline.Pipeline,
        client: PlacementClient,
        *,
        tell: Callable[[int, int], None] | None = None,
        only: Mapping[str, str] | None = None,
        published: PublishedTopology | None = None,
    ) -> None:
        self._pipeline = pipeline
        self.client = client
        self.context = pipeline.context
        self._tell = tell or (lambda done, total: None)
        self.states = pipeline.states(only)
        self._hidden = pipeline.hidden_hosts(self.states, only)
        # If NUMAFitFilter accepts a host, its claim succeeds.
        self._complete = any(
            isinstance(step.filter, NUMAFitFilter) for step in pipeline.filters
        )
        self._names = (
            published.reader.names
            if published is not None and published.reader is not None
            else ProviderNames()
        )
        # Whose demand was read from the databases.
        self._primed: SchedulerProcess | None = None
        self._process = SchedulerProcess(
            published
            or published_topology.snapshot(client, self.states, self._names)
        )

    def domains(self, kinds: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """The failure domains of hosts, by node name and kind."""
        named = self._pipeline.domains(kinds)
        return {
            str(state.nodename): named.get(state.host, {})
            for state in self.states
        }

    def physnets(self) -> frozenset[str]:
        """The physical networks of all devices and NUMA nodes of hosts."""
        return frozenset().union(*map(_networks, self.states))

    def unread_hints(self, names: Collection[str]) -> list[str]:
        """The hints that no enabled filter or weigher reads, in words."""
        return self._pipeline.unread_hints(names)

    def explain(
        self, spec: RequestSpec, detailed: int = DETAILED
    ) -> Explanation:
        """Why each host would not take the guest of a RequestSpec.

        The request is changed as nova-scheduler changes it: it is for one
        use.

        :raises nfv_sched.placement.errors.PlacementError: no answer
        :raises ValueError: the request is malformed
        """
        return self.run(spec, detailed).explanation

    def run(
        self,
        spec: RequestSpec,
        detailed: int = DETAILED,
        *,
        task_state: str | None = None,
    ) -> DryRun:
        """As :meth:`explain`, with everything else that was found.

        :param detailed: the number of hosts of which all blockers are found
        :param task_state: that of the move which is asked about, as for
            :func:`nfv_sched.nova.move_claims.move_of`
        """
        hidden = [
            _blocked(host.host, Blocker(SERVICE, 'not scheduled', host.why))
            for host in self._hidden
        ]
        refused = self._pipeline.run_request_filters(spec)
        try:
            query = self._pipeline.placement_query(spec)
        except BadRequestError as error:
            refused = str(error)
        cycle = self.begin(spec, task_state)
        if refused is not None:
            blocker = Blocker(REQUEST, 'request', refused)
            findings = [
                _blocked(str(state.nodename), blocker) for state in self.states
            ]
            return DryRun(cycle, Explanation((*findings, *hidden)), (), {})
        candidates = PlacementCandidates(self.client, query)
        notes = [*self._pipeline.problems, *_notes(candidates)]
        try:
            self._read_names_of(cycle.fit_request, candidates)
        except PlacementError as error:
            notes.append(
                'Placement does not answer: where a port has a guaranteed '
                f'bandwidth, any interface is assumed: {error}'
            )
        reports = self._reports(cycle, spec, candidates, notes)
        steps = self._pipeline.filters
        findings = [
            *_findings(cycle, reports, candidates, detailed, steps),
            *hidden,
        ]
        findings.sort(key=lambda finding: finding.rank)
        dry_run = DryRun(
            cycle,
            Explanation(tuple(findings), tuple(notes)),
            tuple(reports),
            candidates.summaries,
            placement=candidates,
        )
        fitting = [report.state for report in reports if not report.blockers]
        return dataclasses.replace(
            dry_run, choices=self.choices(cycle, spec, fitting)
        )

    def run_without_reasons(
        self, spec: RequestSpec, *, task_state: str | None = None
    ) -> DryRun:
        """As :meth:`run`, with reports only of the hosts that fit.

        Nothing is explained. As in nova-scheduler a filter sees only the hosts
        that Placement and the filters before it left.

        :param task_state: as for :meth:`run`
        :raises nfv_sched.placement.errors.PlacementError: no answer
        :raises ValueError: the request is malformed
        """
        refused = self._pipeline.run_request_filters(spec)
        cycle = self.begin(spec, task_state)
        nothing = DryRun(cycle, Explanation(()), (), {})
        try:
            query = self._pipeline.placement_query(spec)
        except BadRequestError:
            return nothing
        if refused is not None:
            return nothing
        candidates = PlacementCandidates(self.client, query)
        self._read_names_of(cycle.fit_request, candidates)
        left = [
            HostReport(state, list(candidates.candidates(state.uuid)))
            for state in self.states
            if candidates.candidates(state.uuid)
            and not scheduler_pipeline.excluded_by_request(spec, state)
        ]
        for report in left:
            report.state.allocation_candidates = list(report.candidates)
            host_cycle.drop_decision(report.state)
        forced = scheduler_pipeline.skips_filters(spec)
        for step in () if forced else self._pipeline.filters:
            passing = step.passing([report.state for report in left], spec)
            left = [each for each in left if id(each.state) in passing]
        if forced or not self._complete:
            left = [
                each
                for each in left
                if not any(
                    blockers.of_claim(cycle, each.state, each.candidates)
                )
            ]
        return dataclasses.replace(
            nothing,
            reports=tuple(left),
            summaries=candidates.summaries,
            placement=candidates,
        )

    # What plans ask

    @property
    def published(self) -> PublishedTopology:
        """What is published of the hosts."""
        return self._process.published

    @property
    def filter_names(self) -> frozenset[str]:
        """The names of the filters that nova.conf enables."""
        return frozenset(step.name for step in self._pipeline.filters)

    def host(self, state: HostState, *, roots: bool = False) -> Host:
        """A host as a claim sees it.

        :param roots: whether to add the PCIe roots of devices
        :raises Exception: whatever a malformed state makes Nova's objects
            raise
        """
        return self.published.augment(
            state, host_states.host_of(state), roots=roots
        )

    def eligibility(
        self, spec: RequestSpec, task_state: str | None = None
    ) -> Eligibility:
        """The hosts that nothing but room, or a server group, excludes.

        :param task_state: as for :meth:`run`
        :raises ValueError: the request is malformed
        """
        refused = self._pipeline.run_request_filters(spec)
        queries: tuple[CandidateRequest, ...] = ()
        try:
            queries = eligibility.requests_of(
                self._pipeline.placement_query(spec)
            )
        except BadRequestError as error:
            refused = str(error)
        cycle = self.begin(spec, task_state)
        if refused is not None:
            excluded = dict.fromkeys(
                (str(state.nodename) for state in self.states), refused
            )
        else:
            excluded = eligibility.excluded(
                self.states, self._pipeline.filters, spec
            )
        return Eligibility(cycle, queries, excluded)

    def choices(
        self,
        cycle: RequestCycle,
        spec: RequestSpec,
        states: Sequence[HostState],
    ) -> NodeChoices | None:
        """The choices of NUMA nodes; None where claims make their own.

        NUMAFitFilter hands them to claims. They are for the demand that a
        nova-scheduler expects which has just started.

        :param states: the hosts among which the request chooses
        """
        if (
            not cycle.chooses_nodes
            or not cycle.fit_request.guest.cells
            or not self._complete
            or scheduler_pipeline.skips_filters(spec)
        ):
            return None
        hosts = {
            str(state.nodename): self.host(
                state, roots=cycle.fit_request.asks_roots
            )
            for state in states
        }
        if not any(node_labels.are_complete(h.cells) for h in hosts.values()):
            return None
        self._prime(cycle.process)
        return NodeChoices(cycle, spec, hosts)

    def expected_demand(self) -> fit.Demand:
        """The demand that a nova-scheduler expects which has just started."""
        self._prime(self._process)
        return demand.expected(self._process.demand).expected

    def _prime(self, process: SchedulerProcess) -> None:
        """Read the first demand from the databases, unless that is done."""
        if self._primed is not process:
            self._primed = process
            if demand.can_prime():
                demand.prime(process.demand)

    def begin(self, spec: RequestSpec, task_state: str | None) -> RequestCycle:
        """Begin the cycle of a request on the topology that it needs."""
        if request_spec.locates_cards(spec):
            self._read_topology()
        return scheduling_cycle.begin(spec, self._process, task_state)

    def _read_topology(self) -> None:
        """Read the published topology, unless that is done."""
        if self._process.published.reader is None:
            self._process = SchedulerProcess(
                published_topology.read(self.client, self._names)
            )

    def _read_names_of(
        self, fit_request: fit.FitRequest, candidates: PlacementCandidates
    ) -> None:
        self.read_names(
            fit_request,
            [candidates.candidates(state.uuid) for state in self.states],
        )

    def read_names(
        self,
        fit_request: fit.FitRequest,
        candidates: Iterable[Sequence[Candidate]],
    ) -> None:
        """Read the names of the candidates' providers that matter.

        :raises nfv_sched.placement.errors.PlacementError: no answer
        """
        unknown = [
            uuid
            for each in candidates
            for uuid in named_providers(fit_request, each)
            if self._names.get(uuid) is None
        ]
        if unknown:
            self._names.refresh(self.client)

    # The pipeline

    def _reports(
        self,
        cycle: RequestCycle,
        spec: RequestSpec,
        candidates: PlacementCandidates,
        notes: list[str],
    ) -> list[HostReport]:
        reports = []
        for state in self.states:
            report = HostReport(state, list(candidates.candidates(state.uuid)))
            state.allocation_candidates = list(report.candidates)
            host_cycle.drop_decision(state)
            if why := scheduler_pipeline.excluded_by_request(spec, state):
                report.blockers.append(Blocker(REQUEST, 'host', why))
            report.blockers += candidates.blockers(state.uuid)[0]
            reports.append(report)
        if scheduler_pipeline.skips_filters(spec):
            notes.append('The request forces a host: no filter is run.')
        else:
            for step in self._pipeline.filters:
                _run_filter(step, cycle, spec, reports)
        for number, report in enumerate(reports, 1):
            if not any(map(blockers.is_of_claim, report.blockers)) and (
                report.blockers or not self._complete
            ):
                report.blockers += blockers.of_claim(
                    cycle, report.state, report.candidates
                )
            self._tell(number, len(reports))
        return reports


def _run_filter(
    step: scheduler_pipeline.FilterStep,
    cycle: RequestCycle,
    spec: RequestSpec,
    reports: Sequence[HostReport],
) -> None:
    """Run one filter and record the hosts that it rejects.

    Filters that use allocation candidates see only the hosts that all
    earlier ones accepted, the others see every host.
    """
    if blockers.uses_candidates(step):
        seen = [report for report in reports if not report.blockers]
    else:
        seen = list(reports)
    passing = step.passing([report.state for report in seen], spec)
    for report in seen:
        if id(report.state) not in passing:
            report.blockers += blockers.of_filter(
                step, cycle, spec, report.state, report.candidates
            )


def _findings(
    cycle: RequestCycle,
    reports: list[HostReport],
    candidates: PlacementCandidates,
    detailed: int,
    steps: Sequence[scheduler_pipeline.FilterStep],
) -> Iterator[HostFinding]:
    reports.sort(key=lambda report: report.rank)
    nearest = [report for report in reports if report.blockers][:detailed]
    chosen = set(map(id, nearest))
    for report in reports:
        name = str(report.state.nodename)
        if not report.blockers:
            yield HostFinding(name)
        elif id(report) in chosen:
            known = _read_details(report, candidates)
            every, complete = blockers.all_of_host(
                cycle, report.state, report.candidates, report.blockers, steps
            )
            complete = complete and known
            yield HostFinding(name, report.blockers[0], every, complete)
        else:
            yield HostFinding(name, report.blockers[0], tuple(report.blockers))


def _read_details(report: HostReport, candidates: PlacementCandidates) -> bool:
    """Name providers and limits in what Placement rejects a host for.

    Returns whether that is all that Placement rejects it for.
    """
    detailed, known = candidates.blockers(report.state.uuid, detailed=True)
    places = [
        place
        for place, blocker in enumerate(report.blockers)
        if blocker.stage == PLACEMENT
    ]
    if places:
        report.blockers[places[0] : places[-1] + 1] = detailed
    return known


def _networks(state: HostState) -> frozenset[str]:
    """The physical networks of a host; none of a malformed one."""
    try:
        host = host_states.host_of(state)
        return frozenset().union(
            (str(pool.get('physical_network') or '') for pool in host.pools),
            *(cell.physnets for cell in host.cells),
        ) - {''}
    except Exception:
        # That it is malformed is a reason of each request.
        return frozenset()


def _blocked(host: str, blocker: Blocker) -> HostFinding:
    return HostFinding(host, blocker, (blocker,))


def _notes(candidates: PlacementCandidates) -> Iterator[str]:
    limit = candidates.query.limit
    if limit is not None and candidates.total > limit:
        yield (
            f'Placement has {candidates.total} candidates, of which '
            'nova-scheduler asks for [scheduler] max_placement_results = '
            f'{limit}: hosts among the rest are not scheduled.'
        )
