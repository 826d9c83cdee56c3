"""Flavors, their mixes, and seeded arrivals.

Flavors are the documented ones of :mod:`nfv_sched.sim.flavors` or have
documented sizes; what is changed or left open there and chosen here is said
beside each.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import itertools
import random

from nfv_sched.sim import flavors as documented
from nfv_sched.sim.boot_request import Port
from nfv_sched.sim.boot_request import SimulatedFlavor

_NEAR = (
    Port('physnet1', numa_policy='required'),
    Port('physnet2', numa_policy='required'),
)
# How long a wave takes, in mean lifetimes.
_WAVE = 0.25
_TWO_MIB = {'hw:mem_page_size': '2048'}


def _like(
    name: str, specs: Mapping[str, str] = {}, **other: object
) -> SimulatedFlavor:
    known = documented.flavors()[name]
    merged = {**known.extra_specs, **specs}
    merged.pop('pci_passthrough:alias', None)
    return dataclasses.replace(known, extra_specs=merged, **other)


_BIGIP = _like('f5-bigip.16GB.dpdk', ports=())

FLAVORS: Mapping[str, SimulatedFlavor] = {
    flavor.name: flavor
    for flavor in (
        # One VF, policy legacy.
        _like('anuket-HS.large'),
        # Two equal cells, two VFs, policy preferred.
        _like('anuket-HS.4xlarge'),
        # Chosen: its two ports are VFs, on its cell.
        _like('opnfv-vrouter-2port', ports=_NEAR),
        # Two unequal cells, four VFs on them.
        _like('opnfv-vrouter-4port'),
        _like('telefonica-dataplane-3'),
        # Chosen: a port instead of an alias, which names one vendor; 2 MiB
        # pages for its two unequal cells of floating CPUs.
        _like(
            'onap-vopennat',
            _TWO_MIB,
            ports=(Port('physnet1', numa_policy='preferred'),),
        ),
        # Chosen: no vSwitch port, which some hosts tie to a cell.
        _BIGIP,
        dataclasses.replace(
            _BIGIP, name='f5-bigip.32GB.dpdk', ram_mib=32 * 1024
        ),
        # Chosen: shares cores, since hosts with SMT refuse "isolate".
        _like('cncf-vnf.3c', {'hw:cpu_thread_policy': 'prefer'}),
        # Chosen: 2 MiB pages, which put the floating guest on a cell.
        _like('clearwater-vims', _TWO_MIB),
        # The reference model's .medium. Chosen: no device.
        dataclasses.replace(
            _like('anuket-HS.large', ports=()),
            name='anuket-HS.medium',
            vcpus=2,
            ram_mib=4096,
        ),
    )
}


@dataclasses.dataclass(frozen=True)
class Load:
    """How often guests of each flavor come, and in which order.

    ``small_first``: the guests without devices come first, small ones before
    large ones; at churn they come in waves. ``known`` has the flavors, and
    perhaps others.
    """

    name: str
    about: str
    weights: Mapping[str, float]
    small_first: bool = False
    known: Mapping[str, SimulatedFlavor] = dataclasses.field(
        default_factory=lambda: FLAVORS
    )

    @property
    def flavors(self) -> tuple[SimulatedFlavor, ...]:
        """The flavors that come."""
        return tuple(self.known[name] for name in self.weights)

    def size(self, name: str) -> tuple[bool, int, str]:
        """What puts flavors in order, small and plain ones first."""
        flavor = self.known[name]
        return bool(flavor.ports), flavor.vcpus, name


# Guests a hundred. Chosen so that cells with and without devices fill up
# together where half of the cells have them: then it costs to waste either.
_VNFS = {
    'anuket-HS.large': 18,
    'anuket-HS.4xlarge': 5,
    'opnfv-vrouter-2port': 10,
    'opnfv-vrouter-4port': 5,
    'telefonica-dataplane-3': 16,
    'onap-vopennat': 4,
    'f5-bigip.16GB.dpdk': 10,
    'f5-bigip.32GB.dpdk': 2,
    'cncf-vnf.3c': 12,
    'clearwater-vims': 6,
    'anuket-HS.medium': 12,
}

LOADS = {
    load.name: load
    for load in (
        Load('vnf', 'eleven VNF flavors, at random', _VNFS),
        Load(
            'one-shape',
            'guests of two cells of 8 CPUs and two VFs',
            {'anuket-HS.4xlarge': 1},
        ),
        Load(
            'small-first', 'the same, small and plain ones first', _VNFS, True
        ),
    )
}


@dataclasses.dataclass(frozen=True, slots=True)
class Arrival:
    """One guest. Times in mean lifetimes since the start."""

    number: int
    flavor: str
    time: float = 0.0
    lifetime: float = 0.0


def sequence(load: Load, seed: int, expected: int) -> Iterator[Arrival]:
    """Guests that stay, for ever more of them.

    :param expected: about how many fit, which are reordered where small
        ones come first
    """
    # Not for secrets: for the same guests again.
    dice = random.Random(f'{load.name}/fill/{seed}')  # noqa: S311
    names, weights = list(load.weights), list(load.weights.values())
    first: list[str] = []
    if load.small_first:
        first = dice.choices(names, weights, k=expected)
        first.sort(key=load.size)
    for number in itertools.count():
        name = (
            first[number]
            if number < len(first)
            else dice.choices(names, weights)[0]
        )
        yield Arrival(number, name)


def earlier(load: Load, count: int) -> list[str]:
    """The flavors of instances of the load that came before all seeds'."""
    dice = random.Random(f'{load.name}/earlier')  # noqa: S311
    return dice.choices(
        list(load.weights), list(load.weights.values()), k=count
    )


def churn(
    load: Load, seed: int, resident: float, count: int
) -> Iterator[Arrival]:
    """``count`` guests that come at random and stay exponentially long.

    :param resident: how many would run on average if all were placed
    """
    dice = random.Random(f'{load.name}/churn/{seed}')  # noqa: S311
    now = 0.0
    for number in range(count):
        now += dice.expovariate(resident)
        weights = _weights_at(load, now)
        [name] = dice.choices(list(weights), list(weights.values()))
        yield Arrival(number, name, now, dice.expovariate(1.0))


def _weights_at(load: Load, now: float) -> Mapping[str, float]:
    """What comes now: with waves, plain guests before the others.

    Each part of a wave takes its flavors' share of the time, so that the
    mix is the same on the whole.
    """
    if not load.small_first:
        return load.weights
    plain = {
        name: weight
        for name, weight in load.weights.items()
        if not load.known[name].ports
    }
    share = sum(plain.values()) / sum(load.weights.values())
    if now % _WAVE < share * _WAVE:
        return plain
    return {k: v for k, v in load.weights.items() if k not in plain}
