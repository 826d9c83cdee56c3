"""The state of a cloud as families of metrics.

Labels are bounded: by the number of flavors and shapes that are counted, of
failure domains and zones, and, for single hosts and NUMA nodes, by the number
of hosts up to which they are exported.
"""

import collections
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import Metric

from nfv_sched.exporter.free_amounts import FreeAndTotal
from nfv_sched.exporter.free_amounts import NodeAmounts
from nfv_sched.exporter.requests import RequestKey
from nfv_sched.exporter.state import CloudState
from nfv_sched.exporter.state import HostRecord
from nfv_sched.exporter.state import Published

PREFIX = 'nfv_sched'
#: Values of the label ``kind`` beside the configured kinds.
ALL, ZONE = 'all', 'zone'
_DOMAIN = ['kind', 'domain']
_REQUEST = ['flavor_name', 'shape']
_HOST = ['hypervisor']
_NODE = ['hypervisor', 'numa_node']

#: A place: kind and name of a failure domain, a zone, or everything.
Place = tuple[str, str]


def families(state: CloudState, most_hosts: int) -> Iterator[Metric]:
    """All families.

    :param most_hosts: of larger clouds no single host is exported
    """
    if not state.hosts:
        return
    places = _by_place(state)
    yield from _capacity(state, places)
    yield from _amounts(places)
    yield from _losses(state)
    yield from _published(state)
    if len(state.hosts) <= most_hosts:
        yield from _by_host(state)


def _gauge(
    name: str, text: str, labels: Sequence[str], prefix: str = PREFIX
) -> GaugeMetricFamily:
    return GaugeMetricFamily(f'{prefix}_{name}', text, labels=labels)


def _by_place(state: CloudState) -> Mapping[Place, Sequence[HostRecord]]:
    """The hosts of each place; those in no domain of a kind in its ``''``."""
    places: dict[Place, list[HostRecord]] = collections.defaultdict(list)
    for record in state.hosts.values():
        host = record.scanned
        places[ALL, ALL].append(record)
        places[ZONE, host.zone].append(record)
        for kind in state.kinds:
            places[kind, host.domains.get(kind, '')].append(record)
    return dict(sorted(places.items()))


def _capacity(
    state: CloudState, places: Mapping[Place, Sequence[HostRecord]]
) -> Iterator[Metric]:
    fit = _gauge(
        'capacity_instances',
        'How many more instances fit, each flavor and shape by itself.',
        _REQUEST + _DOMAIN,
    )
    taking = _gauge(
        'capacity_hosts', 'Hosts on which one more instance fits.', _REQUEST
    )
    short = _gauge(
        'capacity_short_hosts',
        'Hosts by what they run out of first.',
        [*_REQUEST, 'condition'],
    )
    total = _gauge(
        'by_flavor_total',
        'Free capacity if you fill the cloud full of each flavor.',
        ['flavor_name', 'public'],
        'openstack_free_capacity',
    )
    for key, public in state.public.items():
        labels = [key.flavor, key.shape]
        for place, records in places.items():
            fit.add_metric([*labels, *place], _sum(records, key))
        capacity = state.capacity(key)
        taking.add_metric(
            labels, sum(count.guests > 0 for count in capacity.hosts)
        )
        for condition, hosts in capacity.shortages:
            short.add_metric([*labels, condition], hosts)
        if not key.shape:
            total.add_metric([key.flavor, str(public)], capacity.in_all)
    yield from (fit, taking, short, total)


def _sum(records: Iterable[HostRecord], key: RequestKey) -> int:
    return sum(
        record.counts[key].guests for record in records if key in record.counts
    )


def _nodes(records: Iterable[HostRecord]) -> Iterator[NodeAmounts]:
    for record in records:
        if record.figures is not None:
            yield from record.figures.nodes


def _added(
    nodes: Iterable[NodeAmounts],
    amounts_of: Callable[
        [NodeAmounts], Mapping[tuple[str, ...], FreeAndTotal]
    ],
) -> dict[tuple[str, ...], FreeAndTotal]:
    sums: dict[tuple[str, ...], FreeAndTotal] = {}
    for node in nodes:
        for key, amount in amounts_of(node).items():
            sums[key] = sums.get(key, FreeAndTotal()) + amount
    return dict(sorted(sums.items()))


#: Name and help of amounts, the labels of each, and how a node has them.
_AMOUNTS: Sequence[
    tuple[
        str,
        str,
        list[str],
        Callable[[NodeAmounts], Mapping[tuple[str, ...], FreeAndTotal]],
    ]
] = (
    (
        'dedicated_cpus',
        'dedicated CPUs',
        [],
        lambda node: {(): node.cpus} if node.cpus.total else {},
    ),
    (
        'pages',
        'pages that instances may have',
        ['size_kib'],
        lambda node: {
            (str(size),): amount for size, amount in node.pages.items()
        },
    ),
    (
        'devices',
        'PCI devices that instances may have',
        ['type', 'physnet'],
        lambda node: dict(node.devices.items()),
    ),
)


