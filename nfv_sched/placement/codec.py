"""Encode a HostTopology as a provider tree, and decode it: pure functions."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
from typing import Any
from typing import cast

from nfv_sched.model import CellTopology
from nfv_sched.model import FunctionTopology
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage
from nfv_sched.model import PageCapacity
from nfv_sched.model import PoolTopology
from nfv_sched.placement import schema
from nfv_sched.placement.schema import Unencodable
from nfv_sched.placement.tree import Allocations
from nfv_sched.placement.tree import digest
from nfv_sched.placement.tree import hidden_digest
from nfv_sched.placement.tree import Inventory
from nfv_sched.placement.tree import Provider
from nfv_sched.placement.tree import Summaries
from nfv_sched.placement.tree import summaries_of
from nfv_sched.placement.tree import Summary
from nfv_sched.placement.tree import supplement_digest
from nfv_sched.placement.tree import Tree


class BadTree(Exception):
    """A tree that cannot be trusted; the text says why."""


class IncompleteTree(BadTree):
    """The digest does not match: partly written, or changed by others."""


class UnknownName(BadTree):
    """A trait or class in our namespace that this version does not know."""


class CorruptTree(BadTree):
    """The digest matches, but the tree does not describe a host."""


def encode(host: HostTopology) -> Tree:
    """The tree that describes ``host``.

    Amounts of 0 are left out: Placement refuses them. Usage above capacity
    is cut to it, since Placement refuses that, too. A failure domain whose
    name does not fit in a trait is left out: the fit does not depend on it.
    All other facts are required, since a reader compares the tree with what
    nova-compute reports.

    :raises nfv_sched.placement.schema.Unencodable: Placement cannot hold a
        required fact
    """
    name = schema.root_name(host.name)
    try:
        root = schema.root_uuid(host.uuid)
        parts = schema.uuid_parts(host.uuid)
    except ValueError as error:
        raise Unencodable(
            f'the compute node uuid {host.uuid!r} is malformed'
        ) from error
    cells = {cell.id: schema.cell_uuid(root, cell.id) for cell in host.cells}
    children = [
        _cell(cell, name, root, cells[cell.id])
        for cell in sorted(host.cells, key=lambda cell: cell.id)
    ]
    pools = {}
    for pool in sorted(host.pools, key=lambda pool: pool.key):
        if pool.total:
            provider = _pool(pool, name, root, cells)
            pools[pool.key] = provider, pool
            children.append(provider)
    if len({child.uuid for child in children}) < len(children):
        raise Unencodable('two NUMA nodes or two device pools are the same')
    traits, omitted = _domain_traits(host)
    bare = Provider(
        root, name, None, {}, frozenset({schema.TOPOLOGY}) | traits
    )
    parts |= {
        schema.TOPOLOGY: 1,
        schema.HIDDEN: hidden_digest((bare, *children)),
    }
    providers = _sealed(bare, parts, children)
    usage, clamped = _clamp(_amounts(host.usage, cells, pools), providers)
    return Tree(
        host.name,
        host.uuid,
        providers,
        usage,
        clamped,
        encode_supplement(host),
        omitted,
    )


def _domain_traits(host: HostTopology) -> tuple[set[str], tuple[str, ...]]:
    """The traits of failure domains, and a message for each one left out."""
    traits = set()
    omitted = []
    for kind, name in sorted(host.domains.items()):
        try:
            traits.add(schema.domain_trait(kind, name))
        except Unencodable as error:
            omitted.append(
                f'Host {host.name} is published without its failure domain '
                f'{kind} {name!r}: {error}'
            )
    return traits, tuple(omitted)


def encode_supplement(host: HostTopology) -> Provider | None:
    """The provider of what sysfs adds, None if that is nothing.

    One request writes all its traits, the next one their digest.

    :raises nfv_sched.placement.schema.Unencodable: Placement cannot hold it
    """
    traits = {trait for cell in host.cells for trait in _cell_supplement(cell)}
    for function in host.functions:
        if function.vfs is not None:
            traits.add(schema.vfs_trait(function.address, function.vfs))
        if function.link_mbps is not None:
            traits.add(schema.link_trait(function.address, function.link_mbps))
        if function.pcie_root is not None:
            traits.add(schema.root_trait(function.address, function.pcie_root))
        if function.numa_node is not None:
            traits.add(schema.node_trait(function.address, function.numa_node))
    if not traits:
        return None
    traits.add(schema.SUPPLEMENT)
    root = schema.root_uuid(host.uuid)
    uuid = schema.supplement_uuid(root)
    seal = supplement_digest(uuid, root, traits)
    return Provider(
        uuid,
        schema.child_name(f'{schema.root_name(host.name)}:sysfs', uuid),
        root,
        _inventories({schema.SUPPLEMENT_DIGEST: seal}),
        frozenset(traits),
    )


def _cell_supplement(cell: CellTopology) -> Iterator[str]:
    for other, distance in cell.distances.items():
        yield schema.distance_trait(cell.id, other, distance)
    for number in cell.l3:
        yield schema.l3_trait(cell.id, number)
    if cell.offline_cpus:
        yield schema.offline_trait(cell.id, cell.offline_cpus)


def _sealed(
    root: Provider, totals: Mapping[str, int], children: list[Provider]
) -> tuple[Provider, ...]:
    bare = dataclasses.replace(root, inventories=_inventories(totals))
    seal = digest(summaries_of(Tree('', '', (bare, *children), {})))
    totals = {**totals, schema.DIGEST: seal}
    return (
        dataclasses.replace(root, inventories=_inventories(totals)),
        *children,
    )


def _inventories(totals: Mapping[str, int]) -> dict[str, Inventory]:
    for name, total in totals.items():
        if not 0 <= total <= schema.MAX_INT:
            raise Unencodable(f'{name} of {total}')
    return {name: Inventory(total) for name, total in totals.items() if total}


def _cell(cell: CellTopology, name: str, root: str, uuid: str) -> Provider:
    inventories = _inventories(
        {
            schema.DEDICATED: cell.dedicated_cpus,
            schema.SHARED: cell.shared_cpus,
            schema.CORES: cell.cores,
            schema.MEMORY: cell.memory_mib,
        }
    )
    for pages in cell.pages:
        name_ = schema.pages_class(pages.size_kib)
        total = pages.usable + pages.reserved
        if min(pages.usable, pages.reserved) < 0 or total > schema.MAX_INT:
            raise Unencodable(
                f'{name_} of {pages.usable} usable, {pages.reserved} reserved'
            )
        if name_ in inventories:
            raise Unencodable(f'{name_} twice in NUMA node {cell.id}')
        if total:
            inventories[name_] = Inventory(total, pages.reserved)
    traits = {schema.NUMA_ROOT, schema.numa_id_trait(cell.id)}
    if cell.socket is not None:
        traits.add(schema.socket_trait(cell.socket))
    if cell.tunneled:
        traits.add(schema.TUNNELED)
    traits.update(map(schema.physnet_trait, cell.physnets))
    label = schema.child_name(f'{name}:numa{cell.id}', uuid)
    return Provider(uuid, label, root, inventories, frozenset(traits))


def _pool(
    pool: PoolTopology, name: str, root: str, cells: Mapping[int, str]
) -> Provider:
    if pool.dev_type not in schema.DEV_TYPES:
        raise Unencodable(f'the device type {pool.dev_type!r} is unknown')
    traits = {schema.DEV_TYPES[pool.dev_type]}
    parent = root
    if pool.numa_node is not None:
        parent = cells.get(pool.numa_node, root)
        if parent == root:
            # Nova may know of devices near a cell that it does not list.
            traits.add(schema.numa_id_trait(pool.numa_node))
        else:
            name = f'{name}:numa{pool.numa_node}'
    if pool.parent is not None:
        traits.add(schema.parent_trait(pool.parent))
    if pool.physnet is not None:
        traits.add(schema.physnet_trait(pool.physnet))
    uuid = schema.pool_uuid(parent, pool.key)
    device = schema.device_class(pool.vendor_id, pool.product_id)
    return Provider(
        uuid,
        schema.child_name(f'{name}:pci:{pool.key}', uuid),
        parent,
        _inventories({device: pool.total}),
        frozenset(traits),
    )


def _amounts(
    usage: HostUsage,
    cells: Mapping[int, str],
    pools: Mapping[str, tuple[Provider, PoolTopology]],
) -> Iterable[tuple[str | None, str, int]]:
    """Provider, class and amount of each use; None if it has no provider."""
    for name, used in (
        (schema.DEDICATED, usage.dedicated_cpus),
        (schema.SHARED, usage.shared_cpus),
        (schema.MEMORY, usage.memory_mib),
    ):
        for cell_id, amount in used.items():
            yield cells.get(cell_id), name, amount
    for (cell_id, size), amount in usage.pages.items():
        yield cells.get(cell_id), schema.pages_class(size), amount
    for key, amount in usage.devices.items():
        if key in pools:
            provider, pool = pools[key]
            device = schema.device_class(pool.vendor_id, pool.product_id)
            yield provider.uuid, device, amount
        else:
            yield None, key, amount


def _clamp(
    amounts: Iterable[tuple[str | None, str, int]],
    providers: tuple[Provider, ...],
) -> tuple[Allocations, int]:
    capacity = {
        (provider.uuid, name): inventory.capacity
        for provider in providers
        for name, inventory in provider.inventories.items()
    }
    usage: dict[str, dict[str, int]] = {}
    clamped = 0
    for uuid, name, amount in amounts:
        if amount <= 0:
            continue
        limit = capacity.get((uuid, name), 0) if uuid else 0
        clamped += amount > limit
        if uuid and limit:
            usage.setdefault(uuid, {})[name] = min(amount, limit)
    return usage, clamped


def is_published(tree: Tree, summaries: Summaries) -> bool:
    """Whether ``summaries`` show ``tree`` complete and unchanged.

    They include the hidden digest, hence names and reserved amounts are
    compared, too, as long as only publishers wrote them. Usage is not.
    """
    wanted = summaries_of(dataclasses.replace(tree, supplement=None))
    reported = {
        uuid: summary
        for uuid, summary in summaries.items()
        if summary.reported
    }
    return (
        reported.keys() == wanted.keys()
        and all(
            _shows(reported[uuid], summary) for uuid, summary in wanted.items()
        )
        and (
            tree.supplement is None
            or is_supplement_published(tree.supplement, summaries)
        )
    )


def is_supplement_published(wanted: Provider, summaries: Summaries) -> bool:
    """Whether ``summaries`` show the supplement complete and unchanged."""
    present = summaries.get(wanted.uuid)
    summary = Summary(
        wanted.parent,
        {
            name: inventory.capacity
            for name, inventory in wanted.inventories.items()
        },
        {},
        wanted.traits,
    )
    return present is not None and _shows(present, summary)


def published_l3(
    root: str, summaries: Summaries | None
) -> dict[int, frozenset[int]]:
    """The published numbers of the L3 caches by cell.

    One request writes all traits of the supplement: they are complete even
    where their digest is not written yet.
    """
    supplement = (summaries or {}).get(schema.supplement_uuid(root))
    numbers: dict[int, set[int]] = {}
    for trait in supplement.traits if supplement else ():
        try:
            fact = schema.read_trait(trait)
        except ValueError:
            # Another version's: it will be replaced.
            continue
        match fact:
            case 'l3', (int(cell_id), int(number)):
                numbers.setdefault(cell_id, set()).add(number)
    return {cell_id: frozenset(l3) for cell_id, l3 in numbers.items()}


def _shows(present: Summary, wanted: Summary) -> bool:
    return (
        present.parent == wanted.parent
        and present.capacity == wanted.capacity
        and set(filter(schema.is_ours, present.traits)) == wanted.traits
    )


def is_complete(root: str, summaries: Summaries) -> bool:
    """Whether the digests match the tree and its supplement."""
    if root not in summaries:
        return False
    return summaries[root].capacity.get(schema.DIGEST) == digest(
        summaries
    ) and _is_supplement_complete(root, summaries)


def _is_supplement_complete(root: str, summaries: Summaries) -> bool:
    uuid = schema.supplement_uuid(root)
    summary = summaries.get(uuid)
    if summary is None or not summary.ours:
        return True
    seal = summary.capacity.get(schema.SUPPLEMENT_DIGEST)
    return seal == supplement_digest(uuid, summary.parent, summary.traits)


def compute_uuid(root: str, summary: Summary) -> str | None:
    """The uuid of the compute node of this root, None if it is not ours."""
    try:
        uuid = schema.uuid_of_parts(
            [summary.capacity[name] for name in schema.UUID_PARTS]
        )
    except (KeyError, ValueError):
        return None
    return uuid if schema.root_uuid(uuid) == root else None


@dataclasses.dataclass
class _ProviderFacts:
    """The facts in one provider's classes and traits; empty without any."""

    cell: dict[str, int]
    pages: dict[int, int]
    devices: dict[tuple[str, str], int]
    root: dict[str, int]
    traits: dict[str, list[object]]

    def single(self, kind: str) -> object | None:
        values = self.traits.get(kind, [None])
        if len(values) > 1:
            raise CorruptTree(f'several traits of kind {kind}: {values}')
        return values[0]

    def pairs(self, kind: str) -> Mapping[Any, Any]:
        """Values by subject; a subject with two values is corrupt."""
        values = cast('list[tuple[Any, Any]]', self.traits.get(kind, []))
        if len(dict(values)) < len(values):
            raise CorruptTree(f'contradicting traits of kind {kind}: {values}')
        return dict(values)


