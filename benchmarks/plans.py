"""Plans on a large cloud of plain values, with their bounds.

``python -m benchmarks.plans`` prints seconds, moves and bounds. The gap is how
much less room is regained than the solver's bound, as a part of it.
"""

import argparse
from collections.abc import Callable
from collections.abc import Iterator
import functools
import time

from rich.console import Console
from rich.table import Table

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
#: Two NUMA nodes of ten cores and 60 pages.
_HOST = functools.partial(planned_clouds.host, cores=10, threads=2, pages=60)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hosts', type=int, default=300)
    parser.add_argument('--fill', type=float, nargs='+', default=[0.9, 0.95])
    parser.add_argument('--seed', type=int, default=1)
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
        for row in _rows(args.hosts, fill, args.seed):
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
