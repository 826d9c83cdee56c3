"""NUMA nodes: CPUs, memory, distances, pools of huge pages."""

from collections.abc import Mapping
import dataclasses
import re

from nfv_sched.sysfs.files import Folder
from nfv_sched.sysfs.files import MalformedSysfs


@dataclasses.dataclass(frozen=True, slots=True)
class SysfsPages:
    """A pool of huge pages, in pages."""

    total: int
    free: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class SysfsNode:
    """One online NUMA node.

    ``cpus`` are its online CPUs, ``offline`` its other CPUs. ``distances``
    are those to every online node by id, itself included; empty if the
    firmware has none or the row is malformed. ``memory_kib`` is None if the
    kernel does not report it. ``pages`` are pools of huge pages by page size
    in KiB.
    """

    id: int
    cpus: frozenset[int]
    offline: frozenset[int]
    memory_kib: int | None
    distances: Mapping[int, int]
    pages: Mapping[int, SysfsPages]


def read_nodes(
    system: Folder, present: frozenset[int], online: frozenset[int]
) -> tuple[tuple[SysfsNode, ...], tuple[str, ...]]:
    """The online NUMA nodes by id, and why rows of distances are left out."""
    parent = system / 'node'
    folders = dict(parent.numbered('node'))
    ids = parent.ids('online')
    if ids is not None:
        folders = {
            node: folder for node, folder in folders.items() if node in ids
        }
    rows, problems = _rows(folders)
    nodes = tuple(
        _node(node, folder, rows[node], present, online)
        for node, folder in folders.items()
    )
    return nodes, problems


def _node(
    node: int,
    folder: Folder,
    distances: Mapping[int, int],
    present: frozenset[int],
    online: frozenset[int],
) -> SysfsNode:
    cpus = folder.either('cpulist', 'cpumap')
    linked = frozenset(cpu for cpu, _ in folder.numbered('cpu'))
    listed = linked if cpus is None else cpus
    return SysfsNode(
        id=node,
        cpus=listed & online,
        # x86 removes offline CPUs from the list, but not their links.
        offline=(listed | linked) & present - online,
        memory_kib=_memory(folder),
        distances=distances,
        pages=_pages(folder / 'hugepages'),
    )


def _memory(folder: Folder) -> int | None:
    if (text := folder.text('meminfo')) is None:
        return None
    match = re.search(r'MemTotal:\s+(\d+)\s+kB', text, re.ASCII)
    if match is None:
        raise folder.malformed('meminfo', 'no MemTotal')
    return int(match[1])


def _rows(
    folders: Mapping[int, Folder],
) -> tuple[dict[int, dict[int, int]], tuple[str, ...]]:
    """Rows of distances by node id, and why others are left out."""
    rows: dict[int, dict[int, int]] = {}
    problems = []
    missing = []
    for node, folder in folders.items():
        try:
            rows[node] = _distances(folder, tuple(folders))
        except MalformedSysfs as error:
            # Missing distances are estimated by socket: a malformed row must
            # not hide the node.
            rows[node] = {}
            problems.append(str(error))
        else:
            if not rows[node]:
                missing.append(folder.malformed('distance', 'no distances'))
    # Firmware without distances has none for any node.
    if len(missing) < len(folders):
        problems += map(str, missing)
    return rows, tuple(problems)


def _distances(folder: Folder, ids: tuple[int, ...]) -> dict[int, int]:
    """Distances by node id; the file has a column per online node, by id."""
    if (text := folder.text('distance')) is None:
        return {}
    row = text.split()
    if len(row) != len(ids):
        raise folder.malformed(
            'distance', f'{len(row)} columns for {len(ids)} online nodes'
        )
    if not all(re.fullmatch(r'\d{1,3}', column, re.ASCII) for column in row):
        raise folder.malformed('distance', f'{text[:40]!r}')
    return dict(zip(sorted(ids), map(int, row), strict=True))


def _pages(folder: Folder) -> dict[int, SysfsPages]:
    pools = {}
    for path in folder.entries():
        size = re.fullmatch(r'hugepages-(\d+)kB', path.name, re.ASCII)
        if size is None:
            continue
        pool = Folder(path)
        if (total := pool.number('nr_hugepages')) is not None:
            pools[int(size[1])] = SysfsPages(
                total, pool.number('free_hugepages')
            )
    return dict(sorted(pools.items()))
