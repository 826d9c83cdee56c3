"""Instances of surveys, made from the claims that placed them."""

from collections.abc import Sequence

from nfv_sched.model import ClaimOutcome
from nfv_sched.model import Guest
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.survey import HostSurvey
from nfv_sched.survey import InstanceCell
from nfv_sched.survey import SurveyedDevice
from nfv_sched.survey import SurveyedInstance


def resident(
    name: str, guest: Guest, outcome: ClaimOutcome
) -> SurveyedInstance:
    """An instance as its claim placed it; its name is its uuid, too."""
    return SurveyedInstance(
        name,
        name,
        'flavor',
        tuple(
            InstanceCell(
                at.guest_cell,
                at.host_cell,
                guest.cells[at.guest_cell].memory_mib,
                at.pinning,
                at.reserved,
                len(guest.cells[at.guest_cell].shared),
                at.page_size_kib,
                guest.cells[at.guest_cell].thread_policy == 'isolate',
            )
            for at in outcome.cells
        ),
        guest.devices,
    )


def devices(
    guest: Guest, host: Host, outcome: ClaimOutcome, owner: str
) -> tuple[SurveyedDevice, ...]:
    """The devices that a claim took of the pools of a host."""
    return tuple(
        SurveyedDevice(
            f'{taken.request}-{taken.pool}-{number}',
            host.pools[taken.pool].vendor_id,
            host.pools[taken.pool].product_id,
            str(host.pools[taken.pool].dev_type),
            host.pools[taken.pool].numa_node,
            host.pools[taken.pool].address,
            guest=owner,
            free=False,
            request_id=guest.devices[taken.request].request_id,
        )
        for taken in outcome.devices
        for number in range(taken.count)
    )


def survey(
    residents: Sequence[SurveyedInstance],
    held: Sequence[SurveyedDevice] = (),
) -> HostSurvey:
    """A host with instances, without its hardware."""
    return HostSurvey(
        'host',
        HostTopology('host', 'uuid'),
        None,
        tuple(residents),
        tuple(held),
    )
