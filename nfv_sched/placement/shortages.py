"""Why Placement offers a host for no candidate, in the least conditions.

The conditions that are found are such that Placement offers the host without
them, which :func:`nfv_sched.placement.matching.offers` proves, and with any
of them left, it does not.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import itertools

from nfv_sched.placement import matching
from nfv_sched.placement.candidate_request import CandidateRequest
from nfv_sched.placement.candidate_request import RequestGroup
from nfv_sched.placement.matching import barriers
from nfv_sched.placement.matching import lacks_traits
from nfv_sched.placement.matching import likeness
from nfv_sched.placement.matching import Obstacle
from nfv_sched.placement.matching import ObstacleKind
from nfv_sched.placement.matching import offers
from nfv_sched.placement.provider_tree import HostTree
from nfv_sched.placement.provider_tree import ProviderState

#: How often conditions are relaxed to see what remains.
_MAX_ROUNDS = 6


@dataclasses.dataclass(frozen=True, slots=True)
class PlacementShortage:
    """One obstacle, with numbers where it is about a resource class.

    ``wanted`` is what its groups ask. ``free`` is what is free on the provider
    that is named, or of all suitable providers where several groups are short
    together; ``total`` is what is free on all ``holders``, the providers with
    an inventory of the class. ``limit`` is the limit that excludes the amount
    where enough is free.
    """

    obstacle: Obstacle
    wanted: int | None = None
    free: int | None = None
    total: int | None = None
    holders: int = 0
    limit: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a host is not offered; ``complete`` is whether that is all."""

    shortages: tuple[PlacementShortage, ...]
    complete: bool


def diagnose(tree: HostTree, request: CandidateRequest) -> Diagnosis:
    """Why a host is not offered; no shortage where it is."""
    obstacles: list[Obstacle] = []
    shortages: list[PlacementShortage] = []
    left_tree, left = tree, request
    rounds = 0
    complete = False
    for _ in range(_MAX_ROUNDS):
        more = _obstacles(left_tree, left)
        if not more:
            complete = True
            break
        rounds += 1
        obstacles += more
        shortages += [_with_numbers(tree, left, obstacle) for obstacle in more]
        for obstacle in more:
            left_tree, left = relaxed(left_tree, left, obstacle)
    if rounds > 1 or request.contested():
        shortages = _needed(tree, request, shortages)
    return Diagnosis(tuple(shortages), complete)


def _needed(
    tree: HostTree,
    request: CandidateRequest,
    shortages: list[PlacementShortage],
) -> list[PlacementShortage]:
    """Those without which the others do not suffice."""
    for shortage in list(shortages):
        others = [other for other in shortages if other is not shortage]
        relaxed_tree, relaxed_request = tree, request
        for other in others:
            relaxed_tree, relaxed_request = relaxed(
                relaxed_tree, relaxed_request, other.obstacle
            )
        if offers(relaxed_tree, relaxed_request):
            shortages = others
    return shortages


def relaxed(
    tree: HostTree, request: CandidateRequest, obstacle: Obstacle
) -> tuple[HostTree, CandidateRequest]:
    """A tree and a request without an obstacle.

    The inventory of the provider that is named is raised, those of all
    suitable providers where several groups are short together; other
    conditions are left out of the request.
    """
    if obstacle.kind is ObstacleKind.RESOURCE:
        raised = raised_providers(tree, request, obstacle)
        [name] = obstacle.names
        amount = request.amounts()[name]
        for provider in raised:
            tree = tree.replaced(provider.raised(name, amount))
        if raised:
            return tree, request
    return tree, without(request, obstacle)


def raised_providers(
    tree: HostTree, request: CandidateRequest, obstacle: Obstacle
) -> list[ProviderState]:
    """The providers whose inventories remove an obstacle if raised.

    Empty where no provider has an inventory of the class.
    """
    if obstacle.provider is not None:
        return [tree.provider(obstacle.provider)]
    if len(obstacle.groups) == 1:
        return []
    [name] = obstacle.names
    groups = [
        group for group in request.groups if group.suffix in obstacle.groups
    ]
    return _suitable(tree, groups, name)


