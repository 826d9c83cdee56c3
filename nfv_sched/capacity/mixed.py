"""How many more guests of several flavors fit together, in proportion."""

import collections
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

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
    hosts lacked for it, that of most hosts first.
    """

    guests: Mapping[str, int]
    hosts: Mapping[str, Mapping[str, int]]
    ended: str
    short: tuple[str, ...]


@dataclasses.dataclass(slots=True)
class _Kind:
    """One flavor: where it may go, and the next host to try."""

    name: str
    order: Order
    looks: Sequence[Look]
    group: Grouped
    next: int = 0
    shortages: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )


def mixed(
    explainer: Explainer,
    asked: Sequence[tuple[str, Any, int]],
    *,
    tell: Callable[[int], None] | None = None,
) -> Mixture:
    """Place guests in turn, by weight, until one finds no host.

    First fit, hosts that fewest of the flavors fit first: as many are sure
    to fit. A scheduler that chooses better may place more.

    :param asked: names, RequestSpecs and weights of flavors
    :param tell: called with the number of guests placed
    """
    ledger = Ledger()
    sites: dict[str, Site] = {}
    kinds: dict[str, _Kind] = {}
    for name, spec, _ in asked:
        group = Grouped(spec)
        inquiry = explainer.inquire(spec, detailed=0)
        ledger.learn(inquiry.summaries)
        looks = [look for look in inquiry.looks if not look.lacks]
        for look in looks:
            host = str(look.state.nodename)
            if host not in sites:
                sites[host] = Site(host, host_of(inquiry.question, look))
        order = Order(inquiry.question, requests.spreads_functions(spec))
        kinds[name] = _Kind(name, order, looks, group)
        for one in inquiry.explanation.conditions:
            kinds[name].shortages[one.name] = one.hosts
    popular = collections.Counter(
        str(look.state.nodename)
        for kind in kinds.values()
        for look in kind.looks
    )
    for kind in kinds.values():
        kind.looks = sorted(
            kind.looks,
            key=lambda look: (
                popular[str(look.state.nodename)],
                str(look.state.nodename),
            ),
        )
    placed: dict[str, collections.Counter[str]] = {}
    counts = dict.fromkeys(kinds, 0)
    weights = {name: weight for name, _, weight in asked}
    ended = next(iter(kinds.values()))
    for number, name in enumerate(turns(weights)):
        if tell is not None:
            tell(number)
        where = _place(kinds[name], sites, ledger, placed)
        if where is None:
            ended = kinds[name]
            break
        counts[name] += 1
        placed.setdefault(where, collections.Counter())[name] += 1
    return Mixture(
        counts,
        placed,
        ended.name,
        tuple(short for short, _ in ended.shortages.most_common()),
    )


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


def _place(
    kind: _Kind,
    sites: Mapping[str, Site],
    ledger: Ledger,
    placed: Mapping[str, collections.Counter[str]],
) -> str | None:
    """The host that takes one more; those before it never will again."""
    while kind.next < len(kind.looks):
        look = kind.looks[kind.next]
        host = str(look.state.nodename)
        more = placed[host][kind.name] if host in placed else 0
        room = kind.group.room(look.state, more)
        short: str | None = 'server group'
        if room is None or room > 0:
            short = place(kind.order, sites[host], look.candidates, ledger)
        if short is None:
            return host
        kind.shortages[short] += 1
        kind.next += 1
    return None
