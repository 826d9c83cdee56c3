"""The fit against Nova's claim and brute force, on many random pairs.

``python -m benchmarks.parity --pairs 200000 --seed 1`` draws pairs of a host
and a request, in several processes, and prints how often our answer, the
stock filters' answer and the claim's outcome agree, and how many pairs with
each feature the claim accepts and rejects. The claim is that of the installed
release of Nova; a third of the plain hosts have a nova-compute of Nova 33. A
pair with several allocation candidates is accepted where the claim succeeds
with one of them, and our answers and NUMA nodes have to agree for each. A
disagreement of ours is minimised and printed, and makes the exit code 1; so
does a feature with too few pairs.
"""

import argparse
import collections
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import json
import pathlib
import random
import sys
import time
from typing import Any

from hypothesis import find
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis.control import BuildContext
from hypothesis.errors import NoSuchExample
from hypothesis.errors import StopTest
from hypothesis.internal.conjecture.data import ConjectureData
from hypothesis.strategies import SearchStrategy
from rich.console import Console
from rich.table import Table

import benchmarks  # noqa: F401 - registers Nova's objects
from benchmarks import batches
from nfv_sched import fit
from nfv_sched.fit import candidates
from nfv_sched.fit.devices import Providers
from nfv_sched.nova import request_spec
from nfv_sched_testing import builders
from nfv_sched_testing import candidate_strategies
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import strategies
from nfv_sched_testing.features import features

