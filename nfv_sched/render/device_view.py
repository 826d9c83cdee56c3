"""Devices of a host as its NUMA map shows them."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from nfv_sched.model import FunctionTopology
from nfv_sched.model import PoolTopology
from nfv_sched.render.formatting import printable
from nfv_sched.render.marks import BLOCKED
from nfv_sched.render.marks import FREE
from nfv_sched.render.marks import UNKNOWN_OWNER
from nfv_sched.survey import HostSurvey
from nfv_sched.survey import SurveyedAccelerator
from nfv_sched.survey import SurveyedDevice

#: ``PoolView.kind`` of accelerators that Placement allocates.
ACCELERATOR = 'accelerator'


@dataclasses.dataclass(frozen=True, slots=True)
class PoolView:
    """Devices or accelerators of one type on one card.

    ``address`` is that of the physical function, ``link_mbps`` the speed of
    its link and ``pcie_root`` the PCIe root above it, if known. ``owners``
    has one mark per device, in the order of PCI addresses; None where only
    counts are known.
    """

    address: str | None
    kind: str
    label: str
    total: int
    free: int
    owners: tuple[str, ...] | None = None
    link_mbps: int | None = None
    pcie_root: str | None = None


def pools_of(
    host: HostSurvey, marks: Mapping[str, str]
) -> dict[int | None, tuple[PoolView, ...]]:
    """Pools of devices by NUMA node; None is the key of those on none.

    :param marks: marks of instances, by uuid
    """
    functions: _Functions = {
        function.address: function for function in host.topology.functions
    }
    pools: dict[int | None, list[PoolView]] = {}
    if host.devices is None:
        for pool in host.topology.pools:
            used = host.topology.usage.devices.get(pool.key, 0)
            pools.setdefault(pool.numa_node, []).append(
                _counted(pool, used, functions)
            )
    else:
        for (node, *_), members in _grouped(host.devices).items():
            pools.setdefault(node, []).append(
                _listed(members, marks, functions)
            )
    listed = {cell.id for cell in host.topology.cells}
    for card in host.accelerators or ():
        node = card.numa_node if card.numa_node in listed else None
        pools.setdefault(node, []).append(_of_card(card))
    return {
        node: tuple(sorted(views, key=_order)) for node, views in pools.items()
    }


def _of_card(card: SurveyedAccelerator) -> PoolView:
    return PoolView(
        address=card.address,
        kind=ACCELERATOR,
        label=printable(card.resource_class),
        total=card.total,
        free=max(0, card.total - card.used),
        pcie_root=card.pcie_root,
    )


def _order(pool: PoolView) -> tuple[str, str]:
    return pool.address or '', pool.kind


_PoolKey = tuple[int | None, str, str, str, str]


def _grouped(
    devices: Iterable[SurveyedDevice],
) -> dict[_PoolKey, list[SurveyedDevice]]:
    """Devices that are interchangeable, by what they have in common."""
    groups: dict[_PoolKey, list[SurveyedDevice]] = {}
    for device in sorted(devices, key=lambda device: device.address):
        key = (
            device.numa_node,
            device.parent or device.address,
            device.dev_type,
            device.vendor_id,
            device.product_id,
        )
        groups.setdefault(key, []).append(device)
    return groups


def _label(device: SurveyedDevice | PoolTopology) -> str:
    ids = f'{device.vendor_id}:{device.product_id}'
    return printable(device.physnet or ids)


#: The published physical functions, by address.
_Functions = Mapping[str | None, FunctionTopology]
_UNKNOWN = FunctionTopology('')


def _listed(
    members: Sequence[SurveyedDevice],
    marks: Mapping[str, str],
    functions: _Functions,
) -> PoolView:
    first = members[0]
    parent = first.parent or first.address
    function = functions.get(parent, _UNKNOWN)

    def owner(device: SurveyedDevice) -> str:
        if device.guest:
            return marks.get(device.guest) or UNKNOWN_OWNER
        return FREE if device.free else BLOCKED

    return PoolView(
        address=parent,
        kind=first.dev_type.removeprefix('type-'),
        label=_label(first),
        total=len(members),
        free=sum(device.free for device in members),
        owners=tuple(map(owner, members)),
        link_mbps=function.link_mbps,
        pcie_root=function.pcie_root,
    )


def _counted(pool: PoolTopology, used: int, functions: _Functions) -> PoolView:
    function = functions.get(pool.parent, _UNKNOWN)
    return PoolView(
        address=pool.parent,
        kind=pool.dev_type.removeprefix('type-'),
        label=_label(pool),
        total=pool.total,
        free=max(0, pool.total - used),
        link_mbps=function.link_mbps,
        pcie_root=function.pcie_root,
    )
