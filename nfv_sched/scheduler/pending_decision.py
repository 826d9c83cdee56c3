"""What is recorded of a decision while it is made.

On the way of a request only references and a few numbers are kept: names and
totals of the weighed hosts once a host is selected. Everything else is
computed by the thread that writes the record.
"""

from collections.abc import Callable
from collections.abc import Sequence
import contextlib
import functools
import logging
import operator
import time
from typing import Any

import nova.conf
from oslo_context import context as oslo_context

from nfv_sched import conf
from nfv_sched.journal.record import DecisionRecord
from nfv_sched.journal.record import Ending
from nfv_sched.journal.record import FilterCount
from nfv_sched.journal.record import RequestKind
from nfv_sched.journal.record import ShadowJudgement
from nfv_sched.nova import move_claims
from nfv_sched.nova import request_spec
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.nova.types import WeighedHost
from nfv_sched.scheduler import multipliers
from nfv_sched.scheduler.ranking import Ranking
from nfv_sched.scheduler.ranking import WeigherColumn

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)


def _harmless(method: Callable[..., None]) -> Callable[..., None]:
    """A method that logs an exception: no request fails because of it."""

    @functools.wraps(method)
    def called(self: 'PendingDecision', *args: Any, **values: Any) -> None:
        try:
            method(self, *args, **values)
        except Exception:
            LOG.exception('A decision is not recorded')
            self.failed = True

    return called


