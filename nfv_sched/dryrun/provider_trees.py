"""The provider trees of all hosts, read from Placement for one request.

For all hosts together, whatever their number:

* the summaries of all trees in which any memory is free, in one request; a
  request for another class for hosts that are not among them,
* which providers min_unit, max_unit or step_size exclude: one request for
  each class that is asked, where a provider has enough of it,
* one request for each set of aggregates that is asked,
* the sharing providers in one request, and five for each of them.

Only for a host that is explained in detail: the names of its providers in one
request, and one for each provider with a class that is short.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import functools
import itertools
from typing import Any

from nfv_sched.placement import api
from nfv_sched.placement.candidate_request import CandidateRequest
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import BadAnswer
from nfv_sched.placement.errors import NotFound
from nfv_sched.placement.errors import PlacementError
from nfv_sched.placement.errors import Refused
from nfv_sched.placement.provider_tree import Aggregates
from nfv_sched.placement.provider_tree import HostTree
from nfv_sched.placement.provider_tree import ProviderState
from nfv_sched.placement.provider_tree import SHARING
from nfv_sched.placement.tree import Inventory

#: Classes of which nearly every host has some left.
_COMMON = ('MEMORY_MB', 'VCPU', 'PCPU', 'DISK_GB')
#: Hosts without anything left that are read one by one, and providers of one
#: host whose inventories are read.
_MAX_SINGLE_READS = 64


@dataclasses.dataclass(frozen=True, slots=True)
class _SharingProvider:
    """A sharing provider, and the roots of the trees that it shares with."""

    state: ProviderState
    roots: frozenset[str]


class ProviderTrees:
    """The trees for one request, read when the first host needs one.

    All methods raise nfv_sched.placement.errors.PlacementError where
    Placement does not answer, or not correctly; after that nothing is read
    any more.
    """

    def __init__(
        self, client: PlacementClient, request: CandidateRequest
    ) -> None:
        self._client = client
        self._request = request
        # Summaries by root and provider.
        self._summaries: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._unread = list(
            dict.fromkeys((*_COMMON, *sorted(request.amounts())))
        )
        self._single_reads = 0
        self._error: PlacementError | None = None
        self._trees: dict[str, HostTree | None] = {}
        self._accepting_by_amount: dict[tuple[str, int], frozenset[str]] = {}

    def tree(self, compute: str) -> HostTree | None:
        """The tree of a compute node, by its uuid.

        None where it has no provider, or where its amounts are not known.
        """
        if compute not in self._trees:
            with self._once():
                self._trees[compute] = self._read(compute)
        return self._trees[compute]

    def _read(self, compute: str) -> HostTree | None:
        own = self._own(compute)
        if compute not in own:
            return None
        shared = {
            provider.state.uuid: provider.state
            for provider in self._sharing
            if compute in provider.roots and provider.state.uuid not in own
        }
        return HostTree(compute, own, shared)

    @contextlib.contextmanager
    def _once(self) -> Iterator[None]:
        """Ask nothing more once Placement has not answered.

        It would be waited for again for each host.
        """
        if self._error is not None:
            raise self._error
        try:
            yield
        except PlacementError as error:
            self._error = error
            raise

    def with_details(self, tree: HostTree, classes: Iterable[str]) -> HostTree:
        """A tree with names, and the inventories of providers of classes."""
        with self._once():
            tree = self._detailed(tree, frozenset(classes))
        self._trees[tree.root] = tree
        return tree

    def _detailed(self, tree: HostTree, classes: frozenset[str]) -> HostTree:
        listed = api.tree_of(self._client, tree.root)
        reads = itertools.count()
        for provider in list(tree.own.values()):
            changes: dict[str, Any] = {}
            if provider.uuid in listed:
                changes['name'] = listed[provider.uuid].name
            if (
                not classes.isdisjoint(provider.inventories)
                and next(reads) < _MAX_SINGLE_READS
            ):
                changes.update(self._inventories(provider.uuid))
            tree = tree.replaced(dataclasses.replace(provider, **changes))
        return tree

    def _inventories(self, uuid: str) -> dict[str, Any]:
        """The inventories of a provider, for which nothing is refused."""
        try:
            _, inventories = api.inventories(self._client, uuid)
        except NotFound:
            return {}
        return {'inventories': inventories, 'refused': {}}

    # The providers of a tree

    def _own(self, compute: str) -> dict[str, ProviderState]:
        while compute not in self._summaries and self._unread:
            self._read_summaries(self._unread.pop(0))
        if compute in self._summaries:
            return {
                uuid: self._state(uuid, summary)
                for uuid, summary in self._summaries[compute].items()
            }
        if self._single_reads == _MAX_SINGLE_READS:
            return {}
        self._single_reads += 1
        return {
            provider.uuid: self._read_single(provider)
            for provider in api.tree_of(self._client, compute).values()
        }

    def _read_summaries(self, resource_class: str) -> None:
        try:
            answer = self._client.get(
                '/allocation_candidates', resources=f'{resource_class}:1'
            )
        except Refused:
            # A class that Placement does not know.
            return
        with _checked():
            for uuid, summary in answer['provider_summaries'].items():
                root = summary.get('root_provider_uuid', uuid)
                self._summaries.setdefault(root, {})[uuid] = summary

    def _state(self, uuid: str, summary: Mapping[str, Any]) -> ProviderState:
        with _checked():
            resources = summary['resources']
            inventories = {
                # The capacity is what a total leaves of a reserve.
                name: Inventory(int(value['capacity']))
                for name, value in resources.items()
            }
            state = ProviderState(
                uuid,
                summary.get('parent_provider_uuid'),
                inventories,
                {
                    name: int(value['used'])
                    for name, value in resources.items()
                    if value['used']
                },
                frozenset(summary.get('traits', ())),
                self._memberships(uuid),
            )
        refused = dict(self._refused(state))
        if refused:
            state = dataclasses.replace(state, refused=refused)
        return state

    def _refused(
        self, state: ProviderState
    ) -> Iterator[tuple[str, frozenset[int]]]:
        """The amounts by class that limits of the inventory exclude."""
        for name, amounts in self._asked.items():
            refused = frozenset(
                amount
                for amount in amounts
                if state.has_room(name, amount)
                and state.uuid not in self._accepting(name, amount)
            )
            if refused:
                yield name, refused

    @functools.cached_property
    def _asked(self) -> Mapping[str, frozenset[int]]:
        """The amounts that groups ask, by class."""
        asked: dict[str, set[int]] = {}
        for group in self._request.groups:
            for name, amount in group.resources.items():
                asked.setdefault(name, set()).add(amount)
        return {name: frozenset(amounts) for name, amounts in asked.items()}

    def _accepting(self, name: str, amount: int) -> frozenset[str]:
        """The providers that give an amount of a class."""
        key = name, amount
        if key not in self._accepting_by_amount:
            rows = self._listed(resources=f'{name}:{amount}')
            self._accepting_by_amount[key] = frozenset(rows)
        return self._accepting_by_amount[key]

    def _memberships(self, uuid: str) -> frozenset[Aggregates]:
        return frozenset(
            aggregates
            for aggregates, members in self._members.items()
            if uuid in members
        )

    @functools.cached_property
    def _members(self) -> Mapping[Aggregates, frozenset[str]]:
        """The providers in the sets of aggregates of the request."""
        return {
            aggregates: frozenset(self._in_any(aggregates))
            for aggregates in self._request.aggregates()
        }

    def _in_any(
        self, aggregates: Iterable[str]
    ) -> dict[str, Mapping[str, Any]]:
        return self._listed(member_of='in:' + ','.join(sorted(aggregates)))

    def _listed(self, **params: str) -> dict[str, Mapping[str, Any]]:
        """The providers that a query lists, by uuid."""
        try:
            answer = self._client.get('/resource_providers', **params)
        except Refused:
            # A name that Placement does not know: no provider has it.
            return {}
        with _checked():
            return {
                provider['uuid']: provider
                for provider in answer['resource_providers']
            }

    # Providers that are read one by one

    def _read_single(self, listed: api.ListedProvider) -> ProviderState:
        _, inventories = api.inventories(self._client, listed.uuid)
        _, traits = api.traits(self._client, listed.uuid)
        return ProviderState(
            listed.uuid,
            listed.parent,
            inventories,
            api.usages(self._client, listed.uuid) if inventories else {},
            traits,
            self._memberships(listed.uuid),
            listed.name,
        )

    @functools.cached_property
    def _sharing(self) -> tuple[_SharingProvider, ...]:
        return tuple(
            self._read_sharing(provider)
            for provider in self._listed(required=SHARING).values()
        )

    def _read_sharing(self, row: Mapping[str, Any]) -> _SharingProvider:
        with _checked():
            listed = api.ListedProvider(
                row['uuid'],
                row['name'],
                row['generation'],
                row['parent_provider_uuid'],
                row['root_provider_uuid'],
            )
        state = self._read_single(listed)
        answer = self._client.get(
            f'/resource_providers/{listed.uuid}/aggregates'
        )
        with _checked():
            aggregates = list(answer['aggregates'])
        sharing_with = self._in_any(aggregates) if aggregates else {}
        with _checked():
            return _SharingProvider(
                state,
                frozenset(
                    provider['root_provider_uuid']
                    for provider in sharing_with.values()
                ),
            )


@contextlib.contextmanager
def _checked() -> Iterator[None]:
    """Turn what a malformed answer raises into BadAnswer."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        text = f'malformed answer: {type(error).__name__}: {error}'
        raise BadAnswer(text) from error
