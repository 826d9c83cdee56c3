"""Plans as tables."""

import collections
from typing import Any

from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import Table
from nfv_sched.plan.values import Plan
from nfv_sched.plan.values import PredictedClaim
from nfv_sched.plan.values import Released
from nfv_sched.plan.values import ShapeRoom
from nfv_sched.plan.values import Step
from nfv_sched.plan.values import Unplaced

#: Keys of tables, and values of ``--show``.
TOTAL = 'total'
STEPS = 'steps'
UNPLACED = 'unplaced'
LOST_WITHOUT = 'lost_without'
ROOM = 'room'
RELEASED = 'released'

_MIB_PER_GIB = 1024


def _nodes(predicted: PredictedClaim) -> list[dict[str, Any]]:
    return [
        {
            'guest_numa_node': node.guest_node,
            'host_numa_node': node.node,
            'cpus': list(node.cpus),
            'memory_mib': node.memory_mib,
            'page_size_kib': node.page_size_kib,
        }
        for node in predicted.nodes
    ]


def _devices(predicted: PredictedClaim) -> list[dict[str, Any]]:
    return [
        {
            'vendor_id': device.vendor_id,
            'product_id': device.product_id,
            'type': device.dev_type,
            'numa_node': device.numa_node,
            'address': device.address,
            'count': device.count,
        }
        for device in predicted.devices
    ]


def _gib(mib: int) -> str:
    return f'{mib / _MIB_PER_GIB:,.1f}'


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)


def _percentage(share: float | None) -> str:
    return '' if share is None else f'{share:.1%}'


def total(plan: Plan, gbit_per_s: float) -> Table[Plan]:
    """The plan as a whole.

    :param gbit_per_s: the bandwidth at which memory is copied
    """
    regains = plan.regained is not None
    releases = plan.released is not None
    places = not (regains or releases)
    return Table(
        TOTAL,
        (
            Column('steps', 'Steps', lambda row: len(row.steps)),
            Column(
                'unplaced',
                'Find no host' if places else '',
                lambda row: len(row.unplaced),
            ),
            Column(
                'at_most',
                'At most can' if places else '',
                lambda row: row.at_most,
                lambda row: '' if row.at_most is None else row.at_most,
            ),
            Column(
                'regained',
                'Regained' if regains else '',
                lambda row: row.regained and round(row.regained.value, 6),
                lambda row: row.regained and f'{row.regained.value:.1%}',
            ),
            Column(
                'regained_at_most',
                'At most' if regains else '',
                lambda row: row.regained and _rounded(row.regained.at_most),
                lambda row: row.regained and _percentage(row.regained.at_most),
            ),
            *_released_columns(shown=releases),
            Column(
                'memory_mib',
                'Memory (GiB)',
                lambda row: row.memory_mib,
                lambda row: _gib(row.memory_mib),
            ),
            Column(
                'transfer_seconds',
                'Seconds at least',
                lambda row: round(row.transfer_seconds(gbit_per_s), 1),
            ),
        ),
        [plan],
    )


def _released_columns(*, shown: bool) -> tuple[Column[Plan], ...]:
    def of(row: Plan) -> Released:
        return row.released or Released((), 0)

    return (
        Column(
            'hosts',
            'Hosts' if shown else '',
            lambda row: of(row).of if row.released else None,
        ),
        Column(
            'hosts_released',
            'Emptied' if shown else '',
            lambda row: len(of(row).hosts) if row.released else None,
        ),
        Column(
            'hosts_released_at_most',
            'At most' if shown else '',
            lambda row: of(row).at_most,
        ),
    )


_STEP = (
    Column[Step]('step', 'Step', lambda row: row.number),
    Column[Step]('method', 'Method', lambda row: row.method.value),
    Column[Step]('name', 'Name', lambda row: row.name),
    Column[Step]('uuid', 'UUID', lambda row: row.instance),
    Column[Step]('flavor', 'Flavor', lambda row: row.flavor),
    Column[Step]('source', 'From', lambda row: row.source),
    Column[Step]('destination', 'To', lambda row: row.destination),
    Column[Step](
        'numa_nodes',
        'NUMA nodes',
        lambda row: _nodes(row.predicted),
        lambda row: ', '.join(str(node.node) for node in row.predicted.nodes),
    ),
    Column[Step]('devices', '', lambda row: _devices(row.predicted)),
    Column[Step](
        'memory_mib',
        'Memory (GiB)',
        lambda row: row.memory_mib,
        lambda row: _gib(row.memory_mib),
    ),
    Column[Step]('after', 'After steps', lambda row: list(row.after)),
)


def steps(plan: Plan) -> Table[Step]:
    """The steps in their order."""
    return Table(STEPS, _STEP, plan.steps)


_UNPLACED = (
    Column[Unplaced]('name', 'Name', lambda row: row.name),
    Column[Unplaced]('uuid', 'UUID', lambda row: row.instance),
    Column[Unplaced]('flavor', 'Flavor', lambda row: row.flavor),
    Column[Unplaced]('host', 'Host', lambda row: row.host),
    Column[Unplaced]('short_of', 'Short of', lambda row: row.short),
    Column[Unplaced]('why', 'Why', lambda row: row.why),
)


def unplaced(plan: Plan) -> Table[Unplaced]:
    """The instances that find no host."""
    return Table(UNPLACED, _UNPLACED, plan.unplaced)


def lost_without(plan: Plan) -> Table[Unplaced]:
    """The instances that find no host if the steps are not made."""
    return Table(LOST_WITHOUT, _UNPLACED, plan.lost_without)


_ROOM = (
    Column[ShapeRoom]('shape', 'Expected', lambda row: row.name),
    Column[ShapeRoom](
        'share',
        'Share',
        lambda row: round(row.share, 6),
        lambda row: f'{row.share:.0%}',
    ),
    Column[ShapeRoom]('before', 'Room for', lambda row: row.before),
    Column[ShapeRoom]('after', 'After the steps', lambda row: row.after),
)


def room(plan: Plan) -> Table[ShapeRoom]:
    """The room for expected instances."""
    shapes = plan.regained.shapes if plan.regained else ()
    return Table(ROOM, _ROOM, shapes)


def released(plan: Plan) -> Table[tuple[str, int]]:
    """The hosts that the plan empties, with the number that leaves each."""
    leaving = collections.Counter(step.source for step in plan.steps)
    return Table(
        RELEASED,
        (
            Column[tuple[str, int]]('host', 'Host', lambda row: row[0]),
            Column[tuple[str, int]](
                'instances', 'Instances', lambda row: row[1]
            ),
        ),
        [
            (host, leaving[host])
            for host in (plan.released.hosts if plan.released else ())
        ],
    )
