"""Count again what changed: one pass over a cloud."""

from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import logging
from typing import Any
from typing import cast

from nfv_sched.capacity import CapacityCounter
from nfv_sched.capacity import HostCount
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.exporter import requests
from nfv_sched.exporter import some_hosts
from nfv_sched.exporter.free_amounts import host_amounts
from nfv_sched.exporter.free_amounts import HostAmounts
from nfv_sched.exporter.requests import CountedRequest
from nfv_sched.exporter.requests import RequestKey
from nfv_sched.exporter.state import CloudState
from nfv_sched.exporter.state import HostRecord
from nfv_sched.exporter.state import Published
from nfv_sched.fit import drift
from nfv_sched.model import HostTopology
from nfv_sched.nova import host_changes
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.nova.host_changes import CloudScan
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement import amounts
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.provider_tree import SHARING
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.survey import nova as nova_survey
from nfv_sched.survey.values import HostSurvey

LOG = logging.getLogger(__name__)

#: The most hosts of which Placement is asked one by one for the candidates. Of
#: 5,000 hosts an answer for one takes it a tenth of the time that all take.
ONE_BY_ONE = 8
#: Hosts that are counted at a time.
GROUP = 200


class SynchronousReader(TopologyReader):
    """A reader that is refreshed by its owner, and starts no thread."""

    def ensure_started(self) -> None:
        """Start nothing."""


@dataclasses.dataclass(frozen=True, slots=True)
class CountOptions:
    """What is counted.

    ``flavors`` are names, without any those with most instances; ``most``
    bounds them. ``shapes`` bounds those of each flavor, beside it alone.
    ``kinds`` are of failure domains.
    """

    flavors: tuple[str, ...] = ()
    most: int = 20
    shapes: int = 0
    kinds: tuple[str, ...] = ()


@dataclasses.dataclass(slots=True)
class PassResult:
    """What a pass did; ``problems`` say what could not be read.

    ``counted`` hosts were counted again for all requests; ``full`` is
    whether these are all hosts.
    """

    full: bool
    hosts: int = 0
    counted: int = 0
    problems: list[str] = dataclasses.field(default_factory=list)


#: What the count of a host depends on.
_Version = tuple[object, ...]
#: What a survey of a host tells.
_Surveyed = tuple[HostAmounts, Published]


