"""The scheduler's host state after each instance, beside the compute's.

``python -m benchmarks.multi_create --steps 100000`` draws random hosts and
requests for several instances. After each instance it compares the host state
that nova-scheduler consumed it from with what nova-compute reports after its
claim: NUMA cells, pages, pinned CPUs and device pools. The first state that
differs is printed, and makes the exit code 1.
"""

import argparse
import collections
import functools
import itertools
import multiprocessing
import sys
from typing import Any

from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import seed as hypothesis_seed
from hypothesis import settings
from rich.console import Console

import benchmarks  # noqa: F401 - registers Nova's objects
from benchmarks import batches
from nfv_sched.scheduler import process
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched_testing import multi_create
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import strategies

_BATCH = 500


def batch(seed: int, instances: int) -> tuple[collections.Counter[str], Any]:
    """The steps of a batch of requests by kind, and a pair that differs."""
    steps: collections.Counter[str] = collections.Counter()
    differing: list[Any] = []
    process.replace(process.SchedulerProcess(PublishedTopology(None)))

    @hypothesis_seed(seed)
    @settings(
        database=None,
        deadline=None,
        max_examples=_BATCH,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(scene=strategies.scenes())
    def draw(scene: nova_oracle.Scene) -> None:
        kinds = sorted(
            {
                str(pool['dev_type'])
                for pool in scene.stats.pools  # type: ignore[attr-defined]
                if scene.requests
            }
        )
        for ours, reported in multi_create.consume_all(scene, instances):
            steps['all'] += 1
            steps.update(f'hosts with {kind}, devices' for kind in kinds)
            if ours != reported:
                differing.append((ours, reported))

    draw()
    return steps, differing[:1]


def main() -> int:
    """Draw, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--steps', type=int, default=10_000)
    parser.add_argument(
        '--instances', type=int, default=20, help='of a request, at most'
    )
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--jobs', type=int, default=2)
    args = parser.parse_args()
    console = Console()
    total: collections.Counter[str] = collections.Counter()
    with multiprocessing.Pool(args.jobs, batches.prepare) as pool:
        for first in itertools.count(args.seed * 1_000_003, args.jobs):
            if total['all'] >= args.steps:
                break
            for steps, differing in pool.map(
                functools.partial(batch, instances=args.instances),
                range(first, first + args.jobs),
            ):
                total.update(steps)
                if differing:
                    console.print('differs:', *differing[0])
                    return 1
    for kind, count in sorted(total.items()):
        console.print(f'{kind}: {count:,} steps, 0 differ')
    return 0


if __name__ == '__main__':
    sys.exit(main())
