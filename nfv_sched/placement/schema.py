"""Names of providers, resource classes and traits in a host's tree.

A bulk answer of Placement consists of names and amounts: each fact is encoded
in one of these, and each name decodes to exactly one value. The limits are
Placement's: names of classes and traits are ``CUSTOM_[A-Z0-9_]+`` of at most
255 characters, provider names have at most 200, integers end at 2^31-1 and an
inventory's total is at least 1.
"""

from collections.abc import Callable
import functools
import re
import uuid

MAX_INT = 2**31 - 1
MAX_NAME = 200
MAX_TRAIT = 255

NAMESPACE = 'CUSTOM_NFV_'
PHYSNET = 'CUSTOM_PHYSNET_'
DOMAIN = 'CUSTOM_NFV_DOMAIN_'

#: The sentinel: a class and a trait of every root, never consumed.
TOPOLOGY = 'CUSTOM_NFV_TOPOLOGY'
#: Digest of all that a bulk answer shows of the tree.
DIGEST = 'CUSTOM_NFV_DIGEST'
#: The supplement, which holds what the host's own sysfs adds: the trait that
#: marks its provider, and the digest of its traits.
SUPPLEMENT = 'CUSTOM_NFV_SYSFS'
SUPPLEMENT_DIGEST = 'CUSTOM_NFV_SYSFS_DIGEST'
#: Digest of names and reserved amounts, which a bulk answer does not show.
HIDDEN = 'CUSTOM_NFV_HIDDEN_DIGEST'
#: The compute node's uuid, 26 bits each, plus 1: uuid5 cannot be reversed.
UUID_PARTS = tuple(f'CUSTOM_NFV_UUID_{part}' for part in range(5))
_PART_BITS = 26

DEDICATED = 'CUSTOM_NFV_PCPU'
SHARED = 'CUSTOM_NFV_VCPU'
CORES = 'NUMA_CORE'
MEMORY = 'NUMA_MEMORY_MB'
NUMA_ROOT = 'HW_NUMA_ROOT'
TUNNELED = 'CUSTOM_NFV_TUNNELED'

#: nova.objects.fields.PciDeviceType -> trait.
DEV_TYPES = {
    'type-VF': 'CUSTOM_NFV_PCI_VF',
    'type-PF': 'CUSTOM_NFV_PCI_PF',
    'type-PCI': 'CUSTOM_NFV_PCI_PCI',
    'vdpa': 'CUSTOM_NFV_PCI_VDPA',
}
_TYPE_OF_TRAIT = {trait: name for name, trait in DEV_TYPES.items()}

_ROOT_CLASSES = {TOPOLOGY, DIGEST, HIDDEN, SUPPLEMENT_DIGEST, *UUID_PARTS}
_CELL_CLASSES = {DEDICATED, SHARED, CORES, MEMORY}
_UNITS = (('GB', 2**20), ('MB', 2**10), ('KB', 1))
_NUMBER = r'(0|[1-9][0-9]*)'
_ESCAPED = r'(?:[A-Z0-9]|_[0-9A-F]{2}|__)+'


class Unencodable(ValueError):
    """A topology that Placement cannot hold; the text says why."""


def root_uuid(compute_uuid: str) -> str:
    """The uuid of the root provider of a compute node's tree."""
    return str(uuid.uuid5(uuid.UUID(compute_uuid), 'nfv'))


def cell_uuid(root: str, cell_id: int) -> str:
    """The uuid of the provider of the cell ``cell_id`` below ``root``."""
    return str(uuid.uuid5(uuid.UUID(root), f'numa{cell_id}'))


def pool_uuid(parent: str, key: str) -> str:
    """The uuid of the provider of the pool ``key`` below a cell or root."""
    return str(uuid.uuid5(uuid.UUID(parent), f'pci:{key}'))


def supplement_uuid(root: str) -> str:
    """The uuid of the supplement's provider below ``root``."""
    return str(uuid.uuid5(uuid.UUID(root), 'sysfs'))


def usage_uuid(root: str) -> str:
    """The uuid of the consumer whose allocations mirror the host's usage."""
    return str(uuid.uuid5(uuid.UUID(root), 'usage'))


def root_name(host: str) -> str:
    """The name of the root provider of ``host``, a hypervisor hostname."""
    name = f'{host}:nfv'
    if not host or len(name) > MAX_NAME:
        raise Unencodable(
            f'the host name has {len(host)} characters, 1 to {MAX_NAME - 4} '
            'are possible'
        )
    return name


def child_name(name: str, child: str) -> str:
    """``name``, cut if it is too long; ``child``'s uuid makes it unique."""
    if len(name) <= MAX_NAME:
        return name
    return f'{name[: MAX_NAME - 37]}~{child}'


