"""Whether Placement offers a host for a request, decided on values.

As placement.objects.allocation_candidate and research_context decide from
microversion 1.36 on.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import enum
import itertools
from typing import Any
from typing import NamedTuple

from nfv_sched.placement.candidate_request import CandidateRequest
from nfv_sched.placement.candidate_request import RequestGroup
from nfv_sched.placement.provider_tree import HostTree
from nfv_sched.placement.provider_tree import ProviderState

#: Assignments of providers to request groups that are tried per host.
MAX_TRIES = 20_000
#: Choices of providers for the classes of one group that are considered.
MAX_CHOICES = 2_000


class ObstacleKind(enum.Enum):
    """What an obstacle is about."""

    RESOURCE = enum.auto()
    TRAIT = enum.auto()
    FORBIDDEN_TRAIT = enum.auto()
    AGGREGATE = enum.auto()
    FORBIDDEN_AGGREGATE = enum.auto()
    IN_TREE = enum.auto()
    GROUP_POLICY = enum.auto()
    SAME_SUBTREE = enum.auto()
    COMBINATION = enum.auto()


class Obstacle(NamedTuple):
    """One condition that is not met.

    ``names`` are a class, traits of which one is required, aggregates, or
    classes that are not there together. ``groups`` are the suffixes of the
    request groups; empty for what is required of the root. ``provider`` is
    the uuid of the provider that has too little of a class, None where no
    provider has any.
    """

    kind: ObstacleKind
    groups: tuple[str, ...]
    names: frozenset[str]
    provider: str | None = None


class _Option(NamedTuple):
    """A choice of providers for a group.

    ``needs`` are amounts by provider and class, of contested classes only.
    """

    providers: frozenset[str]
    needs: tuple[tuple[tuple[str, str], int], ...]


def barriers(
    tree: HostTree, group: RequestGroup, provider: ProviderState
) -> frozenset[Obstacle]:
    """Why a provider gives nothing to a group, whatever it has.

    An aggregate of the root counts for all providers of the tree, but not for
    a group with a suffix. A sharing provider has to be in it itself.
    """
    suffix = (group.suffix,)
    own = provider.uuid in tree.own
    found = {
        Obstacle(
            ObstacleKind.FORBIDDEN_TRAIT,
            suffix,
            frozenset((trait,)),
            provider.uuid,
        )
        for trait in group.forbidden & provider.traits
    }
    if group.in_tree and (not own or group.in_tree not in tree.own):
        found.add(
            Obstacle(ObstacleKind.IN_TREE, suffix, frozenset((group.in_tree,)))
        )
    if group.member_of or group.forbidden_aggregates:
        counting = [provider.memberships]
        if not group.suffix:
            counting.append(tree.own[tree.root].memberships)
        positive = counting if own else counting[:1]
        missing = min(
            (
                [names for names in group.member_of if names not in mine]
                for mine in positive
            ),
            key=len,
        )
        found.update(
            Obstacle(ObstacleKind.AGGREGATE, suffix, names)
            for names in missing
        )
        if any(group.forbidden_aggregates in mine for mine in counting):
            found.add(
                Obstacle(
                    ObstacleKind.FORBIDDEN_AGGREGATE,
                    suffix,
                    group.forbidden_aggregates,
                )
            )
    return frozenset(found)


def lacks_traits(
    group: RequestGroup, traits: frozenset[str]
) -> frozenset[Obstacle]:
    """What a group requires of traits, and these are not."""
    return frozenset(
        Obstacle(ObstacleKind.TRAIT, (group.suffix,), names)
        for names in group.required
        if names.isdisjoint(traits)
    )


def root_obstacles(
    tree: HostTree, request: CandidateRequest
) -> frozenset[Obstacle]:
    """What is required of the root and not met."""
    traits = tree.own[tree.root].traits
    return frozenset(
        (
            *(
                Obstacle(ObstacleKind.TRAIT, (), frozenset((name,)))
                for name in request.root_required - traits
            ),
            *(
                Obstacle(
                    ObstacleKind.FORBIDDEN_TRAIT,
                    (),
                    frozenset((name,)),
                    tree.root,
                )
                for name in request.root_forbidden & traits
            ),
        )
    )


def likeness(group: RequestGroup) -> tuple[object, ...]:
    """Equal for groups for which the same providers are suitable."""
    return (
        bool(group.suffix),
        group.required,
        group.forbidden,
        group.member_of,
        group.forbidden_aggregates,
        group.in_tree,
    )


def gives_all(
    tree: HostTree, group: RequestGroup, provider: ProviderState
) -> bool:
    """Whether a provider by itself meets a group with a suffix."""
    return (
        all(provider.fits(*item) for item in group.resources.items())
        and not lacks_traits(group, provider.traits)
        and not barriers(tree, group, provider)
    )


def offers(tree: HostTree, request: CandidateRequest) -> bool | None:
    """Whether Placement has a candidate; None if that takes too long."""
    if root_obstacles(tree, request):
        return False
    contested = request.contested()
    options: dict[str, tuple[_Option, ...]] = {}
    by_likeness: dict[object, tuple[_Option, ...]] = {}
    for group in request.groups:
        key = likeness(group), tuple(sorted(group.resources.items()))
        if key not in by_likeness:
            choices = _options(tree, group, contested)
            by_likeness[key] = tuple(dict.fromkeys(choices))
        options[group.suffix] = by_likeness[key]
        if not options[group.suffix]:
            return False
    isolate = request.isolate and len(request.numbered) > 1
    if not contested and not isolate and not request.same_subtrees:
        return True
    return _Search(tree, request, options, isolate=isolate).succeeds()


def candidates(
    tree: HostTree, request: CandidateRequest, most: int
) -> Sequence[Mapping[str, Any]]:
    """The allocation candidates of a host, in the form that Placement has.

    Only those with resources of the compute node itself: nova-scheduler
    ignores others. Of those that differ in groups alone that ask for the
    same, one.

    :param most: how many are enough
    """
    if root_obstacles(tree, request):
        return ()
    every = frozenset(request.amounts())
    options = {
        group.suffix: tuple(dict.fromkeys(_options(tree, group, every)))
        for group in request.groups
    }
    isolate = request.isolate and len(request.numbered) > 1
    search = _Search(tree, request, options, isolate=isolate, most=most)
    found = map(_candidate, search.solutions())
    return [each for each in found if tree.root in each['allocations']]


def _candidate(chosen: Mapping[str, '_Option']) -> Mapping[str, Any]:
    allocations: dict[str, dict[str, dict[str, int]]] = {}
    for option in chosen.values():
        for (uuid, name), amount in option.needs:
            resources = allocations.setdefault(uuid, {'resources': {}})
            amounts = resources['resources']
            amounts[name] = amounts.get(name, 0) + amount
    return {
        'allocations': allocations,
        'mappings': {
            suffix: sorted({uuid for (uuid, _), _ in option.needs})
            for suffix, option in chosen.items()
        },
    }


def _options(
    tree: HostTree, group: RequestGroup, contested: frozenset[str]
) -> Iterator[_Option]:
    if group.suffix:
        for provider in tree.providers():
            if gives_all(tree, group, provider):
                yield _Option(
                    frozenset((provider.uuid,)),
                    tuple(
                        ((provider.uuid, name), amount)
                        for name, amount in group.resources.items()
                        if name in contested
                    ),
                )
        return
    relevant = frozenset().union(*group.required)
    by_class = []
    for name, amount in group.resources.items():
        fitting = [
            provider
            for provider in tree.providers()
            if provider.fits(name, amount)
            and not barriers(tree, group, provider)
        ]
        if name not in contested:
            # Providers with the same traits are the same here.
            alike = {
                provider.traits & relevant: provider for provider in fitting
            }
            fitting = list(alike.values())
        by_class.append(fitting)
    items = list(group.resources.items())
    for chosen in itertools.islice(itertools.product(*by_class), MAX_CHOICES):
        traits = frozenset().union(*(provider.traits for provider in chosen))
        if not lacks_traits(group, traits):
            yield _Option(
                frozenset(),
                tuple(
                    ((provider.uuid, name), amount)
                    for provider, (name, amount) in zip(
                        chosen, items, strict=True
                    )
                    if name in contested
                ),
            )


class _Search:
    """The search for providers of all groups together.

    Groups with the same options are in order, unless a subtree tells them
    apart.
    """

    def __init__(
        self,
        tree: HostTree,
        request: CandidateRequest,
        options: Mapping[str, tuple[_Option, ...]],
        *,
        isolate: bool,
        most: int = 1,
    ) -> None:
        self._tree = tree
        self._subtrees = request.same_subtrees
        self._isolate = isolate
        # Fewest options first; groups with the same ones side by side.
        number = {each: n for n, each in enumerate(options.values())}
        self._groups = sorted(
            options.items(), key=lambda item: (len(item[1]), number[item[1]])
        )
        self._chosen: dict[str, _Option] = {}
        self._taken: dict[tuple[str, str], int] = {}
        self._tries = 0
        self._most = most
        self._found: list[dict[str, _Option]] = []

    def solutions(self) -> list[dict[str, _Option]]:
        """The options of each group, in all ways until there are enough."""
        self._extend(0, 0)
        return self._found

    def succeeds(self) -> bool | None:
        """Whether there are providers for all; None if undecided."""
        if self._extend(0, 0):
            return True
        return False if self._tries < MAX_TRIES else None

    def _extend(self, depth: int, start: int) -> bool:
        if depth == len(self._groups):
            self._found.append(dict(self._chosen))
            return len(self._found) >= self._most
        suffix, options = self._groups[depth]
        following = (
            depth + 1 < len(self._groups)
            and self._groups[depth + 1][1] == options
            and not self._subtrees
        )
        for index in range(start, len(options)):
            self._tries += 1
            if self._tries >= MAX_TRIES:
                return False
            option = options[index]
            if not self._take(suffix, option):
                continue
            if self._extend(depth + 1, index if following else 0):
                return True
            self._release(suffix, option)
        return False

    def _take(self, suffix: str, option: _Option) -> bool:
        if (
            self._isolate
            and suffix
            and any(
                option.providers == chosen.providers
                for other, chosen in self._chosen.items()
                if other
            )
        ):
            return False
        for key, amount in option.needs:
            uuid, name = key
            wanted = amount + self._taken.get(key, 0)
            if not self._tree.provider(uuid).has_room(name, wanted):
                return False
        self._chosen[suffix] = option
        for key, amount in option.needs:
            self._taken[key] = amount + self._taken.get(key, 0)
        if all(map(self._same_subtree, self._subtrees)):
            return True
        self._release(suffix, option)
        return False

    def _release(self, suffix: str, option: _Option) -> None:
        del self._chosen[suffix]
        for key, amount in option.needs:
            self._taken[key] -= amount

    def _same_subtree(self, suffixes: frozenset[str]) -> bool:
        """Whether groups are below one of their providers, once all are.

        As placement.objects.allocation_candidate ``_check_same_subtree``.
        """
        if not suffixes <= self._chosen.keys():
            return True
        uuids = frozenset().union(
            *(self._chosen[suffix].providers for suffix in suffixes)
        )
        common = frozenset.intersection(
            *(self._tree.ancestors(uuid) for uuid in uuids)
        )
        return not common.isdisjoint(uuids)
