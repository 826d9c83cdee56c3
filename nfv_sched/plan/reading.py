"""The cloud as plans see it, read from Nova and Placement."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
from typing import Any

from nfv_sched.dryrun.eligibility import Eligibility
from nfv_sched.dryrun.eligibility import GROUP_FILTERS
from nfv_sched.dryrun.eligibility import trees_for
from nfv_sched.dryrun.placement_ledger import ClaimRules
from nfv_sched.dryrun.placement_ledger import HostUnderTest
from nfv_sched.dryrun.placement_ledger import PlacementLedger
from nfv_sched.dryrun.placement_ledger import unrestricted
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.fit.candidates import AcceleratorsOf
from nfv_sched.fit.candidates import Candidate
from nfv_sched.model import Guest
from nfv_sched.nova import boot_request
from nfv_sched.nova import movability
from nfv_sched.nova import move_request
from nfv_sched.nova import stored_requests
from nfv_sched.nova.move_request import Purpose
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.placement import api
from nfv_sched.placement.errors import NotFound
from nfv_sched.placement.provider_tree import HostTree
from nfv_sched.plan.planner import PlannedCloud
from nfv_sched.plan.projected_host import GroupRule
from nfv_sched.plan.projected_host import HeldResources
from nfv_sched.plan.projected_host import ProjectedHost
from nfv_sched.plan.projected_host import RequestClass
from nfv_sched.plan.projected_host import Resident
from nfv_sched.plan.values import Method
from nfv_sched.scheduler import live_migration
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import Survey
from nfv_sched.survey.values import SurveyedInstance

#: How an instance may get to its destination, first what is preferred.
ANY_METHOD = (Method.LIVE, Method.COLD)

_EVACUATED = (Method.EVACUATION,)

_PURPOSES = {
    Method.LIVE: Purpose.LIVE_MIGRATE,
    Method.COLD: Purpose.MIGRATE,
    Method.EVACUATION: Purpose.EVACUATE,
}


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class _Asked:
    """The request of instances that ask for the same, and its hosts."""

    flavor: str
    memory_mib: int
    spec: RequestSpec
    eligibility: Eligibility


@dataclasses.dataclass(frozen=True, slots=True)
class _Mover:
    """An instance, and how it would move; ``asked`` is None if it cannot."""

    instance: SurveyedInstance
    memory_mib: int
    method: Method
    asked: _Asked | None
    stays: str = ''
    group: str | None = None


class CloudReading:
    """Reads what plans need, as late as it is needed.

    ``problems`` say what could not be read.

    :param survey: of Nova's databases, taken with ``scheduler``
    :param methods: how instances may move, first what is preferred
    """

    def __init__(
        self,
        scheduler: DryRunScheduler,
        survey: Survey,
        *,
        methods: Sequence[Method] = ANY_METHOD,
    ) -> None:
        self._scheduler = scheduler
        self._states = {
            str(state.nodename): state for state in scheduler.states
        }
        self._surveys = {
            host.topology.name: host
            for host in survey.hosts
            if host.topology.name in self._states
        }
        self._methods = tuple(methods)
        self._asked: dict[Hashable, _Asked] = {}
        self._allocations: dict[str, Mapping[str, Mapping[str, int]]] = {}
        self.problems: list[str] = list(survey.problems)

    def cloud(
        self,
        movable: Collection[str] | None = None,
        new: Sequence[tuple[str, RequestSpec]] = (),
        lost: Collection[str] = (),
        *,
        task_state: str | None = None,
        tell: Callable[[int, int], None] = lambda done, total: None,
    ) -> tuple[PlannedCloud, list[RequestClass]]:
        """The cloud, and the classes of requests that are new.

        :param movable: the hosts whose instances may move, None for all
        :param new: flavors and requests of instances that do not exist
        :param lost: the hosts whose instances are evacuated
        :param task_state: of the moves that new requests are for, if they are
        :param tell: called with the number of instances read, and of all
        """
        movers = self._movers(movable, lost, tell)
        asked_new = [
            self._boot(flavor, spec, task_state) for flavor, spec in new
        ]
        asked = list(
            dict.fromkeys(
                [
                    *asked_new,
                    *(
                        mover.asked
                        for each in movers.values()
                        for mover in each
                        if mover.asked is not None
                    ),
                ]
            )
        )
        trees = trees_for(
            self._scheduler.client, [each.eligibility for each in asked]
        )
        by_host = {
            name: trees.tree(state.uuid)
            for name, state in self._states.items()
        }
        known = {
            name: tree for name, tree in by_host.items() if tree is not None
        }
        ledger = PlacementLedger(_free(known.values()))
        classes = {each: self._class(each, known) for each in asked}
        residents = {
            name: [
                self._resident(name, mover, classes, held) for mover in each
            ]
            for name, each in movers.items()
            for held in (self._held(known.get(name), each),)
        }
        projected_hosts = {
            name: self._projected_host(state, ledger)
            for name, state in self._states.items()
        }
        for each in asked:
            rule = self._rule(each.spec)
            if rule is None:
                continue
            members = frozenset(each.spec.instance_group.members)
            for name, state in self._states.items():
                there = len(members & set(state.instances))
                projected_hosts[name].members[rule.uuid] = there
        cloud = PlannedCloud(
            projected_hosts, residents, ledger, _shared(known)
        )
        return cloud, [classes[each] for each in asked_new]

    # Instances

    def _movers(
        self,
        movable: Collection[str] | None,
        lost: Collection[str],
        tell: Callable[[int, int], None],
    ) -> dict[str, list[_Mover]]:
        hosts = {
            name: survey
            for name, survey in self._surveys.items()
            if movable is None or name in movable
        }
        uuids = [
            instance.uuid
            for survey in hosts.values()
            for instance in survey.residents or ()
        ]
        facts, problems = movability.read(uuids)
        self.problems += problems
        texts = stored_requests.stored_texts(self._scheduler.context, uuids)
        done = 0
        movers: dict[str, list[_Mover]] = {}
        for name, survey in hosts.items():
            movers[name] = []
            for instance in survey.residents or ():
                movers[name].append(
                    self._mover(
                        name,
                        instance,
                        facts.get(instance.uuid),
                        texts.get(instance.uuid, ''),
                        _EVACUATED if name in lost else self._methods,
                    )
                )
                done += 1
                tell(done, len(uuids))
        return movers

    def _mover(
        self,
        host: str,
        instance: SurveyedInstance,
        facts: movability.Movability | None,
        text: str,
        methods: Sequence[Method],
    ) -> _Mover:
        if facts is None:
            return _Mover(
                instance, 0, Method.LIVE, None, 'it could not be read'
            )
        why = {Method.LIVE: facts.live, Method.COLD: facts.cold}
        method = next((each for each in methods if not why.get(each)), None)
        if method is None:
            stays = '; '.join(dict.fromkeys(why[each] for each in methods))
            return _Mover(instance, facts.memory_mib, Method.LIVE, None, stays)
        try:
            asked = self._ask(host, instance, facts, method, text)
        except boot_request.BadRequestError as error:
            return _Mover(instance, facts.memory_mib, method, None, str(error))
        rule = self._rule(asked.spec)
        return _Mover(
            instance,
            facts.memory_mib,
            method,
            asked,
            group=rule.uuid if rule else None,
        )

    def _ask(
        self,
        host: str,
        instance: SurveyedInstance,
        facts: movability.Movability,
        method: Method,
        text: str,
    ) -> _Asked:
        """The request, once for instances that ask for the same.

        :param text: the stored request
        :raises nfv_sched.nova.boot_request.BadRequestError: it cannot be made
        """
        if not text:
            raise boot_request.BadRequestError(
                f'no request of instance {instance.uuid} is stored'
            )
        try:
            asks = stored_requests.request_key(text)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            # JSON from elsewhere.
            raise boot_request.BadRequestError(
                f'the stored request of {instance.uuid} is malformed: '
                f'{type(error).__name__}: {error}'
            ) from error
        key = (
            method,
            # Nova moves no instance to another Nova cell.
            self._states[host].cell_uuid,
            asks,
            facts.stored,
        )
        if key not in self._asked:
            stored = move_request.request_of(
                self._scheduler.context, instance.uuid, _PURPOSES[method]
            )
            spec = stored.template.request()
            # Each plan says itself which hosts are closed.
            spec.ignore_hosts = []
            self._asked[key] = _Asked(
                instance.flavor,
                facts.memory_mib,
                spec,
                self._scheduler.eligibility(spec, stored.template.task_state),
            )
        return self._asked[key]

    def _boot(
        self, flavor: str, spec: RequestSpec, task_state: str | None
    ) -> _Asked:
        return _Asked(
            flavor,
            int(spec.flavor.memory_mb),
            spec,
            self._scheduler.eligibility(spec, task_state),
        )

    def _resident(
        self,
        host: str,
        mover: _Mover,
        classes: Mapping[_Asked, RequestClass],
        held: Mapping[str, Mapping[tuple[str, str], int]],
    ) -> Resident:
        instance = mover.instance
        survey = self._surveys[host]
        return Resident(
            instance.uuid,
            instance.name,
            instance.flavor,
            mover.memory_mib,
            HeldResources(
                instance.cells,
                tuple(
                    device
                    for device in survey.devices or ()
                    if device.guest == instance.uuid
                ),
                held.get(instance.uuid, {}),
            ),
            classes[mover.asked] if mover.asked else None,
            mover.method,
            mover.stays,
            mover.group,
        )

    def _held(
        self, tree: HostTree | None, movers: Sequence[_Mover]
    ) -> dict[str, dict[tuple[str, str], int]]:
        """What instances hold of the providers of a host."""
        held: dict[str, dict[tuple[str, str], int]] = {}
        if tree is None or not any(mover.asked for mover in movers):
            return held
        for provider in tree.providers():
            if not provider.used:
                continue
            allocations = self._allocations_of(provider.uuid)
            for consumer, amounts in allocations.items():
                held.setdefault(consumer, {}).update(
                    {
                        (provider.uuid, name): amount
                        for name, amount in amounts.items()
                    }
                )
        return held

    def _allocations_of(
        self, provider: str
    ) -> Mapping[str, Mapping[str, int]]:
        """What is allocated of a provider, read once: hosts may share it."""
        if provider not in self._allocations:
            try:
                read = api.allocations_of(self._scheduler.client, provider)
            except NotFound:
                read = {}
            self._allocations[provider] = read
        return self._allocations[provider]

    # Requests

    def _rule(self, spec: RequestSpec) -> GroupRule | None:
        """The rule of a server group, if a filter enforces it."""
        group = spec.instance_group
        if group is None or not self._enforces('anti-affinity', group):
            return None
        most = int((group.rules or {}).get('max_server_per_host', 1))
        return GroupRule(group.uuid, most)

    def _enforces(self, policy: str, group: Any) -> bool:
        """Whether a group has a policy that a filter enforces."""
        enabled = GROUP_FILTERS[policy] in self._scheduler.filter_names
        return enabled and group.policy == policy

    def _together(self, spec: RequestSpec) -> frozenset[str] | None:
        """The hosts of an affinity group, that of the instance included.

        As ServerGroupAffinityFilter: None where nothing is to be together.
        """
        group = spec.instance_group
        if group is None or not self._enforces('affinity', group):
            return None
        return frozenset(group.hosts or ()) or None

    def _class(
        self, asked: _Asked, trees: Mapping[str, HostTree]
    ) -> RequestClass:
        eligibility = asked.eligibility
        cycle = eligibility.cycle
        candidates: dict[str, Sequence[Candidate]] = {}
        excluded = dict(eligibility.excluded)
        together = self._together(asked.spec)
        for name, state in self._states.items():
            if name in excluded:
                continue
            if together is not None and state.host not in together:
                excluded[name] = (
                    f'server group: its members are on '
                    f'{", ".join(sorted(together))}'
                )
                continue
            if name not in trees:
                excluded[name] = 'Placement has no provider of it'
                continue
            found = eligibility.candidates(trees[name])
            if found:
                candidates[name] = found
            else:
                excluded[name] = 'Placement does not offer it when empty'
        self._scheduler.read_names(cycle.fit_request, candidates.values())
        failure = None
        if cycle.live is not None:
            failure = functools.partial(
                live_migration.failure_after,
                cycle.live,
                provider_name=cycle.published.provider_name,
            )
        choices = self._scheduler.choices(
            cycle, asked.spec, [self._states[name] for name in candidates]
        )
        return RequestClass(
            asked.flavor,
            asked.memory_mib,
            cycle.fit_request,
            candidates,
            excluded,
            self._rule(asked.spec),
            ClaimRules(choices.outcome if choices else unrestricted, failure),
            accelerators_of=functools.partial(
                self._accelerators, cycle.fit_request.guest
            )
            if cycle.fit_request.guest.accelerators
            else None,
        )

    def _accelerators(self, guest: Guest, host: str) -> AcceleratorsOf:
        state = self._states[host]
        published = self._scheduler.published
        return functools.partial(
            published.accelerators,
            state,
            self._scheduler.host(state),
            guest.accelerators,
        )

    def _projected_host(
        self, state: HostState, ledger: PlacementLedger
    ) -> ProjectedHost:
        name = str(state.nodename)
        host = self._scheduler.host(state, roots=True)
        published = self._scheduler.published
        survey: HostSurvey | None = self._surveys.get(name)
        return ProjectedHost(
            HostUnderTest(
                name,
                host,
                state,
                published.distances(state, host),
                published.provider_name,
            ),
            ledger,
            devices=(survey.devices or ()) if survey else (),
        )


def _free(trees: Collection[HostTree]) -> dict[tuple[str, str], int]:
    return {
        (provider.uuid, name): provider.free(name)
        for tree in trees
        for provider in tree.providers()
        for name in provider.inventories
    }


def _shared(
    trees: Mapping[str, HostTree],
) -> dict[tuple[str, str], int]:
    """What is free of providers that share with hosts."""
    return {
        (provider.uuid, name): provider.free(name)
        for tree in trees.values()
        for provider in tree.shared.values()
        for name in provider.inventories
    }
