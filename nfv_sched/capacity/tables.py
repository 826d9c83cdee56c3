"""Counts as rows."""

import collections
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from nfv_sched.capacity.count import Capacity
from nfv_sched.capacity.evacuation import Relocation
from nfv_sched.capacity.mixture import Mixture
from nfv_sched.dryrun.values import TableData


def totals(flavor: str, capacity: Capacity) -> TableData:
    """How many fit in all, and what the hosts run out of first."""
    taking = sum(host.guests > 0 for host in capacity.hosts)
    first = ', '.join(
        f'{name} ({count})' for name, count in capacity.shortages
    )
    return (
        (
            'Flavor',
            'Instances',
            'Hosts that take any',
            'Hosts',
            'Short of first',
        ),
        [(flavor, capacity.in_all, taking, len(capacity.hosts), first)],
    )


def by_domain(
    capacity: Capacity,
    kinds: Sequence[str],
    domains: Mapping[str, Mapping[str, str]],
) -> TableData:
    """How many fit in each failure domain; hosts in none count under ''."""
    rows: list[tuple[Any, ...]] = []
    for kind in kinds:
        counts = capacity.by_domain(
            lambda host, kind=kind: domains.get(host, {}).get(kind)  # type: ignore[misc]
        )
        rows += [(kind, name, counts[name]) for name in sorted(counts)]
    return ('Kind', 'Domain', 'Instances'), rows


def by_host(capacity: Capacity) -> TableData:
    """How many fit on each host, and what the next one would lack."""
    rows = [(host.host, host.guests, host.short) for host in capacity.hosts]
    return ('Host', 'Instances', 'Short of first'), list(rows)


def mixture(mix: Mixture) -> TableData:
    """How many of each flavor fit together."""
    short = ', '.join(mix.short)
    return ('Flavor', 'Instances', 'Short of first'), [
        (name, count, short if name == mix.ended else '')
        for name, count in mix.guests.items()
    ]


def mixture_by_host(mix: Mixture) -> TableData:
    """How many of each flavor went to each host."""
    rows = [
        (host, *(placed.get(name, 0) for name in mix.guests))
        for host, placed in sorted(mix.hosts.items())
    ]
    return ('Host', *mix.guests), list(rows)


def relocation_summary(relocated: Sequence[Relocation]) -> TableData:
    """How many instances of lost hosts fit elsewhere."""
    fit = sum(relocation.host is not None for relocation in relocated)
    short = collections.Counter(
        relocation.short for relocation in relocated if not relocation.host
    )
    return ('Instances', 'Fit elsewhere', 'Do not fit', 'Short of'), [
        (
            len(relocated),
            fit,
            len(relocated) - fit,
            ', '.join(f'{name} ({count})' for name, count in short.items()),
        )
    ]


def relocations(relocated: Sequence[Relocation]) -> TableData:
    """Where each instance goes."""
    rows = [
        (
            relocation.guest.name,
            relocation.guest.uuid,
            relocation.guest.flavor,
            relocation.lost,
            relocation.host or '',
            relocation.short,
        )
        for relocation in sorted(
            relocated, key=lambda relocation: relocation.host is not None
        )
    ]
    columns = ('Instance', 'UUID', 'Flavor', 'On', 'Fits on', 'Short of')
    return columns, list(rows)
