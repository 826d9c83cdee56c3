"""Decisions as tables."""

from collections.abc import Iterator
from collections.abc import Sequence
import datetime
from typing import Any
from typing import NamedTuple

from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import Table
from nfv_sched.journal.record import AppliedWeight
from nfv_sched.journal.record import Counterfactual
from nfv_sched.journal.record import DecisionRecord
from nfv_sched.journal.record import FilterCount
from nfv_sched.journal.record import RankedHost

#: Keys of tables, and values of ``--show``.
DECISIONS = 'decisions'
FILTERS = 'filters'
HOSTS = 'hosts'
WEIGHTS = 'weights'
COUNTERFACTUALS = 'counterfactuals'
CONDITIONS = 'conditions'

#: Weighers of Nova and of other packages, together.
OTHERS = 'other weighers'
OTHER_FILTERS = 'other filters'
_DIGITS = 6


class Numbered(NamedTuple):
    """A decision and its number, from 1 on, by which other tables refer."""

    number: int
    record: DecisionRecord


class FilterRow(NamedTuple):
    """A filter of a decision."""

    decision: int
    filter: FilterCount


class HostRow(NamedTuple):
    """A weighed host of a decision."""

    decision: int
    rank: int
    host: RankedHost
    selected: bool


class WeightRow(NamedTuple):
    """A weight of a host."""

    decision: int
    node: str
    weigher: str | None
    weight: AppliedWeight | None
    contribution: float


class CounterfactualRow(NamedTuple):
    """What would change without a weigher."""

    decision: int
    found: Counterfactual
    changes: bool


class ConditionRow(NamedTuple):
    """What rejected hosts lacked."""

    decision: int
    condition: str
    hosts: int


