"""Mark the devices for one use that Placement has reserved after it.

Nova reserves such a device in Placement when an instance gets it, and never
releases it: what cleans the device does. Nova's own records have it as
available once the instance is gone. One request lists the providers, and one
more reads the amounts of each.
"""

from collections.abc import Collection
import dataclasses

from nfv_sched.fit import accelerators
from nfv_sched.placement import api
from nfv_sched.placement.client import PlacementClient
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import Survey


def with_reservations(survey: Survey, client: PlacementClient) -> Survey:
    """The survey, in which reserved devices are not free.

    :raises nfv_sched.placement.errors.PlacementError: Placement does not
        answer, or not correctly
    """
    known = {host.topology.uuid for host in survey.hosts if host.devices}
    reserved: dict[str, set[str]] = {}
    for provider in api.one_time_use_providers(client):
        address = accelerators.address_of(provider.name)
        if address is None or provider.root not in known:
            continue
        _, inventories = api.inventories(client, provider.uuid)
        if inventories and not any(
            inventory.capacity for inventory in inventories.values()
        ):
            reserved.setdefault(provider.root, set()).add(address)
    if not reserved:
        return survey
    return dataclasses.replace(
        survey,
        hosts=tuple(
            _with_reserved(host, reserved.get(host.topology.uuid, ()))
            for host in survey.hosts
        ),
    )


def _with_reserved(host: HostSurvey, addresses: Collection[str]) -> HostSurvey:
    return dataclasses.replace(
        host,
        devices=host.devices
        and tuple(
            dataclasses.replace(device, free=False)
            if device.address.lower() in addresses
            else device
            for device in host.devices
        ),
    )
