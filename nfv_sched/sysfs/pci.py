"""PCI devices: their NUMA nodes, physical and virtual functions, links."""

import dataclasses
import pathlib
import re

from nfv_sched.sysfs.files import Folder
from nfv_sched.sysfs.files import MalformedSysfs

_ADDRESS = re.compile(
    r'[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]', re.ASCII
)
_ROOT = re.compile(r'pci[0-9a-f]{4,8}:[0-9a-f]{2}', re.ASCII)
#: In Mbit/s; from here on a speed is invalid. SPEED_UNKNOWN of ethtool has
#: all 32 bits set.
_UNKNOWN_SPEED = 2**31


@dataclasses.dataclass(frozen=True, slots=True)
class SysfsDevice:
    """One PCI device; ids are hexadecimal digits without a prefix.

    ``numa_node`` is None if the firmware reports none. A PF has ``vfs``, at
    most ``sriov_total``; a VF has a ``physfn``. ``link_mbps`` is the speed of
    its network link, None while the link is down. ``pcie_root`` is the PCIe
    root that it is below, such as ``pci0000:3a``, and ``bridges`` are the
    addresses of the bridges between the two; both are read from its path.
    """

    address: str
    vendor: str | None
    product: str | None

    numa_node: int | None
    driver: str | None
    physfn: str | None
    vfs: tuple[str, ...]
    sriov_total: int | None

    nets: tuple[str, ...]
    link_mbps: int | None

    pcie_root: str | None
    bridges: tuple[str, ...]


def read_devices(
    root: Folder, nodes: frozenset[int]
) -> tuple[tuple[SysfsDevice, ...], tuple[str, ...]]:
    """The devices below ``/sys`` by address, and why others are malformed.

    :param nodes: the ids of the online NUMA nodes
    """
    devices = []
    problems = []
    top = (root / 'devices').path.resolve()
    for address, folder in sorted(_folders(root).items()):
        try:
            devices.append(_device(address, folder, nodes, top))
        except MalformedSysfs as error:
            # A malformed device must not hide the others.
            problems.append(str(error))
    return tuple(devices), tuple(problems)


def _folders(root: Folder) -> dict[str, Folder]:
    listed = {
        path.name: Folder(path)
        for path in (root / 'bus' / 'pci' / 'devices').entries()
        if _ADDRESS.fullmatch(path.name) and path.exists()
    }
    if listed:
        return listed
    folders: dict[str, Folder] = {}
    for path in (root / 'devices').entries():
        if path.name.startswith('pci'):
            folders.update(_below(path))
    return folders


def _below(path: pathlib.Path) -> dict[str, Folder]:
    """Devices below ``path``, also those behind bridges."""
    folders = {}
    for entry in Folder(path).entries():
        if _ADDRESS.fullmatch(entry.name) and entry.is_dir():
            if not entry.is_symlink():
                folders[entry.name] = Folder(entry)
                folders.update(_below(entry))
        elif (
            entry.name.startswith('pci')
            and entry.is_dir()
            and not entry.is_symlink()
        ):
            # A PCI domain behind a bridge, such as Intel's VMD.
            folders.update(_below(entry))
    return folders


def _device(
    address: str, folder: Folder, nodes: frozenset[int], top: pathlib.Path
) -> SysfsDevice:
    node = folder.number('numa_node')
    root, bridges = _location(folder.path.resolve(), top)
    nets = tuple(path.name for path in (folder / 'net').entries())
    return SysfsDevice(
        address=address,
        vendor=_id(folder, 'vendor', 4),
        product=_id(folder, 'device', 4),
        numa_node=node if node in nodes else None,
        driver=folder.target('driver'),
        physfn=folder.target('physfn'),
        vfs=_virtual(folder),
        sriov_total=_functions(folder),
        nets=nets,
        link_mbps=_speed(folder / 'net', nets),
        pcie_root=root,
        bridges=bridges,
    )


def _location(
    path: pathlib.Path, top: pathlib.Path
) -> tuple[str | None, tuple[str, ...]]:
    """The PCIe root and the bridges of a device.

    Of several roots in a path the first one: a domain behind a bridge, such
    as Intel's VMD, has a root of its own.

    :param top: the folder of all devices
    """
    if not path.is_relative_to(top):
        # The archive of a machine that holds no links.
        return None, ()
    parts = path.relative_to(top).parts
    root = next(filter(_ROOT.fullmatch, parts), None)
    return root, tuple(filter(_ADDRESS.fullmatch, parts[:-1]))


def _id(folder: Folder, name: str, digits: int) -> str | None:
    value = folder.number(name, 16)
    if value is not None and not 0 <= value < 16**digits:
        raise folder.malformed(name, f'{value:#x} is not an id')
    return None if value is None else f'{value:0{digits}x}'


def _functions(folder: Folder) -> int | None:
    """The highest number of VFs: 16 bits of the SR-IOV capability."""
    value = folder.number('sriov_totalvfs')
    if value is not None and not 0 <= value < 2**16:
        raise folder.malformed('sriov_totalvfs', f'{value} functions')
    return value


def _virtual(folder: Folder) -> tuple[str, ...]:
    links = (folder.target(link.name) for _, link in folder.numbered('virtfn'))
    return tuple(sorted(filter(None, links)))


def _speed(folder: Folder, nets: tuple[str, ...]) -> int | None:
    """The speed of the fastest link: one function may have several ports."""
    speeds = [(folder / name).number('speed') for name in nets]
    return max(
        (
            speed
            for speed in speeds
            if speed is not None and 0 < speed < _UNKNOWN_SPEED
        ),
        default=None,
    )
