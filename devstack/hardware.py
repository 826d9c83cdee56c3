#!/usr/bin/env python3
"""Options for a devstack node, from what its sysfs shows of the hardware.

Prints lines of section, option and value, for iniset. Needs nothing but the
checkout: it runs on compute nodes, where nfv_sched is not installed.
"""

import argparse
from collections.abc import Iterator
import pathlib
import sys
from typing import NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from nfv_sched import sysfs
from nfv_sched.model.cpu_list import ranges
from nfv_sched.nova import node_labels

# Of each NUMA node, one CPU in this number is shared, with its siblings.
_ONE_SHARED_IN = 4
_KIB_PER_MIB = 1024
_UNITS = {1048576: 'GB', 1024: 'MB', 1: 'KB'}


class Node(NamedTuple):
    """A NUMA node with CPUs and memory.

    ``shared`` are the CPUs of the operating system and of instances without
    pinned CPUs, ``dedicated`` all others. ``pages`` are the sizes in KiB of
    its huge pages.
    """

    id: int
    shared: frozenset[int]
    dedicated: frozenset[int]
    pages: frozenset[int]


def nodes(root: pathlib.Path) -> list[Node]:
    """The NUMA nodes that have both CPUs and memory, by id.

    :param root: usually ``/sys``
    """
    host = sysfs.read(root)
    found = []
    for node in sorted(host.nodes, key=lambda node: node.id):
        if not (node.cpus and node.memory_kib):
            continue
        shared: set[int] = set()
        for cpu in sorted(node.cpus):
            if len(shared) * _ONE_SHARED_IN >= len(node.cpus):
                break
            shared |= _core(host.cpus.siblings, cpu) & node.cpus
        pages = {size for size, pool in node.pages.items() if pool.total}
        found.append(
            Node(
                node.id,
                frozenset(shared),
                node.cpus - shared,
                frozenset(pages),
            )
        )
    return found


def _core(siblings: tuple[frozenset[int], ...], cpu: int) -> frozenset[int]:
    for core in siblings:
        if cpu in core:
            return core
    return frozenset((cpu,))


def compute(found: list[Node]) -> Iterator[tuple[str, str, str]]:
    """The shared and the dedicated CPUs of nova-compute."""
    for option, sets in (
        ('cpu_shared_set', [node.shared for node in found]),
        ('cpu_dedicated_set', [node.dedicated for node in found]),
    ):
        yield 'compute', option, ranges(frozenset().union(*sets))


def labels(found: list[Node], physnets: str) -> Iterator[tuple[str, str, str]]:
    """The labels of the NUMA nodes, if there are several.

    :param physnets: what ``[neutron] physnets`` has already
    """
    declared = node_labels.nodes_of_labels([node.id for node in found])
    if not declared:
        return
    names = dict.fromkeys(filter(None, map(str.strip, physnets.split(','))))
    names.update(dict.fromkeys(declared))
    yield 'neutron', 'physnets', ','.join(names)
    for label, where in declared.items():
        yield (
            f'neutron_physnet_{label}',
            'numa_nodes',
            ','.join(map(str, where)),
        )


def tempest(
    found: list[Node], memory: int, alias: str
) -> Iterator[tuple[str, str, str]]:
    """What tempest's tests of nfv_sched must know of the hosts.

    :param memory: MiB of memory on each guest NUMA node, at least
    :param alias: of PCI devices that every host has; may be empty
    """
    common = sorted(
        frozenset.intersection(*(node.pages for node in found))
        if found
        else ()
    )
    usable = [node for node in found if len(node.dedicated) > 1]
    unit = memory
    if common:
        page = max(1, common[0] // _KIB_PER_MIB)
        unit = -(-memory // page) * page
    yield 'nfv_sched', 'page_size', _size(common[0]) if common else 'small'
    yield 'nfv_sched', 'cells', str(max(1, len(usable)))
    yield 'nfv_sched', 'memory_unit', str(unit)
    if alias:
        yield 'nfv_sched', 'alias', alias


def _size(kib: int) -> str:
    """A page size as ``hw:mem_page_size`` takes it."""
    unit = next(unit for unit in _UNITS if kib % unit == 0)
    return f'{kib // unit}{_UNITS[unit]}'


def main() -> None:
    """Print the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--sysfs', default='/sys', type=pathlib.Path)
    parser.add_argument('--physnets', default='')
    parser.add_argument('--memory', default=256, type=int)
    parser.add_argument('--alias', default='')
    parser.add_argument(
        'what', choices=('nodes', 'compute', 'labels', 'tempest')
    )
    arguments = parser.parse_args()
    found = nodes(arguments.sysfs)
    lines = {
        'nodes': lambda: ((str(node.id),) for node in found),
        'compute': lambda: compute(found),
        'labels': lambda: labels(found, arguments.physnets),
        'tempest': lambda: tempest(found, arguments.memory, arguments.alias),
    }
    for line in lines[arguments.what]():
        print(*line)  # noqa: T201


if __name__ == '__main__':
    main()
