"""The fit against Nova's claim and brute force, on many random pairs.

``python -m benchmarks.parity --pairs 200000 --seed 1`` draws pairs of a host
and a request, in several processes, and prints how often our answer, the
stock filters' answer and the claim's outcome agree. A disagreement of ours
is minimised and printed, and makes the exit code 1.
"""

import argparse
import collections
from collections.abc import Callable
import json
import logging
import multiprocessing
import pathlib
import sys
import time
from typing import Any

from hypothesis import find
from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import seed as hypothesis_seed
from hypothesis import settings
from hypothesis.errors import NoSuchExample
import nova.conf
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import benchmarks  # noqa: F401 - registers Nova's objects
from nfv_sched import fit
from nfv_sched.nova import request_spec
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import strategies

_BATCH = 500
_SETTINGS = settings(
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def ours(scene: nova_oracle.Scene) -> bool:
    """Whether we accept the host."""
    guest = request_spec.read_guest(scene.spec)
    return fit.evaluate(guest, builders.host_of(scene)).fits


def claimed(scene: nova_oracle.Scene) -> bool:
    """Whether Nova's claim succeeds with a valid topology."""
    try:
        nova_oracle.claim(scene)
    except nova_oracle.Refused:
        return False
    return True


def stock(scene: nova_oracle.Scene) -> bool | None:
    """Whether the stock filters accept the host; None where they raise."""
    if scene.requests and not scene.stats.support_requests(
        scene.requests, None
    ):
        return False
    if not scene.spec.numa_topology:
        return True
    if not scene.topology:
        return False
    try:
        return builders.nova_fit(scene) is not None
    except ValueError:
        return None


def disagree(scene: nova_oracle.Scene) -> bool:
    """Whether our answer differs from the claim's outcome."""
    return ours(scene) != claimed(scene)


def batch(work: tuple[int, int]) -> dict[str, int]:
    """Count the outcomes of ``work``'s number of pairs from its seed."""
    pairs, seed = work
    counts: collections.Counter[str] = collections.Counter()

    @hypothesis_seed(seed)
    @settings(_SETTINGS, max_examples=pairs, phases=[Phase.generate])
    @given(scene=strategies.scenes(5))
    def draw(scene: nova_oracle.Scene) -> None:
        mine, claim, theirs = ours(scene), claimed(scene), stock(scene)
        counts['pairs'] += 1
        counts['claim succeeds'] += claim
        counts['fits, claim fails'] += not claim and nova_oracle.exists(scene)
        counts['ours: false acceptance'] += mine and not claim
        counts['ours: false rejection'] += claim and not mine
        counts['stock: false acceptance'] += bool(theirs) and not claim
        counts['stock: false rejection'] += claim and theirs is False
        counts['stock: raises'] += theirs is None

    draw()
    return dict(counts)


def minimise(pairs: int) -> Any:
    """The simplest pair on which we and the claim differ, None if none."""
    try:
        return find(
            strategies.scenes(5),
            disagree,
            settings=settings(_SETTINGS, max_examples=pairs),
        )
    except NoSuchExample:
        return None


def _prepare() -> None:
    logging.disable(logging.CRITICAL)
    nova.conf.CONF([], project='nova', default_config_files=[])


def run(
    pairs: int, seed: int, jobs: int, step: Callable[[int], None]
) -> collections.Counter[str]:
    """Count over all batches, in ``jobs`` processes."""
    sizes = [_BATCH] * (pairs // _BATCH) + [pairs % _BATCH]
    work = [(n, seed * 1_000_003 + i) for i, n in enumerate(sizes) if n]
    total: collections.Counter[str] = collections.Counter()
    with multiprocessing.Pool(jobs, _prepare) as pool:
        for counts in pool.imap_unordered(batch, work):
            total.update(counts)
            step(counts['pairs'])
    return total


def main() -> int:
    """Draw, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--pairs', type=int, default=20_000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--output', type=pathlib.Path)
    args = parser.parse_args()
    console = Console()
    start = time.monotonic()
    with Progress(console=console) as progress:
        task = progress.add_task('pairs', total=args.pairs)
        counts = run(
            args.pairs,
            args.seed,
            args.jobs,
            lambda n: progress.advance(task, n),
        )
    table = Table(title=f'seed {args.seed}')
    table.add_column('outcome')
    table.add_column('pairs', justify='right')
    for name, count in counts.items():
        table.add_row(name, f'{count:,}')
    console.print(table)
    console.print(f'{time.monotonic() - start:.0f} s')
    if args.output:
        found = {'seed': args.seed, **counts}
        args.output.write_text(json.dumps(found, indent=1) + '\n')
    if not counts['ours: false acceptance'] + counts['ours: false rejection']:
        return 0
    _prepare()
    scene = minimise(args.pairs)
    if scene is not None:
        console.print('the simplest disagreement:')
        console.print(request_spec.read_guest(scene.spec))
        console.print(builders.host_of(scene))
    return 1


if __name__ == '__main__':
    sys.exit(main())
