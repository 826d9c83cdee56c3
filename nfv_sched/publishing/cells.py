"""Source 1: what nova-computes reported, from the cells' databases."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import logging
import time

from nfv_sched.nova import compute_nodes
from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import HostPublishReport
from nfv_sched.placement.publisher import Round
from nfv_sched.placement.removal import try_remove_tree
from nfv_sched.publishing.pass_report import PassReport

LOG = logging.getLogger(__name__)

#: Seconds between two lines about a pass that takes long.
PROGRESS = 10.0


@dataclasses.dataclass(frozen=True, slots=True)
class _SettledNode:
    """A host as it was when nothing had to be written for it."""

    mark: compute_nodes.Version
    generation: int


class CellsSource:
    """Passes over the compute nodes of all cells.

    The first pass is a full one, and one after every ``full_interval``
    seconds: all hosts are compared with Placement. In between, only those
    are whose rows in the database or whose root in Placement changed since
    a pass found nothing to write for them.

    A tree is removed once its compute node has been in no cell for ``grace``
    seconds in which every pass came to its end and every cell answered.

    :param kinds: of failure domains to publish
    :param page: compute nodes that are read at once
    :param clock: seconds that only grow
    """

    def __init__(
        self,
        kinds: Sequence[str] = (),
        *,
        full_interval: float = 3600.0,
        grace: float = 3600.0,
        page: int = 500,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kinds = tuple(kinds)
        self._full_interval = full_interval
        self._grace = grace
        self._page = page
        self._clock = clock
        self._full: float | None = None
        self._settled: dict[str, _SettledNode] = {}
        self._missing: dict[str, float] = {}

    def run(
        self,
        client: PlacementClient,
        report: PassReport,
        going: Callable[[], bool] = lambda: True,
    ) -> None:
        """Make one pass and count it in ``report``.

        What it raises leaves hosts that will be checked by the next pass.

        :param going: asked between hosts; the pass ends when it says no
        """
        started = self._clock()
        full = self._due(started)
        report.kind = 'full' if full else 'changed'
        # A pass that does not come to its end, or that a cell did not answer,
        # has not seen that a compute node was missing all the time.
        missing, self._missing = self._missing, {}
        found = compute_nodes.scan(self._kinds, self._page)
        report.problems += found.problems
        node_versions = found.node_versions
        report.hosts = len(node_versions)
        current = Round(
            client, {uuid: one.name for uuid, one in node_versions.items()}
        )
        if full:
            self._settled.clear()
        wanted = {
            uuid
            for uuid, node_version in node_versions.items()
            if not self._is_settled(node_version, current)
        }
        self._publish(current, found, wanted, report, going)
        if going():
            self._prune(client, current, found, missing, report)
        if full and going():
            # A cell that does not answer makes no pass a full one: none of
            # its compute nodes is settled.
            self._full = started
        report.finished = going() and found.complete

    def _due(self, now: float) -> bool:
        return self._full is None or now - self._full >= self._full_interval

    def _is_settled(
        self, node_version: compute_nodes.NodeVersion, current: Round
    ) -> bool:
        known = self._settled.get(node_version.uuid)
        root = current.roots.get(schema.root_uuid(node_version.uuid))
        return (
            known is not None
            and root is not None
            and known.mark == node_version.mark
            and known.generation == root.generation
        )

    def _publish(
        self,
        current: Round,
        found: compute_nodes.Scan,
        wanted: set[str],
        report: PassReport,
        going: Callable[[], bool],
    ) -> None:
        node_versions = found.node_versions
        said = self._clock()

        def done(host: HostPublishReport) -> None:
            nonlocal said
            report.count(host)
            if host.error is not None:
                report.problems.append(f'{host.name}: {host.error}')
            self._settle(host, node_versions[host.uuid], current)
            if self._clock() - said >= PROGRESS:
                said = self._clock()
                LOG.info('%d of %d hosts', report.checked, len(wanted))

        for page in compute_nodes.read_nodes(found, wanted, self._page):
            if not going():
                return
            report.skipped += len(page.problems)
            for uuid, problem in page.problems.items():
                self._settled.pop(uuid, None)
                if problem not in report.problems:
                    report.problems.append(problem)
            made = current.publish(page.hosts, done, going)
            report.writes += made.created

    def _settle(
        self,
        host: HostPublishReport,
        node_version: compute_nodes.NodeVersion,
        current: Round,
    ) -> None:
        self._settled.pop(host.uuid, None)
        # What was written is looked at once more: the write has moved what
        # is known of the root, and the next row may have the same time.
        root = current.roots.get(schema.root_uuid(host.uuid))
        if host.outcome == 'unchanged' and node_version.settled and root:
            self._settled[host.uuid] = _SettledNode(
                node_version.mark, root.generation
            )

    def _prune(
        self,
        client: PlacementClient,
        current: Round,
        found: compute_nodes.Scan,
        missing: Mapping[str, float],
        report: PassReport,
    ) -> None:
        if not found.complete:
            return
        now = self._clock()
        kept = {schema.root_uuid(uuid) for uuid in found.node_versions}
        for root in sorted(current.roots.keys() - kept):
            since = self._missing[root] = missing.get(root, now)
            if now - since < self._grace:
                continue
            name = current.roots[root].name
            if (problem := try_remove_tree(client, root)) is not None:
                report.problems.append(
                    f'{name}, whose compute node is gone, stays: {problem}'
                )
                continue
            report.removed += 1
            LOG.warning(
                'Removed the tree %s: its compute node is in no cell any more',
                name,
            )
        for uuid in self._settled.keys() - found.node_versions.keys():
            del self._settled[uuid]
