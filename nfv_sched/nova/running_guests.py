"""What the instances that run were requested with, as guests."""

from collections.abc import Mapping
import functools
from typing import Any

from nova import objects
from nova.db.main import models
from oslo_serialization import jsonutils
import sqlalchemy as sa

from nfv_sched.model import Guest
from nfv_sched.nova import cell_databases
from nfv_sched.nova import flavors
from nfv_sched.nova import request_spec
from nfv_sched.nova.redact import describe_error

#: What is added to the specs of an instance's PCI requests for its host
#: (nova.compute.utils update_pci_request_with_placement_allocations).
_OF_THE_HOST = frozenset(('parent_ifname', 'rp_uuids'))


def newest_guests(most: int) -> tuple[list[Guest], list[str]]:
    """The guests of the newest instances of each Nova cell, as requested.

    By flavor and PCI requests; what images ask for is left out. Those that
    ask for nothing are included. One query to all cells at once.

    :param most: of how many instances in each cell
    :returns: the guests, and a line for each cell or instance that could
        not be read
    """
    problems: list[str] = []
    guests = []
    for rows in cell_databases.query_at_once(_newest, most, problems=problems):
        for row in rows:
            try:
                guests.append(_guest(row))
            except Exception as error:
                # Versioned objects raise what they like over JSON from
                # elsewhere.
                problems.append(
                    f'instance {row.uuid}: {describe_error(error)}'
                )
    return guests, problems


def _newest(context: Any, most: int) -> list[Any]:
    instance, extra = models.Instance, models.InstanceExtra
    query = (
        sa.select(instance.uuid, extra.flavor, extra.pci_requests)
        .join(
            extra,
            sa.and_(extra.instance_uuid == instance.uuid, extra.deleted == 0),
        )
        .where(instance.deleted == 0)
        .where(instance.host.is_not(None))
        .order_by(instance.created_at.desc())
        .limit(most)
    )
    return list(cell_databases.rows(context, query))


def _guest(row: Any) -> Guest:
    flavor, topology = _flavor(row.flavor)
    requests = objects.InstancePCIRequests.obj_from_db(
        None, row.uuid, row.pci_requests
    )
    for request in requests.requests:
        request.spec = [_as_requested(spec) for spec in request.spec]
    return request_spec.guest_of(
        objects.RequestSpec(flavor=flavor), topology, requests
    )


def _as_requested(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value for key, value in spec.items() if key not in _OF_THE_HOST
    }


@functools.lru_cache(maxsize=256)
def _flavor(text: str) -> tuple[Any, Any]:
    """A stored flavor, and the NUMA topology that it asks for.

    Most instances share a flavor.
    """
    flavor = objects.Flavor.obj_from_primitive(jsonutils.loads(text)['cur'])
    return flavor, flavors.topology_of(flavor)
