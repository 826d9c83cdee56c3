"""Nova's filters and weighers over the hosts, as nova-scheduler runs them."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import copy
import types
from typing import Any
import uuid

import nova.conf
from nova.scheduler import filters as nova_filters
from nova.scheduler import manager
from nova.scheduler import weights as nova_weights

from benchmarks.packing import memo
from benchmarks.packing.columns import Column
from benchmarks.packing.computes import CANDIDATE
from benchmarks.packing.computes import Compute
from benchmarks.packing.computes import Held
from benchmarks.packing.computes import Refused
from benchmarks.packing.computes import Shape
from nfv_sched import conf as nfv_conf
from nfv_sched.scheduler import cycle
from nfv_sched.scheduler import node_chooser
from nfv_sched.scheduler import process
from nfv_sched.scheduler.process import SchedulerProcess
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.sim import settings

CONF = nova.conf.CONF


@contextlib.contextmanager
def configured(column: Column) -> Iterator[None]:
    """Nova's options as the column has them, for a while."""
    CONF([], project='nova', default_config_files=[])
    nfv_conf.register_opts(CONF)
    with (
        settings.override(
            {
                'filter_scheduler.weight_classes': list(column.weighers),
                'nfv_sched.read_topology': False,
                **column.options,
            }
        ),
        process.replaced(SchedulerProcess(PublishedTopology(None))),
    ):
        yield


class Scheduler:
    """One scheduler over the computes; made and used while configured.

    ``failed_claims`` counts claims that failed on a host that was chosen.

    :param remember: whether answers of the stock filters are kept
    """

    def __init__(
        self,
        column: Column,
        computes: Sequence[Compute],
        *,
        remember: bool = True,
    ) -> None:
        self.failed_claims = 0
        self._computes = {compute.name: compute for compute in computes}
        self._filters = _filters(column)
        if remember and column.stock:
            memory = memo.Memory(self._computes)
            self._filters = [
                memo.Remembering(one, memory) for one in self._filters
            ]
        self._filter_handler = nova_filters.HostFilterHandler()
        self._weight_handler = nova_weights.HostWeightHandler()
        self._weighers = [
            cls()
            for cls in self._weight_handler.get_matching_classes(
                CONF.filter_scheduler.weight_classes
            )
        ]
        # What SchedulerManager._get_sorted_hosts asks of its host manager.
        self._manager = types.SimpleNamespace(
            host_manager=types.SimpleNamespace(
                get_filtered_hosts=self._filter, get_weighed_hosts=self._weigh
            )
        )

    def place(self, number: int, wanted: Shape) -> tuple[Compute, Held] | None:
        """Boot a guest: where it runs and what it has; None if nowhere."""
        spec = request_of(number, wanted)
        selected = self.select(spec, wanted)[: CONF.scheduler.max_attempts]
        if selected and CONF.nfv_sched.choose_nodes:
            # As when Nova consumes the instance from the selected host; that
            # would change pools that the states of all requests share.
            node_chooser.choose(cycle.begin(spec), selected[0], spec)
        for state in selected:
            compute = self._computes[state.host]
            limits = state.limits.get('numa_topology')
            try:
                return compute, compute.claim(wanted, limits)
            except Refused:
                self.failed_claims += 1
        return None

    def select(
        self,
        spec: Any,
        wanted: Shape,
        offered: Callable[[Compute, Shape], bool] = Compute.offered,
    ) -> list[Any]:
        """The hosts that pass, best first.

        :param spec: as :func:`request_of`
        :param offered: whether Placement has a candidate on a host
        """
        states = []
        for compute in self._computes.values():
            if offered(compute, wanted):
                # Each request has host states of its own.
                state = copy.copy(compute.state)
                state.allocation_candidates = [CANDIDATE]
                state.limits = {}
                states.append(state)
        found: list[Any] = manager.SchedulerManager._get_sorted_hosts(  # noqa: SLF001
            self._manager, spec, states, 0
        )
        return found

    def _filter(self, states: Any, spec: Any, index: int) -> Any:
        return self._filter_handler.get_filtered_objects(
            self._filters, states, spec, index
        )

    def _weigh(self, states: Any, spec: Any) -> Any:
        return self._weight_handler.get_weighed_objects(
            self._weighers, states, spec
        )


def request_of(number: int, wanted: Shape) -> Any:
    """The request for one instance."""
    spec = copy.copy(wanted.spec)
    spec.instance_uuid = str(uuid.UUID(int=number + 1))
    return spec


def _filters(column: Column) -> list[Any]:
    """The column's filters, loaded as HostManager does."""
    classes = nova_filters.HostFilterHandler().get_matching_classes(
        [
            'nova.scheduler.filters.all_filters',
            'nfv_sched.filters.all_filters',
        ]
    )
    by_name = {cls.__name__: cls for cls in classes}
    return [by_name[name]() for name in column.filters]
