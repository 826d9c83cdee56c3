"""The sets of NUMA nodes to which a claim can be restricted.

The limits that the scheduler hands to a claim restrict it, see
:mod:`nfv_sched.nova.node_labels`; it takes the first set that they allow in
its own order.
"""

from collections.abc import Iterator
import itertools
import math
from typing import NamedTuple

from nfv_sched.fit.claim import claim_order
from nfv_sched.fit.claim import ClaimFailed
from nfv_sched.fit.claim import ClaimReplay
from nfv_sched.fit.claim import OutOfSteps
from nfv_sched.fit.devices import Devices
from nfv_sched.fit.devices import Providers
from nfv_sched.fit.evaluate import Evaluation
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

    None where it fails, or tries more than MAX_PERMUTATIONS first.

    :param providers: what the allocation candidate gives to each device
        request
    """
    fit_request, host = evaluation.fit_request, evaluation.host
    guest = evaluation.guest
    if len(host.cells) < len(guest.cells):
        return None
    devices = Devices(fit_request, host, providers) if guest.devices else None
    cells = claim_order(host, guest, pack=fit_request.pack)
    replay = ClaimReplay(host, cells, evaluation.attempts, devices, choice)
    try:
        replay.run(MAX_PERMUTATIONS)
    except (ClaimFailed, OutOfSteps):
        return None
    return replay.outcome()


def options(
    evaluation: Evaluation, providers: Providers
) -> Iterator[NodeOption]:
    """The sets of nodes that a claim can be restricted to one by one.

    None for an instance without NUMA topology, for one that takes all nodes
    of the host, and where there are more than MAX_SETS sets.
    """
    wanted = len(evaluation.guest.cells)
    ids = [cell.id for cell in evaluation.host.cells]
    if not 0 < wanted < len(ids) or math.comb(len(ids), wanted) > MAX_SETS:
        return
    for nodes in itertools.combinations(ids, wanted):
        chosen = frozenset(nodes)
        choice = (
            NodeChoice(excluded=frozenset(ids) - chosen)
            if wanted == 1
            else NodeChoice(required=chosen)
        )
        outcome = outcome_within(evaluation, providers, choice)
        if outcome is not None:
            yield NodeOption(choice, outcome)
