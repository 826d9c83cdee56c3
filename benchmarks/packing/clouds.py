"""The four simulated clouds.

Machines are those of :mod:`nfv_sched.sim` or lie in ``machines/``, which
tells documented figures from chosen ones.
"""

import dataclasses
import pathlib

from nfv_sched.sim import machine
from nfv_sched.sim.machine import Machine

_MACHINES = pathlib.Path(__file__).parent / 'machines'


@dataclasses.dataclass(frozen=True)
class Cloud:
    """Hosts, as kinds of machines and how many there are of each."""

    name: str
    about: str
    kinds: tuple[tuple[Machine, int], ...]

    @property
    def machines(self) -> tuple[Machine, ...]:
        """One machine per host, kinds taking turns.

        With labelled NUMA nodes, which only schedulers use that choose nodes.
        """
        left = [[found, count] for found, count in self.kinds]
        order = []
        while left:
            order += [
                dataclasses.replace(found, labelled=True) for found, _ in left
            ]
            left = [[found, n - 1] for found, n in left if n > 1]
        return tuple(order)


def _own(name: str) -> Machine:
    return machine.load_file(_MACHINES / f'{name}.yaml')


def _with_shared_cores(found: Machine, count: int) -> Machine:
    """Chosen: the first cores of each cell are for floating guests."""
    usable = found.dedicated | found.shared
    shared = frozenset[int]().union(
        *(
            core
            for cell in found.cells
            for core in [core for core in found.cores(cell) if core <= usable][
                :count
            ]
        )
    )
    return dataclasses.replace(found, dedicated=usable - shared, shared=shared)


_ONE_SIDED = _own('f5-lab-sriov')
_BOTH_SIDED = _own('r740-sriov-4x16vf')
_NPS4 = _with_shared_cores(machine.load('turin-nps4'), 2)
_NO_CARDS = machine.load('r740-dpdk-320g')

CLOUDS = {
    cloud.name: cloud
    for cloud in (
        Cloud(
            'one-sided',
            '24 two-cell Intel hosts, SR-IOV on one cell',
            ((_ONE_SIDED, 24),),
        ),
        Cloud(
            'both-sided',
            '16 two-cell Intel hosts, SR-IOV on both cells',
            ((_BOTH_SIDED, 16),),
        ),
        Cloud(
            'nps4',
            '6 eight-cell AMD hosts, SR-IOV on five of the cells',
            ((_NPS4, 6),),
        ),
        Cloud(
            'mixed',
            '8 + 6 two-cell and 2 eight-cell hosts with SR-IOV, 4 without',
            ((_ONE_SIDED, 8), (_BOTH_SIDED, 6), (_NO_CARDS, 4), (_NPS4, 2)),
        ),
    )
}
