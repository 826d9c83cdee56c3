"""Provider trees of hosts in Placement, and requests for them.

The trees are those of clouds with VGPUs, encrypted memory, persistent memory,
PCI devices in Placement, and ports with a guaranteed bandwidth and packet
rate, where disk or memory may be shared.
"""

import dataclasses
import random
import urllib.parse
import uuid

from nfv_sched.placement import api
from nfv_sched.placement.candidate_request import CandidateRequest
from nfv_sched.placement.candidate_request import RequestGroup
from nfv_sched.placement.provider_tree import SHARING

EGRESS = 'NET_BW_EGR_KILOBIT_PER_SEC'
INGRESS = 'NET_BW_IGR_KILOBIT_PER_SEC'
PACKETS = 'NET_PACKET_RATE_KILOPACKET_PER_SEC'
CONTEXTS = 'MEM_ENCRYPTION_CONTEXT'
DEVICE = 'CUSTOM_PCI_8086_1572'
PMEM = 'CUSTOM_PMEM_NAMESPACE_SMALL'
ENCRYPTING = ('HW_CPU_X86_AMD_SEV', 'HW_CPU_X86_AMD_SEV_ES')
GOLD = 'CUSTOM_GOLD'
SLOW = 'CUSTOM_SLOW'
VGPU_TYPES = ('CUSTOM_NVIDIA_11', 'CUSTOM_NVIDIA_12')
PHYSNETS = ('CUSTOM_PHYSNET_1', 'CUSTOM_PHYSNET_2')
_CLASSES = (DEVICE, PMEM)
_TRAITS = (GOLD, SLOW, *VGPU_TYPES, *PHYSNETS)


def create_names(client):
    """Create the custom classes and traits."""
    api.create_names(client, frozenset(_CLASSES), frozenset(_TRAITS))


@dataclasses.dataclass(frozen=True)
class Amount:
    """An inventory, and what is used of it."""

    total: int
    used: int = 0
    reserved: int = 0
    max_unit: int | None = None
    step_size: int = 1
    min_unit: int = 1
    allocation_ratio: float = 1.0

    def inventory(self):
        return {
            'total': self.total,
            'reserved': self.reserved,
            'min_unit': self.min_unit,
            'max_unit': self.max_unit or self.total,
            'step_size': self.step_size,
            'allocation_ratio': self.allocation_ratio,
        }


def create_shared(client, name, aggregate, **amounts):
    """Create a provider that shares with the providers of an aggregate."""
    return create(client, name, None, [SHARING], [aggregate], **amounts)


def create(client, name, parent=None, traits=(), aggregates=(), **amounts):
    """Create a provider with amounts by class; returns its uuid.

    Custom names have to exist.
    """
    created = str(uuid.uuid4())
    body = {'uuid': created, 'name': name}
    if parent:
        body['parent_provider_uuid'] = parent
    client.post('/resource_providers', body)
    generation = 0

    def put(what, values):
        nonlocal generation
        client.put(
            f'/resource_providers/{created}/{what}',
            {what: values, 'resource_provider_generation': generation},
        )
        generation += 1

    if traits:
        put('traits', list(traits))
    if aggregates:
        put('aggregates', list(aggregates))
    used = {
        name: amount.used for name, amount in amounts.items() if amount.used
    }
    if used:
        # Also what Placement would no longer allocate may be in use.
        put('inventories', {name: {'total': used[name]} for name in used})
        allocate(client, str(uuid.uuid4()), {created: used})
        generation += 1
    if amounts:
        put(
            'inventories',
            {name: amount.inventory() for name, amount in amounts.items()},
        )
    return created


def allocate(client, consumer, amounts):
    """Allocate amounts by provider and class to a consumer."""
    client.put(
        f'/allocations/{consumer}',
        {
            'allocations': {
                provider: {'resources': resources}
                for provider, resources in amounts.items()
            },
            'consumer_generation': None,
            'consumer_type': 'INSTANCE',
            'project_id': 'project',
            'user_id': 'user',
        },
    )


