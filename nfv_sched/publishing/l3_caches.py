"""Number the L3 caches of a machine by what does not change.

Nova-compute takes the dedicated CPUs that no instance uses offline
(``[libvirt] cpu_power_management``). Sysfs has no cache of an offline CPU, so
that a cache without an online CPU is not visible, and one whose lowest CPU is
offline has another lowest CPU.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from nfv_sched.placement.schema import MAX_INT
from nfv_sched.sysfs import SysfsCache
from nfv_sched.sysfs import SysfsHost

#: From the number of an L3 cache to the ids of its NUMA nodes.
_NodesByNumber = Mapping[int, AbstractSet[int]]


def l3_by_node(
    machine: SysfsHost, published: Mapping[int, frozenset[int]]
) -> dict[int, frozenset[int]]:
    """The numbers of the L3 caches of each NUMA node, by its id.

    The number of a cache is the kernel's id of it or, on a machine without
    these, the lowest CPU with which it was first published. A published cache
    stays published while its NUMA node has offline CPUs.

    :param published: the numbers by NUMA node, as they are published
    """
    nodes = {
        cache: frozenset(
            node.id for node in machine.nodes if cache.cpus & node.cpus
        )
        for cache in machine.cpus.l3
    }
    ids = {
        cache: cache.id
        for cache in nodes
        if cache.id is not None and 0 <= cache.id <= MAX_INT
    }
    known: dict[int, set[int]] = {}
    for node, published_numbers in published.items():
        for number in published_numbers:
            known.setdefault(number, set()).add(node)
    if len(ids) == len(nodes):
        numbers, outdated = ids, set[int]()
    else:
        numbers = _by_lowest_cpu(nodes, known, machine.cpus.online)
        # A published number is a CPU of the cache: an online CPU shows which.
        outdated = (known.keys() & machine.cpus.online) - set(numbers.values())
    return {
        node.id: frozenset(
            number
            for cache, number in numbers.items()
            if node.id in nodes[cache]
        )
        | (
            published.get(node.id, frozenset()) - outdated
            if node.offline
            else frozenset()
        )
        for node in machine.nodes
    }


def _by_lowest_cpu(
    nodes: Mapping[SysfsCache, frozenset[int]],
    known: _NodesByNumber,
    online: frozenset[int],
) -> dict[SysfsCache, int]:
    """Numbers by cache; published ones are kept.

    A cache without a published number may be one whose numbering CPU is
    offline: it gets a new number once no number of its NUMA nodes is hidden
    like that.

    :param nodes: the ids of the NUMA nodes of each visible cache
    :param known: the published numbers
    """
    numbers = {}
    hidden = {
        node for number in known.keys() - online for node in known[number]
    }
    for cache, ids in nodes.items():
        own = [n for n in known if n in cache.cpus and known[n] & ids]
        if own:
            numbers[cache] = min(own)
        elif not ids & hidden:
            numbers[cache] = min(cache.cpus)
    return numbers