def host_name(root: str) -> str | None:
    """The host of a root provider's name, None if it is not one of ours."""
    return root[: -len(':nfv')] if root.endswith(':nfv') else None


def uuid_parts(compute_uuid: str) -> dict[str, int]:
    """A compute node's uuid as inventory totals, by class."""
    number = uuid.UUID(compute_uuid).int
    mask = (1 << _PART_BITS) - 1
    return {
        name: ((number >> (_PART_BITS * place)) & mask) + 1
        for place, name in enumerate(UUID_PARTS)
    }


def uuid_of_parts(totals: list[int]) -> str:
    """The inverse of :func:`uuid_parts`.

    :raises ValueError: a total that :func:`uuid_parts` never returns
    """
    number = 0
    for place, total in enumerate(totals):
        if not 1 <= total <= 1 << _PART_BITS:
            raise ValueError(f'{UUID_PARTS[place]} of {total}')
        number |= (total - 1) << (_PART_BITS * place)
    return str(uuid.UUID(int=number))


def escape(text: str) -> str:
    """``text`` in capitals, digits and underscores, reversibly.

    Small letters become capitals, an underscore becomes two, every other
    byte of the UTF-8 form an underscore and two hexadecimal digits: names of
    small letters and digits look like Neutron's own trait names.

    :raises Unencodable: the text has no UTF-8 form
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError as error:
        raise Unencodable(f'{text!r}: {error.reason}') from error
    return ''.join(map(_escape_byte, raw))


def _escape_byte(byte: int) -> str:
    char = chr(byte)
    if 'a' <= char <= 'z' or '0' <= char <= '9':
        return char.upper()
    return '__' if char == '_' else f'_{byte:02X}'


def unescape(name: str) -> str:
    """The inverse of :func:`escape`.

    :raises ValueError: a name that :func:`escape` never returns
    """
    parts = re.findall(r'_([0-9A-F]{2}|_)|([A-Z0-9])|(.)', name, re.DOTALL)
    raw = bytearray()
    for escaped, plain, invalid in parts:
        if invalid:
            raise ValueError(f'{name!r} is not an escaped name')
        if escaped == '_':
            raw += b'_'
        else:
            raw += bytes.fromhex(escaped) or plain.lower().encode()
    text = raw.decode()
    if escape(text) != name:
        raise ValueError(f'{name!r} is not how {text!r} is escaped')
    return text


def _trait(name: str, subject: str) -> str:
    """``name``, if Placement takes it as a trait.

    :param subject: what the trait stands for, for the message
    """
    if len(name) > MAX_TRAIT:
        raise Unencodable(
            f'{subject} needs a trait of {len(name)} characters, at most '
            f'{MAX_TRAIT} are possible'
        )
    return name


def _signed(number: int) -> str:
    # A trait cannot contain a minus: N1 is -1, which libvirt reports for a
    # CPU without a socket.
    return f'N{-number}' if number < 0 else str(number)


def _natural(quantity: str, number: int) -> int:
    if not 0 <= number <= MAX_INT:
        raise Unencodable(f'{quantity} of {number}')
    return number


def numa_id_trait(cell_id: int) -> str:
    """The trait of a cell, or of a pool near a cell that is not listed."""
    return f'CUSTOM_NFV_NUMA_ID_{_natural("NUMA node id", cell_id)}'


def socket_trait(socket: int) -> str:
    """The trait of a cell's socket, whose id may be negative."""
    return f'CUSTOM_NFV_SOCKET_{_signed(socket)}'


def distance_trait(cell_id: int, other: int, distance: int) -> str:
    """The trait of the SLIT distance from a cell to another."""
    numbers = (
        _natural('NUMA node id', cell_id),
        _natural('NUMA node id', other),
        _natural('distance', distance),
    )
    return 'CUSTOM_NFV_DISTANCE_{}_{}_{}'.format(*numbers)


def l3_trait(cell_id: int, number: int) -> str:
    """The trait of an L3 cache that CPUs of a cell share."""
    cell = _natural('NUMA node id', cell_id)
    return f'CUSTOM_NFV_L3_{cell}_{_natural("L3 cache", number)}'


def offline_trait(cell_id: int, cpus: int) -> str:
    """The trait of a cell that has ``cpus`` offline CPUs."""
    cell = _natural('NUMA node id', cell_id)
    return f'CUSTOM_NFV_OFFLINE_{cell}_{_natural("CPU count", cpus)}'


def physnet_trait(physnet: str) -> str:
    """The trait of a physical network, whose name is case sensitive."""
    return _trait(PHYSNET + escape(physnet), f'physical network {physnet!r}')


