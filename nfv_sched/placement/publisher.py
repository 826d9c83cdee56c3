"""Publish hosts: read what is published, plan the calls, make them."""

import collections
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
from typing import NamedTuple

from nfv_sched.model import HostTopology
from nfv_sched.placement import api
from nfv_sched.placement import parallel
from nfv_sched.placement import schema
from nfv_sched.placement.apply_calls import apply_with_retries
from nfv_sched.placement.apply_calls import ApplyResult
from nfv_sched.placement.apply_calls import read_tree
from nfv_sched.placement.apply_calls import read_usage
from nfv_sched.placement.apply_calls import TreeState
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.codec import encode
from nfv_sched.placement.codec import encode_supplement
from nfv_sched.placement.codec import is_complete
from nfv_sched.placement.codec import is_published
from nfv_sched.placement.codec import is_supplement_published
from nfv_sched.placement.codec import published_l3
from nfv_sched.placement.diff import Call
from nfv_sched.placement.diff import CallKind
from nfv_sched.placement.diff import plan
from nfv_sched.placement.diff import plan_supplement
from nfv_sched.placement.diff import plan_usage
from nfv_sched.placement.errors import Conflict
from nfv_sched.placement.errors import PlacementError
from nfv_sched.placement.errors import Refused
from nfv_sched.placement.errors import Unavailable
from nfv_sched.placement.patience import patiently
from nfv_sched.placement.removal import remove_tree
from nfv_sched.placement.tree import Allocations
from nfv_sched.placement.tree import Summaries
from nfv_sched.placement.tree import Tree

#: The numbers of the L3 caches of each cell, by its id.
L3Numbers = Mapping[int, frozenset[int]]

#: Up to this many hosts are read singly: a cloud's bulk answer is large.
MAX_SINGLE_READS = 8
#: A single read takes as long as this many trees of a bulk answer.
BULK_PER_SINGLE = 16


#: Hosts in a row without an answer, after which no other is tried.
MAX_UNANSWERED = 3


@dataclasses.dataclass(frozen=True, slots=True)
class HostPublishReport:
    """What was done for one host.

    ``calls`` are the writes (planned ones in a dry run), ``clamped`` counts
    amounts of usage that were cut to the capacity, ``error`` says why the
    host is not published. ``conflicts`` counts the concurrent writes by other
    clients, ``incomplete`` is whether a tree was found that was incomplete.
    ``omitted`` says which facts of the host are not published, and why.
    """

    name: str
    uuid: str
    calls: tuple[Call, ...] = ()
    clamped: int = 0
    error: str | None = None
    conflicts: int = 0
    incomplete: bool = False
    omitted: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """``failed``, ``unchanged``, ``usage`` or ``written``."""
        if self.error is not None:
            return 'failed'
        if all(call.kind is CallKind.USAGE for call in self.calls):
            return 'usage' if self.calls else 'unchanged'
        return 'written'


@dataclasses.dataclass(frozen=True, slots=True)
class PublishReport:
    """What was done; ``created`` counts new resource classes and traits."""

    hosts: tuple[HostPublishReport, ...] = ()
    created: int = 0

    @property
    def writes(self) -> int:
        """The number of calls that changed, or would change, Placement."""
        return self.created + sum(len(host.calls) for host in self.hosts)

    def count(self, outcome: str) -> int:
        """The number of hosts with this outcome."""
        return sum(host.outcome == outcome for host in self.hosts)


class _LiveNode(NamedTuple):
    """A compute node that exists."""

    uuid: str
    name: str


