"""Hosts with allocation candidates: PCI in Placement, ports with bandwidth.

Devices get their resource classes and traits, and requests their groups, from
Nova's own code. Candidates are chosen among providers as Placement does;
some are out of date, as Placement's inventories can be.
"""

import contextlib
import itertools
import uuid

from hypothesis import strategies as st
from nova import objects
from nova.compute import pci_placement_translator
import nova.conf

from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import strategies
from nfv_sched_testing.strategies import GIB
from nfv_sched_testing.strategies import PHYSNETS
from nfv_sched_testing.strategies import POLICIES

CONF = nova.conf.CONF
BANDWIDTH = 'NET_BW_EGR_KILOBIT_PER_SEC'
ROOT = str(uuid.UUID(int=0xFFFF))

_CLASSES = ('CUSTOM_FPGA', 'CUSTOM_CRYPTO')
_TRAITS = ('CUSTOM_FAST', 'CUSTOM_SAFE')
#: More than a host has in one card, fewer than make tests slow.
_MOST_CANDIDATES = 6


class _Card:
    """Devices on one bus, with the tags of their device specification.

    ``free`` is what Placement has left of each provider, by uuid.
    """

    def __init__(self, bus, node, kind, tags):
        self.bus = bus
        self.node = node
        self.kind = kind
        self.tags = tags
        self.devices = []
        self.free = {}

    @property
    def interface(self):
        return f'ens{self.bus}'

    @property
    def bandwidth_provider(self):
        return str(uuid.UUID(int=0x1000 + self.bus))

    def offers(self, group):
        """The providers that have what a request group asks."""
        if not self.free:
            return []
        resource = pci_placement_translator._get_rc_for_dev(
            self.devices[0], self.tags
        )
        traits = pci_placement_translator._get_traits_for_dev(self.tags)
        if self.tags.get('one_time_use'):
            traits.add('HW_PCI_ONE_TIME_USE')
        if resource not in group.resources or group.required_traits - traits:
            return []
        return [provider for provider, free in self.free.items() if free > 0]


def one_in(count):
    """True once in ``count`` times; integers would be at their bounds more."""
    return st.sampled_from((*(False,) * (count - 1), True))


@contextlib.contextmanager
def pci_in_placement():
    """Nova's options for PCI in Placement."""
    options = (('report_in_placement', 'pci'), ('pci_in_placement', None))
    for name, group in options:
        CONF.set_override(name, True, group or 'filter_scheduler')
    try:
        yield
    finally:
        for name, group in options:
            CONF.clear_override(name, group or 'filter_scheduler')


@st.composite
def cards(draw, bus, nodes, kinds=(*('pci', 'pf', 'vf') * 2, *('net',) * 4)):
    """One card: devices of one provider each, or VFs of one PF."""
    kind = draw(st.sampled_from(kinds))
    tags = {}
    if kind == 'net':
        # Neutron's devices: Nova does not report them to Placement.
        tags['physical_network'] = draw(st.sampled_from(PHYSNETS))
    else:
        if draw(st.booleans()):
            tags['resource_class'] = draw(st.sampled_from(_CLASSES))
        if draw(st.booleans()):
            tags['traits'] = draw(st.sampled_from(_TRAITS))
        if kind != 'vf' and draw(one_in(3)):
            tags['one_time_use'] = 'true'
        if draw(st.booleans()):
            tags['live_migratable'] = draw(st.sampled_from(('true', 'false')))
    card = _Card(bus, draw(st.sampled_from(nodes)), kind, tags)
    card.devices = draw(_devices(card))
    if kind == 'net':
        return card
    for number, device in enumerate(card.devices):
        # The VFs of one PF share its provider.
        shared = kind == 'vf'
        provider = str(uuid.UUID(int=(bus << 8) + (0 if shared else number)))
        device.extra_info = {'rp_uuid': provider}
        card.free[provider] = card.free.get(provider, 0) + 1
    for provider in card.free:
        # Of devices that were used once and returned Placement has none; an
        # inventory may be behind, with one too many.
        card.free[provider] += draw(st.sampled_from((*(0,) * 6, -1, 1)))
    return card