def without(request: CandidateRequest, obstacle: Obstacle) -> CandidateRequest:
    """A request without a condition."""
    if obstacle.kind is ObstacleKind.GROUP_POLICY:
        return dataclasses.replace(request, isolate=False)
    if obstacle.kind is ObstacleKind.SAME_SUBTREE:
        return dataclasses.replace(
            request,
            same_subtrees=tuple(
                suffixes
                for suffixes in request.same_subtrees
                if suffixes != frozenset(obstacle.groups)
            ),
        )
    if not obstacle.groups:
        return dataclasses.replace(
            request,
            root_required=request.root_required - obstacle.names,
            root_forbidden=request.root_forbidden - obstacle.names,
        )
    groups = tuple(_groups_without(request.groups, obstacle))
    kept = frozenset(group.suffix for group in groups)
    subtrees = (suffixes & kept for suffixes in request.same_subtrees)
    return dataclasses.replace(
        request,
        groups=groups,
        same_subtrees=tuple(suffixes for suffixes in subtrees if suffixes),
    )


def _groups_without(
    groups: Iterable[RequestGroup], obstacle: Obstacle
) -> Iterator[RequestGroup]:
    for group in groups:
        if group.suffix not in obstacle.groups:
            yield group
        elif obstacle.kind is not ObstacleKind.COMBINATION:
            changed = _group_without(group, obstacle)
            if changed.resources or not group.resources:
                yield changed


def _group_without(group: RequestGroup, obstacle: Obstacle) -> RequestGroup:
    names = obstacle.names
    if obstacle.kind is ObstacleKind.RESOURCE:
        return dataclasses.replace(
            group,
            resources={
                name: amount
                for name, amount in group.resources.items()
                if name not in names
            },
        )
    if obstacle.kind is ObstacleKind.TRAIT:
        required = tuple(each for each in group.required if each != names)
        return dataclasses.replace(group, required=required)
    if obstacle.kind is ObstacleKind.FORBIDDEN_TRAIT:
        return dataclasses.replace(group, forbidden=group.forbidden - names)
    if obstacle.kind is ObstacleKind.AGGREGATE:
        member_of = tuple(each for each in group.member_of if each != names)
        return dataclasses.replace(group, member_of=member_of)
    if obstacle.kind is ObstacleKind.FORBIDDEN_AGGREGATE:
        return dataclasses.replace(group, forbidden_aggregates=frozenset())
    return dataclasses.replace(group, in_tree=None)


def _with_numbers(
    tree: HostTree, request: CandidateRequest, obstacle: Obstacle
) -> PlacementShortage:
    if obstacle.kind is not ObstacleKind.RESOURCE:
        return PlacementShortage(obstacle)
    [name] = obstacle.names
    wanted = sum(
        group.resources.get(name, 0)
        for group in request.groups
        if group.suffix in obstacle.groups
    )
    holders = [
        provider
        for provider in tree.providers()
        if name in provider.inventories
    ]
    raised = raised_providers(tree, request, obstacle)
    free = sum(provider.free(name) for provider in raised)
    limit = None
    if obstacle.provider is not None:
        [provider] = raised
        if free >= wanted and name in provider.inventories:
            limit = provider.excluding_limit(name, wanted)
    return PlacementShortage(
        obstacle,
        wanted,
        free,
        sum(provider.free(name) for provider in holders),
        len(holders),
        limit,
    )


def _obstacles(tree: HostTree, request: CandidateRequest) -> list[Obstacle]:
    """What stands in the way first; empty if nothing does."""
    found = set(matching.root_obstacles(tree, request))
    held = frozenset(
        name for provider in tree.providers() for name in provider.inventories
    )
    for group in request.groups:
        found |= _of_group(tree, group, held)
    if found:
        return sorted(_merged(tree, request, found), key=_order)
    if offers(tree, request):
        return []
    return _of_groups_together(tree, request)