class Round:
    """One round of publishing, in any number of portions.

    The published roots are listed once, when the round begins, and all trees
    are read in bulk at most once. ``roots`` are all roots of ours by uuid. A
    second round over the same hosts writes nothing. All methods raise
    :class:`~nfv_sched.placement.errors.PlacementError` where no further host
    could be published: Placement does not answer, or not correctly.

    With ``patience`` a lost connection does not end the round: requests are
    repeated for that time, then the host is reported as failed. After
    ``MAX_UNANSWERED`` such hosts in a row the others are not tried.

    :param live_nodes: hypervisor hostnames of the existing compute nodes, by
        uuid: no other host replaces one that has its name
    :param concurrency: hosts to publish at the same time, at most
        ``parallel.MAX_CONCURRENCY``
    :param patience: seconds for the requests of a host
    """

    def __init__(
        self,
        client: PlacementClient,
        live_nodes: Mapping[str, str] | None = None,
        *,
        concurrency: int = 1,
        patience: float = 0.0,
    ) -> None:
        self._client = client
        self._patience = patience
        self._unanswered = 0
        self._concurrency = concurrency
        self._live_nodes = {
            schema.root_uuid(uuid): _LiveNode(uuid, name)
            for uuid, name in (live_nodes or {}).items()
        }
        self.roots = patiently(lambda: api.roots(client), patience)
        self._bulk: dict[str, Summaries] | None = None

    def publish(
        self,
        hosts: Iterable[HostTopology],
        done: Callable[[HostPublishReport], None] = lambda report: None,
        may_continue: Callable[[], bool] = lambda: True,
    ) -> PublishReport:
        """Make Placement describe ``hosts``; other hosts' trees stay.

        A host that cannot be published is reported, and does not stop the
        others.

        :param done: called with the report of each host, in this thread
        :param may_continue: called before each host, in any thread; the rest
            is skipped once it returns False
        """
        trees, reports = _encoded(hosts)
        for report in reports.values():
            if report.error is not None:
                done(report)
        published = patiently(lambda: self._published(trees), self._patience)
        changed = [tree for tree in trees if not _is_same(tree, published)]
        created = patiently(
            lambda: _create_names(self._client, changed), self._patience
        )

        def publish_tree(
            tree: Tree,
        ) -> tuple[str, HostPublishReport | None]:
            uuid = tree.root.uuid
            if not may_continue():
                return uuid, None
            return uuid, self._try_tree(tree, published.get(uuid))

        in_turn, concurrent = self._divided(trees)
        for batch, workers in ((in_turn, 1), (concurrent, self._concurrency)):
            for uuid, result in parallel.results(publish_tree, batch, workers):
                if result is None:
                    del reports[uuid]
                    continue
                reports[uuid] = result
                done(result)
        return PublishReport(tuple(reports.values()), created)

    def _divided(self, trees: list[Tree]) -> tuple[list[Tree], list[Tree]]:
        """The trees to publish in turn, and those at the same time.

        Each of the former needs a name that another tree has: publishing one
        may remove another.
        """
        if self._concurrency == 1:
            return trees, []
        holders = {listed.name: uuid for uuid, listed in self.roots.items()}
        wanted = collections.Counter(tree.root.name for tree in trees)
        in_turn: list[Tree] = []
        concurrent: list[Tree] = []
        for tree in trees:
            uuid, name = tree.root.uuid, tree.root.name
            is_free = wanted[name] == 1 and holders.get(name, uuid) == uuid
            (concurrent if is_free else in_turn).append(tree)
        return in_turn, concurrent

    def _try_tree(
        self, tree: Tree, summaries: Summaries | None
    ) -> HostPublishReport:
        """The report of a host, which an outage may fail if there is patience.

        Another thread may count an outage meanwhile: a host more or less is
        tried.
        """
        if not self._patience:
            return self._publish_tree(tree, summaries)
        report = _report(tree, summaries)
        if self._unanswered >= MAX_UNANSWERED:
            return dataclasses.replace(
                report, error='not tried: Placement does not answer'
            )
        known = [summaries]

        def attempt() -> HostPublishReport:
            # What an interrupted attempt has changed is read again.
            return self._publish_tree(tree, known.pop() if known else None)

        try:
            done = patiently(attempt, self._patience)
        except Unavailable as error:
            self._unanswered += 1
            return dataclasses.replace(report, error=str(error))
        self._unanswered = 0
        return done

    def _publish_tree(
        self, tree: Tree, summaries: Summaries | None
    ) -> HostPublishReport:
        is_new = tree.root.uuid not in self.roots

        def planned(
            problem: PlacementError | None,
        ) -> tuple[list[Call], TreeState]:
            if problem is None and is_new:
                # A read would only show a tree whose first publishing was
                # interrupted: the creation of the root shows it, too.
                return plan(tree, {}, {}), TreeState.assume_nothing()
            if isinstance(problem, Conflict):
                _remove_predecessor(
                    self._client, tree, problem, self._live_nodes
                )
            # The summaries are older than the conflict.
            return _plan(self._client, tree, None if problem else summaries)

        return _completed(
            _report(tree, summaries),
            apply_with_retries(self._client, planned),
        )

    def preview(self, hosts: Iterable[HostTopology]) -> PublishReport:
        """Plan what :meth:`publish` would write; Placement is only read."""
        trees, reports = _encoded(hosts)
        published = self._published(trees)
        for tree in trees:
            summaries = published.get(tree.root.uuid)
            calls = _plan(self._client, tree, summaries)[0]
            reports[tree.root.uuid] = dataclasses.replace(
                _report(tree, summaries), calls=tuple(calls)
            )
        return PublishReport(tuple(reports.values()))

    def _published(self, trees: list[Tree]) -> dict[str, Summaries]:
        """What Placement shows of the trees, by root; absent if nothing."""
        wanted = {tree.root.uuid for tree in trees} & self.roots.keys()
        few = max(MAX_SINGLE_READS, len(self.roots) // BULK_PER_SINGLE)
        if self._bulk is None and len(wanted) > few:
            self._bulk = dict(api.summaries(self._client))
        held = self._bulk or {}
        # Popped to free the memory: each is needed once in a round.
        published = {uuid: held.pop(uuid) for uuid in wanted & held.keys()}
        # All of a few, or those that a limit of the server cut off.
        for uuid in sorted(wanted - published.keys()):
            published.update(api.summaries(self._client, in_tree=uuid))
        return {uuid: published[uuid] for uuid in wanted & published.keys()}


def publish(
    client: PlacementClient,
    hosts: Iterable[HostTopology],
    *,
    concurrency: int = 1,
) -> PublishReport:
    """Publish ``hosts`` in one round, see :meth:`Round.publish`."""
    return Round(client, concurrency=concurrency).publish(hosts)


def preview(
    client: PlacementClient, hosts: Iterable[HostTopology]
) -> PublishReport:
    """Plan what :func:`publish` would write; Placement is only read."""
    return Round(client).preview(hosts)


def publish_supplement(
    client: PlacementClient,
    host: HostTopology,
    number_l3: Callable[[L3Numbers], L3Numbers] | None = None,
) -> HostPublishReport:
    """Publish the supplement of ``host``: what sysfs adds to its tree.

    The other facts of ``host`` are ignored. The rest of the tree, which the
    publisher that reads Nova's databases writes, must exist and stays as it
    is. A published supplement is removed where ``host`` has none.

    :param number_l3: the numbers of the L3 caches by cell from those that are
        published; without it, those of ``host``
    :raises PlacementError: Placement does not answer, or not correctly
    """
    report = HostPublishReport(host.name, host.uuid)
    root = schema.root_uuid(host.uuid)
    summaries = api.summaries(client, in_tree=root).get(root)
    if number_l3 is not None:
        l3 = number_l3(published_l3(root, summaries))
        host = dataclasses.replace(
            host,
            cells=tuple(
                dataclasses.replace(cell, l3=l3[cell.id])
                for cell in host.cells
            ),
        )
    try:
        wanted = encode_supplement(host)
    except schema.Unencodable as error:
        return dataclasses.replace(report, error=str(error))
    if wanted is not None:
        if summaries is not None and is_supplement_published(
            wanted, summaries
        ):
            return report
        classes, traits = wanted.inventories.keys(), wanted.traits
        api.create_names(client, frozenset(classes), traits)

    def planned(
        problem: PlacementError | None,
    ) -> tuple[list[Call], TreeState]:
        del problem
        present = read_tree(client, root)
        if root not in present:
            raise Refused(404, '', 'its tree is not published yet')
        calls = plan_supplement(root, wanted, present)
        return calls, TreeState.of(present)

    return dataclasses.replace(
        _completed(report, apply_with_retries(client, planned)),
        incomplete=_is_incomplete(root, summaries),
    )


def _encoded(
    hosts: Iterable[HostTopology],
) -> tuple[list[Tree], dict[str, HostPublishReport]]:
    """Trees of the hosts that have one, reports by root (or host) uuid."""
    trees = []
    reports = {}
    for host in hosts:
        report = HostPublishReport(host.name, host.uuid)
        try:
            tree = encode(host)
        except schema.Unencodable as error:
            report = dataclasses.replace(report, error=str(error))
            reports[host.uuid] = report
        else:
            trees.append(tree)
            reports[tree.root.uuid] = report
    return trees, reports


def _is_same(tree: Tree, published: Mapping[str, Summaries]) -> bool:
    summaries = published.get(tree.root.uuid)
    return summaries is not None and is_published(tree, summaries)


def _is_incomplete(root: str, summaries: Summaries | None) -> bool:
    return summaries is not None and not is_complete(root, summaries)


def _report(tree: Tree, summaries: Summaries | None) -> HostPublishReport:
    """The report of a host before any call is made."""
    return HostPublishReport(
        tree.host,
        tree.compute,
        clamped=tree.clamped,
        incomplete=_is_incomplete(tree.root.uuid, summaries),
        omitted=tree.omitted,
    )


def _create_names(client: PlacementClient, trees: list[Tree]) -> int:
    if not trees:
        return 0
    classes: frozenset[str] = frozenset()
    traits: frozenset[str] = frozenset()
    for tree in trees:
        more_classes, more_traits = tree.names()
        classes |= more_classes
        traits |= more_traits
    return api.create_names(client, classes, traits)


def _completed(
    report: HostPublishReport, result: ApplyResult
) -> HostPublishReport:
    return dataclasses.replace(
        report,
        calls=result.calls,
        error=None if result.problem is None else str(result.problem),
        conflicts=result.conflicts,
    )


def _plan(
    client: PlacementClient, tree: Tree, summaries: Summaries | None
) -> tuple[list[Call], TreeState]:
    """The calls for one host; ``summaries`` may be older than Placement."""
    if summaries is not None and is_published(tree, summaries):
        if _used(summaries) == tree.usage:
            return [], TreeState.of({})
        usage = read_usage(client, tree.root.uuid)
        calls = plan_usage(tree, usage.allocations, tree.usage)
        return calls, TreeState.of({}, usage)
    present = read_tree(client, tree.root.uuid)
    if not present:
        return plan(tree, present, {}), TreeState.of(present)
    usage = read_usage(client, tree.root.uuid)
    calls = plan(tree, present, usage.allocations)
    return calls, TreeState.of(present, usage)


def _used(summaries: Summaries) -> Allocations:
    return {
        uuid: used
        for uuid, summary in summaries.items()
        if (used := summary.used)
    }


def _remove_predecessor(
    client: PlacementClient,
    tree: Tree,
    conflict: Conflict,
    live_nodes: Mapping[str, _LiveNode],
) -> None:
    """Remove the tree of a former compute node that has the same name.

    A compute node that was deleted and came back has a new uuid.

    :raises Refused: the name belongs to another client, or to a compute node
        that still exists: each would remove the other's tree in turn
    """
    if conflict.code != 'placement.duplicate_name':
        return
    holder = api.provider_named(client, tree.root.name)
    if holder is None or holder.root == tree.root.uuid:
        return
    other = live_nodes.get(holder.uuid)
    if other is not None and other.name == tree.host:
        raise Refused(
            409,
            conflict.code,
            f'compute nodes {other.uuid} and {tree.compute} have the same '
            'name; the former is published',
        )
    if holder.uuid != holder.root or not remove_tree(client, holder.uuid):
        raise Refused(
            409, conflict.code, f'{holder.name} is the name of {holder.uuid}'
        )