@st.composite
def _devices(draw, card):
    bus, node = card.bus, card.node
    if card.kind == 'pci':
        return [
            builders.device(
                f'0000:8{bus}:00.{n}', 'type-PCI', node, product='0435'
            )
            for n in range(draw(st.integers(1, 2)))
        ]
    pf = builders.device(f'0000:8{bus}:00.0', 'type-PF', node)
    if card.kind == 'pf':
        return [pf]
    functions = [
        builders.device(
            f'0000:8{bus}:02.{n}',
            'type-VF',
            node,
            parent=pf.address,
            product='154c',
        )
        for n in range(draw(st.sampled_from((1, 2, 2, 4))))
    ]
    if card.kind == 'vf':
        return functions
    if not draw(one_in(10)):
        # VFs that are bound to a driver of the host have a network device.
        for function in functions:
            function.extra_info = {'parent_ifname': card.interface}
    available = draw(st.sampled_from(('vfs', 'vfs', 'vfs', 'both', 'none')))
    return {'vfs': functions, 'both': [pf, *functions], 'none': []}[available]


@st.composite
def hosts(draw, topology, *, network=False):
    """The cards of a host, and its PciDeviceStats.

    :param network: whether two cards are neutron's for sure
    """
    nodes = [cell.id for cell in topology.cells] if topology else [0]
    nodes = [*nodes * 4, None]
    host_cards = [
        draw(cards(bus, nodes, ('net',)))
        if network and bus < 2
        else draw(cards(bus, nodes))
        for bus in range(draw(st.integers(2, 5)))
    ]
    specs = []
    for card in host_cards:
        address = f'0000:8{card.bus}:'
        if card.kind == 'vf' and draw(one_in(20)):
            # The VFs of one provider in two pools, which Nova refuses.
            split = {**card.tags, 'trusted': 'true'}
            specs.append({'address': f'{address}02.0', **split})
        specs.append({'address': f'{address}*', **card.tags})
    devices = [device for card in host_cards for device in card.devices]
    stats = nova_oracle.stats_for(
        topology, draw(st.permutations(devices)), specs
    )
    stats.populate_pools_metadata_from_assigned_devices()
    return host_cards, stats


@st.composite
def aliases(draw, number, host_cards):
    """A request by alias, for devices that the host has."""
    card = draw(st.sampled_from([card for card in host_cards if card.free]))
    spec = {}
    kinds = {'pci': ('type-PCI', '0435'), 'pf': ('type-PF', '1572')}
    dev_type, product = kinds.get(card.kind, ('type-VF', '154c'))
    if 'resource_class' in card.tags:
        spec['resource_class'] = card.tags['resource_class']
    if 'resource_class' not in spec or draw(st.booleans()):
        spec.update(vendor_id='8086', product_id=product)
    if dev_type == 'type-PF' or draw(st.booleans()):
        spec['dev_type'] = dev_type
    if 'traits' in card.tags and draw(st.booleans()):
        spec['traits'] = card.tags['traits']
    known = card.tags.get('live_migratable')
    if not draw(one_in(4)) if known else draw(one_in(60)):
        spec['live_migratable'] = known or 'true'
    return objects.InstancePCIRequest(
        count=draw(st.sampled_from((*(1,) * 5, 2, 2, 3))),
        spec=[spec],
        alias_name=f'alias{number}',
        request_id=str(uuid.UUID(int=0x100000 + number)),
        numa_policy=draw(st.sampled_from((None, *POLICIES))),
    )