def _pairs(scope: str, labels: list[str]) -> Iterator[tuple[Metric, ...]]:
    """The families of totals and of what is free of each kind of amount."""
    for name, text, more, _ in _AMOUNTS:
        yield (
            _gauge(
                f'{scope}{name}',
                f'{text[:1].upper()}{text[1:]}.',
                labels + more,
            ),
            _gauge(f'{scope}{name}_free', f'Free {text}.', labels + more),
        )


def _add(
    pairs: Sequence[tuple[Metric, ...]],
    labels: Sequence[str],
    nodes: Sequence[NodeAmounts],
) -> None:
    for (total, free), (*_, amounts_of) in zip(pairs, _AMOUNTS, strict=True):
        for key, amount in _added(nodes, amounts_of).items():
            total.add_metric([*labels, *key], amount.total)  # type: ignore[attr-defined]
            free.add_metric([*labels, *key], amount.free)  # type: ignore[attr-defined]


def _amounts(
    places: Mapping[Place, Sequence[HostRecord]],
) -> Iterator[Metric]:
    hosts = _gauge('hosts', 'Compute nodes.', _DOMAIN)
    usable = _gauge(
        'usable_hosts',
        'Compute nodes whose nova-compute is up and not disabled.',
        _DOMAIN,
    )
    empty = _gauge('empty_hosts', 'Compute nodes without instances.', _DOMAIN)
    stranded = _gauge(
        'stranded_devices',
        'Free devices on NUMA nodes without free dedicated CPUs or huge '
        'pages.',
        _DOMAIN,
    )
    fragmentation = _gauge(
        'fragmentation_ratio',
        'Mean share of free dedicated CPUs lost to their spread over NUMA '
        'nodes.',
        _DOMAIN,
    )
    pairs = list(_pairs('', _DOMAIN))
    for place, records in places.items():
        figures = [each.figures for each in records if each.figures]
        hosts.add_metric(place, len(records))
        usable.add_metric(
            place, sum(record.scanned.usable for record in records)
        )
        empty.add_metric(place, sum(each.instances == 0 for each in figures))
        stranded.add_metric(place, sum(each.stranded for each in figures))
        if figures:
            fragmentation.add_metric(
                place,
                sum(each.fragmentation for each in figures) / len(figures),
            )
        _add(pairs, place, list(_nodes(records)))
    yield from (hosts, usable, empty, stranded, fragmentation)
    for pair in pairs:
        yield from pair


def _losses(state: CloudState) -> Iterator[Metric]:
    instances = _gauge(
        'loss_instances', 'Instances of a failure domain.', _DOMAIN
    )
    unplaced = _gauge(
        'loss_unplaced_instances',
        'Instances that would not fit on the other hosts after the loss of '
        'their failure domain.',
        _DOMAIN,
    )
    when = _gauge(
        'loss_timestamp_seconds',
        'When the loss of a failure domain was computed.',
        _DOMAIN,
    )
    for place, loss in sorted(state.losses.items()):
        instances.add_metric(place, loss.instances)
        unplaced.add_metric(place, loss.unplaced)
        when.add_metric(place, loss.at)
    yield from (instances, unplaced, when)


def _published(state: CloudState) -> Iterator[Metric]:
    hosts = _gauge(
        'published_hosts',
        'Compute nodes by whether their published topology describes them.',
        ['state'],
    )
    counts = collections.Counter(
        record.published for record in state.hosts.values()
    )
    for each in Published:
        hosts.add_metric([str(each)], counts[each])
    trees = _gauge(
        'trees', 'Provider trees of host topology by state.', ['state']
    )
    for name in ('read', 'incomplete', 'unknown', 'corrupt', 'truncated'):
        trees.add_metric([name], getattr(state.trees, name))
    failing = _gauge(
        'tree_reads_failing',
        'Reads of the trees that failed since the last one that succeeded.',
        [],
    )
    failing.add_metric([], state.trees.failing)
    yield from (hosts, trees, failing)


def _by_host(state: CloudState) -> Iterator[Metric]:
    fit = _gauge(
        'hypervisor_by_flavor',
        'Free capacity for each hypervisor if you fill remaining space full '
        'of each flavor.',
        ['hypervisor', 'flavor_name', 'az_aggregate', 'project_aggregate'],
        'openstack_free_capacity',
    )
    instances = _gauge('host_instances', 'Instances of a host.', _HOST)
    stranded = _gauge(
        'host_stranded_devices', 'Stranded devices of a host.', _HOST
    )
    fragmentation = _gauge(
        'host_fragmentation_ratio', 'Fragmentation of a host.', _HOST
    )
    pairs = list(_pairs('numa_node_', _NODE))
    for name, record in sorted(state.hosts.items()):
        host = record.scanned
        for key, count in record.counts.items():
            # As os-capacity, which leaves out what does not fit.
            if count.guests and not key.shape:
                fit.add_metric(
                    [name, key.flavor, host.zone, host.tenants], count.guests
                )
        figures = record.figures
        if figures is None:
            continue
        if figures.instances is not None:
            instances.add_metric([name], figures.instances)
        stranded.add_metric([name], figures.stranded)
        fragmentation.add_metric([name], figures.fragmentation)
        for node in figures.nodes:
            number = '' if node.id is None else str(node.id)
            _add(pairs, [name, number], [node])
    yield from (fit, instances, stranded, fragmentation)
    for pair in pairs:
        yield from pair
