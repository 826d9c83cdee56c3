"""HostTopology -> provider tree -> HostTopology, purely."""

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
    """The digest does not match: half written, or changed by others."""


class UnknownName(BadTree):
    """A trait or class in our namespace that this version does not know."""


class CorruptTree(BadTree):
    """Whole by its digest, yet it describes no host."""


def encode(host: HostTopology) -> Tree:
    """The tree that describes ``host``.

    Amounts of 0 are left out: Placement refuses them. Usage above capacity
    is cut to it, since Placement refuses that, too. Raise
    :class:`~nfv_sched.placement.schema.Unencodable`.
    """
    name = schema.root_name(host.name)
    try:
        root = schema.root_uuid(host.uuid)
        parts = schema.uuid_parts(host.uuid)
    except ValueError as error:
        raise Unencodable(f'compute node uuid {host.uuid!r}') from error
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
        raise Unencodable('two cells or two pools are the same')
    traits = {schema.domain_trait(*pair) for pair in host.domains.items()}
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
    )


def encode_supplement(host: HostTopology) -> Provider | None:
    """The provider of what sysfs adds, None if that is nothing.

    One request writes all its traits, the next one their digest. Raise
    :class:`~nfv_sched.placement.schema.Unencodable`.
    """
    traits = {trait for cell in host.cells for trait in _cell_supplement(cell)}
    for function in host.functions:
        if function.vfs is not None:
            traits.add(schema.vfs_trait(function.address, function.vfs))
        if function.link_mbps is not None:
            traits.add(schema.link_trait(function.address, function.link_mbps))
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
            raise Unencodable(f'{name_} twice in cell {cell.id}')
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
        raise Unencodable(f'device type {pool.dev_type!r}')
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
    """Provider, class and amount of each use; no provider if it has none."""
    for name, used in (
        (schema.DEDICATED, usage.dedicated_cpus),
        (schema.SHARED, usage.shared_cpus),
        (schema.MEMORY, usage.memory_mib),
    ):
        for cell, amount in used.items():
            yield cells.get(cell), name, amount
    for (cell, size), amount in usage.pages.items():
        yield cells.get(cell), schema.pages_class(size), amount
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
        room = capacity.get((uuid, name), 0) if uuid else 0
        clamped += amount > room
        if uuid and room:
            usage.setdefault(uuid, {})[name] = min(amount, room)
    return usage, clamped


def is_published(tree: Tree, summaries: Summaries) -> bool:
    """Whether ``summaries`` show ``tree`` whole and unchanged.

    The hidden digest is among them, hence names and reserved amounts are
    compared, too, as far as only publishers wrote them. Usage is not.
    """
    wanted = summaries_of(dataclasses.replace(tree, supplement=None))
    found = {uuid: s for uuid, s in summaries.items() if s.reported}
    return (
        found.keys() == wanted.keys()
        and all(_shows(found[uuid], one) for uuid, one in wanted.items())
        and (
            tree.supplement is None
            or is_supplement_published(tree.supplement, summaries)
        )
    )


def is_supplement_published(wanted: Provider, summaries: Summaries) -> bool:
    """Whether ``summaries`` show what sysfs adds, whole and unchanged."""
    found = summaries.get(wanted.uuid)
    one = Summary(
        wanted.parent,
        {name: i.capacity for name, i in wanted.inventories.items()},
        {},
        wanted.traits,
    )
    return found is not None and _shows(found, one)


def _shows(found: Summary, wanted: Summary) -> bool:
    return (
        found.parent == wanted.parent
        and found.capacity == wanted.capacity
        and set(filter(schema.is_ours, found.traits)) == wanted.traits
    )


def is_complete(root: str, summaries: Summaries) -> bool:
    """Whether the digests are those of the tree and of what sysfs adds."""
    if root not in summaries:
        return False
    return summaries[root].capacity.get(schema.DIGEST) == digest(
        summaries
    ) and _is_supplement_complete(root, summaries)


def _is_supplement_complete(root: str, summaries: Summaries) -> bool:
    uuid = schema.supplement_uuid(root)
    found = summaries.get(uuid)
    if found is None or not found.ours:
        return True
    seal = found.capacity.get(schema.SUPPLEMENT_DIGEST)
    return seal == supplement_digest(uuid, found.parent, found.traits)


def compute_uuid(root: str, summary: Summary) -> str | None:
    """The compute node whose tree has this root, None if it is not ours."""
    try:
        uuid = schema.uuid_of_parts(
            [summary.capacity[name] for name in schema.UUID_PARTS]
        )
    except (KeyError, ValueError):
        return None
    return uuid if schema.root_uuid(uuid) == root else None