def shown_time(seconds: float) -> str:
    """A time in UTC, to the second."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec='seconds').replace('+00:00', 'Z')


def _number(records: Sequence[Numbered]) -> Column[Any]:
    """The decision that a row is of; people see it if there are several."""
    heading = '#' if len(records) > 1 else ''
    return Column('decision', heading, lambda row: row[0])


def margin(record: DecisionRecord) -> float | None:
    """By how much the selected host weighs more than the runner-up."""
    chosen = next((h for h in record.best if h.node == record.node), None)
    if chosen is None or record.runner_up is None:
        return None
    return chosen.total - record.runner_up.total


def _nodes(record: DecisionRecord) -> str:
    nodes = ', '.join(map(str, record.numa_nodes or ()))
    return f'{nodes} (chosen)' if record.chosen else nodes


def decisions(records: Sequence[Numbered]) -> Table[Numbered]:
    """The decisions as a whole."""
    return Table(
        DECISIONS,
        (
            _number(records),
            Column('time', 'Time', lambda r: shown_time(r.record.time)),
            Column('scheduler', 'Scheduler', lambda r: r.record.scheduler),
            Column('process', '', lambda r: r.record.pid),
            Column('request_id', '', lambda r: r.record.request_id),
            Column('uuid', '', lambda r: r.record.instance),
            Column('flavor', 'Flavor', lambda r: r.record.flavor),
            Column('purpose', 'For', lambda r: r.record.purpose.value),
            Column('instances', '', lambda r: r.record.instances),
            Column('ending', 'Ending', lambda r: r.record.ending.value),
            Column('host', 'Host', lambda r: r.record.node),
            Column('service_host', '', lambda r: r.record.service_host),
            Column(
                'numa_nodes',
                'NUMA nodes',
                lambda r: (
                    None
                    if r.record.numa_nodes is None
                    else list(r.record.numa_nodes)
                ),
                lambda r: _nodes(r.record),
            ),
            Column('nodes_chosen', '', lambda r: r.record.chosen),
            Column('weighed_hosts', 'Weighed', lambda r: r.record.weighed),
            Column('rank', 'Rank', lambda r: r.record.rank),
            Column(
                'runner_up',
                'Runner-up',
                lambda r: r.record.runner_up and r.record.runner_up.node,
            ),
            Column(
                'margin',
                'Margin',
                lambda r: _rounded(margin(r.record)),
                lambda r: _short(margin(r.record)),
            ),
            Column('claims', '', lambda r: r.record.claims),
            Column('nearest_miss', '', lambda r: r.record.nearest or None),
            Column('shadow', '', lambda r: r.record.shadow is not None),
        ),
        records,
    )


def filters(records: Sequence[Numbered]) -> Table[FilterRow]:
    """The hosts that each filter left."""
    rows = [
        FilterRow(number, found)
        for number, record in records
        for found in filter_counts(record)
    ]
    return Table(
        FILTERS,
        (
            _number(records),
            Column('filter', 'Filter', lambda row: row.filter.name),
            Column('hosts_before', 'Hosts', lambda row: row.filter.before),
            Column('hosts_after', 'Left', lambda row: row.filter.after),
        ),
        rows,
    )


def filter_counts(record: DecisionRecord) -> Iterator[FilterCount]:
    """The filters, with those between them and after the last one."""
    before: int | None = None
    for found in record.filters:
        if before is not None and before != found.before:
            yield FilterCount(OTHER_FILTERS, before, found.before)
        yield found
        before = found.after
    if before is not None and record.weighed not in (None, before):
        yield FilterCount(OTHER_FILTERS, before, record.weighed or 0)


def hosts(records: Sequence[Numbered]) -> Table[HostRow]:
    """The best hosts."""
    rows = [
        HostRow(number, place, host, host.node == record.node)
        for number, record in records
        for place, host in enumerate(record.best, 1)
    ]
    weighers = dict.fromkeys(
        weight.weigher for row in rows for weight in row.host.weights
    )
    return Table(
        HOSTS,
        (
            _number(records),
            Column('rank', 'Rank', lambda row: row.rank),
            Column(
                'host',
                'Host',
                lambda row: row.host.node,
                lambda row: f'{row.host.node}{" *" if row.selected else ""}',
            ),
            Column('selected', '', lambda row: row.selected),
            Column(
                'total',
                'Total',
                lambda row: _rounded(row.host.total),
                lambda row: _short(row.host.total),
            ),
            *map(_part_column, weighers),
            Column(
                '',
                'Others',
                lambda row: None,
                lambda row: _short(row.host.others),
            ),
        ),
        rows,
    )


def _part_column(weigher: str) -> Column[HostRow]:
    """The part of the total that a weigher gives, for people."""

    def part(row: HostRow) -> str:
        return _short(
            sum(
                weight.contribution
                for weight in row.host.weights
                if weight.weigher == weigher
            )
        )

    heading = weigher.removesuffix('Weigher')
    return Column('', heading, lambda row: None, part)


def weights(records: Sequence[Numbered]) -> Table[WeightRow]:
    """Every weight of the best hosts."""
    rows = []
    for number, record in records:
        for host in record.best:
            rows += [
                WeightRow(
                    number, host.node, each.weigher, each, each.contribution
                )
                for each in host.weights
            ]
            rows.append(WeightRow(number, host.node, None, None, host.others))
    return Table(
        WEIGHTS,
        (
            _number(records),
            Column('host', 'Host', lambda row: row.node),
            Column(
                'weigher',
                'Weigher',
                lambda row: row.weigher,
                lambda row: row.weigher or OTHERS,
            ),
            Column(
                'weight',
                'Weight',
                lambda row: row.weight and _rounded(row.weight.weight),
                lambda row: row.weight and _short(row.weight.weight),
            ),
            Column(
                'multiplier',
                'Multiplier',
                lambda row: row.weight and row.weight.multiplier,
            ),
            Column(
                'contribution',
                'Of the total',
                lambda row: _rounded(row.contribution),
                lambda row: _short(row.contribution),
            ),
        ),
        rows,
    )


def counterfactuals(records: Sequence[Numbered]) -> Table[CounterfactualRow]:
    """The hosts that would be first without a weigher."""
    rows = [
        CounterfactualRow(number, found, found.node != record.best[0].node)
        for number, record in records
        for found in record.without
        if record.best
    ]
    return Table(
        COUNTERFACTUALS,
        (
            _number(records),
            Column(
                'without',
                'Without',
                lambda row: row.found.weigher,
                lambda row: row.found.weigher or OTHERS,
            ),
            Column('host', 'First would be', lambda row: row.found.node),
            Column(
                'changes',
                'Changes the choice',
                lambda row: row.changes,
                lambda row: 'yes' if row.changes else 'no',
            ),
        ),
        rows,
    )


def conditions(records: Sequence[Numbered]) -> Table[ConditionRow]:
    """The numbers of rejected hosts by what they lacked."""
    rows = [
        ConditionRow(number, name, count)
        for number, record in records
        for name, count in record.conditions
    ]
    return Table(
        CONDITIONS,
        (
            _number(records),
            Column('condition', 'Condition', lambda row: row.condition),
            Column('hosts', 'Hosts', lambda row: row.hosts),
        ),
        rows,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _short(value: float | None) -> str:
    return '' if value is None else f'{value:.4f}'