@st.composite
def ports(draw, number, host_cards):
    """A request of an SR-IOV port, as create_resource_requests makes it."""
    networks = [
        card.tags['physical_network']
        for card in host_cards
        if card.kind == 'net'
    ]
    spec = {
        'physical_network': draw(st.sampled_from(networks or PHYSNETS)),
        'remote_managed': 'False',
    }
    if draw(one_in(10)):
        spec['dev_type'] = 'type-PF'
    return objects.InstancePCIRequest(
        count=1,
        spec=[spec],
        request_id=str(uuid.UUID(int=0x200000 + number)),
        requester_id=str(uuid.UUID(int=0x300000 + number)),
        numa_policy=draw(st.sampled_from((None, None, *POLICIES))),
    )


@st.composite
def _requests(draw, host_cards):
    requests = []
    tracked = [card for card in host_cards if card.free]
    others = [card for card in host_cards if not card.free]
    for number in range(draw(st.sampled_from((1, 1, 2, 2, 3)))):
        by_alias = not others or (tracked and draw(st.booleans()))
        requests.append(
            draw((aliases if by_alias else ports)(number, host_cards))
        )
    return requests


def _bandwidth_group(group_id):
    return objects.RequestGroup(
        requester_id=group_id,
        use_same_provider=True,
        resources={BANDWIDTH: 1000},
    )


@st.composite
def _bandwidth(draw, requests, host_cards, *, certain):
    """Groups for the bandwidth of ports, and the choices for each.

    Neutron names the group by the port, or, with its API extension
    port-resource-request-groups, by a uuid of its own: Nova finds the
    interface in the first case only.
    """
    groups, names = {}, {ROOT: 'host'}
    for request in requests:
        sure = certain and request is requests[-1]
        if request.alias_name or (not sure and draw(one_in(4))):
            continue
        group_id = request.requester_id
        if not sure and draw(one_in(5)):
            group_id = str(uuid.uuid5(uuid.UUID(group_id), 'rule'))
        physnet = request.spec[0]['physical_network']
        options = []
        for card in host_cards:
            near = card.tags.get('physical_network') == physnet
            if card.kind == 'net' and (near or draw(one_in(10))):
                options.append([card.bandwidth_provider])
                names[card.bandwidth_provider] = (
                    f'host:NIC Switch agent:{card.interface}'
                )
        if draw(one_in(20)):
            odd = draw(
                st.sampled_from(
                    (
                        'host:Open vSwitch agent',
                        'host:Open vSwitch agent:br-physnet0',
                        'host:8774:NIC Switch agent:ens0',
                    )
                )
            )
            provider = str(uuid.UUID(int=0x2000 + len(names)))
            names[provider] = odd
            options.append([provider])
        if options and draw(one_in(40)):
            options.append([options[0][0], ROOT])
        if options:
            groups[group_id] = options
    if draw(one_in(4)):
        # A port without a device, on a bridge of the host.
        bridge = str(uuid.UUID(int=0x3000))
        names[bridge] = 'host:Open vSwitch agent:br-physnet1'
        groups[str(uuid.UUID(int=0x300100))] = [[bridge]]
    return groups, names


@st.composite
def _candidates(draw, spec, host_cards, bandwidth):
    """Allocation candidates: a provider for each group of the request."""
    options = {}
    for group in spec.requested_resources:
        suffix = group.requester_id
        if suffix in bandwidth:
            options[suffix] = bandwidth[suffix]
            continue
        providers = [p for card in host_cards for p in card.offers(group)]
        if not providers or draw(one_in(30)):
            # Placement has no candidate then; a stale one must do.
            providers = [*providers, ROOT]
            providers += [p for card in host_cards for p in card.free]
        options[suffix] = [[provider] for provider in providers]
    free = {
        provider: amount
        for card in host_cards
        for provider, amount in card.free.items()
    }
    choices = draw(_choices(list(options.values())))
    allowed = [choice for choice in choices if _suffice(free, choice)]
    return tuple(
        {
            'allocations': {},
            'mappings': {
                '': [ROOT],
                **dict(zip(options, choice, strict=True)),
            },
        }
        for choice in allowed or choices[:1]
    )


