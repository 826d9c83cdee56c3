"""Counts that may be bounds, as tables.

They have the columns of :mod:`nfv_sched.capacity.tables`, in which
``instances`` is how many fit at least, and how many fit at most.
"""

import collections
from collections.abc import Sequence
import dataclasses
from typing import Any

from nfv_sched.capacity.from_trees import HostBounds
from nfv_sched.capacity.tables import DOMAINS
from nfv_sched.capacity.tables import HOSTS
from nfv_sched.capacity.tables import short_text
from nfv_sched.capacity.tables import TOTAL
from nfv_sched.capacity.tables import with_hosts
from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import Table
from nfv_sched.survey.values import HostSurvey


@dataclasses.dataclass(frozen=True, slots=True)
class _Sum:
    """The counts of some hosts for a flavor."""

    flavor: str
    counts: Sequence[HostBounds]
    kind: str = ''
    name: str = ''

    @property
    def at_least(self) -> int:
        return sum(count.at_least for count in self.counts)

    @property
    def at_most(self) -> int:
        return sum(count.at_most for count in self.counts)

    @property
    def short_of(self) -> list[tuple[str, int]]:
        return collections.Counter(
            count.short for count in self.counts
        ).most_common()


_FLAVOR = Column[_Sum]('flavor', 'Flavor', lambda row: row.flavor)
_KIND = Column[_Sum]('kind', 'Kind', lambda row: row.kind)
_DOMAIN = Column[_Sum]('domain', 'Domain', lambda row: row.name or None)
_COUNTS = (
    Column[_Sum]('instances', 'At least', lambda row: row.at_least),
    Column[_Sum]('instances_at_most', 'At most', lambda row: row.at_most),
)
_BY_FLAVOR = Column[_Sum](
    'by_flavor', '', lambda row: {row.flavor: row.at_least}
)
_TOTAL = (
    _FLAVOR,
    *_COUNTS,
    Column[_Sum](
        'hosts_taking_any',
        'Hosts that take any',
        lambda row: sum(count.at_most > 0 for count in row.counts),
    ),
    Column[_Sum]('hosts', 'Hosts', lambda row: len(row.counts)),
    Column[_Sum](
        'short_of',
        'Short of first',
        lambda row: with_hosts(row.short_of),
        lambda row: short_text(row.short_of),
    ),
)


def total(flavor: str, counts: Sequence[HostBounds]) -> Table[Any]:
    """How many fit in all, and what the hosts run out of first."""
    return Table(TOTAL, _TOTAL, [_Sum(flavor, counts)])


def by_domain(
    flavor: str, hosts: Sequence[HostSurvey], counts: Sequence[HostBounds]
) -> Table[Any]:
    """How many fit in each published failure domain.

    :param counts: of ``hosts``, in their order
    """
    found: dict[tuple[str, str], list[HostBounds]] = {}
    kinds = sorted({kind for host in hosts for kind in host.topology.domains})
    for kind in kinds:
        for host, count in zip(hosts, counts, strict=True):
            name = host.topology.domains.get(kind, '')
            found.setdefault((kind, name), []).append(count)
    rows = [_Sum(flavor, found[key], *key) for key in sorted(found)]
    return Table(DOMAINS, (_KIND, _DOMAIN, *_COUNTS, _BY_FLAVOR), rows)


def by_host(flavor: str, counts: Sequence[HostBounds]) -> Table[Any]:
    """How many fit on each host, and what the next one would lack."""
    rows = [
        _Sum(flavor, [count], name=count.host)
        for count in sorted(counts, key=lambda count: count.host)
    ]
    columns = (
        Column[_Sum]('host', 'Host', lambda row: row.name),
        *_COUNTS,
        _BY_FLAVOR,
        Column[_Sum](
            'short_of', 'Short of first', lambda row: row.counts[0].short
        ),
    )
    return Table(HOSTS, columns, rows)
