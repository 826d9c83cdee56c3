"""The availability zones that Nova's API lets tenants ask for."""

from nova import context as nova_context
from nova import objects

from nfv_sched.nova import cloud
from nfv_sched.nova import databases
from nfv_sched.nova.asking import BadRequestError


def require(zone: str) -> None:
    """Refuse a zone as nova-api does, before any scheduler hears of it.

    :raises BadRequestError: no nova-compute that is enabled is in it
    """
    known: set[str] = set()
    zone_of = cloud.Reader().zones()
    context = nova_context.get_admin_context()
    for cell in databases.cells(context):
        try:
            with nova_context.target_cell(context, cell) as targeted:
                services = objects.ServiceList.get_by_binary(
                    targeted, 'nova-compute'
                )
        except Exception:
            # Its hosts may be in the zone; who reads them says that it is
            # down.
            return
        known.update(zone_of(service.host) for service in services)
    if zone not in known:
        names = ', '.join(sorted(known)) or 'none'
        raise BadRequestError(
            f'there is no availability zone {zone} with hosts that are '
            f'enabled; there are: {names}'
        )
