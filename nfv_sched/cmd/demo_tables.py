"""Tables of the demo: placed instances, rejections, providers."""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
import urllib.parse

from rich import box
from rich.console import Group
from rich.console import RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from nfv_sched.dryrun.values import Explanation
from nfv_sched.placement import schema
from nfv_sched.render.formatting import size_name
from nfv_sched.sim.boot_result import Outcome
from nfv_sched.sim.boot_result import SimulatedInstance

_DIM = Style(dim=True)


def cpus_of(guest: SimulatedInstance) -> set[int]:
    """The host CPUs that an instance is pinned to."""
    cpus: set[int] = set()
    for cell in cells_of(guest):
        cpus |= set((cell.cpu_pinning or {}).values())
        cpus |= set(cell.cpuset_reserved or ())
    return cpus


def cells_of(guest: SimulatedInstance) -> list[Any]:
    """The claimed ``objects.InstanceNUMACell`` of an instance."""
    topology = guest.instance and guest.instance.numa_topology
    return list(topology.cells) if topology else []


def _cells(guest: SimulatedInstance) -> str:
    cells = cells_of(guest)
    return ' '.join(str(cell.id) for cell in cells) or '-'


def _cpus(guest: SimulatedInstance) -> str:
    pinned = len(cpus_of(guest))
    return f'{pinned} pinned' if pinned else f'{guest.flavor.vcpus} floating'


def _pages(guest: SimulatedInstance) -> str:
    counts: Counter[int] = Counter()
    for cell in cells_of(guest):
        if cell.pagesize:
            counts[cell.pagesize] += cell.memory * 1024 // cell.pagesize
    return (
        ', '.join(
            f'{count} x {size_name(size)}' for size, count in counts.items()
        )
        or '-'
    )


def numa_relation(guest: SimulatedInstance) -> tuple[int, int]:
    """The number of an instance's devices on its NUMA nodes, and others."""
    cells = {cell.id for cell in cells_of(guest)}
    near = sum(
        not cells or device.numa_node in cells for device in guest.devices
    )
    return near, len(guest.devices) - near


def _devices(guest: SimulatedInstance) -> Text:
    if not guest.devices:
        return Text('-', _DIM)
    near, far = numa_relation(guest)
    kinds = Counter(
        device.dev_type.removeprefix('type-') for device in guest.devices
    )
    text = Text(', '.join(f'{n} {kind}' for kind, n in kinds.items()))
    if not cells_of(guest):
        return text.append(' (any NUMA node)', _DIM)
    text.append(f' {near} local', Style(color='green'))
    if far:
        text.append(f' {far} remote', Style(color='yellow'))
    return text


def placements_table(guests: Sequence[SimulatedInstance]) -> RenderableType:
    """A table of instances that were booted, by host."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in ('host', 'instance', 'flavor', 'NUMA', 'CPUs', 'pages'):
        table.add_column(name, no_wrap=True)
    table.add_column('devices')
    last = None
    for guest in sorted(
        guests, key=lambda guest: (str(guest.host), guest.name)
    ):
        table.add_row(
            '' if guest.host == last else Text(str(guest.host)),
            Text(guest.name),
            Text(guest.flavor.name, _DIM),
            _cells(guest),
            _cpus(guest),
            _pages(guest),
            _devices(guest),
        )
        last = guest.host
    return table


def rejection_table(
    guest: SimulatedInstance, explanation: Explanation
) -> RenderableType:
    """Why no host accepts an instance: conditions and nearest misses."""
    title = Text().append(guest.name, Style(bold=True))
    title.append(f'  {guest.flavor.name}: {guest.flavor.about}', _DIM)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column('condition', no_wrap=True)
    table.add_column('hosts', justify='right', no_wrap=True)
    table.add_column('nearest miss')
    for condition in explanation.conditions:
        nearest = condition.nearest
        miss = Text().append(f'{nearest.host}: ', Style(bold=True))
        miss.append(nearest.text)
        table.add_row(
            Text(condition.name),
            f'{condition.hosts}/{explanation.hosts}',
            miss,
        )
    return Group(title, table)


def outcomes_table(
    runs: Mapping[str, Sequence[SimulatedInstance]],
) -> RenderableType:
    """The outcomes of the same boots with other filters and weighers.

    :param runs: instances that were booted, placed or not, by the name of the
        filters and weighers
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column('filters and weighers', no_wrap=True)
    for name in (
        'instances placed',
        'no valid host',
        'claim failed',
        'devices local',
        'devices remote',
    ):
        table.add_column(name, justify='right', no_wrap=True)
    for name, instances in runs.items():
        outcomes = Counter(instance.outcome for instance in instances)
        pinned = [
            numa_relation(guest) for guest in instances if cells_of(guest)
        ]
        table.add_row(
            name,
            *(str(outcomes[outcome]) for outcome in Outcome),
            str(sum(near for near, _ in pinned)),
            str(sum(far for _, far in pinned)),
        )
    return table


_VERSION = '1.39'
_FAINT = Style(dim=True)


def provider_tree(placement: Any, compute_uuid: str) -> Tree:
    """The provider tree of a host, with usages and inventories.

    :param placement: keystoneauth adapter of Placement
    """
    root = schema.root_uuid(compute_uuid)
    providers = _get(placement, '/resource_providers', in_tree=root)
    branches: dict[str | None, Tree] = {}
    # Names of parents are shorter than those of their children.
    by_depth = sorted(
        providers['resource_providers'],
        key=lambda provider: len(provider['name']),
    )
    for provider in by_depth:
        label = _label(placement, provider)
        parent = branches.get(provider['parent_provider_uuid'])
        branches[provider['uuid']] = (
            parent.add(label) if parent else Tree(label)
        )
    return branches[root]


def _get(placement: Any, path: str, **params: str) -> Any:
    query = '?' + urllib.parse.urlencode(params) if params else ''
    return placement.get(path + query, microversion=_VERSION).json()


def _label(placement: Any, provider: Mapping[str, str]) -> Text:
    base = f'/resource_providers/{provider["uuid"]}'
    totals = _get(placement, f'{base}/inventories')['inventories']
    used = _get(placement, f'{base}/usages')['usages']
    text = Text().append(provider['name'], Style(bold=True))
    if provider['uuid'] == provider['root_provider_uuid']:
        # Its inventories are a sentinel and a digest.
        return text
    for name, inventory in sorted(totals.items()):
        text.append(f'  {name} ', _FAINT)
        text.append(f'{used.get(name, 0)}/{inventory["total"]}')
    return text
