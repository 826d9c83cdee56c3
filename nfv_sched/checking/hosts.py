"""What hosts report, and what is published of them."""

import collections
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import difflib
from typing import Any

from nfv_sched.checking.result import failure
from nfv_sched.checking.result import name_some
from nfv_sched.checking.result import ok
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import warning
from nfv_sched.fit import drift
from nfv_sched.model import HostTopology
from nfv_sched.survey.values import HostSurvey

_PUBLISH = 'nfv-sched publish'


def readable(problems: Sequence[str]) -> Result:
    """Everything has to be readable to be judged."""
    if problems:
        return failure(
            name_some(problems),
            'bring the cells and records back; nothing is known of these',
        )
    return ok()


def published(
    hosts: Collection[HostSurvey], trees: Mapping[str, HostTopology]
) -> Result:
    """Each host has a tree."""
    missing = [
        host.topology.name for host in hosts if host.topology.uuid not in trees
    ]
    if missing:
        return warning(
            f'{len(missing)} of {len(hosts)} hosts are not published: '
            f'{name_some(missing)}',
            _PUBLISH,
        )
    return ok()


def drifted(
    hosts: Collection[HostSurvey], trees: Mapping[str, HostTopology]
) -> Result:
    """Each tree describes what its nova-compute reports."""
    found = [
        f'{host.topology.name} ({"; ".join(differences)})'
        for host in hosts
        if host.state is not None
        and (tree := trees.get(host.topology.uuid)) is not None
        and (differences := drift.differences(host.state, tree))
    ]
    if found:
        return warning(
            f'the trees of {len(found)} hosts describe other hardware than '
            f'their nova-compute reports: {name_some(found)}',
            _PUBLISH,
        )
    return ok()


def incomplete(bad: Mapping[str, str]) -> Result:
    """Each tree can be read and trusted."""
    if bad:
        found = [f'{name} ({why})' for name, why in bad.items()]
        return warning(
            f'{len(bad)} trees cannot be used: {name_some(found)}', _PUBLISH
        )
    return ok()


def orphaned(
    hosts: Collection[HostSurvey], trees: Mapping[str, HostTopology]
) -> Result:
    """Each tree has a host."""
    uuids = {host.topology.uuid for host in hosts}
    gone = [tree.name for uuid, tree in trees.items() if uuid not in uuids]
    if gone:
        return warning(
            f'{len(gone)} trees are of compute nodes that are no more: '
            f'{name_some(gone)}',
            f'{_PUBLISH} --prune',
        )
    return ok()


def cpu_sets(hosts: Collection[HostSurvey]) -> Result:
    """No CPU is both shared and dedicated."""
    found = [
        f'{host.topology.name} ({", ".join(map(str, sorted(both)[:8]))})'
        for host in hosts
        if host.state is not None
        and (
            both := frozenset().union(
                *(
                    frozenset(cell.shared_cpus) & cell.dedicated_cpus
                    for cell in host.state.cells
                )
            )
        )
    ]
    if found:
        return failure(
            f'shared and dedicated CPUs overlap on {name_some(found)}: pinned '
            'guests share CPUs with others',
            'make [compute] cpu_shared_set and cpu_dedicated_set disjoint '
            'there (vcpu_pin_set is both), and restart nova-compute',
        )
    return ok()


def reserved_pages(
    hosts: Collection[HostSurvey], named: Sequence[Mapping[str, Any]]
) -> Result:
    """What is reserved by hand is there, and the same on like hosts.

    :param named: ``reserved_huge_pages`` of this nova.conf, if any
    """
    beyond, odd = [], []
    alike: dict[object, list[tuple[str, object]]] = collections.defaultdict(
        list
    )
    for host in hosts:
        cells = host.state.cells if host.state is not None else ()
        name = host.topology.name
        if any(pool.free + pool.used < 0 for c in cells for pool in c.pages):
            beyond.append(name)
        shape = [
            (c.id, [(p.size_kib, p.total) for p in c.pages if p.size_kib > 4])
            for c in cells
        ]
        kept = [(c.id, p.size_kib, p.reserved) for c in cells for p in c.pages]
        alike[repr(shape)].append((name, repr(kept)))
    for found in alike.values():
        counts = collections.Counter(kept for _, kept in found)
        usual = counts.most_common(1)[0][0]
        odd += [name for name, kept in found if kept != usual]
    nowhere = [
        f'node {entry.get("node")} size {entry.get("size")}'
        for entry in named
        if not any(_has(host, entry) for host in hosts)
    ]
    if beyond:
        return failure(
            'more huge pages are reserved than there are on '
            f'{name_some(beyond)}',
            'correct reserved_huge_pages in nova.conf there',
        )
    if nowhere:
        return warning(
            'reserved_huge_pages names what no host has: '
            f'{name_some(nowhere)}',
            'correct it in nova.conf; sizes are KiB, nodes are cells',
        )
    if odd:
        return warning(
            'hosts of the same pages reserve differently than most of their '
            f'kind: {name_some(odd)}',
            'make reserved_huge_pages the same in nova.conf, unless that is '
            'meant',
        )
    return ok()


def _has(host: HostSurvey, entry: Mapping[str, Any]) -> bool:
    return host.state is not None and any(
        str(cell.id) == str(entry.get('node'))
        and str(pool.size_kib) == str(entry.get('size'))
        for cell in host.state.cells
        for pool in cell.pages
    )


def domains(
    hosts: Collection[HostSurvey],
    kinds: Sequence[str],
    aggregates: Sequence[tuple[str, Mapping[str, str]]],
) -> Result:
    """Aggregates and nova.conf speak of the same failure domains.

    :param aggregates: names and metadata
    """
    lines = []
    used = {key for _, metadata in aggregates for key in metadata}
    for kind in kinds:
        if kind not in used:
            lines.append(f'no aggregate names a {kind}')
            continue
        without = [
            host.topology.name
            for host in hosts
            if kind not in host.topology.domains
        ]
        if without:
            lines.append(f'no {kind} is known of {name_some(without)}')
    for name, metadata in aggregates:
        for key in sorted(metadata.keys() - set(kinds)):
            meant = _matching_domain(key, kinds)
            if meant:
                lines.append(
                    f'aggregate {name} has the unknown key {key}, perhaps '
                    f'for {meant}'
                )
    if lines:
        return warning(
            '; '.join(lines),
            'make the keys of aggregates and [nfv_sched] failure_domains '
            'the same, and put each host into one aggregate of each kind',
        )
    return ok()


def _matching_domain(key: str, kinds: Sequence[str]) -> str | None:
    """The kind that a key was perhaps meant to be."""
    folded = {kind.casefold(): kind for kind in kinds}
    plain = key.strip().casefold()
    near = difflib.get_close_matches(plain, folded, n=1, cutoff=0.8)
    return folded[near[0]] if near else None
