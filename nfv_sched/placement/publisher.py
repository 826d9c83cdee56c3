"""Publish hosts: read what is there, plan, carry the calls out."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import logging
import time
from typing import Any
from typing import NamedTuple

from nfv_sched.model import HostTopology
from nfv_sched.placement import api
from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.codec import compute_uuid
from nfv_sched.placement.codec import encode
from nfv_sched.placement.codec import encode_supplement
from nfv_sched.placement.codec import is_published
from nfv_sched.placement.codec import is_supplement_published
from nfv_sched.placement.codec import is_whole
from nfv_sched.placement.diff import Call
from nfv_sched.placement.diff import CallKind
from nfv_sched.placement.diff import plan
from nfv_sched.placement.diff import plan_removal
from nfv_sched.placement.diff import plan_supplement
from nfv_sched.placement.diff import plan_usage
from nfv_sched.placement.diff import Present
from nfv_sched.placement.diff import PresentTree
from nfv_sched.placement.errors import BadAnswer
from nfv_sched.placement.errors import Conflict
from nfv_sched.placement.errors import NotFound
from nfv_sched.placement.errors import PlacementError
from nfv_sched.placement.errors import Refused
from nfv_sched.placement.errors import Unavailable
from nfv_sched.placement.tree import Allocations
from nfv_sched.placement.tree import Summaries
from nfv_sched.placement.tree import Tree

LOG = logging.getLogger(__name__)

#: How often a host is read again after somebody else wrote it.
ATTEMPTS = 8
#: Up to so many hosts are read one by one: a cloud's bulk answer is large.
ONE_BY_ONE = 8
#: A single read takes as long as so many trees of a bulk answer.
BULK_PER_SINGLE = 16


@dataclasses.dataclass(frozen=True, slots=True)
class HostPublishReport:
    """What was done for one host.

    ``calls`` are the writes (planned ones in a dry run), ``clamped`` counts
    uses above capacity, ``error`` says why the host is not published.
    ``conflicts`` counts how often somebody else came between, ``torn`` is
    whether there was a tree and it was not whole.
    """

    name: str
    uuid: str
    calls: tuple[Call, ...] = ()
    clamped: int = 0
    error: str | None = None
    conflicts: int = 0
    torn: bool = False

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
    """What was done: ``created`` counts new names of classes and traits."""

    hosts: tuple[HostPublishReport, ...] = ()
    created: int = 0

    @property
    def writes(self) -> int:
        """How many calls changed, or would change, Placement."""
        return self.created + sum(len(host.calls) for host in self.hosts)

    def count(self, outcome: str) -> int:
        """How many hosts had this outcome."""
        return sum(host.outcome == outcome for host in self.hosts)


@dataclasses.dataclass(slots=True)
class _State:
    """A host's tree as it was read; ``generations`` move with our writes."""

    present: PresentTree
    consumer: api.Consumer
    generations: dict[str, int]


class _LiveNode(NamedTuple):
    """A compute node that there is."""

    uuid: str
    name: str


