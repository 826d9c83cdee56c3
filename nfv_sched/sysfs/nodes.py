"""NUMA nodes: CPUs, memory, distances, pools of huge pages."""

from collections.abc import Mapping
import dataclasses
import re

from nfv_sched.sysfs.files import Folder


@dataclasses.dataclass(frozen=True, slots=True)
class SysfsPages:
    """A pool of huge pages, in pages; ``surplus`` is part of ``total``."""

    total: int
    free: int | None
    surplus: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class SysfsNode:
    """One online node.

    ``cpus`` are online, ``offline`` are CPUs of the node that are not.
    ``distances`` go to every online node by its id, the own one included;
    empty where the firmware has none. ``memory_kib`` is None where the
    kernel does not say. ``pages`` are pools of huge pages by size in KiB.
    """

    id: int
    cpus: frozenset[int]
    offline: frozenset[int]
    memory_kib: int | None
    distances: Mapping[int, int]
    pages: Mapping[int, SysfsPages]


def read_nodes(
    system: Folder, present: frozenset[int], online: frozenset[int]
) -> tuple[SysfsNode, ...]:
    """The online nodes below ``devices/system``, by id."""
    folder = system / 'node'
    folders = dict(folder.numbered('node'))
    ids = folder.ids('online')
    if ids is not None:
        folders = {i: one for i, one in folders.items() if i in ids}
    return tuple(
        _node(i, one, tuple(folders), present, online)
        for i, one in folders.items()
    )


def _node(
    node: int,
    folder: Folder,
    ids: tuple[int, ...],
    present: frozenset[int],
    online: frozenset[int],
) -> SysfsNode:
    cpus = folder.either('cpulist', 'cpumap')
    linked = frozenset(cpu for cpu, _ in folder.numbered('cpu'))
    mine = linked if cpus is None else cpus
    return SysfsNode(
        id=node,
        cpus=mine & online,
        # x86 takes CPUs out of the list when they go, but leaves the links.
        offline=(mine | linked) & present - online,
        memory_kib=_memory(folder),
        distances=_distances(folder, ids),
        pages=_pages(folder / 'hugepages'),
    )


def _memory(folder: Folder) -> int | None:
    if (text := folder.text('meminfo')) is None:
        return None
    found = re.search(r'MemTotal:\s+(\d+)\s+kB', text, re.ASCII)
    if found is None:
        raise folder.malformed('meminfo', 'no MemTotal in it')
    return int(found[1])


def _distances(folder: Folder, ids: tuple[int, ...]) -> dict[int, int]:
    """A column per online node, in ascending order of their ids."""
    if (text := folder.text('distance')) is None:
        return {}
    row = text.split()
    if len(row) != len(ids):
        raise folder.malformed(
            'distance', f'{len(row)} columns for {len(ids)} online nodes'
        )
    if not all(re.fullmatch(r'\d{1,3}', one, re.ASCII) for one in row):
        raise folder.malformed('distance', f'{text[:40]!r}')
    return dict(zip(sorted(ids), map(int, row), strict=True))


def _pages(folder: Folder) -> dict[int, SysfsPages]:
    found = {}
    for path in folder.entries():
        size = re.fullmatch(r'hugepages-(\d+)kB', path.name, re.ASCII)
        if size is None:
            continue
        pool = Folder(path)
        if (total := pool.number('nr_hugepages')) is not None:
            found[int(size[1])] = SysfsPages(
                total,
                pool.number('free_hugepages'),
                pool.number('surplus_hugepages'),
            )
    return dict(sorted(found.items()))
