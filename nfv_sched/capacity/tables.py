"""Counts as tables."""

import collections
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from nfv_sched.capacity.count import Capacity
from nfv_sched.capacity.evacuation import Relocation
from nfv_sched.capacity.mixture import Mixture
from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import Table
from nfv_sched.nova.shapes import Shape

#: Keys of tables, and values of ``--show``.
TOTAL = 'total'
DOMAINS = 'domains'
HOSTS = 'hosts'
INSTANCES = 'instances'
# Keys of columns.
_SHAPE, _RUNNING = 'shape', 'running'


@dataclasses.dataclass(frozen=True, slots=True)
class FlavorTotal:
    """How many of a flavor fit, and what hosts are short of for the next.

    ``hosts_taking_any`` and ``hosts`` count hosts, None where all of them are
    not known; ``short_of`` has conditions with the number of hosts.
    ``shape`` is that of the instances, None where they are described.
    """

    flavor: str
    instances: int
    hosts_taking_any: int
    hosts: int | None
    short_of: Sequence[tuple[str, int]]
    shape: Shape | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class PlaceCount:
    """How many fit a place, which is a host or a failure domain."""

    name: str
    by_flavor: Mapping[str, int]
    instances: int
    kind: str = ''
    short: str | None = None


def with_hosts(counts: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    """Conditions with numbers of hosts, as records."""
    return [{'condition': name, 'hosts': hosts} for name, hosts in counts]


def short_text(counts: Iterable[tuple[str, int]]) -> str:
    """Conditions with their numbers, as people read them."""
    return ', '.join(f'{name} ({count})' for name, count in counts)


_TOTAL = (
    Column[FlavorTotal]('flavor', 'Flavor', lambda row: row.flavor),
    Column[FlavorTotal](
        _SHAPE,
        'Ports and image',
        lambda row: row.shape and row.shape.plain,
        lambda row: row.shape and row.shape.text,
    ),
    Column[FlavorTotal](
        _RUNNING, 'Running', lambda row: row.shape and row.shape.running
    ),
    Column[FlavorTotal]('instances', 'Instances', lambda row: row.instances),
    Column[FlavorTotal](
        'hosts_taking_any',
        'Hosts that take any',
        lambda row: row.hosts_taking_any,
    ),
    Column[FlavorTotal]('hosts', 'Hosts', lambda row: row.hosts),
    Column[FlavorTotal](
        'short_of',
        'Short of first',
        lambda row: with_hosts(row.short_of),
        lambda row: short_text(row.short_of),
    ),
)


def _for_records(*keys: str) -> tuple[Column[FlavorTotal], ...]:
    """The columns of totals, of which people do not see some."""
    return tuple(
        dataclasses.replace(column, heading='')
        if column.key in keys
        else column
        for column in _TOTAL
    )


_TOTAL_OF_ONE = _for_records(_SHAPE, _RUNNING)
# Of a mixture the number of all hosts is not known.
_MIXTURE_TOTAL = _for_records(_SHAPE, _RUNNING, 'hosts')

_INSTANCES = Column[PlaceCount](
    'instances', 'Instances', lambda row: row.instances
)
_BY_FLAVOR = Column[PlaceCount](
    'by_flavor', '', lambda row: dict(row.by_flavor)
)
_KIND = Column[PlaceCount]('kind', 'Kind', lambda row: row.kind)
_DOMAIN = Column[PlaceCount]('domain', 'Domain', lambda row: row.name or None)
_HOST = Column[PlaceCount]('host', 'Host', lambda row: row.name)
_SHORT = Column[PlaceCount](
    'short_of', 'Short of first', lambda row: row.short
)
# Of a mixture no host is known to be short of one thing.
_UNKNOWN_SHORT = Column[PlaceCount]('short_of', '', lambda row: row.short)


def _of_flavors(flavors: Iterable[str]) -> tuple[Column[PlaceCount], ...]:
    """A column for each flavor, which people see."""
    return tuple(
        Column('', name, lambda row, name=name: row.by_flavor[name])  # type: ignore[misc]
        for name in flavors
    )


def totals(
    flavor: str, counts: Sequence[tuple[Shape | None, Capacity]]
) -> Table[FlavorTotal]:
    """How many fit in all, and what the hosts run out of first.

    :param counts: by shape of the instances
    """
    rows = [
        FlavorTotal(
            flavor,
            capacity.in_all,
            sum(host.guests > 0 for host in capacity.hosts),
            len(capacity.hosts),
            capacity.shortages,
            shape,
        )
        for shape, capacity in counts
    ]
    shaped = any(row.shape for row in rows)
    return Table(TOTAL, _TOTAL if shaped else _TOTAL_OF_ONE, rows)


def by_domain(
    flavor: str,
    capacity: Capacity,
    kinds: Sequence[str],
    domains: Mapping[str, Mapping[str, str]],
) -> Table[PlaceCount]:
    """How many fit in each failure domain; hosts in none have no name."""
    rows = []
    for kind in kinds:
        counts = capacity.by_domain(
            lambda host, kind=kind: domains.get(host, {}).get(kind)  # type: ignore[misc]
        )
        rows += [
            PlaceCount(name, {flavor: counts[name]}, counts[name], kind)
            for name in sorted(counts)
        ]
    return Table(DOMAINS, (_KIND, _DOMAIN, _INSTANCES, _BY_FLAVOR), rows)


def by_host(flavor: str, capacity: Capacity) -> Table[PlaceCount]:
    """How many fit on each host, and what the next one would lack."""
    rows = [
        PlaceCount(
            host.host, {flavor: host.guests}, host.guests, short=host.short
        )
        for host in capacity.hosts
    ]
    return Table(HOSTS, (_HOST, _INSTANCES, _BY_FLAVOR, _SHORT), rows)


def mixture(mix: Mixture) -> Table[FlavorTotal]:
    """How many of each flavor fit together."""
    totals = [
        FlavorTotal(
            name,
            count,
            sum(placed.get(name, 0) > 0 for placed in mix.hosts.values()),
            None,
            mix.short if name == mix.ended else (),
        )
        for name, count in mix.guests.items()
    ]
    return Table(TOTAL, _MIXTURE_TOTAL, totals)


def mixture_by_domain(
    mix: Mixture,
    kinds: Sequence[str],
    domains: Mapping[str, Mapping[str, str]],
) -> Table[PlaceCount]:
    """How many of each flavor went to each failure domain."""
    rows = []
    for kind in kinds:
        counts: dict[str, collections.Counter[str]] = {}
        for host, placed in mix.hosts.items():
            name = domains.get(host, {}).get(kind, '')
            counts.setdefault(name, collections.Counter()).update(placed)
        rows += [
            _placed(mix, name, counts[name], kind) for name in sorted(counts)
        ]
    columns = (_KIND, _DOMAIN, _BY_FLAVOR, _INSTANCES)
    return Table(DOMAINS, (*columns, *_of_flavors(mix.guests)), rows)


def mixture_by_host(mix: Mixture) -> Table[PlaceCount]:
    """How many of each flavor went to each host."""
    rows = [_placed(mix, host, mix.hosts[host]) for host in sorted(mix.hosts)]
    columns = (_HOST, *_of_flavors(mix.guests))
    documented = dataclasses.replace(_INSTANCES, heading='')
    return Table(
        HOSTS, (*columns, documented, _BY_FLAVOR, _UNKNOWN_SHORT), rows
    )


def _placed(
    mix: Mixture, name: str, placed: Mapping[str, int], kind: str = ''
) -> PlaceCount:
    by_flavor = {flavor: placed.get(flavor, 0) for flavor in mix.guests}
    return PlaceCount(name, by_flavor, sum(by_flavor.values()), kind)


_RelocationTotal = Sequence[Relocation]


def _fitting(relocated: _RelocationTotal) -> int:
    return sum(relocation.host is not None for relocation in relocated)


def _shortages(relocated: _RelocationTotal) -> list[tuple[str, int]]:
    """What instances are short of, with the number of instances."""
    return collections.Counter(
        relocation.short for relocation in relocated if not relocation.host
    ).most_common()


_RELOCATED = (
    Column[_RelocationTotal]('instances', 'Instances', len),
    Column[_RelocationTotal]('fit_elsewhere', 'Fit elsewhere', _fitting),
    Column[_RelocationTotal](
        'do_not_fit', 'Do not fit', lambda row: len(row) - _fitting(row)
    ),
    Column[_RelocationTotal](
        'short_of',
        'Short of',
        lambda row: [
            {'condition': name, 'instances': count}
            for name, count in _shortages(row)
        ],
        lambda row: short_text(_shortages(row)),
    ),
)

_RELOCATIONS = (
    Column[Relocation]('name', 'Instance', lambda row: row.guest.name),
    Column[Relocation]('uuid', 'UUID', lambda row: row.guest.uuid),
    Column[Relocation]('flavor', 'Flavor', lambda row: row.guest.flavor),
    Column[Relocation]('host', 'On', lambda row: row.lost),
    Column[Relocation]('fits_on', 'Fits on', lambda row: row.host),
    Column[Relocation]('short_of', 'Short of', lambda row: row.short or None),
)


def relocation_summary(
    relocated: Sequence[Relocation],
) -> Table[_RelocationTotal]:
    """How many instances of lost hosts fit elsewhere."""
    return Table(TOTAL, _RELOCATED, [relocated])


def relocations(relocated: Sequence[Relocation]) -> Table[Relocation]:
    """Where each instance goes; first those that fit nowhere."""
    rows = sorted(
        relocated, key=lambda relocation: relocation.host is not None
    )
    return Table(INSTANCES, _RELOCATIONS, rows)
