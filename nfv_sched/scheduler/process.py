"""What lives as long as a nova-scheduler worker."""

from collections.abc import Iterator
import contextlib
import logging
import threading

import nova.conf

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched.nova import message_bus
from nfv_sched.scheduler import decision_journal
from nfv_sched.scheduler import demand
from nfv_sched.scheduler import published_topology
from nfv_sched.scheduler.decision_journal import DecisionJournal
from nfv_sched.scheduler.forecasts import ForecastCache
from nfv_sched.scheduler.in_flight import InFlight
from nfv_sched.scheduler.pick_sharing import PickSharing
from nfv_sched.scheduler.published_topology import PublishedTopology

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)


class SchedulerProcess:
    """The state that requests share: each part is made on first use.

    nova-scheduler forks its workers after its plugins are loaded, so nothing
    may be read, started or locked before the first request.

    :param published: the published topologies; by default as nova.conf says
    :param expected: the demand that weighers expect; by default that of
        nova.conf's reference flavors or of recent requests
    :param in_flight: the instances in flight
    :param journal: the decision journal; by default as nova.conf says, and
        none unless ``serving``
    :param shadow: whether filters and weighers change nothing; by default as
        nova.conf says if ``serving``
    :param serving: whether this is the process of a Nova service: then the
        databases say which demand to expect at first, and picks are shared
        with other schedulers
    """

    def __init__(  # noqa: PLR0913 - each part can be replaced
        self,
        published: PublishedTopology | None = None,
        expected: fit.DemandHistogram | None = None,
        in_flight: InFlight | None = None,
        *,
        journal: DecisionJournal | None = None,
        shadow: bool | None = None,
        serving: bool = False,
    ) -> None:
        #: What this scheduler was asked for recently.
        self.demand = fit.DemandHistogram()
        self.serving = serving
        #: The picks on the message bus; None where they are not shared, or
        #: not yet.
        self.sharing: PickSharing | None = None
        self._published = published
        self._expected = expected
        self._in_flight = in_flight
        self._journal = journal
        self._shadow = shadow if serving or shadow else False
        self._journal_known = journal is not None or not serving
        self._forecasts: ForecastCache | None = None
        self._lock = threading.RLock()

    @property
    def published(self) -> PublishedTopology:
        """The published topologies, read by one thread."""
        if self._published is None:
            with self._lock:
                if self._published is None:
                    self._published = published_topology.from_options()
        return self._published

    @property
    def forecasts(self) -> ForecastCache:
        """The states that claims would leave, host by host."""
        if self._forecasts is None:
            with self._lock:
                if self._forecasts is None:
                    if self.serving and self._expected is None:
                        demand.start_priming(self.demand)
                    self._forecasts = ForecastCache(
                        self._expected or demand.expected(self.demand),
                        self.published,
                        smooth=CONF.nfv_sched.choose_nodes,
                    )
        return self._forecasts

    @property
    def in_flight(self) -> InFlight:
        """The instances in flight."""
        if self._in_flight is None:
            with self._lock:
                if self._in_flight is None:
                    self._in_flight = self._new_in_flight()
        return self._in_flight

    @property
    def journal(self) -> DecisionJournal | None:
        """The decision journal; None without one."""
        if not self._journal_known:
            with self._lock:
                if not self._journal_known:
                    self._journal = decision_journal.from_options()
                    self._journal_known = True
        return self._journal

    @property
    def shadow(self) -> bool:
        """Whether filters and weighers judge only, and change nothing."""
        if self._shadow is None:
            self._shadow = bool(CONF.nfv_sched.shadow)
            if self._shadow and self.journal is None:
                LOG.warning(
                    'Shadow mode records nothing: nova.conf names no '
                    '[nfv_sched] journal_folder'
                )
        return self._shadow

    def _new_in_flight(self) -> InFlight:
        if not (
            self.serving
            and not self.shadow
            and CONF.nfv_sched.share_picks
            and message_bus.available()
        ):
            return InFlight()
        self.sharing = PickSharing()
        in_flight = InFlight(
            share=self.sharing.share, sender=self.sharing.sender
        )
        self.sharing.start(in_flight.include, in_flight.own)
        return in_flight


_process = SchedulerProcess(serving=True)


def current() -> SchedulerProcess:
    """This process's state."""
    return _process


def replace(process: SchedulerProcess) -> SchedulerProcess:
    """Replace this process's state; returns the one before.

    For tests, benchmarks and simulated clouds, which have several schedulers
    in one process, one after another.
    """
    global _process
    before, _process = _process, process
    return before


@contextlib.contextmanager
def replaced(process: SchedulerProcess) -> Iterator[SchedulerProcess]:
    """Replace this process's state until the block ends."""
    before = replace(process)
    try:
        yield process
    finally:
        replace(before)
