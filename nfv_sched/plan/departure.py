"""The state of a host after instances have left it."""

from collections.abc import Callable
from collections.abc import Sequence
import dataclasses

from nfv_sched.fit.request import PF
from nfv_sched.fit.request import VDPA
from nfv_sched.fit.request import VF
from nfv_sched.model import Cell
from nfv_sched.model import DevicePool
from nfv_sched.model import Host
from nfv_sched.survey.departures import cell_without
from nfv_sched.survey.departures import matches_pool
from nfv_sched.survey.values import InstanceCell
from nfv_sched.survey.values import SurveyedDevice

#: A cell without what instances had of it.
CellAfter = Callable[[Cell, Sequence[InstanceCell]], Cell]


def host_without(
    host: Host,
    cells: Sequence[InstanceCell],
    devices: Sequence[SurveyedDevice],
    known: Sequence[SurveyedDevice],
    cell_after: CellAfter = cell_without,
) -> tuple[Host, tuple[SurveyedDevice, ...]]:
    """A host after what instances held was freed, and its devices then.

    The reverse of :mod:`nfv_sched.fit.apply_claim`; of devices as
    nova.objects.pci_device ``PciDevice.free``: the last VF that is freed
    gives its PF back, a PF all its VFs.

    :param cells: what they had of NUMA nodes
    :param devices: what they had of devices
    :param known: all devices of the host
    :param cell_after: a cell without what they had of it
    """
    left = tuple(
        cell_after(cell, mine)
        if (mine := [each for each in cells if each.host_cell == cell.id])
        else cell
        for cell in host.cells
    )
    if not devices:
        return host.evolve(cells=left), tuple(known)
    after, freed = _freed(known, {device.address for device in devices})
    return host.evolve(cells=left, pools=_pools_with(host.pools, freed)), after


def _freed(
    known: Sequence[SurveyedDevice], addresses: set[str]
) -> tuple[tuple[SurveyedDevice, ...], list[SurveyedDevice]]:
    """All devices after some were freed, and those that became free."""
    by_address = {device.address: device for device in known}
    freed = []

    def free(device: SurveyedDevice) -> None:
        if not device.free:
            device = dataclasses.replace(device, free=True, guest=None)
            by_address[device.address] = device
            freed.append(device)

    for address in sorted(addresses):
        device = by_address.get(address)
        if device is None:
            continue
        free(device)
        functions = [
            each
            for each in by_address.values()
            if each.parent == (device.parent or device.address)
        ]
        if device.dev_type == PF:
            for function in functions:
                if function.guest is None:
                    free(function)
        elif device.dev_type in (VF, VDPA) and all(
            each.free for each in functions
        ):
            parent = by_address.get(device.parent or '')
            if parent is not None and parent.guest is None:
                free(parent)
    return tuple(by_address.values()), freed


def _pools_with(
    pools: Sequence[DevicePool], freed: Sequence[SurveyedDevice]
) -> tuple[DevicePool, ...]:
    """The pools with devices that came back; an empty one had gone.

    Which tags the pool of a device had that is there no more is known from
    pools of like devices only; where there are none the device stays out,
    so that nothing is promised.
    """
    restored = list(pools)
    for device in freed:
        for number, pool in enumerate(restored):
            if matches_pool(device, pool):
                restored[number] = pool.evolve(count=pool.count + 1)
                break
        else:
            like = next(
                (pool for pool in restored if _is_like(device, pool)), None
            )
            if like is not None and like.rp_uuid is None:
                restored.append(
                    like.evolve(
                        count=1,
                        numa_node=device.numa_node,
                        address=like.address
                        and (device.parent or device.address),
                        pcie_root=None,
                    )
                )
    return tuple(restored)


def _is_like(device: SurveyedDevice, pool: DevicePool) -> bool:
    return (
        pool.vendor_id.lower() == device.vendor_id
        and pool.product_id.lower() == device.product_id
        and pool.dev_type == device.dev_type
        and pool.get('physical_network') == device.physnet
    )
