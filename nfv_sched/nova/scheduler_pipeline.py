"""nova-scheduler's own pipeline for dry runs: nothing is claimed or written.

The host manager and the filters are Nova's, made as nova.conf says. Unlike in
nova-scheduler every host is included, also those that Placement does not
offer, and every filter runs on every host.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
from typing import Any

from nova import context as nova_context
from nova import exception
from nova import objects
import nova.conf
from nova.scheduler import host_manager
from nova.scheduler import request_filter
from nova.scheduler import utils as scheduler_utils

from nfv_sched.nova import cell_databases
from nfv_sched.nova import compute_nodes
from nfv_sched.nova import failure_domains
from nfv_sched.nova import hints
from nfv_sched.nova import instances
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.nova.types import HostFilter
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec

CONF = nova.conf.CONF

#: In the metadata of aggregates.
_ZONE = 'availability_zone'
_DISABLED_TRAIT = 'COMPUTE_STATUS_DISABLED'


@dataclasses.dataclass(frozen=True, slots=True)
class HiddenHost:
    """A compute node that nova-scheduler does not see, and why."""

    host: str
    why: str


@dataclasses.dataclass(frozen=True, slots=True)
class PlacementQuery:
    """What a request asks of Placement.

    ``queries`` are the query strings that nova-scheduler sends, without a
    limit: one, or two for pinned guests. ``limit`` is the number of
    candidates that nova-scheduler asks for, ``None`` where it sets none.
    """

    queries: tuple[str, ...]
    limit: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class FilterStep:
    """One filter that is enabled: its name, and a way to ask it."""

    name: str
    filter: HostFilter

    def passing(
        self, states: Sequence[HostState], spec: RequestSpec
    ) -> set[int]:
        """The ``id`` of the states that pass."""
        passing = self.filter.filter_all(list(states), spec)
        if passing is None:
            # "Stop filtering" in Nova's words: no host is left.
            return set()
        return {id(state) for state in passing}


class Pipeline:
    """The hosts and filters of a nova-scheduler by nova.conf.

    ``problems`` say what could not be read.

    :raises nova.exception.NovaException: nova.conf names filters that are
        not there
    """

    def __init__(self) -> None:
        self.context = nova_context.get_admin_context()
        self.problems: list[str] = []
        with _without_tracking():
            self._manager = host_manager.HostManager()
        self.filters = tuple(
            FilterStep(type(host_filter).__name__, host_filter)
            for host_filter in self._manager.enabled_filters
        )

    @property
    def pack(self) -> bool:
        """Whether claims pack cells instead of spreading over them."""
        return bool(CONF.compute.packing_host_numa_cells_allocation_strategy)

    def states(self, only: Mapping[str, str] | None = None) -> list[HostState]:
        """A HostState of every compute node in a cell that is enabled.

        :param only: the compute nodes to read instead of all, by uuid, with
            the names of their services
        """
        self._learn_instances(None if only is None else set(only.values()))
        states = self._manager.get_host_states_by_uuids(
            self.context.elevated(), None if only is None else list(only), None
        )
        return sorted(states, key=lambda state: str(state.nodename))

    def hidden_hosts(
        self,
        states: Iterable[HostState],
        only: Collection[str] | None = None,
    ) -> list[HiddenHost]:
        """All compute nodes that are not among the states.

        :param only: uuids of the compute nodes that are asked about
        """
        known = {(state.host, state.nodename) for state in states}
        enabled = {cell.uuid for cell in self._manager.enabled_cells}
        hidden = []
        for cell in self._manager.cells.values():
            why = 'no nova-compute service is recorded for it'
            if cell.uuid not in enabled:
                why = f'its Nova cell {cell.name or cell.uuid} is disabled'
            with cell_databases.visit(
                self.context, cell, self.problems
            ) as targeted:
                hidden += [
                    HiddenHost(row.name, why)
                    for page in compute_nodes.node_rows(targeted)
                    for row in page
                    if (row.host, row.name) not in known
                    and (only is None or row.uuid in only)
                ]
        return hidden

    def domains(self, kinds: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """The failure domains of hosts, by name of service and kind."""
        return failure_domains.domains_by_host(
            self._manager.aggs_by_id.values(), kinds
        )

    def unread_hints(self, names: Collection[str]) -> list[str]:
        """The hints that no enabled filter or weigher reads, in words."""
        return hints.unread(
            names,
            [
                type(each)
                for each in (
                    *self._manager.enabled_filters,
                    *self._manager.weighers,
                )
            ],
        )

    def run_request_filters(self, spec: RequestSpec) -> str | None:
        """Let Nova's request filters work on a request.

        Returns why they refuse it for all hosts, None if they do not.
        """
        try:
            request_filter.process_reqspec(self.context, spec)
        except exception.RequestFilterFailed as error:
            return str(error)
        return None

    def placement_query(self, spec: RequestSpec) -> PlacementQuery:
        """What the request asks of Placement.

        :raises BadRequestError: it asks for a host that is not there
        """
        first = self._resources(spec, translate=True)
        second = None
        if (
            first.cpu_pinning_requested
            and not CONF.workarounds.disable_fallback_pcpu_query
        ):
            second = self._resources(spec, translate=False)
        return _placement_query(first, second)

    def _resources(self, spec: RequestSpec, *, translate: bool) -> Any:
        try:
            return scheduler_utils.resources_from_request_spec(
                self.context, spec, self._manager, translate
            )
        except exception.NoValidHost as error:
            raise BadRequestError(str(error)) from error

    def _learn_instances(self, hosts: Collection[str] | None) -> None:
        """Give the host manager the instances of hosts, None for all.

        One query per Nova cell; it would query for each host.
        """
        info: dict[str, Any] = {}
        for cell in self._manager.enabled_cells:
            with cell_databases.visit(
                self.context, cell, self.problems
            ) as targeted:
                for uuid, host in instances.hosts_of_all(targeted, hosts):
                    entry = info.setdefault(
                        host, {'instances': {}, 'updated': True}
                    )
                    entry['instances'][uuid] = objects.Instance(
                        self.context, uuid=uuid
                    )
        manager = self._manager
        manager._instance_info = _NoInstances(info)  # noqa: SLF001


class _NoInstances(dict[str, Any]):
    """Default to no instances, so that HostManager does not query per host."""

    def get(self, host: str, default: Any = None) -> Any:
        return super().get(host, {'instances': {}, 'updated': True})


def placement_query_of(spec: RequestSpec) -> PlacementQuery:
    """What a request asks of Placement, where there is nothing but that."""
    request = scheduler_utils.ResourceRequest
    return _placement_query(request.from_request_spec(spec), None)


def _placement_query(first: Any, second: Any) -> PlacementQuery:
    """What the queries ask for, of which the second may be None."""
    limit: int | None = first._limit  # noqa: SLF001 - Nova's own query
    queries = [
        _unlimited(resources)
        for resources in (first, second)
        if resources is not None
    ]
    return PlacementQuery(tuple(queries), limit)


def _unlimited(resources: Any) -> str:
    resources._limit = None  # noqa: SLF001 - Nova has no public way
    text: str = resources.to_querystring()
    return text


@contextlib.contextmanager
def _without_tracking() -> Any:
    """Without the thread that reads all instances."""
    group, option = 'filter_scheduler', 'track_instance_changes'
    was = CONF.filter_scheduler.track_instance_changes
    CONF.set_override(option, False, group)
    try:
        yield
    finally:
        CONF.set_override(option, was, group)


def excluded_by_request(spec: RequestSpec, state: HostState) -> str | None:
    """Why the request itself rules a host out.

    As nova.scheduler.host_manager ``get_filtered_hosts`` does before it asks
    any filter.
    """
    host = state.host.lower()
    wanted = spec.requested_destination
    if wanted is not None and 'host' in wanted and wanted.host is not None:
        node = wanted.node if 'node' in wanted else None
        if state.host != wanted.host or (node and state.nodename != node):
            return f'the request is for host {wanted.host}'
    cell = wanted.cell if wanted is not None and 'cell' in wanted else None
    if cell is not None and state.cell_uuid != cell.uuid:
        # As HostManager.get_host_states_by_uuids, which reads no other.
        return f'the instance moves within Nova cell {cell.name or cell.uuid}'
    if host in {name.lower() for name in spec.ignore_hosts or ()}:
        return 'the request leaves this host out'
    forced = {name.lower() for name in spec.force_hosts or ()}
    if forced and host not in forced:
        return f'the request forces host {", ".join(sorted(forced))}'
    nodes = set(spec.force_nodes or ())
    if nodes and state.nodename not in nodes:
        return f'the request forces node {", ".join(sorted(nodes))}'
    return None


def outside_zone(spec: RequestSpec, state: HostState) -> str | None:
    """Why a host is not in the availability zone of a request.

    Nova has Placement look for one of the zone's aggregates, see
    nova.scheduler.request_filter ``map_az_to_placement_aggregate``.
    """
    wanted = spec.availability_zone
    zones = sorted(
        aggregate.metadata[_ZONE]
        for aggregate in state.aggregates
        if _ZONE in aggregate.metadata
    ) or [str(CONF.default_availability_zone)]
    if not wanted or wanted in zones:
        return None
    return (
        f'the request is for availability zone {wanted}, and the host is in '
        f'{", ".join(zones)}'
    )


def skips_filters(spec: RequestSpec) -> bool:
    """Whether Nova asks no filter, as for a host that is forced."""
    check = (spec.scheduler_hints or {}).get('_nova_check_type')
    return not check and bool(spec.force_hosts or spec.force_nodes)


def disabling_trait() -> str:
    """The trait of disabled compute nodes."""
    return _DISABLED_TRAIT
