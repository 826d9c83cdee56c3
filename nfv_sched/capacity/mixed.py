"""How many more guests of several flavors fit together, in proportion."""

import collections
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import itertools
from typing import Any

from nfv_sched.capacity.count import GROUP
from nfv_sched.capacity.count import Grouped
from nfv_sched.capacity.sites import Ledger
from nfv_sched.capacity.sites import Order
from nfv_sched.capacity.sites import place
from nfv_sched.capacity.sites import Site
from nfv_sched.explaining.explain import Explainer
from nfv_sched.explaining.explain import host_of
from nfv_sched.explaining.explain import Look
from nfv_sched.nova import requests


@dataclasses.dataclass(frozen=True, slots=True)
class Mixture:
    """How many guests of each flavor were placed, and where.

    ``ended`` is the flavor that found no host any more, ``short`` what the
    hosts lacked for it, that of most hosts first. ``notes`` say what else is
    to be known.
    """

    guests: Mapping[str, int]
    hosts: Mapping[str, Mapping[str, int]]
    ended: str
    short: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class _Kind:
    """One flavor: what is asked, and what hosts lack that never take any."""

    weight: int
    order: Order
    group: Grouped
    shortages: collections.Counter[str]


def mixed(
    explainer: Explainer,
    asked: Sequence[tuple[str, Any, int]],
    *,
    tell: Callable[[int], None] | None = None,
) -> Mixture:
    """Place guests in turn, by weight, until one finds no host.

    First fit, hosts that fewest of the flavors fit first: as many are sure
    to fit. A scheduler that chooses better may place more. An affinity group
    is tried on each host alone: the one that takes most counts.

    :param asked: names, RequestSpecs and weights of flavors, all of the same
        server group or of none
    :param tell: called with the number of guests placed, on all that is tried
    """
    ledger = Ledger()
    sites: dict[str, Site] = {}
    kinds: dict[str, _Kind] = {}
    looks: dict[str, dict[str, Look]] = {}
    notes: dict[str, None] = {}
    for name, spec, weight in asked:
        group = Grouped(spec)
        inquiry = explainer.inquire(spec, detailed=0)
        ledger.learn(inquiry.summaries)
        notes.update(dict.fromkeys(inquiry.explanation.notes))
        for look in inquiry.looks:
            if look.lacks:
                continue
            host = str(look.state.nodename)
            looks.setdefault(host, {})[name] = look
            if host not in sites:
                sites[host] = Site(host, host_of(inquiry.question, look))
        order = Order(inquiry.question, requests.spreads_functions(spec))
        shortages = collections.Counter(
            {one.name: one.hosts for one in inquiry.explanation.conditions}
        )
        kinds[name] = _Kind(weight, order, group, shortages)
    hosts = sorted(looks, key=lambda host: (len(looks[host]), host))
    tries = [hosts]
    if hosts and any(one.group.together for one in kinds.values()):
        tries = [[host] for host in sorted(hosts)]
    told = tell or (lambda done: None)
    placed = itertools.count()
    found = []
    for names in tries:
        filling = _Filling(
            kinds,
            [(sites[host], looks[host]) for host in names],
            # What several hosts share is there for each of them.
            ledger.branch(),
        )
        found.append(filling.mixture(lambda: told(next(placed))))
    most = max(found, key=lambda one: sum(one.guests.values()))
    return dataclasses.replace(most, notes=tuple(notes))


class _Filling:
    """Thinks guests onto hosts, the first of them first.

    :param hosts: with what is known of them for each flavor that fits there
    """

    def __init__(
        self,
        kinds: Mapping[str, _Kind],
        hosts: Sequence[tuple[Site, Mapping[str, Look]]],
        ledger: Ledger,
    ) -> None:
        self._kinds = kinds
        self._ledger = ledger
        self._left = {
            name: collections.deque(
                (site, looks[name]) for site, looks in hosts if name in looks
            )
            for name in kinds
        }
        self._shortages = {
            name: kind.shortages.copy() for name, kind in kinds.items()
        }
        self._placed: dict[str, collections.Counter[str]] = {}
        # Whichever flavor they have: a server group counts them all.
        self._members: collections.Counter[str] = collections.Counter()

    def mixture(self, tell: Callable[[], None]) -> Mixture:
        """Place guests in turn until one finds no host.

        :param tell: called before each guest
        """
        counts = dict.fromkeys(self._kinds, 0)
        ended = ''
        weights = {name: kind.weight for name, kind in self._kinds.items()}
        for ended in turns(weights):
            tell()
            host = self._place(ended)
            if host is None:
                break
            counts[ended] += 1
            self._placed.setdefault(host, collections.Counter())[ended] += 1
            self._members[host] += 1
        short = self._shortages[ended].most_common()
        return Mixture(
            counts, self._placed, ended, tuple(name for name, _ in short)
        )

    def _place(self, name: str) -> str | None:
        """The host that takes one more; those before it never will again."""
        kind, left = self._kinds[name], self._left[name]
        while left:
            site, look = left[0]
            room = kind.group.room(look.state, self._members[site.name])
            short: str | None = GROUP
            if room is None or room > 0:
                short = place(kind.order, site, look.candidates, self._ledger)
            if short is None:
                return site.name
            self._shortages[name][short] += 1
            left.popleft()
        return None


def turns(weights: Mapping[str, int]) -> Iterator[str]:
    """Whose turn it is, for ever: evenly, by weight.

    Smooth weighted round-robin, as web servers share requests.
    """
    total = sum(weights.values())
    current = dict.fromkeys(weights, 0)
    while True:
        for name, weight in weights.items():
            current[name] += weight
        name = max(current, key=lambda one: current[one])
        current[name] -= total
        yield name
