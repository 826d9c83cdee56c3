"""The choice of the NUMA nodes that a claim takes.

On hosts whose nodes are labelled, see :mod:`nfv_sched.nova.node_labels`, the
limits that the scheduler hands to a claim restrict it to chosen nodes. The
choice follows the weights: hosts are weighed by their best set of nodes, and
the claim on the host that Nova selects is restricted to it. All other hosts
keep limits without a choice, also as alternates.

A restricted claim fails where an unrestricted one would have taken other
nodes, if another instance took the chosen ones in the meantime. Therefore a
claim is restricted only where its own choice is worse than the best by more
than a margin, and while instances are in flight it may take as many nodes as
have room for all of these.
"""

import logging

import nova.conf

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched.fit import node_options
from nfv_sched.model import NodeChoice
from nfv_sched.nova import node_labels
from nfv_sched.nova import request_spec
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.scheduler import host_cycle
from nfv_sched.scheduler import multipliers
from nfv_sched.scheduler import scales
from nfv_sched.scheduler.cycle import RequestCycle
from nfv_sched.scheduler.host_cycle import Decision

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)

#: The most instances for which a choice leaves room. Wider choices did not
#: let fewer claims fail.
_MOST_ROOM = 8
#: The most instances of one request of which a host's claims are restricted.
_MOST_INSTANCES = 32


class NodeChooser:
    """Compares sets of NUMA nodes for one request.

    :param prices: those of headroom, as
        :meth:`nfv_sched.scheduler.forecasts.ForecastCache.get_many`
    """

    def __init__(
        self, cycle: RequestCycle, spec: RequestSpec, prices: scales.Prices
    ) -> None:
        self._scales = [
            (option, scale(cycle.fit_request, spec, prices))
            for option, scale in scales.SCALES.items()
        ]
        self._margin: float = CONF.nfv_sched.choose_nodes_margin

    def forecast(
        self,
        decision: Decision,
        state: HostState,
        host_forecast: fit.HostForecast,
    ) -> fit.Forecast:
        """The forecast for the nodes that the claim is going to take."""
        if not host_forecast.by_nodes:
            return host_forecast.unrestricted
        if decision.best is None or decision.best[0] is not host_forecast:
            best = self.best(state, host_forecast)
            decision.best = (
                host_forecast,
                (
                    host_forecast.unrestricted
                    if best is None
                    else best.forecast
                ),
            )
        return decision.best[1]

    def best(
        self, state: HostState, host_forecast: fit.HostForecast
    ) -> fit.NodeForecast | None:
        """The best set of nodes of a host.

        None where there is no choice, and where the claim by itself takes
        nodes that are as good within the margin.
        """
        if not host_forecast.by_nodes:
            return None
        score = self._scorer(state)
        best = max(
            host_forecast.by_nodes, key=lambda option: score(option.forecast)
        )
        least = score(host_forecast.unrestricted) + self._margin
        return best if score(best.forecast) > least else None

    def ranked(
        self, state: HostState, host_forecast: fit.HostForecast
    ) -> list[tuple[float, fit.NodeForecast]]:
        """The sets of nodes with their scores, the best one first."""
        score = self._scorer(state)
        return sorted(
            (
                (score(option.forecast), option)
                for option in host_forecast.by_nodes
            ),
            key=lambda entry: -entry[0],
        )

    def _scorer(self, state: HostState) -> scales.Scale:
        """The sum of the weights on a host, with their multipliers."""
        multiplied = [
            (multipliers.multiplier(option, state), scale)
            for option, scale in self._scales
        ]
        # By identity: nodes that are alike share their forecast.
        scores: dict[int, float] = {}

        def score(forecast: fit.Forecast) -> float:
            known = scores.get(id(forecast))
            if known is None:
                known = scores[id(forecast)] = sum(
                    value * scale(forecast) for value, scale in multiplied
                )
            return known

        return score

    def wide(
        self,
        state: HostState,
        host_forecast: fit.HostForecast,
        instances: int,
    ) -> NodeChoice:
        """The choice of the best nodes with room for some instances.

        For an instance of one node, further nodes that are as good within
        the margin, and the next best ones until there is room. For larger
        instances the best set alone.

        :param instances: for how many like this one there is to be room
        """
        ranked = self.ranked(state, host_forecast)
        least, best = ranked[0]
        if len(best.nodes) > 1:
            return best.choice
        least -= self._margin
        excluded = best.choice.excluded
        room = 0
        for score, option in ranked:
            if room >= instances and score < least:
                break
            excluded -= option.nodes
            room += option.room
        return NodeChoice(excluded=excluded)


def choose(
    cycle: RequestCycle, state: HostState, spec: RequestSpec
) -> NodeChoice | None:
    """Restrict the claim on the host that Nova selected, if it is worth it.

    Nova builds the limits of all instances of a request after the last one
    was placed: the first choice on a host holds for all of them.

    :returns: the nodes that the claim may take; None for all
    """
    if (
        cycle.chooses_nodes
        and cycle.fit_request.guest.cells
        and not host_cycle.has_chosen(state)
    ):
        choice = NodeChoice()
        [host_forecast], prices = cycle.process.forecasts.get_many(
            [(cycle.decide(state), state)]
        )
        chooser = NodeChooser(cycle, spec, prices)
        if host_forecast and chooser.best(state, host_forecast):
            choice = _choice(chooser, cycle, state, host_forecast, spec)
            state.limits['numa_topology'] = cycle.original.limits(
                spec, state, choice
            )
        if choice.restricts:
            # The only record of the limits: Nova does not store them.
            LOG.debug(
                'The claim of instance %s on host %s is restricted by %s',
                spec.instance_uuid,
                state.nodename,
                ', '.join(sorted(node_labels.labels_of(choice))),
            )
        host_cycle.of_host(state).choice = choice
    return host_cycle.choice_of(state)


def _choice(
    chooser: NodeChooser,
    cycle: RequestCycle,
    state: HostState,
    host_forecast: fit.HostForecast,
    spec: RequestSpec,
) -> NodeChoice:
    """The choice, wide enough; without a restriction where none is safe."""
    decision = cycle.decide(state)
    evaluation = decision.evaluation(state)
    one_node = len(evaluation.guest.cells) == 1
    several = request_spec.instances(spec)
    room = several
    if several == 1:
        others = cycle.process.in_flight.unsettled(
            besides=request_spec.instance_uuid(spec)
        )
        room = min(1 + others, _MOST_ROOM)
    if room > 1 and not one_node:
        # Such claims cannot be given one of several sets.
        return NodeChoice()
    choice = chooser.wide(state, host_forecast, room)
    candidate = host_cycle.candidate_to_claim(state)
    providers = decision.providers(candidate)
    outcome = node_options.outcome_within(evaluation, providers, choice)
    if outcome is None or not decision.allows(state, outcome, candidate):
        return NodeChoice()
    if several > 1 and (
        several > _MOST_INSTANCES
        or providers is not evaluation.fit_request.no_providers
        or several > node_options.claims_within(evaluation, choice, several)
    ):
        return NodeChoice()
    return choice