class Round:
    """One round of publishing, in as many portions as its caller likes.

    What is there is listed when the round begins, and read in bulk at most
    once in it. ``roots`` are all roots of ours by uuid. Repeating a round
    writes nothing. All methods raise
    :class:`~nfv_sched.placement.errors.PlacementError` where no host could be
    published any more: Placement is gone or answers rubbish.

    :param live_nodes: hypervisor hostnames of the existing compute nodes, by
        uuid: no other host replaces one that has its name
    """

    def __init__(
        self,
        client: PlacementClient,
        live_nodes: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self._live_nodes = {
            schema.root_uuid(uuid): _LiveNode(uuid, name)
            for uuid, name in (live_nodes or {}).items()
        }
        self.roots = api.roots(client)
        self._bulk: dict[str, Summaries] | None = None

    def publish(
        self,
        hosts: Iterable[HostTopology],
        done: Callable[[HostPublishReport], None] = lambda report: None,
        going: Callable[[], bool] = lambda: True,
    ) -> PublishReport:
        """Make Placement describe ``hosts``; other hosts' trees stay.

        A host that cannot be published is reported, and the others go on.
        ``done`` is called with the report of each; the rest of the hosts is
        left as soon as ``going`` says no.
        """
        trees, reports = _encoded(hosts)
        for report in reports.values():
            if report.error is not None:
                done(report)
        published = self._published(trees)
        behind = [tree for tree in trees if not _is_same(tree, published)]
        created = _create_names(self._client, behind)
        for tree in trees:
            if not going():
                del reports[tree.root.uuid]
                continue
            report = _bring_up(
                self._client,
                tree,
                published.get(tree.root.uuid),
                self._live_nodes,
            )
            reports[tree.root.uuid] = report
            done(report)
        return PublishReport(tuple(reports.values()), created)

    def preview(self, hosts: Iterable[HostTopology]) -> PublishReport:
        """Tell what :meth:`publish` would do; Placement is only read."""
        trees, reports = _encoded(hosts)
        published = self._published(trees)
        for tree in trees:
            found = published.get(tree.root.uuid)
            calls = _plan(self._client, tree, found)[0]
            reports[tree.root.uuid] = dataclasses.replace(
                reports[tree.root.uuid],
                calls=tuple(calls),
                clamped=tree.clamped,
                torn=_is_torn(tree, found),
            )
        return PublishReport(tuple(reports.values()))

    def _published(self, trees: list[Tree]) -> dict[str, Summaries]:
        """What Placement shows of the trees, by root; absent if nothing."""
        there = {tree.root.uuid for tree in trees} & self.roots.keys()
        few = max(ONE_BY_ONE, len(self.roots) // BULK_PER_SINGLE)
        if self._bulk is None and len(there) > few:
            self._bulk = dict(api.summaries(self._client))
        held = self._bulk or {}
        # Each is wanted once in a round: let it go, a cloud's are large.
        found = {uuid: held.pop(uuid) for uuid in there & held.keys()}
        # All of a few, or those that a limit of the server cut off.
        for uuid in sorted(there - found.keys()):
            found.update(api.summaries(self._client, in_tree=uuid))
        return {uuid: found[uuid] for uuid in there & found.keys()}


def publish(
    client: PlacementClient, hosts: Iterable[HostTopology]
) -> PublishReport:
    """Publish ``hosts`` in one round, see :meth:`Round.publish`."""
    return Round(client).publish(hosts)


def preview(
    client: PlacementClient, hosts: Iterable[HostTopology]
) -> PublishReport:
    """Tell what :func:`publish` would do; Placement is only read."""
    return Round(client).preview(hosts)


def prune(
    client: PlacementClient, keep: Iterable[str]
) -> dict[str, str | None]:
    """Remove our trees of all compute nodes but ``keep``.

    Returns by the name of each what is in the way, see :func:`removed`.
    ``keep`` must name every compute node of every cell: a tree outlives its
    compute node unless it is removed here.
    """
    kept = {schema.root_uuid(uuid) for uuid in keep}
    roots = api.roots(client)
    return {
        roots[uuid].name: removed(client, uuid)
        for uuid in sorted(roots.keys() - kept)
    }


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
    found = published.get(tree.root.uuid)
    return found is not None and is_published(tree, found)


def _is_torn(tree: Tree, found: Summaries | None) -> bool:
    return found is not None and not is_whole(tree.root.uuid, found)


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


def _used(summaries: Summaries) -> Allocations:
    return {
        uuid: used for uuid, one in summaries.items() if (used := one.used)
    }


def publish_supplement(
    client: PlacementClient, host: HostTopology
) -> HostPublishReport:
    """Make Placement tell what sysfs adds to the tree of ``host``.

    Of ``host`` only that is looked at; the rest of the tree, which whoever
    reads Nova's databases publishes, must be there and is left alone. Where
    sysfs adds nothing, what it once added is removed. Raise
    :class:`~nfv_sched.placement.errors.PlacementError` where Placement is
    gone or answers rubbish.
    """
    report = HostPublishReport(host.name, host.uuid)
    try:
        wanted = encode_supplement(host)
    except schema.Unencodable as error:
        return dataclasses.replace(report, error=str(error))
    root = schema.root_uuid(host.uuid)
    found = api.summaries(client, in_tree=root).get(root)
    if wanted is not None:
        if found is not None and is_supplement_published(wanted, found):
            return report
        classes, traits = wanted.inventories.keys(), wanted.traits
        api.create_names(client, frozenset(classes), traits)

    def planned(problem: PlacementError | None) -> tuple[list[Call], _State]:
        del problem
        present = _present(client, root)
        if root not in present:
            raise Refused(404, '', 'its tree is not published yet')
        calls = plan_supplement(root, wanted, present)
        nothing = api.Consumer({}, None)
        return calls, _State(present, nothing, _generations(present))

    return dataclasses.replace(
        _repeat(client, report, planned),
        torn=found is not None and not is_whole(root, found),
    )


def _generations(present: PresentTree) -> dict[str, int]:
    return {uuid: one.generation for uuid, one in present.items()}


def _bring_up(
    client: PlacementClient,
    tree: Tree,
    found: Summaries | None,
    live_nodes: Mapping[str, _LiveNode],
) -> HostPublishReport:
    """Bring one host up to date; what was done and what went wrong."""

    def planned(problem: PlacementError | None) -> tuple[list[Call], _State]:
        if isinstance(problem, Conflict):
            _make_way(client, tree, problem, live_nodes)
        # What was found is older than the conflict.
        return _plan(client, tree, None if problem else found)

    report = HostPublishReport(
        tree.host,
        tree.compute,
        clamped=tree.clamped,
        torn=_is_torn(tree, found),
    )
    return _repeat(client, report, planned)


def _repeat(
    client: PlacementClient,
    report: HostPublishReport,
    planned: Callable[[PlacementError | None], tuple[list[Call], '_State']],
) -> HostPublishReport:
    """Carry out what is ``planned``, again after each conflict."""
    made: list[Call] = []
    problem: PlacementError | None = None
    conflicts = 0
    for attempt in range(ATTEMPTS):
        time.sleep(0.02 * attempt)
        try:
            calls, state = planned(problem)
            for call in calls:
                _carry_out(client, call, state)
                made.append(call)
        except Conflict as error:
            # Only ever about generations that we read ourselves: all of
            # them are read again, and only what still differs is written.
            LOG.debug('Host %s, attempt %d: %s', report.name, attempt, error)
            problem = error
            conflicts += 1
        except (Unavailable, BadAnswer):
            raise
        except PlacementError as error:
            problem = error
            break
        else:
            problem = None
            break
    return dataclasses.replace(
        report,
        calls=tuple(made),
        error=None if problem is None else str(problem),
        conflicts=conflicts,
    )


def _plan(
    client: PlacementClient, tree: Tree, found: Summaries | None
) -> tuple[list[Call], _State]:
    """The calls for one host; ``found`` may be older than Placement."""
    nothing = api.Consumer({}, None)
    if found is not None and is_published(tree, found):
        if _used(found) == tree.usage:
            return [], _State({}, nothing, {})
        consumer = _consumer(client, tree.root.uuid)
        calls = plan_usage(tree, consumer.allocations, tree.usage)
        return calls, _State({}, consumer, {})
    present = _present(client, tree.root.uuid)
    consumer = _consumer(client, tree.root.uuid) if present else nothing
    return (
        plan(tree, present, consumer.allocations),
        _State(present, consumer, _generations(present)),
    )


def _consumer(client: PlacementClient, root: str) -> api.Consumer:
    return api.consumer(client, schema.usage_uuid(root))


def _present(client: PlacementClient, root: str) -> dict[str, Present]:
    found = {}
    for uuid, listed in api.tree_of(client, root).items():
        try:
            generation, inventories = api.inventories(client, uuid)
            again, traits = api.traits(client, uuid)
        except NotFound as error:
            raise Conflict(404, error.code, str(error)) from error
        if generation != again:
            raise Conflict(409, '', f'{listed.name} changed while read')
        found[uuid] = Present(
            uuid, listed.name, listed.parent, generation, inventories, traits
        )
    return found


def _carry_out(client: PlacementClient, call: Call, state: _State) -> None:
    body = dict(call.body or {})
    match call.kind:
        case CallKind.REMOVAL:
            try:
                client.delete(call.path)
            except NotFound:
                LOG.debug('%s is gone already', call.name)
        case CallKind.USAGE:
            body['consumer_generation'] = state.consumer.generation
            client.put(call.path, body)
            _moved(client, call, state)
        case CallKind.PROVIDER:
            if call.method == 'POST':
                answer = client.post(call.path, body)
            else:
                answer = client.put(call.path, body)
            state.generations[call.uuid] = _generation(
                answer.get('generation')
            )
        case CallKind.INVENTORIES | CallKind.TRAITS:
            name = 'resource_provider_generation'
            body[name] = state.generations[call.uuid]
            answer = client.put(call.path, body)
            state.generations[call.uuid] = _generation(answer.get(name))


def _generation(value: Any) -> int:
    if not isinstance(value, int):
        raise BadAnswer(f'generation {value!r}')
    return value


def _moved(client: PlacementClient, call: Call, state: _State) -> None:
    """Learn the generations after our own allocations moved them.

    One step is ours; where a provider went further somebody else wrote it.
    """
    if not state.present:
        return
    root = next(uuid for uuid, p in state.present.items() if not p.parent)
    for uuid, listed in api.tree_of(client, root).items():
        known = state.generations.get(uuid)
        if known is not None and listed.generation > known + 1:
            raise Conflict(409, '', f'{listed.name} changed meanwhile')
        state.generations[uuid] = listed.generation
    state.consumer = api.consumer(client, call.uuid)


def _make_way(
    client: PlacementClient,
    tree: Tree,
    conflict: Conflict,
    live_nodes: Mapping[str, _LiveNode],
) -> None:
    """Remove the tree that a former compute node of this name left behind.

    A compute node that was deleted and came back has a new uuid. Raise
    Refused where the name belongs to somebody else, or to a compute node
    that is still there: each would remove the other's tree for ever.
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
    if holder.uuid != holder.root or not remove(client, holder.uuid):
        raise Refused(
            409, conflict.code, f'{holder.name} is the name of {holder.uuid}'
        )


def remove(client: PlacementClient, root: str) -> bool:
    """Remove a tree if it is ours by all signs; whether it was.

    Raise Refused where somebody else uses or changes it: it is left half
    removed, and still found by its root.
    """
    shown = api.summaries(client, in_tree=root).get(root, {})
    if root not in shown or compute_uuid(root, shown[root]) is None:
        return False
    present = _present(client, root)
    consumer = _consumer(client, root)
    state = _State(present, consumer, {})
    for call in plan_removal(root, present, consumer.allocations):
        _carry_out(client, call, state)
    return True


def removed(client: PlacementClient, root: str) -> str | None:
    """Remove a tree; what is in the way, None if it is gone."""
    try:
        if remove(client, root) or not api.tree_of(client, root):
            return None
    except Refused as error:
        return str(error)
    return 'not a tree of ours'
