"""CPUs: which are online, and which share a core, L3 cache or socket."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
import dataclasses

from nfv_sched.sysfs.files import Folder

#: The numbers of CPUs that share a core or a cache.
CPUGroup = frozenset[int]


@dataclasses.dataclass(frozen=True, slots=True)
class SysfsCache:
    """The online CPUs that share one L3 cache.

    ``id`` is the kernel's, unique among the L3 caches and the same for any
    set of online CPUs; None where the kernel or the architecture has none.
    """

    cpus: CPUGroup
    id: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Cpus:
    """The CPUs of a machine by number.

    Each group in ``siblings`` has the threads of one core; the groups and the
    caches in ``l3`` have online CPUs only and are sorted by the lowest.
    ``sockets`` has the CPUs whose socket the firmware reports: -1 is not a
    socket.
    """

    present: CPUGroup
    online: CPUGroup
    sockets: dict[int, int]
    siblings: tuple[CPUGroup, ...]
    l3: tuple[SysfsCache, ...]


def read_cpus(system: Folder) -> Cpus:
    """The CPUs below ``devices/system``."""
    folder = system / 'cpu'
    folders = dict(folder.numbered('cpu'))
    present = folder.ids('present')
    if present is None:
        present = frozenset(folders)
    online = folder.ids('online')
    if online is None:
        # On most machines CPU 0 cannot go offline, and has no such file.
        online = frozenset(
            cpu
            for cpu, cpu_folder in folders.items()
            if cpu_folder.number('online') in (None, 1)
        )
    running = {cpu: folders[cpu] for cpu in sorted(online & folders.keys())}
    # By package and not by core_siblings, which hwloc and lscpu use: on some
    # kernels these are wrong with Cluster-on-Die.
    sockets = {
        cpu: package
        for cpu, cpu_folder in running.items()
        if (package := (cpu_folder / 'topology').number('physical_package_id'))
        is not None
        and package >= 0
    }
    return Cpus(
        present=present | online,
        online=online,
        sockets=sockets,
        siblings=_groups(
            # A CPU that is in no core's list is a core of its own.
            {
                cpu: _threads(cpu_folder) or {cpu}
                for cpu, cpu_folder in running.items()
            },
            online,
        ),
        l3=_caches(running, online),
    )


def _caches(
    running: Mapping[int, Folder], online: CPUGroup
) -> tuple[SysfsCache, ...]:
    folders = {
        cpu: folder
        for cpu, cpu_folder in running.items()
        if (folder := _l3(cpu_folder)) is not None
    }
    groups = _groups(
        {
            cpu: folder.either('shared_cpu_list', 'shared_cpu_map')
            for cpu, folder in folders.items()
        },
        online,
    )
    return tuple(
        SysfsCache(group, folders[min(group & folders.keys())].number('id'))
        for group in groups
    )


def _groups(
    groups: Mapping[int, AbstractSet[int] | None], online: CPUGroup
) -> tuple[CPUGroup, ...]:
    distinct = {
        frozenset((group & online) | {cpu})
        for cpu, group in groups.items()
        if group is not None
    }
    return tuple(sorted(distinct, key=min))


def _threads(cpu: Folder) -> CPUGroup | None:
    topology = cpu / 'topology'
    return topology.either('thread_siblings_list', 'thread_siblings')


def _l3(cpu: Folder) -> Folder | None:
    """The folder of the L3 cache of a CPU."""
    for _, index in (cpu / 'cache').numbered('index'):
        if index.number('level') == 3 and index.text('type') in (
            'Unified',
            'Data',
            None,
        ):
            return index
    return None
