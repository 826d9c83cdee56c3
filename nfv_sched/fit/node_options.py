"""The sets of NUMA nodes to which a claim can be restricted.

The limits that the scheduler hands to a claim restrict it, see
:mod:`nfv_sched.nova.node_labels`; it takes the first set that they allow in
its own order.
"""

from collections.abc import Iterator
import functools
import itertools
import math
import operator
from typing import NamedTuple

from nfv_sched.fit import pcie_roots
from nfv_sched.fit.apply_claim import apply_claim
from nfv_sched.fit.claim import claim_order
from nfv_sched.fit.claim import ClaimFailed
from nfv_sched.fit.claim import ClaimReplay
from nfv_sched.fit.claim import OutOfSteps
from nfv_sched.fit.devices import Devices
from nfv_sched.fit.devices import Providers
from nfv_sched.fit.evaluate import Evaluation
from nfv_sched.fit.forecast import forecasts
from nfv_sched.fit.forecast import HostForecast
from nfv_sched.fit.forecast import NodeForecast
from nfv_sched.fit.headroom import by_cell
from nfv_sched.fit.headroom import headroom
from nfv_sched.fit.headroom import Shapes
from nfv_sched.fit.locality import Distances
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import NodeChoice

#: The most sets of nodes that are examined for an instance of several nodes:
#: all sets of 2, 3 or 4 of 8 nodes. Beyond, the claim takes its own choice.
MAX_SETS = 70
#: The most permutations that a claim may try before it meets a chosen set:
#: each costs nova-compute up to some milliseconds.
MAX_PERMUTATIONS = 256


class NodeOption(NamedTuple):
    """A set of nodes that a claim can be restricted to, and what it takes."""

    choice: NodeChoice
    outcome: ClaimOutcome


def outcome_within(
    evaluation: Evaluation, providers: Providers, choice: NodeChoice
) -> ClaimOutcome | None:
    """What a claim takes that is restricted to a choice of nodes.

    None where it fails, tries more than MAX_PERMUTATIONS first, or takes
    devices that the instance does not accept.

    :param providers: what the allocation candidate gives to each device
        request
    """
    guest, host = evaluation.guest, evaluation.host
    if len(host.cells) < len(guest.cells):
        return None
    replay = _replay(evaluation, providers, choice)
    try:
        replay.run(MAX_PERMUTATIONS)
    except (ClaimFailed, OutOfSteps):
        return None
    outcome = replay.outcome()
    if pcie_roots.refusal(guest, host, outcome) is not None:
        return None
    return outcome


def _replay(
    evaluation: Evaluation,
    providers: Providers,
    choice: NodeChoice | None = None,
) -> ClaimReplay:
    """A claim before its first step, on a host of enough nodes."""
    fit_request, host = evaluation.fit_request, evaluation.host
    guest = evaluation.guest
    devices = Devices(fit_request, host, providers) if guest.devices else None
    cells = claim_order(host, guest, pack=fit_request.pack)
    return ClaimReplay(host, cells, evaluation.attempts, devices, choice)


def options(
    evaluation: Evaluation, providers: Providers
) -> Iterator[NodeOption]:
    """The sets of nodes that a claim can be restricted to one by one.

    None for an instance without NUMA topology, for one that takes all nodes
    of the host, and where there are more than MAX_SETS sets.
    """
    guest, host = evaluation.guest, evaluation.host
    wanted = len(guest.cells)
    every = [cell.id for cell in host.cells]
    if not 0 < wanted < len(every) or math.comb(len(every), wanted) > MAX_SETS:
        return
    # A claim that succeeds takes no other cells.
    fits = functools.reduce(operator.or_, evaluation.masks())
    ids = [node for place, node in enumerate(every) if fits >> place & 1]
    if len(ids) < wanted:
        return
    replay = _replay(evaluation, providers)
    outcomes = {
        frozenset(cell.host_cell for cell in outcome.cells): outcome
        for outcome in itertools.islice(
            replay.outcomes_by_set(MAX_PERMUTATIONS),
            math.comb(len(ids), wanted),
        )
    }
    for nodes in map(frozenset, itertools.combinations(ids, wanted)):
        outcome = outcomes.get(nodes)
        if outcome is None:
            continue
        if pcie_roots.refusal(guest, host, outcome) is not None:
            continue
        yield NodeOption(
            NodeChoice(excluded=frozenset(every) - nodes)
            if wanted == 1
            else NodeChoice(required=nodes),
            outcome,
        )


def forecast_by_nodes(
    evaluation: Evaluation,
    providers: Providers,
    unrestricted: ClaimOutcome,
    shapes: Shapes,
    distances: Distances,
) -> HostForecast:
    """The forecasts for all sets of nodes that a claim can be restricted to.

    Without these where there is one set only: then there is nothing to choose.

    :param providers: as for :func:`outcome_within`
    :param unrestricted: the outcome of the claim by itself
    :param shapes: the expected ones
    :param distances: between the host's cells, where they are known
    """
    guest, host = evaluation.guest, evaluation.host
    found = list(options(evaluation, providers))
    if len(found) < 2:
        found = []
    outcomes = [
        unrestricted,
        *(
            option.outcome.with_accelerators(unrestricted.accelerators)
            for option in found
        ),
    ]
    first, *others = forecasts(guest, host, outcomes, shapes, distances)
    room = dict.fromkeys((cell.id for cell in host.cells), 0)
    if len(guest.cells) == 1:
        counts = by_cell(evaluation.fit_request, host)
        room = dict(zip(room, counts, strict=True))
    # Nodes that are alike have the same forecast, which is then one object.
    known = {first: first}
    by_nodes = tuple(
        NodeForecast(
            option.choice,
            nodes := frozenset(c.host_cell for c in option.outcome.cells),
            sum(room[node] for node in nodes),
            known.setdefault(forecast, forecast),
        )
        for option, forecast in zip(found, others, strict=True)
    )
    return HostForecast(
        first,
        headroom(evaluation.fit_request, host),
        by_nodes,
        unrestricted.nodes,
    )


def claims_within(
    evaluation: Evaluation, choice: NodeChoice, most: int
) -> int:
    """How many such instances fit one after another, restricted alike.

    For requests whose devices Placement has not chosen.

    :param most: stop at this number
    """
    fit_request = evaluation.fit_request
    for count in range(most):
        outcome = outcome_within(evaluation, fit_request.no_providers, choice)
        if outcome is None:
            return count
        host = apply_claim(evaluation.guest, evaluation.host, outcome)
        evaluation = Evaluation(fit_request, host)
    return most