class PendingDecision:
    """A decision on one instance that is not recorded yet.

    If it ends where no filter of nfv_sched sees it, it is recorded when Nova
    drops the request.

    In shadow mode ``accepted`` is the number of hosts that the filters accept,
    ``rejects_selected`` is why they reject the one that Nova selected, and
    ``selected_accepted`` is whether they accept it. The weights are those of
    accepted hosts then.
    ``failed`` is whether a part of it is missing: it is not recorded then. No
    method but :meth:`record` raises.

    :param finish: takes it once the decision is made
    :param live: whether the instance migrates live
    """

    __slots__ = (
        '_asked',
        '_columns',
        '_filters',
        '_finish',
        '_flavor',
        '_hosts',
        '_instance',
        '_instances',
        '_purpose',
        '_request_id',
        '_weighed',
        '_weights',
        'accepted',
        'claims',
        'conditions',
        'dropped',
        'ending',
        'failed',
        'names',
        'nearest',
        'numa_nodes',
        'rejects_selected',
        'restricted',
        'selected',
        'selected_accepted',
        'time',
        'totals',
    )

    def __init__(
        self,
        finish: Callable[['PendingDecision'], None],
        spec: RequestSpec,
        *,
        live: bool = False,
    ) -> None:
        self._finish: Callable[[PendingDecision], None] | None = finish
        self.failed = False
        self._instance = request_spec.instance_uuid(spec)
        self._flavor = spec.flavor
        self._instances = request_spec.instances(spec)
        self._purpose = (
            RequestKind.LIVE_MIGRATION
            if live
            else RequestKind.MOVE
            if move_claims.is_move(spec)
            else RequestKind.BOOT
        )
        context = oslo_context.get_current()
        self._request_id = context.request_id if context else None
        self._filters: list[tuple[str, int, int]] = []
        self._weighed: Sequence[WeighedHost] = ()
        self._hosts = 0
        self._weights: dict[str, tuple[Sequence[float], str | None]] = {}
        self._columns: dict[str, WeigherColumn] = {}
        self.names: Sequence[str] = ()
        self.totals: Sequence[float] = ()
        self.claims = 0
        self.ending = Ending.OTHER_FILTERS
        self.selected: tuple[str, str] | None = None
        self.numa_nodes: tuple[int, ...] | None = None
        self.restricted = False
        self.conditions: Sequence[tuple[str, int]] = ()
        self.nearest = ''
        self.accepted: int | None = None
        self.rejects_selected: str | None = None
        self.selected_accepted = False
        self._asked = False
        self.time = 0.0
        self.dropped = 0

    def __del__(self) -> None:
        """Record a decision whose end no filter has seen."""
        with contextlib.suppress(Exception):
            if self._finish is not None and self._filters:
                self._end(
                    Ending.PLACEMENT if self.claims else Ending.OTHER_FILTERS
                )

    @_harmless
    def filtered(self, name: str, before: int, after: int) -> None:
        """Note how many hosts a filter left."""
        self._filters.append((name, before, after))

    @_harmless
    def weighed(
        self,
        weigher: Any,
        hosts: Sequence[WeighedHost],
        weights: Sequence[float],
    ) -> None:
        """Note what a weigher gave to hosts."""
        if len(hosts) < 2 and self.accepted is None:
            # Not by Nova, which weighs no single host.
            return
        self._asked = True
        self._weighed = hosts
        self._hosts = len(hosts)
        name = type(weigher).__name__
        if any(weights):
            self._weights[name] = weights, getattr(weigher, 'option', None)
        else:
            self._weights.pop(name, None)

    @_harmless
    def select(
        self,
        state: HostState,
        numa_nodes: tuple[int, ...] | None,
        *,
        restricted: bool,
    ) -> None:
        """Note the host that Nova selected, before it changes its state.

        :param numa_nodes: those that the claim is predicted to take
        :param restricted: whether the claim is restricted to chosen nodes
        """
        self.selected = state.host, state.nodename
        self.numa_nodes = numa_nodes
        self.restricted = restricted
        self.names = [weighed.obj.nodename for weighed in self._weighed]
        self.totals = [weighed.weight for weighed in self._weighed]
        self._columns = {
            name: WeigherColumn(weights, self._multipliers(option))
            for name, (weights, option) in self._weights.items()
        }
        self._weighed = ()

    def _multipliers(self, option: str | None) -> Any:
        """The multiplier of all hosts, or, by aggregates, that of each."""
        if option is None:
            return 1.0
        if option not in multipliers.overridden:
            return float(getattr(CONF.nfv_sched, option))
        return [
            float(multipliers.multiplier(option, weighed.obj))
            for weighed in self._weighed
        ]

    @_harmless
    def end_selected(self) -> None:
        """Record that Nova selected a host."""
        self._end(Ending.SELECTED)

    @_harmless
    def end_rejected(
        self, conditions: Sequence[tuple[str, int]], nearest: str
    ) -> None:
        """Record that no host is left.

        :param conditions: numbers of hosts by what they lacked
        :param nearest: the nearest miss
        """
        self.conditions, self.nearest = conditions, nearest
        self._end(Ending.REJECTED)

    def _end(self, ending: Ending) -> None:
        self._weighed = ()
        self.ending = ending
        self.time = time.time()
        finish, self._finish = self._finish, None
        if finish is not None and not self.failed:
            finish(self)

    @property
    def size(self) -> int:
        """About how many numbers it holds."""
        return len(self.names) * (2 + len(self._columns))

    def record(self, scheduler: str, pid: int) -> DecisionRecord:
        """The record; what takes time is done here.

        :param scheduler: the host of the service
        :param pid: its process
        """
        values: dict[str, Any] = {}
        first = None
        if self.selected is not None:
            host, node = self.selected
            values |= {'service_host': host, 'node': node}
        if self.names:
            ranking = Ranking(self.names, self._totals(), self._columns)
            values |= {'best': ranking.best(), 'without': ranking.without()}
            first = values['best'][0].node
            if self.selected is not None:
                values['rank'] = ranking.rank(self.selected[1])
        return DecisionRecord(
            time=self.time,
            scheduler=scheduler,
            pid=pid,
            instance=self._instance or '',
            flavor=str(getattr(self._flavor, 'name', '')),
            purpose=self._purpose,
            instances=self._instances,
            ending=self.ending,
            request_id=self._request_id,
            filters=tuple(FilterCount(*entry) for entry in self._filters),
            weighed=self._hosts or None,
            claims=self.claims,
            subset_size=CONF.filter_scheduler.host_subset_size,
            numa_nodes=self.numa_nodes,
            chosen=self.restricted,
            conditions=tuple(self.conditions),
            nearest=self.nearest,
            shadow=self._judgement(first),
            dropped=self.dropped,
            **values,
        )

    def _totals(self) -> Sequence[float]:
        """The totals, to which Nova has not added weights in shadow mode."""
        totals = self.totals
        if self.accepted is not None:
            for column in self._columns.values():
                totals = list(
                    map(operator.add, totals, column.contributions())
                )
        return totals

    def _judgement(self, first: str | None) -> ShadowJudgement | None:
        """What would have been, in shadow mode.

        :param first: the best host, None if no weigher was asked
        """
        if self.accepted is None:
            return None
        if not self._asked and self.selected and self.selected_accepted:
            first = self.selected[1]
        return ShadowJudgement(self.accepted, self.rejects_selected, first)