def _facts(summary: Summary) -> _ProviderFacts:
    facts = _ProviderFacts({}, {}, {}, {}, {})
    try:
        for name, amount in summary.capacity.items():
            match schema.read_class(name):
                case 'cell', str(resource):
                    facts.cell[resource] = amount
                case 'pages', int(size):
                    facts.pages[size] = amount
                case 'device', (str(vendor), str(product)):
                    facts.devices[vendor, product] = amount
                case 'root', str(resource):
                    facts.root[resource] = amount
        for name in sorted(summary.traits):
            if (fact := schema.read_trait(name)) is not None:
                facts.traits.setdefault(fact[0], []).append(fact[1])
    except ValueError as error:
        raise UnknownName(str(error)) from error
    return facts


def decode(name: str, root: str, summaries: Summaries) -> HostTopology:
    """The host that the tree of ``root`` describes.

    Cells are sorted by id, pages by size, pools by key; ``reserved`` pages
    are not known.

    :param name: the host's name, which bulk answers do not contain
    :raises BadTree: the tree is incomplete, unknown or corrupt
    """
    if root not in summaries:
        raise IncompleteTree('the root is missing')
    ours = {
        uuid: _facts(summary)
        for uuid, summary in summaries.items()
        if summary.ours
    }
    seal = summaries[root].capacity.get(schema.DIGEST)
    computed = digest(summaries)
    if seal != computed:
        raise IncompleteTree(f'digest is {seal}, the tree gives {computed}')
    if not _is_supplement_complete(root, summaries):
        raise IncompleteTree('what sysfs adds does not match its digest')
    supplement = ours.pop(
        schema.supplement_uuid(root), _ProviderFacts({}, {}, {}, {}, {})
    )
    uuid = compute_uuid(root, summaries[root])
    if uuid is None or 'topology' not in ours[root].traits:
        raise CorruptTree('the root does not belong to a compute node')
    cells: dict[str, CellTopology] = {}
    pools: dict[str, PoolTopology] = {}
    for child, facts in ours.items():
        if child != root and 'dev_type' not in facts.traits:
            cells[child] = _read_cell(root, child, facts)
    for child, facts in ours.items():
        if 'dev_type' in facts.traits:
            parent = summaries[child].parent
            pools[child] = _read_pool(root, child, facts, parent, cells)
    return HostTopology(
        name=name,
        uuid=uuid,
        cells=_supplemented(cells.values(), supplement),
        pools=tuple(sorted(pools.values(), key=lambda pool: pool.key)),
        usage=_read_usage(summaries, cells, pools),
        domains=ours[root].pairs('domain'),
        functions=_read_functions(supplement),
    )


