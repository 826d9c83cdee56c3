"""On random trees the reasons are Placement's, and so is every number.

A reason is right if Placement offers the host without it, and does not with
any of the reasons left.
"""

import dataclasses
import random

import pytest

from nfv_sched.dryrun.candidates import PlacementCandidates
from nfv_sched.dryrun.provider_trees import ProviderTrees
from nfv_sched.nova.scheduler_pipeline import PlacementQuery
from nfv_sched.placement import api
from nfv_sched.placement import candidate_request
from nfv_sched.placement import shortages
from nfv_sched.placement.matching import ObstacleKind
from nfv_sched.placement.matching import offers
from nfv_sched_testing import budgets
from nfv_sched_testing import provider_trees

HOSTS = 8
#: Eight trees each: 200 trees if all budgets are spent.
CLOUDS = 25 if budgets.ALL else 1
#: The requests that each cloud gets.
REQUESTS = 2
#: Those that ask little, of which only the verdict is compared.
MODEST_REQUESTS = 8


def offered(client, request):
    """The providers of Placement's candidates."""
    answer = client.get(
        f'/allocation_candidates?{provider_trees.query_of(request)}'
    )
    return {
        provider
        for candidate in answer['allocation_requests']
        for provider in candidate['allocations']
    }


class Removal:
    """Reasons that are removed in Placement, until the block ends."""

    def __init__(self, client, tree, request):
        self._client = client
        self._tree = tree
        self.request = request
        self._before = {}

    def __enter__(self):
        return self

    def remove(self, obstacle):
        """Raise inventories, or leave a condition out of the request."""
        raised = []
        if obstacle.kind is ObstacleKind.RESOURCE:
            raised = shortages.raised_providers(
                self._tree, self.request, obstacle
            )
        for provider in raised:
            self._raise(provider.uuid, *obstacle.names)
        self._tree, self.request = shortages.relaxed(
            self._tree, self.request, obstacle
        )

    def _raise(self, uuid, name):
        generation, inventories = api.inventories(self._client, uuid)
        values = {n: dataclasses.asdict(i) for n, i in inventories.items()}
        self._before.setdefault(uuid, values)
        used = api.usages(self._client, uuid).get(name, 0)
        total = used + self.request.amounts()[name]
        if name in inventories:
            total = max(total, inventories[name].capacity)
        provider_trees.put_inventories(
            self._client, uuid, {**values, name: {'total': total}}, generation
        )

    def __exit__(self, *_):
        for uuid, inventories in self._before.items():
            provider_trees.put_inventories(self._client, uuid, inventories)


class Amounts:
    """What Placement has of each provider, read once."""

    def __init__(self, client):
        self._client = client
        self._trees = {}
        self._read = {}

    def providers(self, root):
        if root not in self._trees:
            self._trees[root] = list(api.tree_of(self._client, root))
        return self._trees[root]

    def inventory(self, uuid, name):
        return self._provider(uuid)[0].get(name)

    def free(self, uuid, name):
        """What is free of a class, if there is an inventory of it."""
        inventories, used = self._provider(uuid)
        if name not in inventories:
            return None
        return max(0, inventories[name].capacity - used.get(name, 0))

    def _provider(self, uuid):
        if uuid not in self._read:
            self._read[uuid] = (
                api.inventories(self._client, uuid)[1],
                api.usages(self._client, uuid),
            )
        return self._read[uuid]


def check_numbers(placement, tree, request, shortage):
    """Compare the numbers of a shortage with those of Placement."""
    [name] = shortage.obstacle.names
    uuids = [*placement.providers(tree.root), *tree.shared]
    amounts = [placement.free(uuid, name) for uuid in uuids]
    there = [amount for amount in amounts if amount is not None]
    assert shortage.holders == len(there)
    assert shortage.total == sum(there)
    raised = shortages.raised_providers(tree, request, shortage.obstacle)
    assert shortage.free == sum(
        placement.free(provider.uuid, name) or 0 for provider in raised
    )
    assert shortage.wanted == sum(
        group.resources.get(name, 0)
        for group in request.groups
        if group.suffix in shortage.obstacle.groups
    )
    if shortage.limit is not None:
        [provider] = raised
        inventory = placement.inventory(provider.uuid, name)
        limit, value = shortage.limit.split()
        assert getattr(inventory, limit) == int(value)
        assert shortage.free >= shortage.wanted
    elif shortage.obstacle.provider is not None:
        assert shortage.free < shortage.wanted


def check_reasons(client, placement, tree, request):
    """Check that Placement offers a host without the reasons, and only so."""
    diagnosis = shortages.diagnose(tree, request)
    assert diagnosis.complete
    assert diagnosis.shortages
    for shortage in diagnosis.shortages:
        if shortage.obstacle.kind is ObstacleKind.RESOURCE:
            check_numbers(placement, tree, request, shortage)
    every = [shortage.obstacle for shortage in diagnosis.shortages]
    with Removal(client, tree, request) as removal:
        for obstacle in every:
            removal.remove(obstacle)
        assert tree.root in offered(client, removal.request), every
    if len(every) == 1:
        return diagnosis
    for left in every:
        with Removal(client, tree, request) as removal:
            for obstacle in every:
                if obstacle is not left:
                    removal.remove(obstacle)
            assert tree.root not in offered(client, removal.request), left
    return diagnosis


def normal(request):
    """A request with its groups, and what they require, in one order."""
    groups = sorted(request.groups, key=lambda group: group.suffix)
    return dataclasses.replace(
        request,
        groups=tuple(
            dataclasses.replace(
                group, required=tuple(sorted(group.required, key=sorted))
            )
            for group in groups
        ),
    )


@pytest.mark.parametrize('seed', range(CLOUDS))
def test_placement_offers_a_host_without_its_reasons(client, seed):
    # Not for secrets: for the same cloud again.
    dice = random.Random(seed)  # noqa: S311
    cloud = provider_trees.Cloud(client, dice, HOSTS)
    placement = Amounts(client)
    for _ in range(REQUESTS):
        request = cloud.request()
        query = provider_trees.query_of(request)
        assert normal(candidate_request.parse(query)) == normal(request)
        request = candidate_request.parse(query)
        trees = ProviderTrees(client, request)
        accepted = offered(client, request)
        for root in cloud.roots:
            bulk = trees.tree(root)
            first = shortages.diagnose(bulk, request)
            tree = trees.with_details(bulk, request.amounts())
            if root in accepted:
                assert offers(bulk, request)
                assert offers(tree, request)
                assert not first.shortages
                continue
            diagnosis = check_reasons(client, placement, tree, request)
            if not request.contested():
                # Also without details the reasons are the same.
                assert [each.obstacle for each in first.shortages] == [
                    each.obstacle for each in diagnosis.shortages
                ]

    for _ in range(MODEST_REQUESTS):
        query = provider_trees.query_of(cloud.request(modest=True))
        request = candidate_request.parse(query)
        trees = ProviderTrees(client, request)
        # Hosts that Placement offers are those that the values offer.
        assert offered(client, request) & set(cloud.roots) == {
            root for root in cloud.roots if offers(trees.tree(root), request)
        }


def test_blockers_name_what_is_short(client):
    cloud = provider_trees.Cloud(client, random.Random(7), 3)  # noqa: S311
    request = cloud.request()
    query = PlacementQuery((provider_trees.query_of(request),))
    candidates = PlacementCandidates(client, query)
    for root in cloud.roots:
        blockers, complete = candidates.blockers(root, detailed=True)
        assert complete
        assert bool(blockers) == (not candidates.candidates(root))
