"""Random small clouds on which a capacity is told and then filled."""

import dataclasses
import random

from nfv_sched.capacity import CapacityCounter
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import Port
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.boot_result import Outcome
from nfv_sched.sim.cloud import Cloud
from nfv_sched.sim.cloud import simulated_cloud

_PER_CELL = 4
_THREADS = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """One flavor on one cloud: what was told, and what came true.

    ``refusal`` is how the guest after the last ended; ``explained`` is
    whether its explanation adds up and says that no host fits.
    """

    seed: int
    flavor: SimulatedFlavor
    told: int
    placed: int
    refusal: Outcome
    explained: bool

    @property
    def exact(self) -> bool:
        """Whether all is as it should be."""
        return (
            self.told == self.placed
            and self.refusal is Outcome.NO_VALID_HOST
            and self.explained
        )


def host(dice: random.Random) -> machine.Machine:
    """A machine of few cells, CPUs, pages and functions."""
    cells = dice.choice((1, 2, 2, 4))
    stride = cells * _PER_CELL
    lines = ['about: random', f'smt: {{threads: 2, stride: {stride}}}']
    shared, dedicated, parts = [], [], []
    for cell in range(cells):
        first = cell * _PER_CELL
        cpus = list(range(first, first + _PER_CELL))
        both = cpus + [cpu + stride for cpu in cpus]
        keep = dice.randint(0, 2)
        for cpu in cpus:
            threads = [cpu, cpu + stride]
            (shared if cpu - first < keep else dedicated).extend(threads)
        pages = f'{{1G: {dice.randint(0, 6)}, 2M: {dice.choice((0, 512))}}}'
        parts.append(
            f'- {{id: {cell}, cpus: "{",".join(map(str, both))}", '
            f'memory_mib: 10240, socket: {cell // 2}, pages: {pages}}}'
        )
    lines += [
        f'dedicated: "{",".join(map(str, dedicated))}"',
        f'shared: "{",".join(map(str, shared))}"',
        f'disk_gib: {dice.choice((20, 200))}',
        'cells:',
        *parts,
    ]
    nics = [
        f"- {{address: '0000:{0x80 + n:x}:00.0', cell: {dice.randrange(cells)}"
        f", ids: '8086:1572', vfs: {dice.randint(1, 4)}, vf_ids: '8086:154c'"
        ', physnet: physnet1}'
        for n in range(dice.randint(0, 2))
    ]
    if nics:
        lines += ['nics:', *nics]
    return machine.parse('random', '\n'.join(lines))


def flavor(dice: random.Random) -> SimulatedFlavor:
    """A flavor of a kind that VNFs have."""
    specs: dict[str, str] = {}
    cells = dice.choice((1, 1, 1, 2))
    if dice.random() < 0.8:
        specs['hw:cpu_policy'] = 'dedicated'
        if policy := dice.choice((None, 'prefer', 'require')):
            specs['hw:cpu_thread_policy'] = policy
        if dice.random() < 0.2:
            specs['hw:emulator_threads_policy'] = 'isolate'
    if dice.random() < 0.7:
        size = dice.choice(('1GB', '2MB', 'large', 'any'))
        specs['hw:mem_page_size'] = size
    if specs:
        specs['hw:numa_nodes'] = str(cells)
    ports = ()
    if dice.random() < 0.4:
        policy = dice.choice((None, 'required', 'preferred', 'socket'))
        ports = (Port('physnet1', numa_policy=policy),)
    return SimulatedFlavor(
        'random',
        dice.choice((1, 2, 3)) * cells,
        dice.choice((1, 2, 3)) * cells * 1024,
        dice.choice((1, 5)),
        specs,
        ports,
    )


def trials(seed: int, flavors: int = 2) -> list[Trial]:
    """Try flavors on one random cloud, one after another, till it is full."""
    # Not for secrets: for the same cloud again.
    dice = random.Random(seed)  # noqa: S311
    options = settings.profile_options(settings.NFV)
    with simulated_cloud(settings.NFV, options=options) as cloud:
        for number in range(dice.randint(1, 3)):
            cloud.add_host(f'h{number}', host(dice))
        for _ in range(dice.randint(0, 4)):
            cloud.boot(flavor(dice))
        with settings.override(options):
            return [trial(cloud, flavor(dice), seed) for _ in range(flavors)]


def trial(cloud: Cloud, flavor: SimulatedFlavor, seed: int) -> Trial:
    """Count how many instances fit a cloud, and boot until it is full."""
    counted = (
        CapacityCounter(_scheduler(cloud))
        .count(cloud.request_spec(flavor))
        .in_all
    )
    placed = 0
    while True:
        [guest] = cloud.boot(flavor)
        if not guest.booted:
            break
        placed += 1
    explanation = _scheduler(cloud).explain(cloud.request_spec(flavor))
    fallen = sum(condition.hosts for condition in explanation.conditions)
    adds_up = fallen == explanation.hosts == len(cloud.computes)
    return Trial(seed, flavor, counted, placed, guest.outcome, adds_up)


def _scheduler(cloud: Cloud) -> DryRunScheduler:
    return DryRunScheduler(Pipeline(), PlacementClient(cloud.placement))
