"""PCI devices: where they are, and which are functions of which."""

import dataclasses
import pathlib
import re

from nfv_sched.sysfs.files import Folder
from nfv_sched.sysfs.files import MalformedSysfs

_ADDRESS = re.compile(
    r'[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]', re.ASCII
)
#: No link is as fast, in Mbit/s. SPEED_UNKNOWN of ethtool is 32 bits set.
_UNKNOWN_SPEED = 2**31


@dataclasses.dataclass(frozen=True, slots=True)
class SysfsDevice:
    """One PCI device; ids are hexadecimal digits without a prefix.

    ``numa_node`` is None where the firmware names none. A physical function
    has ``vfs`` of at most ``sriov_total``; a virtual one has a ``physfn``.
    ``link_mbps`` is the speed of its network link, None while that is down.
    """

    address: str
    vendor: str | None
    product: str | None
    class_id: str | None
    numa_node: int | None
    driver: str | None
    physfn: str | None
    vfs: tuple[str, ...]
    sriov_total: int | None
    sriov_enabled: int | None
    nets: tuple[str, ...]
    link_mbps: int | None


def read_devices(
    root: Folder, nodes: frozenset[int]
) -> tuple[tuple[SysfsDevice, ...], tuple[str, ...]]:
    """The devices below ``/sys`` by address, and what is wrong with others.

    :param nodes: the ids of the online nodes
    """
    devices = []
    problems = []
    for address, folder in sorted(_folders(root).items()):
        try:
            devices.append(_device(address, folder, nodes))
        except MalformedSysfs as error:
            # A bad device is no reason to do without all others.
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
    found: dict[str, Folder] = {}
    for path in (root / 'devices').entries():
        if path.name.startswith('pci'):
            found.update(_below(path))
    return found


def _below(path: pathlib.Path) -> dict[str, Folder]:
    """Devices and what hangs behind their bridges."""
    found = {}
    for entry in Folder(path).entries():
        if _ADDRESS.fullmatch(entry.name) and entry.is_dir():
            if not entry.is_symlink():
                found[entry.name] = Folder(entry)
                found.update(_below(entry))
        elif (
            entry.name.startswith('pci')
            and entry.is_dir()
            and not entry.is_symlink()
        ):
            # A domain of its own behind a bridge, such as Intel's VMD.
            found.update(_below(entry))
    return found


def _device(
    address: str, folder: Folder, nodes: frozenset[int]
) -> SysfsDevice:
    node = folder.number('numa_node')
    nets = tuple(path.name for path in (folder / 'net').entries())
    return SysfsDevice(
        address=address,
        vendor=_id(folder, 'vendor', 4),
        product=_id(folder, 'device', 4),
        class_id=_id(folder, 'class', 6),
        numa_node=node if node in nodes else None,
        driver=folder.target('driver'),
        physfn=folder.target('physfn'),
        vfs=_virtual(folder),
        sriov_total=_functions(folder),
        sriov_enabled=folder.number('sriov_numvfs'),
        nets=nets,
        link_mbps=_speed(folder / 'net', nets),
    )


def _id(folder: Folder, name: str, digits: int) -> str | None:
    value = folder.number(name, 16)
    if value is not None and not 0 <= value < 16**digits:
        raise folder.malformed(name, f'{value:#x} is no id')
    return None if value is None else f'{value:0{digits}x}'


def _functions(folder: Folder) -> int | None:
    """The virtual functions there can be: 16 bits of the capability."""
    value = folder.number('sriov_totalvfs')
    if value is not None and not 0 <= value < 2**16:
        raise folder.malformed('sriov_totalvfs', f'{value} functions')
    return value


def _virtual(folder: Folder) -> tuple[str, ...]:
    links = (folder.target(one.name) for _, one in folder.numbered('virtfn'))
    return tuple(sorted(filter(None, links)))


def _speed(folder: Folder, nets: tuple[str, ...]) -> int | None:
    """The fastest link: a card may have several ports on one function."""
    speeds = [(folder / name).number('speed') for name in nets]
    return max(
        (
            speed
            for speed in speeds
            if speed is not None and 0 < speed < _UNKNOWN_SPEED
        ),
        default=None,
    )