def domain_trait(kind: str, name: str) -> str:
    """The trait of a failure domain, such as the rack ``name``.

    Kind and name are escaped separately: escaped text never contains ``_I``,
    so that ``_IS_`` separates the two.
    """
    if not kind or not name:
        raise Unencodable('a failure domain needs a kind and a name')
    return _trait(f'{DOMAIN}{escape(kind)}_IS_{escape(name)}', 'its name')


_ADDRESS = re.compile(
    r'([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])', re.ASCII
)
_ROOT = re.compile(r'pci([0-9a-f]{4,8}):([0-9a-f]{2})', re.ASCII)
_ADDRESS_NAME = re.compile(
    r'([0-9A-F]{4,8})_([0-9A-F]{2})_([0-9A-F]{2})_([0-7])', re.ASCII
)


def parent_trait(address: str) -> str:
    """The trait of a pool's PCI address."""
    if match := _ADDRESS.fullmatch(address):
        return f'CUSTOM_NFV_PARENT_{"_".join(match.groups())}'.upper()
    # X: anything that is not a plain address, such as capitals.
    return _trait(
        f'CUSTOM_NFV_PARENTX_{escape(address)}', f'PCI address {address!r}'
    )


def pages_class(size_kib: int) -> str:
    """The class of pages of ``size_kib`` KiB, in the largest whole unit."""
    if size_kib < 1:
        raise Unencodable(f'page size of {size_kib} KiB')
    unit, factor = next(u for u in _UNITS if size_kib % u[1] == 0)
    return f'CUSTOM_NFV_PAGES_{size_kib // factor}{unit}'


def device_class(vendor_id: str, product_id: str) -> str:
    """The class of devices of one vendor and product."""
    for part in (vendor_id, product_id):
        if not re.fullmatch(r'[0-9a-f]{4}', part, re.ASCII):
            raise Unencodable(f'{part!r} is not a vendor or product id')
    return f'CUSTOM_NFV_PCI_{vendor_id}_{product_id}'.upper()


def vfs_trait(address: str, vfs: int) -> str:
    """The trait of a physical function that can have ``vfs`` VFs."""
    number = _natural('virtual functions', vfs)
    return f'CUSTOM_NFV_VFS_{_address_name(address)}_{number}'


def link_trait(address: str, mbps: int) -> str:
    """The trait of a physical function whose link has ``mbps`` Mbit/s."""
    number = _natural('Mbit/s', mbps)
    return f'CUSTOM_NFV_MBPS_{_address_name(address)}_{number}'


def root_trait(address: str, pcie_root: str) -> str:
    """The trait of a physical function that is below a PCIe root."""
    if not (match := _ROOT.fullmatch(pcie_root)):
        raise Unencodable(f'{pcie_root!r} is not a PCIe root')
    root = '_'.join(match.groups()).upper()
    return f'CUSTOM_NFV_PCIE_{_address_name(address)}_{root}'


def node_trait(address: str, cell_id: int) -> str:
    """The trait of a physical function that belongs to a NUMA node."""
    number = _natural('NUMA node id', cell_id)
    return f'CUSTOM_NFV_NODE_{_address_name(address)}_{number}'


def _address_name(address: str) -> str:
    if not (match := _ADDRESS.fullmatch(address)):
        raise Unencodable(f'{address!r} is not a PCI address')
    return '_'.join(match.groups()).upper()


#: What a name stands for: a kind and its value.
Fact = tuple[str, object]


def _address(*parts: str) -> str:
    domain, bus, slot, function = (part.lower() for part in parts)
    return f'{domain}:{bus}:{slot}.{function}'


def _about_address(*parts: str) -> tuple[str, int]:
    return _address(*parts[:-1]), int(parts[-1])


def _root_of_address(*parts: str) -> tuple[str, str]:
    domain, bus = (part.lower() for part in parts[-2:])
    return _address(*parts[:-2]), f'pci{domain}:{bus}'


def _escaped_address(name: str) -> str:
    address = unescape(name)
    if _ADDRESS.fullmatch(address):
        raise ValueError(f'{address} has a plain form')
    return address