def put_inventories(client, provider, inventories, generation=None):
    """Replace the inventories of a provider."""
    path = f'/resource_providers/{provider}/inventories'
    if generation is None:
        generation = client.get(path)['resource_provider_generation']
    client.put(
        path,
        {
            'inventories': inventories,
            'resource_provider_generation': generation,
        },
    )


def query_of(request: CandidateRequest) -> str:
    """The query string of a request."""
    pairs = []
    for group in request.groups:
        suffix = group.suffix
        values = [f'{n}:{a}' for n, a in sorted(group.resources.items())]
        pairs.append((f'resources{suffix}', ','.join(values)))
        plain = [f'!{name}' for name in sorted(group.forbidden)]
        for names in group.required:
            if len(names) == 1:
                plain += names
            else:
                pairs.append(
                    (f'required{suffix}', 'in:' + ','.join(sorted(names)))
                )
        if plain:
            pairs.append((f'required{suffix}', ','.join(plain)))
        pairs += [
            (f'member_of{suffix}', 'in:' + ','.join(sorted(names)))
            for names in group.member_of
        ]
        if group.forbidden_aggregates:
            names = ','.join(sorted(group.forbidden_aggregates))
            pairs.append((f'member_of{suffix}', f'!in:{names}'))
        if group.in_tree:
            pairs.append((f'in_tree{suffix}', group.in_tree))
    root = [
        *sorted(request.root_required),
        *(f'!{name}' for name in sorted(request.root_forbidden)),
    ]
    if root:
        pairs.append(('root_required', ','.join(root)))
    pairs += [
        ('same_subtree', ','.join(sorted(names)))
        for names in request.same_subtrees
    ]
    if request.numbered:
        policy = 'isolate' if request.isolate else 'none'
        pairs.append(('group_policy', policy))
    return urllib.parse.urlencode(pairs)


