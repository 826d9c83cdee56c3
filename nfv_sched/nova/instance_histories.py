"""What Nova has stored of the builds and moves of instances."""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
import datetime
import itertools
from typing import Any

from nova import objects
from nova.db.main import models
import sqlalchemy as sa

from nfv_sched.journal.agreement import CLAIMING_EVENTS
from nfv_sched.journal.agreement import ClaimingEvent
from nfv_sched.journal.agreement import InstanceHistory
from nfv_sched.journal.agreement import StoredFault
from nfv_sched.nova import cell_databases

#: Instances of one query.
_AT_ONCE = 500
_ERROR = 'Error'


def histories(
    context: Any, uuids: Collection[str], problems: list[str]
) -> dict[str, InstanceHistory]:
    """The histories of instances, deleted ones included, by uuid.

    Instances that are in no Nova cell are left out.

    :param problems: gets a line for each Nova cell that cannot be read
    """
    found: dict[str, InstanceHistory] = {}
    if not uuids:
        return found
    for cell in objects.CellMappingList.get_all(context):
        with cell_databases.visit(context, cell, problems) as targeted:
            left = iter(sorted(uuids))
            while batch := list(itertools.islice(left, _AT_ONCE)):
                found.update(_of_cell(targeted, batch))
    return found


def _of_cell(
    context: Any, uuids: Sequence[str]
) -> Iterator[tuple[str, InstanceHistory]]:
    action, event = models.InstanceAction, models.InstanceActionEvent
    fault = models.InstanceFault
    events: dict[str, list[ClaimingEvent]] = {}
    for row in cell_databases.rows(
        context,
        sa.select(
            action.instance_uuid,
            action.request_id,
            event.start_time,
            event.finish_time,
            event.host,
            event.result,
            event.details,
        )
        .join(event, event.action_id == action.id)
        .where(action.instance_uuid.in_(uuids))
        .where(event.event.in_(CLAIMING_EVENTS))
        .order_by(event.id),
    ):
        failed = row.result == _ERROR
        events.setdefault(row.instance_uuid, []).append(
            ClaimingEvent(
                _seconds(row.start_time),
                row.host or '',
                row.request_id,
                row.finish_time is not None,
                (row.details or _ERROR) if failed else '',
            )
        )
    faults: dict[str, list[StoredFault]] = {}
    for row in cell_databases.rows(
        context,
        sa.select(
            fault.instance_uuid, fault.created_at, fault.host, fault.message
        )
        .where(fault.instance_uuid.in_(uuids))
        .order_by(fault.id),
    ):
        faults.setdefault(row.instance_uuid, []).append(
            StoredFault(
                _seconds(row.created_at), row.host or '', row.message or ''
            )
        )
    for uuid in events.keys() | faults.keys():
        yield (
            uuid,
            InstanceHistory(
                tuple(events.get(uuid, ())), tuple(faults.get(uuid, ()))
            ),
        )


def _seconds(moment: datetime.datetime | None) -> float:
    """Seconds since 1970 of a time in UTC without a zone."""
    if moment is None:
        return 0.0
    return moment.replace(tzinfo=datetime.UTC).timestamp()
