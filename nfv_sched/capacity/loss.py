"""Whether the guests of hosts that are lost fit on the others."""

import collections
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Sequence
import dataclasses
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
from nfv_sched.nova import asking
from nfv_sched.nova import requests
from nfv_sched.survey.values import Resident

# Nova counts the lost host among those that members are on, and leaves it
# out: no host is left.
_BOUND = 'affinity to a group on lost hosts'


@dataclasses.dataclass(frozen=True, slots=True)
class Refuge:
    """A guest of a lost host, and the host that takes it.

    ``host`` is None where none does, ``short`` then says what most lack.
    """

    guest: Resident
    lost: str
    host: str | None
    short: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Loss:
    """Where each guest goes; ``notes`` say what else is to be known."""

    refuges: tuple[Refuge, ...]
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(slots=True)
class _Known:
    """What is the same for all guests that ask for the same."""

    order: Order
    looks: Sequence[Look]
    refused: str


def after_loss(
    explainer: Explainer,
    guests: Sequence[tuple[str, Resident]],
    lost: Collection[str],
    *,
    tell: Callable[[int, int], None] | None = None,
) -> Loss:
    """Place the guests of lost hosts anew, as their stored requests ask.

    Those with most memory first, each on the first host that takes it. All
    that find one do so together; another order might do better for the
    rest.

    :param guests: with the name of the host that each is on
    :param lost: names of hosts that nobody goes to
    :param tell: called with the number of guests placed, and of all
    """
    run = _Run(explainer, lost)
    found = []
    for number, (host, guest) in enumerate(sorted(guests, key=_size), 1):
        found.append(run.place(host, guest))
        if tell is not None:
            tell(number, len(guests))
    return Loss(tuple(found), tuple(run.notes))


def _size(item: tuple[str, Resident]) -> tuple[int, int, str]:
    cells = item[1].cells
    return (
        -sum(cell.memory_mib for cell in cells),
        -sum(len(cell.host_cpus) for cell in cells),
        item[1].uuid,
    )


class _Run:
    def __init__(self, explainer: Explainer, lost: Collection[str]) -> None:
        self._explainer = explainer
        self._lost = sorted(lost)
        self._ledger = Ledger()
        self._sites: dict[str, Site] = {}
        self._known: dict[Hashable, _Known] = {}
        #: Without those that are said already.
        self.notes: dict[str, None] = {}
        # How many of a group were thought onto a host.
        self._members: collections.Counter[tuple[str, str]] = (
            collections.Counter()
        )

    def place(self, lost: str, guest: Resident) -> Refuge:
        try:
            spec = asking.stored_spec(self._explainer.context, guest.uuid)
        except asking.BadRequestError as error:
            return Refuge(guest, lost, None, str(error))
        group = Grouped(spec)
        name = spec.instance_group.uuid if spec.instance_group else ''
        known = self._inquire(spec)
        shortages: collections.Counter[str] = collections.Counter()
        for look in known.looks:
            host = str(look.state.nodename)
            room = group.room(look.state, self._members[name, host])
            if room is not None and room <= 0:
                shortages[GROUP] += 1
                continue
            if host not in self._sites:
                state = host_of(known.order.question, look)
                self._sites[host] = Site(host, state)
            short = place(
                known.order, self._sites[host], look.candidates, self._ledger
            )
            if short is None:
                self._members[name, host] += 1
                return Refuge(guest, lost, host)
            shortages[short] += 1
        [(most, _)] = shortages.most_common(1) or [(known.refused, 0)]
        if group.together and self._lost_all(spec.instance_group.hosts):
            most = _BOUND
        return Refuge(guest, lost, None, most)

    def _lost_all(self, hosts: Sequence[str]) -> bool:
        return bool(hosts) and set(hosts) <= set(self._lost)

    def _inquire(self, spec: Any) -> _Known:
        spec.ignore_hosts = list(self._lost)
        # Where it was once forced to is lost.
        spec.force_hosts = spec.force_nodes = None
        key = asking.fingerprint(spec)
        if key not in self._known:
            inquiry = self._explainer.inquire(spec, detailed=0)
            self._ledger.learn(inquiry.summaries)
            self.notes.update(dict.fromkeys(inquiry.explanation.notes))
            conditions = [
                one
                for one in inquiry.explanation.conditions
                if one.stage != 'request'
            ]
            self._known[key] = _Known(
                Order(inquiry.question, requests.spreads_functions(spec)),
                [look for look in inquiry.looks if not look.lacks],
                conditions[0].name if conditions else 'hosts',
            )
        return self._known[key]
