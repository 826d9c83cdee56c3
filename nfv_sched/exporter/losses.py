"""N+1: the failure domains whose instances would not fit elsewhere."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import time

from nfv_sched.capacity.evacuation import evacuate
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.exporter.state import LossResult
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.plan.reading import CloudReading
from nfv_sched.plan.values import Method
from nfv_sched.survey import nova as nova_survey
from nfv_sched.survey.values import Survey

#: A failure domain: its kind and its name.
Domain = tuple[str, str]


class Losses:
    """Computes the loss of each failure domain in turn, within a budget.

    Reading a large cloud and placing the instances of a rack takes seconds:
    a round ends after ``longest`` seconds, with one domain at least, and the
    next one begins when no more than ``share`` of the time since was used.

    :param kinds: of failure domains
    :param share: of the time, from 0 to 1; 0 computes nothing
    :param longest: seconds of a round
    :param clock: returns seconds that only grow
    :param now: returns seconds since the epoch
    """

    def __init__(
        self,
        kinds: Sequence[str],
        *,
        share: float,
        longest: float,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._kinds = tuple(kinds)
        self._share = share
        self._longest = longest
        self._clock = clock
        self._now = now
        self._next = float('-inf')
        self._results: dict[Domain, LossResult] = {}
        self.problems: list[str] = []

    @property
    def results(self) -> Mapping[Domain, LossResult]:
        """The last result of each domain that there is."""
        return self._results

    def run(self, client: PlacementClient) -> None:
        """Make a round, if it is time.

        :raises nfv_sched.placement.errors.PlacementError: no answer
        :raises Exception: whatever a database that is down raises
        """
        began = self._clock()
        if not self._kinds or not self._share or began < self._next:
            return
        try:
            self._round(client, began)
        finally:
            ended = self._clock()
            self._next = ended + (ended - began) * (1 / self._share - 1)

    def _round(self, client: PlacementClient, began: float) -> None:
        scheduler = DryRunScheduler(Pipeline(), client)
        survey = nova_survey.read(self._kinds)
        reading = CloudReading(scheduler, survey, methods=(Method.EVACUATION,))
        domains = dict(_domains(survey, self._kinds))
        self._results = {
            domain: result
            for domain, result in self._results.items()
            if domain in domains or survey.problems
        }
        for domain in sorted(domains, key=self._age):
            self._results[domain] = self._loss(
                reading, survey, domains[domain]
            )
            if self._clock() - began >= self._longest:
                break
        self.problems = list(dict.fromkeys(reading.problems))

    def _age(self, domain: Domain) -> tuple[float, Domain]:
        """Least for the domain that was computed longest ago."""
        result = self._results.get(domain)
        return (result.at if result else float('-inf'), domain)

    def _loss(
        self, reading: CloudReading, survey: Survey, names: Sequence[str]
    ) -> LossResult:
        lost = [host for host in survey.hosts if host.topology.name in names]
        if not any(host.residents for host in lost):
            return LossResult(0, 0, self._now())
        cloud, _ = reading.cloud(names)
        relocations = evacuate(cloud, lost).relocations
        return LossResult(
            len(relocations),
            sum(each.host is None for each in relocations),
            self._now(),
        )


def _domains(
    survey: Survey, kinds: Sequence[str]
) -> Iterator[tuple[Domain, list[str]]]:
    """The failure domains, with the names of their hosts."""
    named: dict[Domain, list[str]] = {}
    for host in survey.hosts:
        for kind in kinds:
            if (name := host.topology.domains.get(kind)) is not None:
                named.setdefault((kind, name), []).append(host.topology.name)
    yield from named.items()
