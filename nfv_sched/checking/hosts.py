"""Checks of hosts: what they report, and their published trees."""

import collections
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from oslo_utils import strutils

from nfv_sched.checking.result import count
from nfv_sched.checking.result import failure
from nfv_sched.checking.result import name_some
from nfv_sched.checking.result import ok
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import skipped
from nfv_sched.checking.result import verb
from nfv_sched.checking.result import warning
from nfv_sched.fit import drift
from nfv_sched.model import HostTopology
from nfv_sched.model.pages import huge_pages
from nfv_sched.nova import node_labels
from nfv_sched.survey.values import HostSurvey

_PUBLISH = 'nfv-sched publish'
_BYTES_PER_KIB = 1024


def readable(problems: Sequence[str]) -> Result:
    """Check that every Nova cell and record can be read."""
    if problems:
        return failure(
            name_some(problems),
            'repair these Nova cells and records; their hosts are not checked',
        )
    return ok()


def published(
    hosts: Collection[HostSurvey], trees: Mapping[str, HostTopology]
) -> Result:
    """Check that each host has a tree, if any has one."""
    if hosts and not trees:
        return skipped('no host is published, which is optional')
    missing = [
        host.topology.name for host in hosts if host.topology.uuid not in trees
    ]
    if missing:
        return warning(
            f'{len(missing)} of {count(len(hosts), "host")} '
            f'{verb(len(missing))} not published: {name_some(missing)}',
            _PUBLISH,
            missing,
        )
    return ok()


def drifted(
    hosts: Collection[HostSurvey], trees: Mapping[str, HostTopology]
) -> Result:
    """Check that each tree describes what its nova-compute reports."""
    found = {
        host.topology.name: differences
        for host in hosts
        if host.state is not None
        and (tree := trees.get(host.topology.uuid)) is not None
        and (differences := drift.differences(host.state, tree))
    }
    if found:
        number = len(found)
        texts = [
            f'{name} ({"; ".join(map(str, each))})'
            for name, each in found.items()
        ]
        result = warning(
            f'{count(number, "tree")} {verb(number, "differs", "differ")} '
            'from the hardware that nova-compute reports: '
            f'{name_some(texts)}',
            _PUBLISH,
            found,
        )
        result.differences = [
            (name, difference)
            for name, each in found.items()
            for difference in each
        ]
        return result
    return ok()


def incomplete(bad: Mapping[str, str]) -> Result:
    """Check that each tree can be used."""
    if bad:
        trees = [f'{name} ({reason})' for name, reason in bad.items()]
        return warning(
            f'{count(len(bad), "tree")} cannot be used: {name_some(trees)}',
            _PUBLISH,
            bad,
        )
    return ok()


def orphaned(
    hosts: Collection[HostSurvey], trees: Mapping[str, HostTopology]
) -> Result:
    """Check that the compute node of each tree exists."""
    uuids = {host.topology.uuid for host in hosts}
    names = [tree.name for uuid, tree in trees.items() if uuid not in uuids]
    if names:
        return warning(
            f'the compute {verb(len(names), "node", "nodes")} of '
            f'{count(len(names), "tree")} no longer '
            f'{verb(len(names), "exists", "exist")}: {name_some(names)}',
            f'{_PUBLISH} --prune',
            names,
        )
    return ok()


def cpu_sets(hosts: Collection[HostSurvey]) -> Result:
    """Check that no CPU is both shared and dedicated."""
    overlapping = {
        host.topology.name: cpus
        for host in hosts
        if host.state is not None
        and (
            cpus := frozenset().union(
                *(
                    frozenset(cell.shared_cpus) & cell.dedicated_cpus
                    for cell in host.state.cells
                )
            )
        )
    }
    if overlapping:
        texts = [
            f'{name} ({", ".join(map(str, sorted(cpus)[:8]))})'
            for name, cpus in overlapping.items()
        ]
        return failure(
            f'shared and dedicated CPUs overlap on {name_some(texts)}: '
            'pinned instances share CPUs with other instances',
            'make [compute] cpu_shared_set and cpu_dedicated_set disjoint '
            'there (vcpu_pin_set is both), and restart nova-compute',
            overlapping,
        )
    return ok()