def _supplemented(
    cells: Iterable[CellTopology], supplement: _ProviderFacts
) -> tuple[CellTopology, ...]:
    """The cells by id, with what sysfs adds.

    Cells that sysfs has and nova-compute does not report are left out.
    """
    distances: dict[int, dict[int, int]] = {}
    for (cell_id, other), distance in supplement.pairs('distance').items():
        distances.setdefault(cell_id, {})[other] = distance
    l3: dict[int, set[int]] = {}
    for cell_id, number in cast(
        'list[tuple[int, int]]', supplement.traits.get('l3', [])
    ):
        l3.setdefault(cell_id, set()).add(number)
    offline = supplement.pairs('offline')
    return tuple(
        dataclasses.replace(
            cell,
            distances=distances.get(cell.id, {}),
            l3=frozenset(l3.get(cell.id, ())),
            offline_cpus=offline.get(cell.id, 0),
        )
        for cell in sorted(cells, key=lambda cell: cell.id)
    )


def _read_functions(
    supplement: _ProviderFacts,
) -> tuple[FunctionTopology, ...]:
    vfs, links = supplement.pairs('vfs'), supplement.pairs('mbps')
    roots, nodes = supplement.pairs('pcie'), supplement.pairs('node')
    return tuple(
        FunctionTopology(
            address,
            vfs.get(address),
            links.get(address),
            roots.get(address),
            nodes.get(address),
        )
        for address in sorted(
            vfs.keys() | links.keys() | roots.keys() | nodes.keys()
        )
    )