_TRAITS: tuple[tuple[str, re.Pattern[str], Callable[..., object]], ...] = (
    ('numa_id', re.compile(rf'CUSTOM_NFV_NUMA_ID_{_NUMBER}'), int),
    (
        'socket',
        re.compile(r'CUSTOM_NFV_SOCKET_(0|N?[1-9][0-9]*)'),
        lambda text: int(text.replace('N', '-')),
    ),
    (
        'distance',
        re.compile(rf'CUSTOM_NFV_DISTANCE_{_NUMBER}_{_NUMBER}_{_NUMBER}'),
        lambda cell, other, distance: (
            (int(cell), int(other)),
            int(distance),
        ),
    ),
    (
        'l3',
        re.compile(rf'CUSTOM_NFV_L3_{_NUMBER}_{_NUMBER}'),
        lambda cell, number: (int(cell), int(number)),
    ),
    (
        'offline',
        re.compile(rf'CUSTOM_NFV_OFFLINE_{_NUMBER}_{_NUMBER}'),
        lambda cell, cpus: (int(cell), int(cpus)),
    ),
    (
        'vfs',
        re.compile(rf'CUSTOM_NFV_VFS_{_ADDRESS_NAME.pattern}_{_NUMBER}'),
        _about_address,
    ),
    (
        'mbps',
        re.compile(rf'CUSTOM_NFV_MBPS_{_ADDRESS_NAME.pattern}_{_NUMBER}'),
        _about_address,
    ),
    (
        'node',
        re.compile(rf'CUSTOM_NFV_NODE_{_ADDRESS_NAME.pattern}_{_NUMBER}'),
        _about_address,
    ),
    (
        'pcie',
        re.compile(
            rf'CUSTOM_NFV_PCIE_{_ADDRESS_NAME.pattern}'
            r'_([0-9A-F]{4,8})_([0-9A-F]{2})'
        ),
        _root_of_address,
    ),
    (
        'parent',
        re.compile(f'CUSTOM_NFV_PARENT_{_ADDRESS_NAME.pattern}'),
        _address,
    ),
    ('parent', re.compile(r'CUSTOM_NFV_PARENTX_(.*)'), _escaped_address),
    ('physnet', re.compile(rf'{PHYSNET}(.*)'), unescape),
    (
        'domain',
        re.compile(rf'{DOMAIN}({_ESCAPED})_IS_({_ESCAPED})'),
        lambda kind, name: (unescape(kind), unescape(name)),
    ),
)
_PLAIN_TRAITS: dict[str, Fact] = {
    TOPOLOGY: ('topology', True),
    NUMA_ROOT: ('numa_root', True),
    TUNNELED: ('tunneled', True),
    SUPPLEMENT: ('supplement', True),
    **{name: ('dev_type', kind) for name, kind in _TYPE_OF_TRAIT.items()},
}


# A cloud repeats a few names thousands of times.
@functools.lru_cache(maxsize=4096)
def read_trait(name: str) -> Fact | None:
    """The fact that the trait stands for; None if it is not one of ours.

    :raises ValueError: a name in our namespace that publishers never use
    """
    if name in _PLAIN_TRAITS:
        return _PLAIN_TRAITS[name]
    if not name.startswith((NAMESPACE, PHYSNET)):
        return None
    for kind, pattern, read in _TRAITS:
        if match := pattern.fullmatch(name):
            return kind, read(*match.groups())
    raise ValueError(f'trait {name}')


_PAGES = re.compile(r'CUSTOM_NFV_PAGES_([1-9][0-9]*)(KB|MB|GB)')
_DEVICE = re.compile(r'CUSTOM_NFV_PCI_([0-9A-F]{4})_([0-9A-F]{4})')


@functools.lru_cache(maxsize=4096)
def read_class(name: str) -> Fact | None:
    """What the resource class counts; None if it is not one of ours.

    :raises ValueError: a name in our namespace that publishers never use
    """
    if name in _ROOT_CLASSES:
        return 'root', name
    if name in _CELL_CLASSES:
        return 'cell', name
    if not name.startswith(NAMESPACE):
        return None
    if match := _PAGES.fullmatch(name):
        size = int(match[1]) * dict(_UNITS)[match[2]]
        if pages_class(size) == name:
            return 'pages', size
    elif match := _DEVICE.fullmatch(name):
        return 'device', (match[1].lower(), match[2].lower())
    raise ValueError(f'resource class {name}')


def is_ours(name: str) -> bool:
    """Whether a class or trait on a provider of ours is ours."""
    return (
        name.startswith((NAMESPACE, PHYSNET))
        or name in _CELL_CLASSES
        or name == NUMA_ROOT
    )


_SUPPLEMENTS = tuple(
    f'{NAMESPACE}{word}'
    for word in (
        'SYSFS',
        'DISTANCE_',
        'L3_',
        'OFFLINE_',
        'VFS_',
        'MBPS_',
        'PCIE_',
        'NODE_',
    )
)


def is_supplement(name: str) -> bool:
    """Whether a class or trait of ours belongs to what sysfs adds.

    All others belong to what nova-compute reports. The publisher of the one
    does not change the other.
    """
    return name.startswith(_SUPPLEMENTS)


def is_reported(name: str) -> bool:
    """Whether a class or trait belongs to what nova-compute reports."""
    return is_ours(name) and not is_supplement(name)
