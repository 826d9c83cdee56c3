"""CPUs: which are online, and what they share with each other."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
import dataclasses

from nfv_sched.sysfs.files import Folder

#: CPU numbers that belong together.
CPUGroup = frozenset[int]


@dataclasses.dataclass(frozen=True, slots=True)
class Cpus:
    """The CPUs of a machine by number.

    ``siblings`` are the threads of one core, ``l3`` the CPUs behind one L3
    cache; each lists online CPUs only and comes by its lowest one.
    ``sockets`` has the CPUs whose socket the firmware states, and no others:
    -1 is not a socket.
    """

    present: CPUGroup
    online: CPUGroup
    sockets: dict[int, int]
    siblings: tuple[CPUGroup, ...]
    l3: tuple[CPUGroup, ...]


def read_cpus(system: Folder) -> Cpus:
    """The CPUs below ``devices/system``."""
    folder = system / 'cpu'
    folders = dict(folder.numbered('cpu'))
    present = folder.ids('present')
    if present is None:
        present = frozenset(folders)
    online = folder.ids('online')
    if online is None:
        # CPU 0 cannot go on most machines, and then has no such file.
        online = frozenset(
            cpu
            for cpu, one in folders.items()
            if one.number('online') in (None, 1)
        )
    running = {cpu: folders[cpu] for cpu in sorted(online & folders.keys())}
    # By package and not by core_siblings, which hwloc and lscpu use: that is
    # wrong under Cluster-on-Die on some kernels.
    sockets = {
        cpu: package
        for cpu, one in running.items()
        if (package := (one / 'topology').number('physical_package_id'))
        is not None
        and package >= 0
    }
    return Cpus(
        present=present | online,
        online=online,
        sockets=sockets,
        siblings=_groups(
            # A CPU that no core claims is a core of its own.
            {cpu: _threads(one) or {cpu} for cpu, one in running.items()},
            online,
        ),
        l3=_groups({cpu: _l3(one) for cpu, one in running.items()}, online),
    )


def _groups(
    groups: Mapping[int, AbstractSet[int] | None], online: CPUGroup
) -> tuple[CPUGroup, ...]:
    found = {
        frozenset((group & online) | {cpu})
        for cpu, group in groups.items()
        if group is not None
    }
    return tuple(sorted(found, key=min))


def _threads(cpu: Folder) -> CPUGroup | None:
    topology = cpu / 'topology'
    return topology.either('thread_siblings_list', 'thread_siblings')


def _l3(cpu: Folder) -> CPUGroup | None:
    for _, index in (cpu / 'cache').numbered('index'):
        if index.number('level') == 3 and index.text('type') in (
            'Unified',
            'Data',
            None,
        ):
            return index.either('shared_cpu_list', 'shared_cpu_map')
    return None
