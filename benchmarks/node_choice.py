"""NUMA nodes that the scheduler chooses, against those that are claimed.

``python -m benchmarks.node_choice --pairs 10000`` draws hosts that declare
labels and instances that fit on them, and one of the choices of NUMA nodes
that the fit offers for each. Nova's claim, with the limits that the scheduler
writes for the choice, has to take the nodes, page sizes, CPUs and devices that
are predicted. The claim is that of the installed release of Nova. The simplest
case that differs is printed, and makes the exit code 1; so does a feature
without any pair.
"""

import argparse
import collections
from collections.abc import Iterator
import gc
import itertools
import random
import sys

from hypothesis import find
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis.errors import NoSuchExample
from rich.console import Console

import benchmarks  # noqa: F401 - registers Nova's objects
from benchmarks import batches
from benchmarks.parity import drawn
from nfv_sched.model import NodeChoice
from nfv_sched.nova import host_states
from nfv_sched.nova import request_spec
from nfv_sched_testing import node_choices
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import scheduling

#: The most NUMA nodes of a host, and what Placement has for it. Drawn in turn.
_KINDS = (
    (4, 'plain'),
    (8, 'plain'),
    (8, 'plain'),
    (6, 'plain'),
    (5, 'candidates'),
    (4, 'plain'),
    (8, 'plain'),
    (6, 'plain'),
    (8, 'plain'),
    (6, 'plain'),
    (5, 'bandwidth'),
)
#: Requests that are drawn for each host: not all fit.
_REQUESTS = 8
#: The most choices of one node, or one set of nodes, for a request.
_CHOICES = 4
#: The shares of computes that pack NUMA nodes, and of one-node instances that
#: may have one of several nodes.
_PACKED, _WIDE = 0.25, 0.3
_BATCH = 50
#: What each run has to have.
_FEATURES = (
    'sets of 1 node',
    'one of several nodes',
    'sets of 2 nodes',
    'sets of 3 nodes',
    'sets of 4 nodes or more',
    'with devices',
    'with several device requests',
    'with allocation candidates',
    'with physical networks',
    'on a nova-compute of Nova 33',
    'on a nova-compute that packs nodes',
)

_DIFFER = 'differ'


def offers(
    scene: nova_oracle.Scene, *, pack: bool
) -> Iterator[node_choices.Offer]:
    """What is offered for a host and a request, by allocation candidate."""
    for candidate in scene.candidates or (None,):
        yield node_choices.Offer(scene, candidate, pack=pack)


def pairs_of(seed: int) -> Iterator[tuple[node_choices.Offer, NodeChoice]]:
    """Choices on one random host: some for each request that fits."""
    most_nodes, kind = _KINDS[seed % len(_KINDS)]
    scenes = drawn(
        node_choices.scenes(most_nodes, requests=_REQUESTS, kind=kind), seed
    )
    draws = random.Random(seed)  # noqa: S311 - not for secrets
    for scene in scenes or ():
        offered = offers(scene, pack=draws.random() < _PACKED)
        offer = next((offer for offer in offered if offer.choices), None)
        if offer is None:
            continue
        count = min(len(offer.choices), _CHOICES)
        for choice in draws.sample(offer.choices, count):
            yield offer, choice
        one_node = len(scene.spec.numa_topology.cells) == 1
        if one_node and len(offer.choices) > 1 and draws.random() < _WIDE:
            yield offer, offer.wide(draws)


def batch(work: tuple[int, int]) -> collections.Counter[str]:
    """Count the features and differences of some pairs from a seed."""
    first, pairs = work
    counts: collections.Counter[str] = collections.Counter()
    found = itertools.chain.from_iterable(
        map(pairs_of, itertools.count(first))
    )
    for offer, choice in itertools.islice(found, pairs):
        counts['pairs'] += 1
        counts[_DIFFER] += bool(offer.difference(choice))
        counts.update(offer.features(choice))
    return counts


def differing(
    scenes: list[nova_oracle.Scene],
) -> Iterator[tuple[node_choices.Offer, NodeChoice, str]]:
    """The choices for which the claim does not take what is predicted."""
    for scene in scenes:
        for pack in (False, True):
            for offer in offers(scene, pack=pack):
                for choice in offer.choices:
                    if difference := offer.difference(choice):
                        yield offer, choice, difference


def minimise(
    tries: int,
) -> tuple[node_choices.Offer, NodeChoice, str] | None:
    """The simplest case that differs; None where none was found."""
    for most_nodes, kind in dict.fromkeys(_KINDS):
        try:
            scenes = find(
                node_choices.scenes(most_nodes, kind=kind),
                lambda scenes: any(differing(scenes)),
                settings=settings(
                    database=None,
                    deadline=None,
                    max_examples=tries,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        except NoSuchExample:
            continue
        return next(differing(scenes))
    return None


def _prepare() -> None:
    batches.prepare()
    # Nova's modules need not be looked through at each garbage collection.
    gc.freeze()


def work_of(pairs: int, seed: int) -> list[tuple[int, int]]:
    """The batches."""
    # A batch draws fewer hosts than this.
    stride = 1_000_000
    return [
        (
            (seed * 1_000_003 + number) * stride,
            min(_BATCH, pairs - number * _BATCH),
        )
        for number in range(-(-pairs // _BATCH))
    ]


def main() -> int:
    """Draw, claim, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--pairs', type=int, default=10_000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--jobs', type=int, default=2)
    args = parser.parse_args()
    console = Console()
    counts = batches.count(
        console,
        batch,
        work_of(args.pairs, args.seed),
        args.pairs,
        args.jobs,
        _prepare,
    )
    missing = [name for name in _FEATURES if not counts[name]]
    for name in sorted(counts.keys() - {'pairs', _DIFFER}):
        console.print(f'{name}: {counts[name]:,}')
    for name in missing:
        console.print(f'{name}: none')
    console.print(f'{counts["pairs"]:,} pairs, {counts[_DIFFER]:,} differ')
    if not counts[_DIFFER]:
        return 1 if missing else 0
    _prepare()
    case = minimise(args.pairs)
    if case is not None:
        offer, choice, difference = case
        console.print('the simplest difference:')
        console.print(request_spec.read_guest(offer.scene.spec))
        console.print(
            host_states.host_of(scheduling.host_state(offer.scene)).plain()
        )
        console.print(offer.candidate, choice, difference)
    return 1


if __name__ == '__main__':
    sys.exit(main())