class Cloud:
    """Random trees in Placement, by the uuids of their roots.

    :param dice: the source of all choices
    """

    def __init__(self, client, dice: random.Random, hosts: int) -> None:
        self.client = client
        self._dice = dice
        #: The first is of hosts and the sharing provider, the second of hosts.
        self.aggregates = [
            str(uuid.UUID(int=dice.getrandbits(128))) for _ in range(2)
        ]
        self._disk_shared = dice.random() < 0.4
        self._memory_shared = dice.random() < 0.3
        create_names(client)
        shared = {}
        if self._disk_shared:
            shared['DISK_GB'] = self._amount(100)
        if self._memory_shared:
            shared['MEMORY_MB'] = self._amount(8192, step_size=1)
        self.sharing = None
        if shared:
            self.sharing = create(
                client,
                'shared',
                None,
                [SHARING],
                self.aggregates[:1],
                **shared,
            )
        self.roots = [self._host(number) for number in range(hosts)]

    def _amount(self, total, **values):
        dice = self._dice
        used = dice.choice((0, 0, total // 2, total - 1, total))
        given = {
            'reserved': dice.choice((0, 0, 0, min(1, total - used))),
            'max_unit': dice.choice((None, None, None, max(1, total // 2))),
            'step_size': dice.choice((1, 1, 1, 1, 2)) if total > 2 else 1,
            **values,
        }
        return Amount(total, used, **given)

    def _host(self, number):
        dice, client = self._dice, self.client
        name = f'host{number}'
        own = {
            'VCPU': dataclasses.replace(
                self._amount(8, step_size=1),
                allocation_ratio=dice.choice((1.0, 1.5)),
            )
        }
        if not self._memory_shared:
            own['MEMORY_MB'] = self._amount(4096, step_size=1)
        if not self._disk_shared or dice.random() < 0.3:
            own['DISK_GB'] = self._amount(40)
        if dice.random() < 0.3:
            own[PMEM] = self._amount(2)
        traits = [t for t in (GOLD, SLOW) if dice.random() < 0.3]
        aggregates = [a for a in self.aggregates if dice.random() < 0.8]
        root = create(client, name, None, traits, aggregates, **own)
        for card in range(dice.choice((0, 1, 2, 2))):
            create(
                client,
                f'{name}_vgpu{card}',
                root,
                dice.sample(VGPU_TYPES, dice.choice((0, 1, 1))),
                VGPU=self._amount(dice.choice((1, 3, 4))),
            )
        if dice.random() < 0.6:
            create(
                client,
                f'{name}_sev',
                root,
                [dice.choice(ENCRYPTING)],
                **{CONTEXTS: self._amount(2, max_unit=1)},
            )
        for device in range(dice.choice((0, 1, 2, 3))):
            total = dice.choice((1, 1, 2))
            reserved = total if dice.random() < 0.3 else 0
            create(
                client,
                f'{name}_0000:0{device}:00.0',
                root,
                [GOLD] if dice.random() < 0.3 else [],
                **{
                    DEVICE: self._amount(
                        total, reserved=reserved, max_unit=None
                    )
                },
            )
        for agent in range(dice.choice((0, 1, 1, 2))):
            title = f'{name}:agent{agent}'
            parent = create(
                client, title, root, (), (), **{PACKETS: self._amount(10)}
            )
            for interface, physnet in enumerate(PHYSNETS):
                both = {EGRESS: self._amount(10), INGRESS: self._amount(10)}
                if dice.random() < 0.2:
                    both.pop(INGRESS)
                create(
                    client,
                    f'{title}:eth{interface}',
                    parent,
                    [physnet],
                    (),
                    **both,
                )
        return root

    def request(self, *, modest: bool = False) -> CandidateRequest:
        """A request as Nova makes them.

        :param modest: one that asks little, which fits more hosts
        """
        dice = self._dice

        def choice(values):
            return values[0] if modest else dice.choice(values)

        def chance(probability):
            return dice.random() < (probability / 2 if modest else probability)

        amounts = {
            'VCPU': choice((1, 2, 4)),
            'MEMORY_MB': choice((256, 1024, 2048)),
        }
        required = []
        if chance(0.6):
            amounts['DISK_GB'] = choice((1, 10, 20))
        if chance(0.3):
            amounts[PMEM] = 1
        if chance(0.3):
            amounts[CONTEXTS] = 1
            required.append(frozenset((ENCRYPTING[0],)))
        groups = []
        if chance(0.4):
            vgpus, types = choice((1, 1, 2, 4)), []
            if chance(0.4):
                types = [frozenset(VGPU_TYPES[: dice.choice((1, 2))])]
            if chance(0.3):
                groups.append(RequestGroup('1', {'VGPU': vgpus}, tuple(types)))
            else:
                amounts['VGPU'] = vgpus
                required += types
        for number in range(dice.choice((0, 0, 1, 2, 3))):
            gold = (frozenset((GOLD,)),) if chance(0.2) else ()
            groups.append(RequestGroup(f'_pci-{number}', {DEVICE: 1}, gold))
        subtrees = []
        for number in range(dice.choice((0, 0, 1, 2))):
            rate = choice((1, 2, 5))
            port = RequestGroup(
                f'_port-{number}',
                {EGRESS: rate, INGRESS: rate},
                (frozenset((dice.choice(PHYSNETS),)),),
            )
            groups.append(port)
            if chance(0.4):
                groups.append(RequestGroup(f'_rate-{number}', {PACKETS: 1}))
                subtrees.append(frozenset((port.suffix, groups[-1].suffix)))
        if chance(0.15):
            required.append(frozenset((GOLD,)))
        main = RequestGroup(
            '',
            amounts,
            tuple(dict.fromkeys(required)),
            frozenset((SLOW,)) if chance(0.15) else frozenset(),
            ((frozenset(self.aggregates[:1]),) if chance(0.2) else ()),
            (frozenset(self.aggregates[1:]) if chance(0.1) else frozenset()),
            dice.choice(self.roots) if chance(0.05) else None,
        )
        root = frozenset((GOLD,)) if chance(0.1) else frozenset()
        return CandidateRequest(
            (main, *groups),
            root,
            frozenset((SLOW,)) if chance(0.1) else frozenset(),
            bool(groups) and not subtrees and chance(0.3),
            tuple(subtrees),
        )