def _order(obstacle: Obstacle) -> tuple[object, ...]:
    return (
        obstacle.kind.value,
        obstacle.groups,
        sorted(obstacle.names),
        obstacle.provider or '',
    )


def _merged(
    tree: HostTree, request: CandidateRequest, obstacles: Iterable[Obstacle]
) -> Iterator[Obstacle]:
    """Groups that ask alike and are short of one class, as one obstacle."""
    merged: set[Obstacle] = set()
    for obstacle in obstacles:
        if obstacle.kind is ObstacleKind.RESOURCE:
            together = _short_together(tree, request, obstacle)
            if together is not None:
                merged.add(together)
                continue
        yield obstacle
    yield from merged


def _short_together(
    tree: HostTree, request: CandidateRequest, obstacle: Obstacle
) -> Obstacle | None:
    """The obstacle of all groups like one that is short of a class.

    None where it is alone, or where enough is free for all together.
    """
    [name] = obstacle.names
    [first] = (g for g in request.groups if g.suffix == obstacle.groups[0])
    alike = [
        group
        for group in request.groups
        if name in group.resources and likeness(group) == likeness(first)
    ]
    if len(alike) == 1:
        return None
    return _shortage_of(tree, alike, name)


def _shortage_of(
    tree: HostTree, groups: Sequence[RequestGroup], name: str
) -> Obstacle | None:
    """The obstacle of groups that are short of a class together, if any."""
    wanted = sum(group.resources[name] for group in groups)
    free = sum(
        provider.free(name) for provider in _suitable(tree, groups, name)
    )
    if free >= wanted:
        return None
    suffixes = tuple(group.suffix for group in groups)
    return Obstacle(ObstacleKind.RESOURCE, suffixes, frozenset((name,)))


def _suitable(
    tree: HostTree, groups: Iterable[RequestGroup], name: str
) -> list[ProviderState]:
    """The providers that may give a class to any of some groups."""
    groups = list(groups)
    return [
        provider
        for provider in tree.providers()
        if name in provider.inventories
        and any(
            not barriers(tree, group, provider)
            and not (group.suffix and lacks_traits(group, provider.traits))
            for group in groups
        )
    ]


def _of_group(
    tree: HostTree, group: RequestGroup, held: frozenset[str]
) -> frozenset[Obstacle]:
    """The fewest obstacles of a group by itself.

    :param held: the classes of which there are inventories
    """
    absent = frozenset(
        Obstacle(ObstacleKind.RESOURCE, (group.suffix,), frozenset((name,)))
        for name in group.resources
        if name not in held
    )
    wanted = {n: a for n, a in group.resources.items() if n in held}
    if absent and not wanted:
        return absent
    present = dataclasses.replace(group, resources=wanted)
    if group.suffix:
        return absent | _of_numbered_group(tree, present)
    return absent | _of_unsuffixed_group(tree, present)


def _of_numbered_group(
    tree: HostTree, group: RequestGroup
) -> frozenset[Obstacle]:
    if any(
        matching.gives_all(tree, group, provider)
        for provider in tree.providers()
    ):
        return frozenset()
    choices = [
        (
            barriers(tree, group, provider)
            | lacks_traits(group, provider.traits)
            | {
                _resource(group, name, provider)
                for name, amount in group.resources.items()
                if not provider.fits(name, amount)
            },
            provider,
        )
        for provider in tree.providers()
        if not group.resources
        or not provider.inventories.keys().isdisjoint(group.resources)
    ]
    least, _ = min(
        choices,
        key=lambda choice: (*_score(tree, group, choice[0]), choice[1].uuid),
    )
    if least and len(group.resources) > 1 and _all_there(tree, group):
        names = frozenset(group.resources)
        return frozenset(
            (Obstacle(ObstacleKind.COMBINATION, (group.suffix,), names),)
        )
    return least


def _all_there(tree: HostTree, group: RequestGroup) -> bool:
    """Whether suitable providers have each class of a group, one by one."""
    return all(
        any(
            provider.fits(name, amount)
            for provider in _suitable(tree, [group], name)
        )
        for name, amount in group.resources.items()
    )


