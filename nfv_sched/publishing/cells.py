"""Publish what nova-computes reported, from the databases of Nova's cells."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import logging
import time

from nfv_sched.nova import node_topologies
from nfv_sched.nova import node_versions
from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import HostPublishReport
from nfv_sched.placement.publisher import Round
from nfv_sched.placement.removal import try_remove_tree
from nfv_sched.publishing.pass_report import PassReport
from nfv_sched.publishing.progress import ProgressLog

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class _SettledNode:
    """A host as it was when a pass had nothing to write for it."""

    mark: node_versions.Version
    generation: int


class CellsSource:
    """Passes over the compute nodes of all Nova cells.

    The first pass is a full one, and one after every ``full_interval``
    seconds: all hosts are compared with Placement. The passes in between
    compare only hosts whose database row or whose root in Placement changed
    since a pass found nothing to write for them.

    A tree is removed when its compute node has been in no Nova cell for
    ``grace`` seconds, provided that every pass in that time finished and
    every Nova cell answered.

    :param kinds: of failure domains to publish
    :param page: compute nodes to read at once
    :param concurrency: hosts to publish at the same time
    :param clock: monotonic seconds
    """

    def __init__(  # noqa: PLR0913 - options of the service
        self,
        kinds: Sequence[str] = (),
        *,
        full_interval: float = 3600.0,
        grace: float = 3600.0,
        page: int = 500,
        concurrency: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kinds = tuple(kinds)
        self._full_interval = full_interval
        self._grace = grace
        self._page = page
        self._concurrency = concurrency
        self._clock = clock
        self._full: float | None = None
        self._settled: dict[str, _SettledNode] = {}
        self._missing: dict[str, float] = {}
        self._omitted: dict[str, tuple[str, ...]] = {}

    def run(
        self,
        client: PlacementClient,
        report: PassReport,
        may_continue: Callable[[], bool] = lambda: True,
    ) -> None:
        """Make one pass and count it in ``report``.

        The next pass checks the hosts that an exception leaves unchecked.

        :param may_continue: called between hosts; the pass ends once it
            returns False
        """
        started = self._clock()
        full = self._due(started)
        report.kind = 'full' if full else 'changed'
        # A pass that does not finish, or without an answer of a Nova cell,
        # does not show that a compute node is still missing.
        missing, self._missing = self._missing, {}
        scan = node_versions.scan(self._kinds, self._page)
        report.problems += scan.problems
        versions = scan.node_versions
        report.hosts = len(versions)
        current = Round(
            client,
            {uuid: version.name for uuid, version in versions.items()},
            concurrency=self._concurrency,
        )
        if full:
            self._settled.clear()
        wanted = {
            uuid
            for uuid, node_version in versions.items()
            if not self._is_settled(node_version, current)
        }
        self._publish(current, scan, wanted, report, may_continue)
        if may_continue():
            self._prune(client, current, scan, missing, report)
        if full and may_continue():
            # Even where a Nova cell did not answer: none of its compute nodes
            # is settled, hence the next pass checks all of them.
            self._full = started
        report.finished = may_continue() and scan.complete

    def _due(self, now: float) -> bool:
        return self._full is None or now - self._full >= self._full_interval

    def _is_settled(
        self, node_version: node_versions.NodeVersion, current: Round
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
        scan: node_versions.Scan,
        wanted: set[str],
        report: PassReport,
        may_continue: Callable[[], bool],
    ) -> None:
        versions = scan.node_versions
        progress = ProgressLog(len(wanted), self._clock)

        def done(host: HostPublishReport) -> None:
            report.count(host)
            if host.error is not None:
                report.problems.append(f'{host.name}: {host.error}')
            self._warn_of_omissions(host)
            self._settle(host, versions[host.uuid], current)
            progress.advance()

        for page in node_topologies.read_topologies(scan, wanted, self._page):
            if not may_continue():
                return
            report.skipped += len(page.problems)
            for uuid, problem in page.problems.items():
                self._settled.pop(uuid, None)
                if problem not in report.problems:
                    report.problems.append(problem)
            published = current.publish(page.hosts, done, may_continue)
            # Not in one statement: done() adds to the writes, too.
            report.writes += published.created

    def _warn_of_omissions(self, host: HostPublishReport) -> None:
        """Log what is not published of a host, once until it changes."""
        if host.error is not None:
            return
        if host.omitted != self._omitted.get(host.uuid, ()):
            for message in host.omitted:
                LOG.warning('%s', message)
        self._omitted[host.uuid] = host.omitted

    def _settle(
        self,
        host: HostPublishReport,
        node_version: node_versions.NodeVersion,
        current: Round,
    ) -> None:
        self._settled.pop(host.uuid, None)
        # A host that was written is checked once more: the write moved the
        # root's generation, and the next row may have the same timestamp.
        root = current.roots.get(schema.root_uuid(host.uuid))
        if host.outcome == 'unchanged' and node_version.settled and root:
            self._settled[host.uuid] = _SettledNode(
                node_version.mark, root.generation
            )

    def _prune(
        self,
        client: PlacementClient,
        current: Round,
        scan: node_versions.Scan,
        missing: Mapping[str, float],
        report: PassReport,
    ) -> None:
        if not scan.complete:
            return
        now = self._clock()
        kept = {schema.root_uuid(uuid) for uuid in scan.node_versions}
        for root in sorted(current.roots.keys() - kept):
            since = self._missing[root] = missing.get(root, now)
            if now - since < self._grace:
                continue
            name = current.roots[root].name
            if (problem := try_remove_tree(client, root)) is not None:
                report.problems.append(
                    f'the orphaned tree {name} is not removed: {problem}'
                )
                continue
            report.removed += 1
            LOG.warning(
                'Removed the orphaned tree %s: its compute node is in no '
                'Nova cell',
                name,
            )
        for uuid in self._settled.keys() - scan.node_versions.keys():
            del self._settled[uuid]
        for uuid in self._omitted.keys() - scan.node_versions.keys():
            del self._omitted[uuid]
