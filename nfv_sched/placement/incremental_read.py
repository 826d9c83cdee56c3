"""One look at Placement: what was held, what is there -> what is held."""

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
from nfv_sched.placement.interning import TopologyInterner
from nfv_sched.placement.snapshot import ReaderCounters
from nfv_sched.placement.tree import Summaries

LOG = logging.getLogger(__name__)

#: Beyond so many changed trees one bulk read costs less than single reads:
#: 13 ms each against 0.6 s per 1,000 hosts.
ONE_BY_ONE = 16
#: So many bad trees whose root did not change are tried again per refresh:
#: together they must not make it a bulk read.
RETRIED_PER_REFRESH = 8
#: Every reader of the process has the same cloud.
_INTERNER = TopologyInterner()
#: So many trees that a bulk answer lacks are read singly per refresh.
SINGLE_READS_PER_REFRESH = 64


@dataclasses.dataclass(frozen=True, slots=True)
class HeldTree:
    """One tree as it was last read; either ``host`` or ``error`` is set.

    ``due`` asks to read it again although its root did not change.
    """

    listed: api.Listed
    host: HostTopology | None = None
    error: BadTree | None = None
    due: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class TreeView:
    """All trees by root uuid; ``truncated`` names those never read."""

    trees: Mapping[str, HeldTree] = dataclasses.field(default_factory=dict)
    truncated: frozenset[str] = frozenset()

    def aged(self) -> 'TreeView':
        """The view with every tree due."""
        return TreeView(
            {
                uuid: dataclasses.replace(held, due=True)
                for uuid, held in self.trees.items()
            },
            self.truncated,
        )

    def counters(self) -> ReaderCounters:
        """The view in numbers."""
        errors = [held.error for held in self.trees.values()]
        return ReaderCounters(
            read=errors.count(None),
            torn=sum(isinstance(error, IncompleteTree) for error in errors),
            unknown=sum(isinstance(error, UnknownName) for error in errors),
            corrupt=sum(isinstance(error, CorruptTree) for error in errors),
            truncated=len(self.truncated),
        )


def refresh(client: PlacementClient, view: TreeView) -> TreeView:
    """The view after one refresh; raise PlacementError.

    Only trees whose root changed are read, due ones, and some bad ones: these
    may be mended by a write that does not move the root. Logs each bad tree
    when it gets bad, and again when what is wrong with it changes.
    """
    roots = api.roots(client)
    trees = {
        uuid: held
        for uuid, held in view.trees.items()
        if roots.get(uuid) == held.listed
    }
    bad = [uuid for uuid in sorted(trees) if trees[uuid].error is not None]
    bad.sort(key=lambda uuid: not trees[uuid].due)
    due = sum(trees[uuid].due for uuid in bad)
    for uuid in bad[: due + RETRIED_PER_REFRESH]:
        del trees[uuid]
    stale = roots.keys() - {u for u, held in trees.items() if not held.due}
    # Bad trees, read again each time, must not keep others from their turn.
    order = sorted(stale, key=lambda uuid: (uuid in view.trees, uuid))
    found, unread = _read(client, order, view.truncated)
    cut = frozenset(unread - trees.keys())
    for uuid in sorted(found):
        # Let go of one after the other: all at once, those of 5,000 hosts
        # keep every other thread waiting for 0.2 s.
        summaries = found.pop(uuid)
        if uuid in stale:
            held = _decode(roots[uuid], summaries)
            _report(held, view.trees.get(uuid))
            trees[uuid] = held
    if cut and not view.truncated:
        LOG.warning(
            'Placement lists %d trees of host topology, but leaves %d out of '
            'its answer: [placement] max_allocation_candidates of the server '
            'is too low. These hosts are decided without topology.',
            len(roots),
            len(cut),
        )
    return TreeView(trees, cut)


def _read(
    client: PlacementClient, stale: list[str], truncated: frozenset[str]
) -> tuple[dict[str, Summaries], set[str]]:
    """Summaries by root, and the roots that were not even asked for."""
    found: dict[str, Summaries] = {}
    # A bulk answer would lack the truncated ones again.
    if len(set(stale) - truncated) > ONE_BY_ONE:
        found.update(api.summaries(client))
        stale = [uuid for uuid in stale if uuid not in found]
    for uuid in stale[:SINGLE_READS_PER_REFRESH]:
        found.update(api.summaries(client, in_tree=uuid))
    return found, set(stale[SINGLE_READS_PER_REFRESH:])


def _decode(listed: api.Listed, summaries: Summaries) -> HeldTree:
    name = schema.host_name(listed.name)
    try:
        if name is None:
            raise CorruptTree(f'{listed.name} is no name of ours')
        host = decode(name, listed.uuid, summaries)
        return HeldTree(listed, host=_INTERNER.of(host))
    except BadTree as error:
        return HeldTree(listed, error=error)
    except (ValueError, TypeError, LookupError) as error:
        # What the codec did not foresee costs this host only.
        return HeldTree(listed, error=CorruptTree(repr(error)))


def _report(held: HeldTree, before: HeldTree | None) -> None:
    old = None if before is None else before.error
    if held.error is None:
        if old is not None:
            LOG.info('Topology of %s is whole again', held.listed.name)
    elif repr(held.error) != repr(old):
        LOG.warning(
            'Topology of %s is not used: %s: %s',
            held.listed.name,
            type(held.error).__name__,
            held.error,
        )