@dataclasses.dataclass
class _ProviderFacts:
    """What one provider's names say; None and empty where they do not."""

    cell: dict[str, int]
    pages: dict[int, int]
    devices: dict[tuple[str, str], int]
    root: dict[str, int]
    traits: dict[str, list[object]]

    def one(self, kind: str) -> object | None:
        values = self.traits.get(kind, [None])
        if len(values) > 1:
            raise CorruptTree(f'several traits of kind {kind}: {values}')
        return values[0]

    def pairs(self, kind: str) -> Mapping[Any, Any]:
        """Traits that say something about something: once about each."""
        values = cast('list[tuple[Any, Any]]', self.traits.get(kind, []))
        if len(dict(values)) < len(values):
            raise CorruptTree(f'contradicting traits of kind {kind}: {values}')
        return dict(values)


def _facts(summary: Summary) -> _ProviderFacts:
    facts = _ProviderFacts({}, {}, {}, {}, {})
    try:
        for name, amount in summary.capacity.items():
            match schema.read_class(name):
                case 'cell', str(what):
                    facts.cell[what] = amount
                case 'pages', int(size):
                    facts.pages[size] = amount
                case 'device', (str(vendor), str(product)):
                    facts.devices[vendor, product] = amount
                case 'root', str(what):
                    facts.root[what] = amount
        for name in sorted(summary.traits):
            if (fact := schema.read_trait(name)) is not None:
                facts.traits.setdefault(fact[0], []).append(fact[1])
    except ValueError as error:
        raise UnknownName(str(error)) from error
    return facts


def decode(name: str, root: str, summaries: Summaries) -> HostTopology:
    """The host whose tree has the root ``root``.

    ``name`` is the host's name, which bulk answers do not carry. Cells come
    sorted by id, pages by size, pools by key; ``reserved`` pages are not
    known. Raise :class:`BadTree`.
    """
    if root not in summaries:
        raise IncompleteTree('the root is missing')
    ours = {
        uuid: _facts(summary)
        for uuid, summary in summaries.items()
        if summary.ours
    }
    seal = summaries[root].capacity.get(schema.DIGEST)
    found = digest(summaries)
    if seal != found:
        raise IncompleteTree(f'digest is {seal}, the tree gives {found}')
    if not _is_supplement_complete(root, summaries):
        raise IncompleteTree('what sysfs adds does not match its digest')
    extra = ours.pop(
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
        cells=_supplemented(cells.values(), extra),
        pools=tuple(sorted(pools.values(), key=lambda pool: pool.key)),
        usage=_read_usage(summaries, cells, pools),
        domains=ours[root].pairs('domain'),
        functions=_read_functions(extra),
    )


def _supplemented(
    cells: Iterable[CellTopology], extra: _ProviderFacts
) -> tuple[CellTopology, ...]:
    """The cells by id, with what sysfs adds.

    What it says of cells that nova-compute does not report is left out.
    """
    distances: dict[int, dict[int, int]] = {}
    for (cell, other), distance in extra.pairs('distance').items():
        distances.setdefault(cell, {})[other] = distance
    l3: dict[int, set[int]] = {}
    for cell, number in cast(
        'list[tuple[int, int]]', extra.traits.get('l3', [])
    ):
        l3.setdefault(cell, set()).add(number)
    offline = extra.pairs('offline')
    return tuple(
        dataclasses.replace(
            cell,
            distances=distances.get(cell.id, {}),
            l3=frozenset(l3.get(cell.id, ())),
            offline_cpus=offline.get(cell.id, 0),
        )
        for cell in sorted(cells, key=lambda cell: cell.id)
    )


def _read_functions(extra: _ProviderFacts) -> tuple[FunctionTopology, ...]:
    vfs, links = extra.pairs('vfs'), extra.pairs('mbps')
    return tuple(
        FunctionTopology(address, vfs.get(address), links.get(address))
        for address in sorted(vfs.keys() | links.keys())
    )


def _read_cell(root: str, uuid: str, facts: _ProviderFacts) -> CellTopology:
    cell_id = facts.one('numa_id')
    if not isinstance(cell_id, int):
        raise CorruptTree(f'provider {uuid} is neither a cell nor a pool')
    if schema.cell_uuid(root, cell_id) != uuid:
        raise CorruptTree(f'provider {uuid} is not the cell {cell_id}')
    return CellTopology(
        id=cell_id,
        memory_mib=facts.cell.get(schema.MEMORY, 0),
        dedicated_cpus=facts.cell.get(schema.DEDICATED, 0),
        shared_cpus=facts.cell.get(schema.SHARED, 0),
        cores=facts.cell.get(schema.CORES, 0),
        socket=cast('int | None', facts.one('socket')),
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
        raise CorruptTree(f'pool {uuid} hangs below no cell of the tree')
    if len(facts.devices) != 1:
        raise CorruptTree(f'pool {uuid} has {len(facts.devices)} kinds')
    ((vendor, product), total) = next(iter(facts.devices.items()))
    node = facts.one('numa_id') if parent == root else cells[parent].id
    pool = PoolTopology(
        vendor_id=vendor,
        product_id=product,
        dev_type=str(facts.one('dev_type')),
        total=total,
        numa_node=cast('int | None', node),
        parent=cast('str | None', facts.one('parent')),
        physnet=cast('str | None', facts.one('physnet')),
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
                case 'cell', str(what) if used:
                    by_class.setdefault(what, {})[cell.id] = used
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
