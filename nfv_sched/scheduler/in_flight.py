"""Guests that this scheduler has chosen a host for and that are not there yet.

Nova makes its host states anew for each request, of what the nova-computes
have reported. Of guests that were sent a moment ago they know nothing: the
next ones would be sent to where those are going to be.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import threading
import time
from typing import Any
from typing import NamedTuple

from nfv_sched import fit
from nfv_sched.model import Host
from nfv_sched.nova import host_states
from nfv_sched.nova import instances
from nfv_sched.scheduler import cycle
from nfv_sched.scheduler import published_topology

#: Seconds for which a guest that is being built and has no host is waited
#: for: nova-computes build only some at once, the others wait for theirs.
BUILD_TIMEOUT = 600.0
#: The same for a guest that no database knows, yet or any more.
UNKNOWN_TIMEOUT = 30.0
#: And for one that is somewhere else: it moves, which is not seen before it
#: is over, or runs on an alternate.
ELSEWHERE_TIMEOUT = 10.0
# Seconds between two looks for those that have landed, and what share of the
# time looking may take at the most.
_LOOK_EVERY = 1.0
_LOOK_SHARE = 0.1

_CONSUMED = '_nfv_sched_consumed'

#: The hosts of guests by uuid, None for those that have none yet.
FindHosts = Callable[[Iterable[str]], Mapping[str, str | None]]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Pick:
    """A guest on its way to a host, ``since`` so many seconds."""

    guest: str
    host: str
    fit_request: fit.FitRequest
    providers: fit.Providers
    since: float


class _Projection(NamedTuple):
    """A host as it will be once the picks are there.

    ``reading`` is of the host state that they land on, with what is published
    of the host.
    """

    reading: object
    picks: tuple[Pick, ...]
    host: Host


class InFlight:
    """The guests in flight of one scheduler.

    Memory is bounded by what is sent to each host within PATIENCE.

    :param find: where guests are by now
    :param clock: seconds
    """

    def __init__(
        self,
        find: FindHosts = instances.find_hosts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._clock = clock
        self._picks: dict[str, tuple[Pick, ...]] = {}
        self._landed: dict[str, _Projection] = {}
        self._next_look = 0.0
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        """Whether any are, as far as is known."""
        return bool(self._picks)

    def send(
        self, fit_request: fit.FitRequest, state: Any, guest: str
    ) -> None:
        """Remember that a guest is on its way to a host."""
        decision, now = cycle.decide(fit_request, state), self._clock()
        providers = decision.providers(cycle.candidate_to_claim(state))
        pick = Pick(guest, state.host, fit_request, providers, now)
        with self._lock:
            before = (
                one
                for one in self._picks.get(state.uuid, ())
                if now - one.since < BUILD_TIMEOUT
            )
            self._picks[state.uuid] = (*before, pick)
        # What Nova consumes from this very state is in there already.
        consumed = state.__dict__.setdefault(_CONSUMED, set())
        consumed.add(guest)

    def left(
        self,
        fit_request: fit.FitRequest,
        states: Sequence[Any],
        rooms: Iterable[int | None],
    ) -> list[float]:
        """What guests in flight leave of each host's room, from 0 to 1.

        Room for guests like this one, ``left / (room + 1)``. Hosts whose room
        is unknown count as large.

        :param rooms: for so many guests, by what the hosts' states know
        """
        with self._lock:
            return [
                self._left(fit_request, state, room)
                for state, room in zip(states, rooms, strict=True)
            ]

    def _left(
        self, fit_request: fit.FitRequest, state: Any, room: int | None
    ) -> float:
        picks = self._coming(state)
        if room is None:
            if not picks:
                return 1.0
            room = fit.headroom(fit_request, host_states.host_of(state))
        left = (
            fit.headroom(fit_request, self._after(state, picks))
            if picks
            else room
        )
        return min(left, room) / (room + 1)

    def _coming(self, state: Any) -> tuple[Pick, ...]:
        """The guests on their way to a host that its state does not know."""
        picks = self._picks.get(state.uuid, ())
        consumed = state.__dict__.get(_CONSUMED)
        if consumed:
            return tuple(one for one in picks if one.guest not in consumed)
        return picks

    def _after(self, state: Any, picks: tuple[Pick, ...]) -> Host:
        """The host once they are there: those that fit, in their order."""
        view = published_topology.published()
        reading = (
            host_states.state_fingerprint(state),
            view.hosts().get(state.uuid),
        )
        known = self._landed.get(state.uuid)
        if (
            known
            and known.reading == reading
            and picks[: len(known.picks)] == known.picks
        ):
            host, new = known.host, picks[len(known.picks) :]
        else:
            host, new = host_states.host_of(state), picks
            host = view.complete(state, host)
        for pick in new:
            placement = (
                fit.Evaluation(pick.fit_request, host)
                .verdict(pick.providers)
                .placement
            )
            if placement is not None:
                host = fit.apply_claim(pick.fit_request.guest, host, placement)
        self._landed[state.uuid] = _Projection(reading, picks, host)
        return host

    def settle(self) -> None:
        """Forget those that have landed, and those that never will.

        One query per second at the most, whatever the requests; who comes
        while it is under way does without.
        """
        now = self._clock()
        with self._lock:
            if now < self._next_look or not self._picks:
                return
            self._next_look = now + BUILD_TIMEOUT
            waiting = [one for some in self._picks.values() for one in some]
        found: Mapping[str, str | None] = {}
        try:
            found = self._find([one.guest for one in waiting])
        finally:
            end = self._clock()
            with self._lock:
                self._forget(found, now)
                self._next_look = end + max(
                    _LOOK_EVERY, (end - now) / _LOOK_SHARE
                )

    def _forget(self, found: Mapping[str, str | None], now: float) -> None:
        for uuid, picks in list(self._picks.items()):
            kept = tuple(
                one for one in picks if now - one.since < _timeout(one, found)
            )
            if kept:
                self._picks[uuid] = kept
            else:
                del self._picks[uuid]
                self._landed.pop(uuid, None)


def _timeout(pick: Pick, found: Mapping[str, str | None]) -> float:
    """Seconds for which a pick counts, given where guests are."""
    if pick.guest not in found:
        return UNKNOWN_TIMEOUT
    where = found[pick.guest]
    if where is None:
        return BUILD_TIMEOUT
    return 0.0 if where == pick.host else ELSEWHERE_TIMEOUT


_lock = threading.Lock()
_in_flight: InFlight | None = None


def in_flight() -> InFlight:
    """This process's guests in flight."""
    global _in_flight  # noqa: PLW0603 - shared by all requests of a scheduler
    with _lock:
        if _in_flight is None:
            _in_flight = InFlight()
        return _in_flight


def use(other: InFlight | None) -> None:
    """Replace this process's; None begins anew on the next use."""
    global _in_flight  # noqa: PLW0603
    with _lock:
        _in_flight = other