def _read_cell(root: str, uuid: str, facts: _ProviderFacts) -> CellTopology:
    cell_id = facts.single('numa_id')
    if not isinstance(cell_id, int):
        raise CorruptTree(
            f'provider {uuid} is neither a NUMA node nor a device pool'
        )
    if schema.cell_uuid(root, cell_id) != uuid:
        raise CorruptTree(f'provider {uuid} is not the NUMA node {cell_id}')
    return CellTopology(
        id=cell_id,
        memory_mib=facts.cell.get(schema.MEMORY, 0),
        dedicated_cpus=facts.cell.get(schema.DEDICATED, 0),
        shared_cpus=facts.cell.get(schema.SHARED, 0),
        cores=facts.cell.get(schema.CORES, 0),
        socket=cast('int | None', facts.single('socket')),
        pages=tuple(
            PageCapacity(size, usable)
            for size, usable in sorted(facts.pages.items())
        ),
        physnets=frozenset(cast('list[str]', facts.traits.get('physnet', []))),
        tunneled='tunneled' in facts.traits,
    )


def _read_pool(
    root: str,
    uuid: str,
    facts: _ProviderFacts,
    parent: str | None,
    cells: Mapping[str, CellTopology],
) -> PoolTopology:
    if parent is None or (parent != root and parent not in cells):
        raise CorruptTree(f'pool {uuid} is not below a NUMA node of the tree')
    if len(facts.devices) != 1:
        raise CorruptTree(f'pool {uuid} has {len(facts.devices)} kinds')
    ((vendor, product), total) = next(iter(facts.devices.items()))
    node = facts.single('numa_id') if parent == root else cells[parent].id
    pool = PoolTopology(
        vendor_id=vendor,
        product_id=product,
        dev_type=str(facts.single('dev_type')),
        total=total,
        numa_node=cast('int | None', node),
        parent=cast('str | None', facts.single('parent')),
        physnet=cast('str | None', facts.single('physnet')),
    )
    if schema.pool_uuid(parent, pool.key) != uuid:
        raise CorruptTree(f'provider {uuid} is not the pool {pool.key}')
    return pool


def _read_usage(
    summaries: Summaries,
    cells: Mapping[str, CellTopology],
    pools: Mapping[str, PoolTopology],
) -> HostUsage:
    by_class: dict[str, dict[int, int]] = {}
    pages: dict[tuple[int, int], int] = {}
    for uuid, cell in cells.items():
        for name, used in summaries[uuid].used.items():
            match schema.read_class(name):
                case 'cell', str(resource) if used:
                    by_class.setdefault(resource, {})[cell.id] = used
                case 'pages', int(size) if used:
                    pages[cell.id, size] = used
    devices = {
        pool.key: sum(
            used
            for name, used in summaries[uuid].used.items()
            if schema.is_ours(name)
        )
        for uuid, pool in pools.items()
    }
    return HostUsage(
        dedicated_cpus=by_class.get(schema.DEDICATED, {}),
        shared_cpus=by_class.get(schema.SHARED, {}),
        memory_mib=by_class.get(schema.MEMORY, {}),
        pages=pages,
        devices={key: used for key, used in devices.items() if used},
    )