_OURS = 'ours: '
_ACCEPTED, _REJECTED = 'accepted, ', 'rejected, '
_BATCH = 250
#: Pairs accepted, and pairs rejected, that a feature needs per pair drawn.
_LEAST_SHARE = 200 / 50_000
_SETTINGS = settings(
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
_KINDS = {
    'plain': strategies.scenes(5),
    'candidates': candidate_strategies.scenes(5),
    'bandwidth': candidate_strategies.scenes(5, bandwidth=True),
}
#: What is drawn by default: as many plain pairs as with candidates.
_ALL = ('plain', 'plain', 'candidates', 'bandwidth')

#: The host's NUMA nodes that an instance gets, in the order of its own. None
#: where the host is refused.
_Nodes = tuple[int, ...] | None


def answers(scene: nova_oracle.Scene) -> list[tuple[_Nodes, _Nodes]]:
    """What we predict and what the claim gives, for each candidate."""
    fit_request = fit.FitRequest(request_spec.read_guest(scene.spec))
    evaluation = fit.Evaluation(fit_request, builders.host_of(scene))
    if not scene.candidates:
        return [
            (
                _predicted(evaluation, fit_request.no_providers),
                _claimed(nova_oracle.claim, scene),
            )
        ]
    found = []
    for candidate in scene.candidates:
        providers = candidates.providers(
            fit_request, candidate, scene.names.get
        )
        found.append(
            (
                _predicted(evaluation, providers),
                _claimed(nova_oracle.claim_candidate, scene, candidate),
            )
        )
    return found


def _predicted(evaluation: fit.Evaluation, providers: Providers) -> _Nodes:
    if evaluation.refusal(providers) is not None:
        return None
    outcome = evaluation.verdict(providers).outcome
    assert outcome is not None
    return tuple(cell.host_cell for cell in outcome.cells)


def _claimed(
    claim: Callable[..., nova_oracle.Claimed], *arguments: Any
) -> _Nodes:
    try:
        topology = claim(*arguments).topology
    except nova_oracle.Refused:
        return None
    return tuple(cell.id for cell in topology.cells) if topology else ()


def stock(scene: nova_oracle.Scene) -> tuple[bool | None, int]:
    """Whether the stock filters accept the host; None where they raise.

    And which candidate Nova then claims.
    """
    mappings = [candidate['mappings'] for candidate in scene.candidates]
    for number, mapping in enumerate(mappings or [None]):
        try:
            if _stock_with(scene, mapping):
                return True, number
        except ValueError:
            return None, 0
    return False, 0


def _stock_with(scene: nova_oracle.Scene, mapping: Any) -> bool:
    stats = nova_oracle.by_count(scene.stats)
    if scene.requests and not stats.support_requests(scene.requests, mapping):
        return False
    if not scene.spec.numa_topology:
        return True
    if not scene.topology:
        return False
    return builders.nova_fit(scene, mapping) is not None


def disagree(scene: nova_oracle.Scene) -> bool:
    """Whether an answer of ours differs from the claim's outcome."""
    return any(mine != claim for mine, claim in answers(scene))


def drawn(strategy: SearchStrategy[Any], seed: int) -> Any:
    """The example of a strategy for a seed; None if there is none.

    Independent of all other examples: those that ``given`` generates are in
    part mutations of earlier ones.
    """
    data = ConjectureData(random=random.Random(seed))  # noqa: S311
    try:
        with BuildContext(data, wrapped_test=drawn):
            return data.draw(strategy)
    except StopTest:
        return None


def batch(work: tuple[tuple[str, ...], int, int]) -> dict[str, int]:
    """Count the outcomes of ``work``'s number of pairs from its seed."""
    kinds, pairs, seed = work
    counts: collections.Counter[str] = collections.Counter()
    for number in range(seed, seed + pairs):
        scene = drawn(_KINDS[kinds[number % len(kinds)]], number)
        if scene is not None:
            counts.update(outcomes(scene))
    return dict(counts)


def outcomes(scene: nova_oracle.Scene) -> collections.Counter[str]:
    """What to count for one pair."""
    found = answers(scene)
    accepted = any(claim is not None for _, claim in found)
    theirs, number = stock(scene)
    counts: collections.Counter[str] = collections.Counter()
    counts['pairs'] += 1
    counts['candidates'] += len(found)
    counts['claim succeeds'] += accepted
    counts['fits, claim fails'] += (
        not accepted and not scene.candidates and nova_oracle.exists(scene)
    )
    counts[f'{_OURS}false acceptance'] += any(
        mine is not None and claim is None for mine, claim in found
    )
    counts[f'{_OURS}false rejection'] += any(
        claim is not None and mine is None for mine, claim in found
    )
    counts[f'{_OURS}other NUMA nodes'] += any(
        None not in (mine, claim) and mine != claim for mine, claim in found
    )
    counts['stock: false acceptance'] += (
        bool(theirs) and found[number][1] is None
    )
    counts['stock: false rejection'] += accepted and theirs is False
    counts['stock: raises'] += theirs is None
    for name in features(scene):
        counts[f'{_ACCEPTED if accepted else _REJECTED}{name}'] += 1
    return counts


def minimise(kinds: Sequence[str], pairs: int) -> Any:
    """The simplest pair on which we and the claim differ, None if none."""
    for kind in dict.fromkeys(kinds):
        try:
            return find(
                _KINDS[kind],
                disagree,
                settings=settings(_SETTINGS, max_examples=pairs),
            )
        except NoSuchExample:
            continue
    return None


def work_of(
    kinds: Sequence[str], pairs: int, seed: int
) -> list[tuple[tuple[str, ...], int, int]]:
    """The batches."""
    first = seed * 1_000_000_007
    return [
        (tuple(kinds), min(_BATCH, pairs - done), first + done)
        for done in range(0, pairs, _BATCH)
    ]


def coverage(
    counts: Mapping[str, int],
) -> Iterator[tuple[str, int, int]]:
    """The features, and how many pairs with each are accepted and rejected."""
    names = {
        name.removeprefix(_ACCEPTED).removeprefix(_REJECTED)
        for name in counts
        if name.startswith((_ACCEPTED, _REJECTED))
    }
    for name in sorted(names):
        yield (
            name,
            counts.get(f'{_ACCEPTED}{name}', 0),
            counts.get(f'{_REJECTED}{name}', 0),
        )


def _report(
    console: Console, title: str, counts: Mapping[str, int], least: float
) -> bool:
    """Print the counts; whether each feature has enough pairs."""
    table = Table('outcome', title=title)
    table.add_column('pairs', justify='right')
    for name, count in counts.items():
        if not name.startswith((_ACCEPTED, _REJECTED)):
            table.add_row(name, f'{count:,}')
    console.print(table)
    table = Table('feature', title='coverage')
    table.add_column('accepted', justify='right')
    table.add_column('rejected', justify='right')
    enough = True
    for name, accepted, rejected in coverage(counts):
        few = min(accepted, rejected) < least
        enough = enough and not few
        table.add_row(
            f'{name} (too few)' if few else name,
            f'{accepted:,}',
            f'{rejected:,}',
        )
    console.print(table)
    return enough


def main() -> int:
    """Draw, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--pairs', type=int, default=20_000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--kind', choices=_KINDS, help='all by default')
    parser.add_argument('--output', type=pathlib.Path)
    args = parser.parse_args()
    kinds = (args.kind,) if args.kind else _ALL
    console = Console()
    start = time.monotonic()
    counts = batches.count(
        console,
        batch,
        work_of(kinds, args.pairs, args.seed),
        args.pairs,
        args.jobs,
    )
    # One kind alone does not have all features.
    least = 0 if args.kind else args.pairs * _LEAST_SHARE
    enough = _report(console, f'seed {args.seed}', counts, least)
    console.print(f'{time.monotonic() - start:.0f} s')
    if args.output:
        found = {'seed': args.seed, **counts}
        args.output.write_text(json.dumps(found, indent=1) + '\n')
    if not any(n for name, n in counts.items() if name.startswith(_OURS)):
        return 0 if enough else 1
    batches.prepare()
    scene = minimise(kinds, args.pairs)
    if scene is not None:
        console.print('the simplest disagreement:')
        console.print(request_spec.read_guest(scene.spec))
        console.print(builders.host_of(scene))
        console.print(scene.candidates, scene.names)
    return 1


if __name__ == '__main__':
    sys.exit(main())
