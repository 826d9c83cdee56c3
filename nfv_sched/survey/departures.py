"""Hosts after instances have left them."""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence

from nfv_sched.model import Cell
from nfv_sched.model import DevicePool
from nfv_sched.model import DeviceRequest
from nfv_sched.model import Host
from nfv_sched.model import PagePool
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import InstanceCell
from nfv_sched.survey.values import SurveyedDevice
from nfv_sched.survey.values import SurveyedInstance

#: What nova-compute adds to a request when it claims: providers.
_OF_THE_CLAIM = 'rp_uuids'


def host_without(
    survey: HostSurvey, state: Host, leaving: Collection[SurveyedInstance]
) -> Host:
    """A host after instances have left it.

    They free what a claim takes, see :mod:`nfv_sched.fit.apply_claim`, unless
    an instance that stays has it, too.

    :param state: the host as it is
    """
    gone = {instance.uuid for instance in leaving}
    staying = [
        part
        for instance in survey.held
        if instance.uuid not in gone
        for part in instance.cells
    ]
    parts = [part for instance in leaving for part in instance.cells]
    devices = [
        device for device in survey.devices or () if device.guest in gone
    ]
    requests = [
        request for instance in leaving for request in instance.devices
    ]
    return state.evolve(
        cells=tuple(
            cell_without(
                cell,
                [part for part in parts if part.host_cell == cell.id],
                [part for part in staying if part.host_cell == cell.id],
            )
            for cell in state.cells
        ),
        pools=tuple(_pools_with(survey, state.pools, devices, requests)),
    )


def cell_without(
    cell: Cell,
    leaving: Sequence[InstanceCell],
    staying: Sequence[InstanceCell] = (),
) -> Cell:
    """A cell after parts of instances have left it.

    :param leaving: what they had of this cell
    :param staying: what others have of it
    """
    if not leaving:
        return cell
    freed = _occupied(cell, leaving) - _occupied(cell, staying)
    return cell.evolve(
        memory_used_mib=cell.memory_used_mib
        - sum(part.memory_mib for part in leaving),
        shared_used=cell.shared_used - sum(part.shared for part in leaving),
        pinned_cpus=cell.pinned_cpus - freed,
        pages=tuple(_pages_without(cell.pages, leaving)),
    )


def _occupied(cell: Cell, parts: Sequence[InstanceCell]) -> frozenset[int]:
    return frozenset().union(*(part.occupied(cell.siblings) for part in parts))


def _pages_without(
    pages: Sequence[PagePool], leaving: Sequence[InstanceCell]
) -> Iterator[PagePool]:
    smallest = min((pool.size_kib for pool in pages), default=0)
    for pool in pages:
        freed = sum(part.pages(pool.size_kib, smallest) for part in leaving)
        yield pool.evolve(used=pool.used - freed)


def _pools_with(
    survey: HostSurvey,
    pools: Sequence[DevicePool],
    devices: Sequence[SurveyedDevice],
    requests: Sequence[DeviceRequest],
) -> list[DevicePool]:
    """The pools with devices that came back; an empty one had gone.

    :param requests: those for which the devices were taken
    """
    restored = list(pools)
    for device in devices:
        for number, pool in enumerate(restored):
            if matches_pool(device, pool):
                restored[number] = pool.evolve(count=pool.count + 1)
                break
        else:
            restored.append(_pool_of(survey, device, pools, requests))
    return restored


def matches_pool(device: SurveyedDevice, pool: DevicePool) -> bool:
    """Whether a device that is freed returns to a pool."""
    return (
        pool.vendor_id.lower() == device.vendor_id
        and pool.product_id.lower() == device.product_id
        and pool.dev_type == device.dev_type
        and pool.numa_node == device.numa_node
        and pool.address in (None, device.parent or device.address)
    )


def _pool_of(
    survey: HostSurvey,
    device: SurveyedDevice,
    pools: Sequence[DevicePool],
    requests: Sequence[DeviceRequest],
) -> DevicePool:
    """The pool that went with its last device, with its tags as known.

    It matched what was requested of the device.
    """
    address = device.parent or device.address
    alike = next(
        (
            pool.tags
            for pool in pools
            if pool.vendor_id.lower() == device.vendor_id
            and pool.product_id.lower() == device.product_id
        ),
        {'remote_managed': 'false'},
    )
    tags = {**alike, **_requested_tags(device, requests)}
    if device.physnet is not None:
        tags['physical_network'] = device.physnet
    return DevicePool(
        device.vendor_id,
        device.product_id,
        device.dev_type,
        1,
        device.numa_node,
        address,
        None,
        tags,
        survey.topology.pcie_roots().get(address),
    )


def _requested_tags(
    device: SurveyedDevice, requests: Sequence[DeviceRequest]
) -> dict[str, str | None]:
    """The tags by which a device was requested."""
    properties = {
        'vendor_id': device.vendor_id,
        'product_id': device.product_id,
        'dev_type': device.dev_type,
    }
    for request in requests:
        if request.request_id != device.request_id:
            continue
        for spec in request.specs:
            if all(
                (spec.get(name) or value).lower() == value.lower()
                for name, value in properties.items()
            ):
                return {
                    name: value
                    for name, value in spec.items()
                    if name not in properties and name != _OF_THE_CLAIM
                }
    return {}