@st.composite
def _choices(draw, options):
    count = 1
    for each in options:
        count *= len(each)
    if count <= 64:
        choices = draw(st.permutations(list(itertools.product(*options))))
        return choices[: 4 * _MOST_CANDIDATES]
    return [
        tuple(draw(st.sampled_from(each)) for each in options)
        for _ in range(2 * _MOST_CANDIDATES)
    ]


def _suffice(free, choice):
    left = dict(free)
    for providers in choice:
        if providers[0] in left:
            left[providers[0]] -= 1
    return all(amount >= 0 for amount in left.values())


@st.composite
def _guests(draw, topology):
    """Any guest topology, none, or a small one: devices decide then."""
    kind = draw(st.sampled_from(('none', 'small', 'small', 'any')))
    if topology is None or kind == 'none':
        return None
    if kind == 'any':
        return draw(strategies.guest_topologies(len(topology.cells)))
    policy = draw(st.sampled_from(('dedicated', 'mixed', None)))
    dedicated, shared = {'dedicated': (1, 0), 'mixed': (1, 1)}.get(
        policy, (0, 1)
    )
    size = dedicated + shared
    count = draw(st.integers(1, min(2, len(topology.cells))))
    page_size = draw(st.sampled_from((None, None, -1, 4, 2048, GIB)))
    thread_policy = None
    if dedicated:
        policies = (None, 'prefer', 'require', 'isolate')
        thread_policy = draw(st.sampled_from(policies))
    return objects.InstanceNUMATopology(
        cells=[
            objects.InstanceNUMACell(
                id=index,
                cpuset=set(
                    range(index * size + dedicated, (index + 1) * size)
                ),
                pcpuset=set(range(index * size, index * size + dedicated)),
                memory=1024 if page_size == GIB else 512,
                pagesize=page_size,
                cpu_policy=policy,
                cpu_thread_policy=thread_policy,
            )
            for index in range(count)
        ],
        emulator_threads_policy=None,
    )


@st.composite
def scenes(draw, max_host_cells=4, *, bandwidth=False):
    """One host with its allocation candidates, and one request for it.

    :param bandwidth: whether some port has a guaranteed bandwidth for sure
    """
    topology = (
        draw(strategies.topologies(max_host_cells))
        if not draw(one_in(30))
        else None
    )
    wanted = draw(_guests(topology))
    with pci_in_placement():
        host_cards, stats = draw(hosts(topology, network=bandwidth))
    return draw(
        scenes_on(topology, wanted, host_cards, stats, bandwidth=bandwidth)
    )


@st.composite
def scenes_on(draw, topology, wanted, host_cards, stats, *, bandwidth):
    """A host of these cards, and a request with this guest topology.

    :param bandwidth: as for :func:`scenes`
    """
    with pci_in_placement():
        requests = draw(_requests(host_cards))
        if bandwidth:
            requests.append(draw(ports(len(requests), host_cards)))
        groups, names = draw(
            _bandwidth(requests, host_cards, certain=bandwidth)
        )
        spec = objects.RequestSpec(
            flavor=objects.Flavor(
                extra_specs=draw(
                    st.sampled_from(({}, {}, {'nfv:pci_spread': 'pf'}))
                )
            ),
            numa_topology=wanted,
            pci_requests=objects.InstancePCIRequests(requests=requests),
            network_metadata=draw(strategies.networks()),
            requested_resources=[*map(_bandwidth_group, groups)],
        )
        spec.generate_request_groups_from_pci_requests()
    candidates = draw(_candidates(spec, host_cards, groups))
    return nova_oracle.Scene(
        topology=topology,
        stats=stats,
        spec=spec,
        cpu_ratio=draw(st.sampled_from((1.0, 4.0, 16.0))),
        ram_ratio=draw(st.sampled_from((1.0, 1.5))),
        candidates=candidates[:_MOST_CANDIDATES],
        names=names,
    )