class Recount:
    """Keeps the counts of a cloud up to date, pass by pass.

    A host is counted again in the pass that finds a change, and in the one
    after it: times in databases may be whole seconds, and Nova frees what an
    instance had in Placement after it has updated the host. Whether it
    changed is decided by its rows in Nova's databases, by what its tree in
    Placement has and has in use, and by its published topology.

    Counts that depend on other hosts are made again for all hosts once any
    changed: where a provider shares its resources, and where nova-scheduler
    chooses the NUMA nodes.

    :param reader: of published topologies; refreshed by each pass
    """

    def __init__(
        self, options: CountOptions, reader: SynchronousReader
    ) -> None:
        self._options = options
        self._reader = reader
        self._published = PublishedTopology(reader)
        self._requests: list[CountedRequest] = []
        self._signatures: dict[RequestKey, Hashable] = {}
        self._versions: dict[str, _Version] = {}
        self._again: frozenset[str] = frozenset()
        self.state = CloudState(kinds=options.kinds)

    @property
    def requests(self) -> Sequence[CountedRequest]:
        """What the last pass counted."""
        return tuple(self._requests)

    def run(self, client: PlacementClient, *, full: bool) -> PassResult:
        """Make one pass; :attr:`state` changes at its end only.

        :param full: whether to count all hosts, and to choose the flavors
        :raises nfv_sched.placement.errors.PlacementError: no answer
        :raises Exception: whatever a database that is down raises
        """
        result = PassResult(full or not self._versions)
        self._reader.refresh()
        # Before anything is counted: what changes meanwhile shows next time.
        scan = host_changes.scan(self._options.kinds)
        known = amounts.answer(client)
        versions = self._versions_of(scan, amounts.by_root(known))
        pipeline = Pipeline()
        asked = self._asked(pipeline, result)
        result.problems += [*scan.problems, *pipeline.problems]
        signatures = _signatures(pipeline, asked, result.problems)
        asked = [each for each in asked if each.key in signatures]
        changed = frozenset(
            uuid
            for uuid, version in versions.items()
            if self._versions.get(uuid) != version
        )
        due = changed | (self._again & versions.keys())
        if result.full:
            due = frozenset(versions)
        counter = _Counter(client, pipeline, self._published, scan, known)
        del known
        new = [
            each
            for each in asked
            if self._signatures.get(each.key) != signatures[each.key]
        ]
        rest = [each for each in asked if each not in new]
        if due and counter.depends_on_others():
            counter.count_together(asked)
        else:
            counter.count(due, rest)
            counter.count(versions.keys(), new)
        surveyed = self._survey(due, scan, result)
        self.state = dataclasses.replace(
            self.state,
            hosts=dict(
                _records(
                    self.state.hosts,
                    scan,
                    counter.counts,
                    surveyed,
                    signatures.keys(),
                )
            ),
            public={each.key: each.public for each in asked},
            trees=self._reader.snapshot.counters,
        )
        self._again = frozenset(
            uuid
            for uuid in changed
            if uuid in self._versions or not scan.hosts[uuid].settled
        )
        self._requests, self._signatures = asked, signatures
        self._keep_versions(versions)
        result.hosts = len(self.state.hosts)
        result.counted = len(due)
        return result

    def _keep_versions(self, versions: Mapping[str, _Version]) -> None:
        """Forget nothing of the hosts of a Nova cell that was not read."""
        kept = {record.scanned.uuid for record in self.state.hosts.values()}
        old = {
            uuid: version
            for uuid, version in self._versions.items()
            if uuid in kept
        }
        self._versions = {**old, **versions}

    def _versions_of(
        self, scan: CloudScan, by_root: Mapping[str, amounts.Amounts]
    ) -> dict[str, _Version]:
        topologies = self._reader.snapshot.hosts
        return {
            uuid: (host.version, by_root.get(uuid), topologies.get(uuid))
            for uuid, host in scan.hosts.items()
        }

    def _asked(
        self, pipeline: Pipeline, result: PassResult
    ) -> list[CountedRequest]:
        options = self._options
        if not result.full:
            return requests.renewed(pipeline, self._requests, result.problems)
        names = requests.chosen_flavors(options.flavors, options.most)
        return requests.requests_of(
            pipeline, names, options.shapes, result.problems
        )

    def _survey(
        self, due: Collection[str], scan: CloudScan, result: PassResult
    ) -> dict[str, _Surveyed]:
        """What was read of the hosts that are due, by uuid."""
        topologies = self._reader.snapshot.hosts
        surveyed: dict[str, _Surveyed] = {}
        problems: dict[str, None] = {}
        for group in _groups(due):
            survey = nova_survey.read(self._options.kinds, uuids=group)
            problems.update(dict.fromkeys(survey.problems))
            surveyed.update(
                (
                    host.topology.uuid,
                    (
                        host_amounts(host),
                        _published(host, topologies.get(host.topology.uuid)),
                    ),
                )
                for host in survey.hosts
            )
        result.problems += [
            each for each in problems if each not in scan.problems
        ]
        return surveyed


