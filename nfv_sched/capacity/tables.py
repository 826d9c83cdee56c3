"""Counts as rows."""

import collections
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from nfv_sched.capacity.count import Capacity
from nfv_sched.capacity.evacuation import Relocation
from nfv_sched.capacity.mixture import Mixture
from nfv_sched.dryrun.values import TableData


def totals(flavor: str, found: Capacity) -> TableData:
    """How many fit in all, and what the hosts run out of first."""
    taking = sum(one.guests > 0 for one in found.hosts)
    first = ', '.join(f'{name} ({count})' for name, count in found.shortages)
    return (
        (
            'Flavor',
            'Instances',
            'Hosts that take any',
            'Hosts',
            'Short of first',
        ),
        [(flavor, found.in_all, taking, len(found.hosts), first)],
    )


def by_domain(
    found: Capacity,
    kinds: Sequence[str],
    domains: Mapping[str, Mapping[str, str]],
) -> TableData:
    """How many fit in each failure domain; hosts in none count under ''."""
    rows: list[tuple[Any, ...]] = []
    for kind in kinds:
        counts = found.by_domain(
            lambda host, kind=kind: domains.get(host, {}).get(kind)  # type: ignore[misc]
        )
        rows += [(kind, name, counts[name]) for name in sorted(counts)]
    return ('Kind', 'Domain', 'Instances'), rows


def by_host(found: Capacity) -> TableData:
    """How many fit on each host, and what the next one would lack."""
    rows = [(one.host, one.guests, one.short) for one in found.hosts]
    return ('Host', 'Instances', 'Short of first'), list(rows)


def mixture(found: Mixture) -> TableData:
    """How many of each flavor fit together."""
    short = ', '.join(found.short)
    return ('Flavor', 'Instances', 'Short of first'), [
        (name, count, short if name == found.ended else '')
        for name, count in found.guests.items()
    ]


def mixture_by_host(found: Mixture) -> TableData:
    """How many of each flavor went to each host."""
    rows = [
        (host, *(placed.get(name, 0) for name in found.guests))
        for host, placed in sorted(found.hosts.items())
    ]
    return ('Host', *found.guests), list(rows)


def relocation_summary(found: Sequence[Relocation]) -> TableData:
    """How many instances of lost hosts fit elsewhere."""
    fit = sum(one.host is not None for one in found)
    short = collections.Counter(one.short for one in found if not one.host)
    return ('Instances', 'Fit elsewhere', 'Do not fit', 'Short of'), [
        (
            len(found),
            fit,
            len(found) - fit,
            ', '.join(f'{name} ({count})' for name, count in short.items()),
        )
    ]


def relocations(found: Sequence[Relocation]) -> TableData:
    """Where each instance goes."""
    rows = [
        (
            one.guest.name,
            one.guest.uuid,
            one.guest.flavor,
            one.lost,
            one.host or '',
            one.short,
        )
        for one in sorted(found, key=lambda one: one.host is not None)
    ]
    columns = ('Instance', 'UUID', 'Flavor', 'On', 'Fits on', 'Short of')
    return columns, list(rows)
