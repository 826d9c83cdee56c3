"""What is read of Nova's objects, release 31 (2025.1) to 34 (2026.2).

These protocols are the whole coupling to three of Nova's classes: mypy
refuses any other attribute. Nested objects (topologies, PCI statistics,
aggregates, flavors) are read in :mod:`nfv_sched.nova` only.
"""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import MutableMapping
from collections.abc import Sequence
from typing import Any
from typing import Protocol

from nfv_sched.fit.candidates import Candidate


class HostState(Protocol):
    """``nova.scheduler.host_manager.HostState``.

    Read from the database for each request; changed within a request for
    several instances by ``consume_from_request``.
    """

    uuid: str
    host: str
    nodename: str
    updated: Any
    service: Mapping[str, Any]
    aggregates: Sequence[Any]
    instances: Mapping[str, Any]
    num_instances: int
    num_io_ops: int
    #: A ``nova.objects.NUMATopology``, None where none is reported.
    numa_topology: Any
    #: A ``nova.pci.stats.PciDeviceStats``, or None.
    pci_stats: Any
    cpu_allocation_ratio: float | None
    ram_allocation_ratio: float | None
    #: Handed to the claim; ``numa_topology`` is written by NUMAFitFilter.
    limits: MutableMapping[str, Any]
    #: Nova claims the first one.
    allocation_candidates: list[Candidate]
    #: Replaced by :mod:`nfv_sched.scheduler.consume_hook`.
    consume_from_request: Any


class RequestSpec(Protocol):
    """``nova.objects.RequestSpec``; a field that is not set raises."""

    #: An ``InstanceNUMATopology`` or None; Nova overwrites it between the
    #: instances of one request.
    numa_topology: Any
    pci_requests: Any
    flavor: Any
    image: Any
    network_metadata: Any
    instance_uuid: str | None
    instance_group: Any
    num_instances: int
    project_id: str | None
    availability_zone: str | None
    scheduler_hints: Mapping[str, Any] | None
    ignore_hosts: Collection[str] | None
    force_hosts: Collection[str] | None
    force_nodes: Collection[str] | None
    requested_destination: Any

    def __contains__(self, name: str) -> bool:
        """Whether a field is set."""

    def obj_reset_changes(self, fields: Sequence[str]) -> None:
        """Forget that fields were changed."""


class ComputeNode(Protocol):
    """``nova.objects.ComputeNode``; a field that is not set raises."""

    id: int
    uuid: str
    host: str
    hypervisor_hostname: str
    #: JSON of a ``nova.objects.NUMATopology``.
    numa_topology: str | None
    pci_device_pools: Any
    cpu_allocation_ratio: float | None
    ram_allocation_ratio: float | None

    def __contains__(self, name: str) -> bool:
        """Whether a field is set."""


class CellMapping(Protocol):
    """``nova.objects.CellMapping``: one Nova cell."""

    uuid: str
    name: str | None

    def is_cell0(self) -> bool:
        """Whether it holds the instances without a host."""