class _Counter:
    """Counts requests on hosts; ``counts`` are by request and host name.

    :param known: the answer to the request of
        :mod:`nfv_sched.placement.amounts`
    """

    def __init__(
        self,
        client: PlacementClient,
        pipeline: Pipeline,
        published: PublishedTopology,
        scan: CloudScan,
        known: Mapping[str, Any],
    ) -> None:
        self._client = client
        self._pipeline = pipeline
        self._published = published
        self._scan = scan
        # Kept small: it is needed once or twice.
        self._known = some_hosts.packed(known)
        self._listed: dict[Hashable, dict[str, Any]] = {}
        self.counts: dict[RequestKey, dict[str, HostCount]] = {}

    def depends_on_others(self) -> bool:
        """Whether any provider shares its resources with hosts."""
        answer = self._client.get('/resource_providers', required=SHARING)
        return bool(answer['resource_providers'])

    def count(
        self, hosts: Collection[str], asked: Sequence[CountedRequest]
    ) -> None:
        """Count each host by itself.

        Group by group, since the states of many hosts take much memory. What
        turns out to depend on other hosts is counted together.
        """
        if not hosts or not asked:
            return
        few = len(hosts) <= ONE_BY_ONE
        groups = list(_groups(hosts))
        answers = some_hosts.Answers(groups)
        answers.keep(some_hosts.AMOUNTS, some_hosts.unpacked(self._known))
        together: list[CountedRequest] = []
        for number, group in enumerate(groups):
            asking = some_hosts.SomeHosts(
                self._client,
                answers,
                number,
                group,
                one_by_one=few,
                listed=self._listed,
            )
            scheduler = DryRunScheduler(
                self._pipeline,
                cast('PlacementClient', asking),
                only={uuid: self._scan.hosts[uuid].host for uuid in group},
                published=self._published,
            )
            for request in asked:
                if request not in together and not self._count(
                    scheduler, request
                ):
                    together.append(request)
        self.count_together(together)

    def count_together(self, asked: Sequence[CountedRequest]) -> None:
        """Count all hosts at once."""
        if not asked:
            return
        scheduler = DryRunScheduler(
            self._pipeline, self._client, published=self._published
        )
        for request in asked:
            self._count(scheduler, request, every_host=True)

    def _count(
        self,
        scheduler: DryRunScheduler,
        request: CountedRequest,
        *,
        every_host: bool = False,
    ) -> bool:
        """Count a scheduler's hosts; whether that could be done.

        :param every_host: whether these are all hosts; otherwise nothing is
            counted where a count depends on the others, too
        """
        spec = request.spec(self._pipeline)
        dry_run = scheduler.run(spec, detailed=0)
        if dry_run.choices is not None and not every_host:
            return False
        capacity = CapacityCounter(scheduler).fill(dry_run, spec)
        self.counts.setdefault(request.key, {}).update(
            (count.host, count) for count in capacity.hosts
        )
        return True


def _groups(hosts: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(hosts)
    for start in range(0, len(ordered), GROUP):
        yield ordered[start : start + GROUP]


def _published(host: HostSurvey, topology: HostTopology | None) -> Published:
    if topology is None:
        return Published.UNPUBLISHED
    if host.state is not None and drift.differences(host.state, topology):
        return Published.DRIFTED
    return Published.AGREES


def _signatures(
    pipeline: Pipeline,
    asked: Iterable[CountedRequest],
    problems: list[str],
) -> dict[RequestKey, Hashable]:
    """What each request asks, without those that Nova refuses."""
    found: dict[RequestKey, Hashable] = {}
    for request in asked:
        try:
            found[request.key] = request.signature(pipeline)
        except (BadRequestError, ValueError) as error:
            problems.append(f'flavor {request.key.flavor}: {error}')
    return found


def _records(
    before: Mapping[str, HostRecord],
    scan: CloudScan,
    counts: Mapping[RequestKey, Mapping[str, HostCount]],
    surveyed: Mapping[str, _Surveyed],
    keys: Collection[RequestKey],
) -> Iterator[tuple[str, HostRecord]]:
    """The hosts after a pass: what was not counted is as before."""
    for host in scan.hosts.values():
        old = before.get(host.name)
        had = old.counts if old is not None else {}
        found = {
            key: count
            for key in keys
            if (count := counts.get(key, {}).get(host.name, had.get(key)))
            is not None
        }
        figures, published = surveyed.get(host.uuid) or (
            (old.figures, old.published) if old is not None else (None, None)
        )
        yield host.name, HostRecord(host, found, figures, published)
    if not scan.problems:
        return
    scanned = {host.name for host in scan.hosts.values()}
    for name, old in before.items():
        if name not in scanned and old.scanned.cell not in scan.cells:
            yield name, old
