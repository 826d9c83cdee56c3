"""Why Placement offers a host for no candidate, in words."""

from nfv_sched.dryrun.values import Blocker
from nfv_sched.dryrun.values import COMBINATION
from nfv_sched.dryrun.values import PLACEMENT
from nfv_sched.dryrun.values import TRAIT
from nfv_sched.nova import scheduler_pipeline
from nfv_sched.placement import shortages
from nfv_sched.placement.candidate_request import CandidateRequest
from nfv_sched.placement.matching import Obstacle
from nfv_sched.placement.matching import ObstacleKind
from nfv_sched.placement.provider_tree import HostTree
from nfv_sched.placement.shortages import PlacementShortage

#: Conditions in the order in which they are shown.
_ORDER = (
    ObstacleKind.FORBIDDEN_TRAIT,
    ObstacleKind.TRAIT,
    ObstacleKind.IN_TREE,
    ObstacleKind.AGGREGATE,
    ObstacleKind.FORBIDDEN_AGGREGATE,
    ObstacleKind.RESOURCE,
    ObstacleKind.GROUP_POLICY,
    ObstacleKind.SAME_SUBTREE,
    ObstacleKind.COMBINATION,
)


def order(shortage: PlacementShortage) -> tuple[object, ...]:
    """The place of a shortage among those of a host."""
    obstacle = shortage.obstacle
    disabled = scheduler_pipeline.disabling_trait() in obstacle.names
    return (
        not disabled,
        _ORDER.index(obstacle.kind),
        sorted(obstacle.names),
        obstacle.groups,
    )


def blocker(
    tree: HostTree, request: CandidateRequest, shortage: PlacementShortage
) -> Blocker:
    """A shortage as a blocker of Placement."""
    obstacle = shortage.obstacle
    if obstacle.kind is ObstacleKind.RESOURCE:
        [name] = obstacle.names
        return Blocker(
            PLACEMENT,
            name,
            _resource(tree, request, shortage, name),
            None,
            shortage.wanted,
            shortage.free,
        )
    condition, text = _condition(tree, request, obstacle)
    return Blocker(PLACEMENT, condition, text)


#: Condition and text of what needs no names.
_PLAIN = {
    ObstacleKind.IN_TREE: ('host', 'another host is asked for'),
    ObstacleKind.AGGREGATE: (
        'aggregate',
        'it is in none of the aggregates that are asked for, by availability '
        'zone, project or image',
    ),
    ObstacleKind.FORBIDDEN_AGGREGATE: (
        'aggregate',
        'it is in an aggregate that is reserved for other instances',
    ),
    ObstacleKind.GROUP_POLICY: (
        'group policy',
        'enough is free, but not on one provider for each of {groups} groups '
        '(group_policy=isolate)',
    ),
    ObstacleKind.SAME_SUBTREE: (
        'same subtree',
        'enough is free, but not below one provider for {groups} groups '
        '(same_subtree)',
    ),
}


def _condition(
    tree: HostTree, request: CandidateRequest, obstacle: Obstacle
) -> tuple[str, str]:
    """The condition of an obstacle, and its text."""
    names = ' or '.join(sorted(obstacle.names))
    if obstacle.kind in _PLAIN:
        condition, text = _PLAIN[obstacle.kind]
        if '{groups}' in text:
            return condition, text.format(groups=len(obstacle.groups))
    elif obstacle.kind is ObstacleKind.TRAIT:
        condition = f'{TRAIT}{names}'
        text = _missing_trait(tree, request, obstacle, names)
    elif obstacle.kind is ObstacleKind.FORBIDDEN_TRAIT:
        condition = f'{TRAIT}{names}'
        what = _provider(tree, obstacle.provider) or 'it'
        text = f'{what} has the trait {names}, which is forbidden'
        if scheduler_pipeline.disabling_trait() in obstacle.names:
            condition, text = 'disabled', 'nova-compute is disabled'
    else:
        condition = COMBINATION
        classes = ' and '.join(sorted(obstacle.names)) or 'what is asked'
        text = f'enough of {classes} is free, but not on one provider each'
        if len(obstacle.groups) == 1 and len(obstacle.names) > 1:
            text = f'no provider has {classes} together'
    return condition, text + _groups(obstacle)


def _missing_trait(
    tree: HostTree, request: CandidateRequest, obstacle: Obstacle, names: str
) -> str:
    holders = [
        _provider(tree, provider.uuid) or 'the compute node'
        for provider in tree.providers()
        if not provider.traits.isdisjoint(obstacle.names)
    ]
    if not holders or not obstacle.groups:
        return f'it lacks the trait {names}'
    asked = next(
        group for group in request.groups if group.suffix == obstacle.groups[0]
    )
    classes = ', '.join(sorted(asked.resources)) or 'anything that is asked'
    return (
        f'the trait {names} is only on {holders[0]}, which does not supply '
        f'{classes}'
    )


def _resource(
    tree: HostTree,
    request: CandidateRequest,
    shortage: PlacementShortage,
    name: str,
) -> str:
    suffix = _groups(shortage.obstacle)
    where = _provider(tree, shortage.obstacle.provider)
    if where is None and shortage.holders > 1 and shortage.obstacle.provider:
        where = 'the compute node'
    on = f' on {where}' if where else ''
    if shortage.limit is not None:
        return (
            f'{shortage.wanted} {name} are not allowed for one instance'
            f'{on or " there"} ({shortage.limit} in Placement){suffix}'
        )
    text = f'{shortage.free} of {shortage.wanted} {name} in Placement{on}'
    if not shortage.holders:
        return f'{text}, no provider has any{suffix}'
    remarks = []
    if shortage.holders > 1 and shortage.obstacle.provider:
        remarks.append(f'{shortage.total} on {shortage.holders} providers')
    reserved = _reserved(tree, request, shortage, name)
    if reserved:
        remarks.append(f'{reserved} reserved')
    return text + suffix + (f' ({", ".join(remarks)})' if remarks else '')


def _reserved(
    tree: HostTree,
    request: CandidateRequest,
    shortage: PlacementShortage,
    name: str,
) -> int:
    """What is reserved, if the request would fit with it."""
    inventories = [
        inventory
        for provider in shortages.raised_providers(
            tree, request, shortage.obstacle
        )
        if (inventory := provider.inventories.get(name))
    ]
    reserved = sum(inventory.reserved for inventory in inventories)
    more = sum(
        int(inventory.reserved * inventory.allocation_ratio)
        for inventory in inventories
    )
    missing = (shortage.wanted or 0) - (shortage.free or 0)
    return reserved if more >= missing else 0


def _provider(tree: HostTree, uuid: str | None) -> str | None:
    """A provider in words; None for the compute node, or for none."""
    if uuid is None or uuid == tree.root:
        return None
    name = tree.provider(uuid).name
    if uuid in tree.shared:
        return f'{name}, which is shared'
    return name or 'one provider'


def _groups(obstacle: Obstacle) -> str:
    """The groups that an obstacle is about; empty for the main one."""
    suffixes = [suffix for suffix in obstacle.groups if suffix]
    if not suffixes:
        return ''
    if len(suffixes) > 1:
        return f' for {len(suffixes)} groups'
    return f' for group {suffixes[0]}'