def reserved_pages(
    hosts: Collection[HostSurvey], named: Sequence[Mapping[str, Any]]
) -> Result:
    """Check that reserved pages exist, and are equal on hosts of one kind.

    :param named: ``reserved_huge_pages`` of this nova.conf
    """
    excessive, unusual = [], []
    by_shape: dict[object, list[tuple[str, object]]] = collections.defaultdict(
        list
    )
    for host in hosts:
        cells = host.state.cells if host.state is not None else ()
        name = host.topology.name
        if any(pool.free + pool.used < 0 for c in cells for pool in c.pages):
            excessive.append(name)
        shape = [
            (c.id, [(p.size_kib, p.total) for p in huge_pages(c.pages)])
            for c in cells
        ]
        reserved = [
            (c.id, p.size_kib, p.reserved) for c in cells for p in c.pages
        ]
        by_shape[repr(shape)].append((name, repr(reserved)))
    for group in by_shape.values():
        counts = collections.Counter(reserved for _, reserved in group)
        usual = counts.most_common(1)[0][0]
        unusual += [name for name, reserved in group if reserved != usual]
    unmatched = [
        f'node {entry.get("node")} size {entry.get("size")}'
        for entry in named
        if not any(_has_pool(host, entry) for host in hosts)
    ]
    if excessive:
        return failure(
            'more huge pages are reserved than exist on '
            f'{name_some(excessive)}',
            'correct reserved_huge_pages in nova.conf there',
            excessive,
        )
    if unmatched:
        return warning(
            'no host has the pages that reserved_huge_pages names: '
            f'{name_some(unmatched)}',
            'correct it in nova.conf: size is in KiB or has a unit, node is '
            'a NUMA node',
            unmatched,
        )
    if unusual:
        return warning(
            f'{count(len(unusual), "host")} '
            f'{verb(len(unusual), "reserves", "reserve")} other amounts of '
            'huge pages than most hosts with the same page pools: '
            f'{name_some(unusual)}',
            'make reserved_huge_pages the same in nova.conf, unless the '
            'difference is intended',
            unusual,
        )
    return ok()


def _has_pool(host: HostSurvey, entry: Mapping[str, Any]) -> bool:
    size = _size_kib(str(entry.get('size')))
    return host.state is not None and any(
        str(cell.id) == str(entry.get('node')) and pool.size_kib == size
        for cell in host.state.cells
        for pool in cell.pages
    )


def _size_kib(text: str) -> int | None:
    """As nova.virt.hardware ``numa_get_reserved_huge_pages`` reads a size."""
    try:
        if text.strip().isdecimal():
            return int(text)
        size = int(strutils.string_to_bytes(text, return_int=True))
    except ValueError:
        return None
    return size // _BYTES_PER_KIB


def labels(hosts: Collection[HostSurvey], *, chooses: bool) -> Result:
    """Check that hosts declare the labels of their NUMA nodes, or none.

    :param chooses: whether this scheduler chooses NUMA nodes
    """
    wrong, missing = [], []
    labelled = False
    for host in hosts:
        cells = host.state.cells if host.state is not None else ()
        if len(cells) < 2 and not any(cell.labels for cell in cells):
            continue
        if not any(cell.labels for cell in cells):
            missing.append(host.topology.name)
            continue
        labelled = True
        if node_labels.differences(cells):
            wrong.append(host.topology.name)
    if not (chooses or labelled):
        return skipped('[nfv_sched] choose_nodes is off, no host has labels')
    fix = 'put what nfv-sched labels prints into nova.conf there'
    if wrong:
        return warning(
            'the labels are not those of the NUMA nodes on '
            f'{name_some(wrong)}: nova-compute chooses the nodes there',
            f'{fix}, and restart nova-compute',
            wrong,
        )
    if chooses and missing:
        return warning(
            f'{count(len(missing), "host")} of several NUMA nodes '
            f'{verb(len(missing), "has", "have")} no labels: nova-compute '
            f'chooses the nodes on {name_some(missing)}',
            f'{fix}, and restart nova-compute',
            missing,
        )
    return ok()
