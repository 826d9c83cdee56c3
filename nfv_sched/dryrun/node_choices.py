"""The NUMA nodes that claims take where nova-scheduler chooses them."""

from collections.abc import Hashable
from collections.abc import Mapping

from nfv_sched import fit
from nfv_sched.dryrun.placement_ledger import HostUnderTest
from nfv_sched.fit import node_options
from nfv_sched.fit.headroom import HostHeadroom
from nfv_sched.fit.headroom import Shapes
from nfv_sched.model import AcceleratorClaim
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import Host
from nfv_sched.nova import node_labels
from nfv_sched.nova.types import RequestSpec
from nfv_sched.scheduler import forecasts
from nfv_sched.scheduler import multipliers
from nfv_sched.scheduler import scales
from nfv_sched.scheduler.cycle import RequestCycle
from nfv_sched.scheduler.node_chooser import NodeChooser


class NodeChoices:
    """Chooses the nodes of hypothetical claims as nova-scheduler does.

    With nothing in flight, and for the demand that the process of the dry
    run expects. Headroom is priced as if the other hosts stayed as they are.

    :param hosts: those that the request fits, by name
    """

    def __init__(
        self, cycle: RequestCycle, spec: RequestSpec, hosts: Mapping[str, Host]
    ) -> None:
        self._cycle = cycle
        self._spec = spec
        self._expected = cycle.process.forecasts.histogram.expected
        self._shapes = Shapes(self._expected.shapes, smooth=True)
        self._headrooms = {
            name: [
                HostHeadroom(shape, host, smooth=True).now
                for shape in self._shapes.requests
            ]
            for name, host in hosts.items()
        }
        self._totals = [
            sum(counts)
            for counts in zip(*self._headrooms.values(), strict=True)
        ]

    def outcome(
        self,
        target: HostUnderTest,
        evaluation: fit.Evaluation,
        providers: fit.Providers,
        accelerators: tuple[AcceleratorClaim, ...],
    ) -> ClaimOutcome | None:
        """What the next claim on a host takes; None where it fails.

        :param providers: what the allocation candidate gives to each device
            request
        :param accelerators: those that it gives
        """
        unrestricted = evaluation.verdict(providers).outcome
        if unrestricted is None or not node_labels.are_complete(
            target.host.cells
        ):
            return unrestricted
        forecast = node_options.forecast_by_nodes(
            evaluation,
            providers,
            unrestricted.with_accelerators(accelerators),
            self._shapes,
            target.distances,
        )
        chooser = NodeChooser(
            self._cycle, self._spec, self._prices(target, forecast)
        )
        if chooser.best(target.state, forecast) is None:
            return unrestricted
        choice = chooser.wide(target.state, forecast, 1)
        outcome = node_options.outcome_within(evaluation, providers, choice)
        return unrestricted if outcome is None else outcome

    def _prices(
        self, target: HostUnderTest, forecast: fit.HostForecast
    ) -> list[float]:
        return forecasts.prices(
            self._expected.shares,
            [
                total - before + now
                for total, before, now in zip(
                    self._totals,
                    self._headrooms[target.name],
                    forecast.unrestricted.before,
                    strict=True,
                )
            ],
            len(self._headrooms),
        )

    @staticmethod
    def key(target: HostUnderTest) -> Hashable:
        """What a choice depends on beside the state of the host."""
        return (
            tuple(
                (node, tuple(sorted(others.items())))
                for node, others in sorted(target.distances.items())
            ),
            tuple(
                multipliers.multiplier(option, target.state)
                for option in scales.SCALES
            ),
        )
