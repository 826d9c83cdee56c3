"""Strategies for topologies that Placement can hold, in the codec's order."""

from typing import Any

from hypothesis import strategies as st

from nfv_sched.model import CellTopology
from nfv_sched.model import FunctionTopology
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage
from nfv_sched.model import PageCapacity
from nfv_sched.model import PoolTopology
from nfv_sched.placement import schema

MAX = schema.MAX_INT
SIZES = [4, 16, 64, 2048, 32768, 524288, 1048576, 16777216]

_amounts = st.one_of(st.integers(0, 256), st.sampled_from([0, 1, MAX]))
_names = st.one_of(
    st.sampled_from(['physnet0', 'Physnet0', 'phys-net_0', 'net.1/ü', '_']),
    st.text(
        st.characters(codec='utf-8', exclude_categories=['Cs']),
        min_size=1,
        max_size=12,
    ),
)
_plain_addresses = st.builds(
    '{:04x}:{:02x}:{:02x}.{}'.format,
    st.sampled_from([0, 1, 0xFFFF, 0x10000]),
    st.integers(0, 255),
    st.integers(0, 31),
    st.integers(0, 7),
)
_addresses = st.one_of(
    _plain_addresses,
    st.sampled_from(['0000:3B:00.0', 'eth0', 'mdev/_x']),
)


@st.composite
def page_pools(draw: st.DrawFn) -> tuple[PageCapacity, ...]:
    sizes = draw(
        st.sets(
            st.one_of(st.sampled_from(SIZES), st.integers(1, 2**31)),
            max_size=4,
        )
    )
    pools = []
    for size in sorted(sizes):
        reserved = draw(st.integers(0, 64))
        # A size without pages is not published.
        least = 0 if reserved else 1
        usable = draw(
            st.one_of(st.integers(least, 4096), st.just(MAX - reserved))
        )
        pools.append(PageCapacity(size, usable, reserved))
    return tuple(pools)


@st.composite
def cells(draw: st.DrawFn, cell_id: int, ids: list[int]) -> CellTopology:
    return CellTopology(
        id=cell_id,
        memory_mib=draw(_amounts),
        dedicated_cpus=draw(_amounts),
        shared_cpus=draw(_amounts),
        cores=draw(_amounts),
        socket=draw(st.one_of(st.none(), st.integers(-1, 65536))),
        pages=draw(page_pools()),
        distances=draw(
            st.dictionaries(st.sampled_from(ids), st.integers(0, 255))
        ),
        physnets=draw(st.frozensets(_names, max_size=3)),
        tunneled=draw(st.booleans()),
        l3=draw(st.frozensets(st.integers(0, 23), max_size=3)),
        offline_cpus=draw(st.sampled_from([0, 0, 1, 96])),
    )


@st.composite
def functions(draw: st.DrawFn) -> FunctionTopology:
    return FunctionTopology(
        address=draw(_plain_addresses),
        vfs=draw(st.integers(0, 256)),
        link_mbps=draw(st.one_of(st.none(), st.sampled_from([10, 25000]))),
        pcie_root=draw(st.sampled_from([None, 'pci0000:3a', 'pci10000:00'])),
        numa_node=draw(st.sampled_from([None, 0, 17])),
    )


@st.composite
def pools(draw: st.DrawFn, ids: list[int]) -> PoolTopology:
    facts: dict[str, Any] = {
        'vendor_id': draw(st.sampled_from(['8086', '15b3'])),
        'product_id': draw(st.sampled_from(['154c', '1018', '0d5c'])),
        'dev_type': draw(st.sampled_from(sorted(schema.DEV_TYPES))),
        'total': draw(st.one_of(st.integers(1, 128), st.just(MAX))),
        # 99: a NUMA node that is not listed.
        'numa_node': draw(st.sampled_from([None, 99, *ids])),
        'parent': draw(st.one_of(st.none(), _addresses)),
        'physnet': draw(st.one_of(st.none(), _names)),
    }
    return PoolTopology(**facts)


def _some(draw: st.DrawFn, capacity: dict[Any, int]) -> dict[Any, int]:
    """Usage within capacity, without zeroes."""
    used = {
        key: draw(st.integers(0, amount))
        for key, amount in capacity.items()
        if amount
    }
    return {key: amount for key, amount in used.items() if amount}


@st.composite
def usages(
    draw: st.DrawFn,
    all_cells: tuple[CellTopology, ...],
    all_pools: tuple[PoolTopology, ...],
) -> HostUsage:
    return HostUsage(
        dedicated_cpus=_some(
            draw, {c.id: c.dedicated_cpus for c in all_cells}
        ),
        shared_cpus=_some(draw, {c.id: c.shared_cpus for c in all_cells}),
        memory_mib=_some(draw, {c.id: c.memory_mib for c in all_cells}),
        pages=_some(
            draw,
            {
                (c.id, page.size_kib): page.usable
                for c in all_cells
                for page in c.pages
            },
        ),
        devices=_some(draw, {pool.key: pool.total for pool in all_pools}),
    )


@st.composite
def hosts(
    draw: st.DrawFn, name: str | None = None, uuid: str | None = None
) -> HostTopology:
    ids = sorted(
        draw(st.sets(st.sampled_from([0, 1, 2, 3, 7, 8, 64]), max_size=4))
    )
    all_cells = tuple(draw(cells(cell, ids)) for cell in ids)
    by_key = {
        pool.key: pool for pool in draw(st.lists(pools(ids), max_size=4))
    }
    all_pools = tuple(by_key[key] for key in sorted(by_key))
    usage = HostUsage()
    if draw(st.booleans()):
        usage = draw(usages(all_cells, all_pools))
    return HostTopology(
        name=name
        or draw(st.from_regex(r'[a-z][a-z0-9.-]{0,62}', fullmatch=True)),
        uuid=uuid or str(draw(st.uuids())),
        cells=all_cells,
        pools=all_pools,
        usage=usage,
        domains=draw(
            st.dictionaries(
                st.one_of(st.sampled_from(['rack', 'row']), _names),
                _names,
                max_size=2,
            )
        ),
        functions=tuple(
            sorted(
                draw(
                    st.lists(
                        functions(), max_size=3, unique_by=lambda f: f.address
                    )
                ),
                key=lambda function: function.address,
            )
        ),
    )
