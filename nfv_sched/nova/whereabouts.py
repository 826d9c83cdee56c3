"""What Nova's databases know of guests and groups that are not at hand.

Whatever goes wrong with a database is logged, and nobody is found there.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import logging
from typing import Any

from nova import context as nova_context
from nova.compute import vm_states
from nova.db.api import api as api_db
from nova.db.api import models as api_models
from nova.db.main import api as main_db
from nova.db.main import models
import sqlalchemy as sa

from nfv_sched.nova.masking import described

LOG = logging.getLogger(__name__)

#: Seconds that the cells have to answer, together.
CELL_DEADLINE = 5


def prepare() -> None:
    """Read the list of cells, so that no request has to.

    As in all of Nova's services, a new cell is unknown until the next start.
    """
    try:
        nova_context.load_cells()
    except Exception as error:
        LOG.debug('The cells cannot be listed yet: %s', described(error))


def of_guests(
    uuids: Iterable[str], project: str | None = None
) -> dict[str, str | None]:
    """The hosts of guests in any cell, None for those that have none yet.

    One query, put to all cells at once as Nova does. With a ``project`` its
    other guests are told, too.
    """
    context = nova_context.get_admin_context()
    found: dict[str, str | None] = {}
    try:
        nova_context.load_cells()
        answers = nova_context.scatter_gather_cells(
            context,
            [cell for cell in nova_context.CELLS if not cell.is_cell0()],
            CELL_DEADLINE,
            _in_cell,
            list(uuids),
            project,
        )
    except Exception as error:
        # Whatever a database that is down raises.
        _complain('the cells', error)
        return {}
    for cell, answer in answers.items():
        if nova_context.is_cell_failure_sentinel(answer):
            _complain(f'cell {cell}', answer)
        else:
            found.update(answer)
    return found


@main_db.pick_context_manager_reader  # type: ignore[untyped-decorator]
def _in_cell(
    context: Any, uuids: list[str], project: str | None
) -> dict[str, str | None]:
    wanted = models.Instance.uuid.in_(uuids)
    if project is not None:
        wanted = sa.or_(wanted, models.Instance.project_id == project)
    not_failed = models.Instance.vm_state.is_distinct_from(vm_states.ERROR)
    rows = context.session.execute(
        sa.select(models.Instance.uuid, models.Instance.host)
        .where(models.Instance.deleted == 0)
        .where(sa.or_(models.Instance.host.is_not(None), not_failed))
        .where(wanted)
    )
    return {row.uuid: row.host for row in rows}


def of_groups(
    uuids: Iterable[str], project: str | None
) -> Mapping[str, frozenset[str]] | None:
    """The members of server groups, one query; None if nobody answers.

    A uuid that is a guest's is its only member. Groups of other projects
    than ``project`` are not told.
    """
    try:
        found: dict[str, frozenset[str]] = _in_api(
            nova_context.get_admin_context(), list(uuids), project
        )
    except Exception as error:
        _complain('the API database', error)
        return None
    return found


@api_db.context_manager.reader  # type: ignore[untyped-decorator]
def _in_api(
    context: Any, uuids: list[str], project: str | None
) -> dict[str, frozenset[str]]:
    group = api_models.InstanceGroup
    member = api_models.InstanceGroupMember
    guest = api_models.InstanceMapping
    groups = (
        sa.select(group.uuid, member.instance_uuid)
        .outerjoin(member, member.group_id == group.id)
        .where(group.uuid.in_(uuids))
    )
    if project is not None:
        groups = groups.where(group.project_id == project)
    guests = sa.select(guest.instance_uuid, guest.instance_uuid).where(
        guest.instance_uuid.in_(uuids)
    )
    found: dict[str, set[str]] = {}
    for uuid, one in context.session.execute(sa.union_all(groups, guests)):
        found.setdefault(uuid, set()).update(filter(None, [one]))
    return {uuid: frozenset(members) for uuid, members in found.items()}


def _complain(who: str, error: object) -> None:
    LOG.warning(
        'No answer from %s about where guests are, only those on the hosts '
        'at hand count: %s',
        who,
        described(error),
    )