def _of_unsuffixed_group(
    tree: HostTree, group: RequestGroup
) -> frozenset[Obstacle]:
    relevant: frozenset[str] = frozenset().union(*group.required)
    by_class = []
    for name, amount in group.resources.items():
        alike: dict[object, tuple[frozenset[Obstacle], ProviderState]] = {}
        for provider in tree.providers():
            if name not in provider.inventories:
                continue
            met = barriers(tree, group, provider)
            fits = provider.fits(name, amount)
            key = (met, fits, provider.traits & relevant)
            if not fits:
                met |= {_resource(group, name, provider)}
            known = alike.get(key)
            if known is None or provider.free(name) > known[1].free(name):
                alike[key] = (met, provider)
        by_class.append(list(alike.values()))
    best: frozenset[Obstacle] | None = None
    least: tuple[object, ...] = ()
    products = itertools.product(*by_class)
    for chosen in itertools.islice(products, matching.MAX_CHOICES):
        traits = frozenset().union(*(p.traits for _, p in chosen))
        met = lacks_traits(group, traits).union(*(each for each, _ in chosen))
        if not met:
            return met
        score = _score(tree, group, met)
        if best is None or score < least:
            best, least = met, score
    return best or frozenset()


def _resource(
    group: RequestGroup, name: str, provider: ProviderState
) -> Obstacle:
    return Obstacle(
        ObstacleKind.RESOURCE,
        (group.suffix,),
        frozenset((name,)),
        provider.uuid,
    )


def _score(
    tree: HostTree, group: RequestGroup, obstacles: frozenset[Obstacle]
) -> tuple[object, ...]:
    """Less for fewer obstacles, for resources, and for what is nearer."""
    nearness = 0.0
    others = without_inventory = 0
    for obstacle in obstacles:
        if (
            obstacle.kind is not ObstacleKind.RESOURCE
            or obstacle.provider is None
        ):
            others += 1
            continue
        [name] = obstacle.names
        provider = tree.provider(obstacle.provider)
        without_inventory += name not in provider.inventories
        nearness += min(1.0, provider.free(name) / group.resources[name])
    return len(obstacles), others, without_inventory, -nearness


def _of_groups_together(
    tree: HostTree, request: CandidateRequest
) -> list[Obstacle]:
    """What stands in the way of groups that are met one by one."""
    short = list(_short_classes(tree, request))
    if short:
        return short
    conditions = [
        Obstacle(
            ObstacleKind.SAME_SUBTREE, tuple(sorted(suffixes)), frozenset()
        )
        for suffixes in request.same_subtrees
    ]
    if request.isolate:
        suffixes = tuple(group.suffix for group in request.numbered)
        policy = Obstacle(ObstacleKind.GROUP_POLICY, suffixes, frozenset())
        conditions.insert(0, policy)
    for condition in conditions:
        if offers(tree, without(request, condition)):
            return [condition]
    contested = sorted(request.contested())
    combinations = [
        Obstacle(
            ObstacleKind.COMBINATION,
            tuple(g.suffix for g in request.numbered if name in g.resources),
            frozenset((name,)),
        )
        for name in contested
    ]
    for combination in combinations:
        resource = combination._replace(kind=ObstacleKind.RESOURCE)
        if offers(*relaxed(tree, request, resource)):
            return [combination]
    every = tuple(group.suffix for group in request.numbered)
    return [Obstacle(ObstacleKind.COMBINATION, every, frozenset(contested))]


def _short_classes(
    tree: HostTree, request: CandidateRequest
) -> Iterator[Obstacle]:
    """Classes of which groups together ask more than is free."""
    for name in sorted(request.contested()):
        asking = [group for group in request.groups if name in group.resources]
        alike: dict[object, list[RequestGroup]] = {}
        for group in asking:
            alike.setdefault(likeness(group), []).append(group)
        for groups in (*alike.values(), asking):
            if len(groups) > 1:
                short = _shortage_of(tree, groups, name)
                if short is not None:
                    yield short
                    break
