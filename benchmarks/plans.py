"""Plans on a large cloud of plain values, with their bounds.

``python -m benchmarks.plans`` prints seconds, moves and bounds. The gap is how
much less room is regained than the solver's bound, as a part of it.
"""

import argparse
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import functools
import random
import time

from rich.console import Console
from rich.table import Table

from benchmarks.packing import bounds
from benchmarks.packing import scheduler
from benchmarks.packing.clouds import CLOUDS
from benchmarks.packing.columns import COLUMNS
from benchmarks.packing.computes import Compute
from benchmarks.packing.computes import Refused
from benchmarks.packing.computes import Shape
from benchmarks.packing.loads import LOADS
from benchmarks.packing.moves import limits
from benchmarks.packing.moves import RoomMaker
from benchmarks.packing.moves import Running
from nfv_sched.plan import planner
from nfv_sched.plan.defragment import defragment
from nfv_sched.plan.defragment import ExpectedShape
from nfv_sched.plan.planner import SearchLimits
from nfv_sched.plan.values import Method
from nfv_sched.plan.values import Plan
from nfv_sched_testing import planned_clouds

#: NUMA nodes, dedicated CPUs and GiB of pages on each.
_SHAPES = ((1, 2, 2), (1, 4, 4), (1, 6, 10), (1, 8, 8), (2, 4, 8), (2, 8, 16))
_NEW = (2, 10, 20)
#: Guests in a row that fit no host that was drawn, until a cloud is full.
_MOST_FAILED = 1000
#: Two NUMA nodes of ten cores and 60 pages.
_HOST = functools.partial(planned_clouds.host, cores=10, threads=2, pages=60)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hosts', type=int, default=300)
    parser.add_argument('--fill', type=float, nargs='+', default=[0.9, 0.95])
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument(
        '--mixed',
        action='store_true',
        help='the mixed cloud of the packing benchmark, as many times as '
        'there are hosts for',
    )
    args = parser.parse_args()
    table = Table(
        'fill',
        'instances',
        'plan',
        's',
        'moves',
        'no host',
        'at most',
        'gap',
    )
    for fill in args.fill:
        rows = _mixed_rows if args.mixed else _rows
        for row in rows(args.hosts, fill, args.seed):
            table.add_row(f'{fill:.0%}', *row)
    Console().print(table)


def _rows(hosts: int, fill: float, seed: int) -> Iterator[tuple[str, ...]]:
    cloud, classes = planned_clouds.random_cloud(
        seed,
        hosts,
        fill,
        [planned_clouds.request(*shape) for shape in _SHAPES],
        _HOST,
    )
    count = sum(map(len, cloud.residents.values()))
    new = planned_clouds.request_class(
        'new', planned_clouds.request(*_NEW), cloud.projected_hosts
    )
    leave = SearchLimits(most_leaving=3)
    several = [f'host{number}' for number in range(hosts // 20)]
    expected = [
        ExpectedShape(each.flavor, each.fit_request, 1 / len(classes))
        for each in classes
    ]
    plans: dict[str, Callable[[], Plan]] = {
        'room for 3': lambda: planner.make_room(
            cloud, new, 3, search_limits=leave
        ),
        'room for 10': lambda: planner.make_room(
            cloud, new, 10, search_limits=leave
        ),
        'loss of a 20th': lambda: planner.relocate(cloud, several, lost=True),
        'drain of a host': lambda: planner.relocate(
            cloud, several[:1], search_limits=leave
        ),
        'most room by 10': lambda: defragment(cloud, expected, 10),
        'most room by 50': lambda: defragment(cloud, expected, 50),
    }
    yield from _measured(count, plans)


def _mixed_rows(
    hosts: int, fill: float, seed: int
) -> Iterator[tuple[str, ...]]:
    """Plans on a cloud with devices and shared CPUs, filled at random."""
    load = LOADS['vnf']
    shapes = {shape.name: shape for shape in bounds.shapes_of(load)}
    machines = CLOUDS['mixed'].machines
    with scheduler.configured(COLUMNS['ours']):
        computes = [
            Compute(f'host{number}', machines[number % len(machines)])
            for number in range(hosts)
        ]
        running = _filled(computes, shapes, load.weights, fill, seed)
        maker = RoomMaker(computes, 0)
        cloud = maker.cloud(running)
        total = sum(load.weights[name] for name in shapes)
        expected = [
            ExpectedShape(
                name,
                maker.asked(shape).fit_request,
                load.weights[name] / total,
            )
            for name, shape in shapes.items()
        ]
        widest = max(shapes.values(), key=lambda shape: shape.pcpus)
        new = maker.asked(widest)
        yield from _measured(
            len(running),
            {
                f'room for 10 {widest.name}': lambda: planner.make_room(
                    cloud, new, 10
                ),
                'most room by 10': lambda: defragment(cloud, expected, 10),
                'most room by 50': lambda: defragment(cloud, expected, 50),
            },
        )


def _filled(
    computes: Sequence[Compute],
    shapes: Mapping[str, Shape],
    weights: Mapping[str, float],
    fill: float,
    seed: int,
) -> Running:
    """Guests on hosts drawn at random, until enough CPUs are in use."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    names = list(shapes)
    total = sum(len(compute.machine.dedicated) for compute in computes)
    running: Running = {}
    used = failed = 0
    while used < fill * total and failed < _MOST_FAILED:
        [name] = dice.choices(names, [weights[each] for each in names])
        compute, shape = dice.choice(computes), shapes[name]
        if compute.offered(shape):
            try:
                held = compute.claim(shape, limits())
            except Refused:
                failed += 1
                continue
            running[len(running)] = compute, held
            used += shape.pcpus
            failed = 0
        else:
            failed += 1
    return running


def _measured(
    count: int, plans: Mapping[str, Callable[[], Plan]]
) -> Iterator[tuple[str, ...]]:
    for name, make in plans.items():
        start = time.perf_counter()
        plan = make()
        seconds = time.perf_counter() - start
        yield f'{count:,}', name, f'{seconds:.1f}', *_cells(plan)


def _cells(plan: Plan) -> tuple[str, str, str, str]:
    """Moves, instances without a host or regained room, bound and gap."""
    moves = sum(step.method is not Method.BOOT for step in plan.steps)
    regained = plan.regained
    if regained is None:
        return str(moves), str(len(plan.unplaced)), str(plan.at_most), ''
    most = regained.at_most
    return (
        str(moves),
        f'{regained.value:.1%} room',
        'unknown' if most is None else f'{most:.1%}',
        '' if most is None else f'{1 - regained.value / most:.2%}',
    )


if __name__ == '__main__':
    main()
