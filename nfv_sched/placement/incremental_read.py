"""Read only the trees that changed since the last read of Placement."""

from collections.abc import Collection
from collections.abc import Mapping
import dataclasses
import logging

from nfv_sched.model import HostTopology
from nfv_sched.placement import api
from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.codec import BadTree
from nfv_sched.placement.codec import CorruptTree
from nfv_sched.placement.codec import decode
from nfv_sched.placement.codec import IncompleteTree
from nfv_sched.placement.codec import UnknownName
from nfv_sched.placement.gc_pauses import defer_full_collections
from nfv_sched.placement.interning import TopologyInterner
from nfv_sched.placement.snapshot import ReaderCounters
from nfv_sched.placement.tree import Summaries

LOG = logging.getLogger(__name__)

#: Up to this many changed trees are read singly, at 13 ms each; beyond, one
#: bulk read costs less: 0.6 s per 1,000 hosts.
MAX_SINGLE_READS = 16
#: Bad trees with an unchanged root that are read again per refresh. Fewer
#: than MAX_SINGLE_READS, so that they alone do not cause a bulk read.
RETRIED_PER_REFRESH = 8
#: Trees missing from a bulk answer that are read singly per refresh.
SINGLE_READS_PER_REFRESH = 64
#: Shared by all readers of the process, which read the same Placement.
_INTERNER = TopologyInterner()


@dataclasses.dataclass(frozen=True, slots=True)
class HeldTree:
    """One tree as it was last read; either ``host`` or ``error`` is set.

    A tree that is ``due`` is read again although its root did not change.
    """

    listed: api.ListedProvider
    host: HostTopology | None = None
    error: BadTree | None = None
    due: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class TreeView:
    """All trees by root uuid; ``truncated`` are the roots never read."""

    trees: Mapping[str, HeldTree] = dataclasses.field(default_factory=dict)
    truncated: frozenset[str] = frozenset()

    def with_all_due(self) -> 'TreeView':
        """The view with every tree due."""
        return TreeView(
            {
                uuid: dataclasses.replace(held, due=True)
                for uuid, held in self.trees.items()
            },
            self.truncated,
        )

    def counters(self) -> ReaderCounters:
        """The numbers of trees by state."""
        errors = [held.error for held in self.trees.values()]
        return ReaderCounters(
            read=errors.count(None),
            incomplete=sum(isinstance(e, IncompleteTree) for e in errors),
            unknown=sum(isinstance(e, UnknownName) for e in errors),
            corrupt=sum(isinstance(e, CorruptTree) for e in errors),
            truncated=len(self.truncated),
        )


def refresh(
    client: PlacementClient,
    view: TreeView,
    uuids: Collection[str] | None = None,
) -> TreeView:
    """The view after one refresh.

    Reads trees whose root changed, trees that are due, and some bad trees: a
    write that does not move the root may have repaired these. Logs each tree
    when it becomes bad, and when the reason changes.

    :param uuids: of the compute nodes whose trees are read, instead of all
    :raises nfv_sched.placement.errors.PlacementError: Placement does not
        answer, or not correctly
    """
    roots = api.roots(client)
    if uuids is not None:
        chosen = set(map(schema.root_uuid, uuids))
        roots = {uuid: roots[uuid] for uuid in chosen & roots.keys()}
    trees = {
        uuid: held
        for uuid, held in view.trees.items()
        if roots.get(uuid) == held.listed
    }
    bad = [uuid for uuid, held in trees.items() if held.error is not None]
    bad.sort(key=lambda uuid: (not trees[uuid].due, uuid))
    due = sum(trees[uuid].due for uuid in bad)
    for uuid in bad[: due + RETRIED_PER_REFRESH]:
        del trees[uuid]
    stale = roots.keys() - {u for u, held in trees.items() if not held.due}
    # New trees first: bad trees, read again in each refresh, must not use up
    # the single reads. Not sorted: a sort of 10,000 keeps all threads waiting
    # for 4 ms.
    known = view.trees.keys()
    order = [*(stale - known), *(stale & known)]
    summaries_by_root, unread = _read(client, order, view.truncated)
    truncated = frozenset(unread - trees.keys())
    for uuid in defer_full_collections(list(summaries_by_root)):
        # Freed one by one: freeing those of 5,000 hosts at once keeps every
        # other thread waiting for 0.2 s.
        summaries = summaries_by_root.pop(uuid)
        if uuid in stale:
            held = _decode(roots[uuid], summaries)
            _log_changed_error(held, view.trees.get(uuid))
            trees[uuid] = held
    if truncated and not view.truncated:
        LOG.warning(
            'Placement lists %d trees of host topology, but leaves %d out of '
            'its answer: [placement] max_allocation_candidates of the server '
            'is too low. These hosts are scheduled without topology.',
            len(roots),
            len(truncated),
        )
    return TreeView(trees, truncated)


def _read(
    client: PlacementClient, stale: list[str], truncated: frozenset[str]
) -> tuple[dict[str, Summaries], set[str]]:
    """Summaries by root, and the roots that were not requested."""
    summaries: dict[str, Summaries] = {}
    # A bulk answer would lack the truncated ones again.
    if len(set(stale) - truncated) > MAX_SINGLE_READS:
        summaries.update(api.summaries(client))
        stale = [uuid for uuid in stale if uuid not in summaries]
    for uuid in stale[:SINGLE_READS_PER_REFRESH]:
        summaries.update(api.summaries(client, in_tree=uuid))
    return summaries, set(stale[SINGLE_READS_PER_REFRESH:])


def _decode(listed: api.ListedProvider, summaries: Summaries) -> HeldTree:
    name = schema.host_name(listed.name)
    try:
        if name is None:
            raise CorruptTree(f'{listed.name} is not the name of a root')
        host = decode(name, listed.uuid, summaries)
        return HeldTree(listed, host=_INTERNER.intern(host))
    except BadTree as error:
        return HeldTree(listed, error=error)
    except (ValueError, TypeError, LookupError) as error:
        # An unforeseen error of the codec affects this host only.
        return HeldTree(listed, error=CorruptTree(repr(error)))


def _log_changed_error(held: HeldTree, before: HeldTree | None) -> None:
    old = None if before is None else before.error
    if held.error is None:
        if old is not None:
            LOG.info('The topology of %s is complete again', held.listed.name)
    elif repr(held.error) != repr(old):
        LOG.warning(
            'The topology of %s is not used: %s: %s',
            held.listed.name,
            type(held.error).__name__,
            held.error,
        )
