"""Plans as tables."""

from typing import Any

from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import Table
from nfv_sched.plan.values import Plan
from nfv_sched.plan.values import PredictedClaim
from nfv_sched.plan.values import Step
from nfv_sched.plan.values import Unplaced

#: Keys of tables, and values of ``--show``.
TOTAL = 'total'
STEPS = 'steps'
UNPLACED = 'unplaced'

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


def total(plan: Plan, gbit_per_s: float) -> Table[Plan]:
    """The plan as a whole.

    :param gbit_per_s: the bandwidth at which memory is copied
    """
    return Table(
        TOTAL,
        (
            Column('steps', 'Steps', lambda row: len(row.steps)),
            Column('unplaced', 'Find no host', lambda row: len(row.unplaced)),
            Column(
                'at_most',
                'At most can',
                lambda row: row.at_most,
                lambda row: '' if row.at_most is None else row.at_most,
            ),
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
