"""What is read of Nova's objects, release 31 (2025.1) to 34 (2026.2).

These protocols are the whole coupling to these classes of Nova: mypy refuses
any other attribute. Nested objects (topologies, PCI statistics, flavors) are
read in :mod:`nfv_sched.nova` only.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import MutableMapping
from collections.abc import Sequence
from typing import Any
from typing import Protocol

from nfv_sched.fit.candidates import Candidate


class Aggregate(Protocol):
    """``nova.objects.Aggregate``."""

    name: str
    hosts: Sequence[str]
    metadata: Mapping[str, str]

    def __contains__(self, name: str) -> bool:
        """Whether a field is set."""


class HostState(Protocol):
    """``nova.scheduler.host_manager.HostState``.

    Read from the database for each request; changed within a request for
    several instances by ``consume_from_request``.
    """

    uuid: str
    host: str
    nodename: str
    cell_uuid: str
    updated: Any
    service: Mapping[str, Any]
    aggregates: Sequence[Aggregate]
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


class WeighedHost(Protocol):
    """``nova.scheduler.weights.WeighedHost``."""

    obj: HostState
    #: So far; the total once all weighers were asked.
    weight: float


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


class HostFilter(Protocol):
    """``nova.scheduler.filters.BaseHostFilter``."""

    def filter_all(
        self, filter_obj_list: Sequence[HostState], spec_obj: RequestSpec
    ) -> Iterable[HostState] | None:
        """The hosts that pass; None ends filtering with no host left."""


class ComputeService(Protocol):
    """``nova.objects.Service`` of a nova-compute."""

    host: str
    disabled: bool
    version: int


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


class PciDevice(Protocol):
    """``nova.objects.PciDevice``, or a row of one."""

    @property
    def address(self) -> str:
        """The PCI address."""

    @property
    def vendor_id(self) -> str:
        """In hexadecimal digits, in either case."""

    @property
    def product_id(self) -> str:
        """In hexadecimal digits, in either case."""

    @property
    def dev_type(self) -> str:
        """A ``nova.objects.fields.PciDeviceType``."""

    @property
    def status(self) -> str:
        """A ``nova.objects.fields.PciDeviceStatus``."""

    @property
    def numa_node(self) -> int | None:
        """The NUMA node; NotImplementedError where the field is not set."""

    @property
    def parent_addr(self) -> str | None:
        """The PCI address of the physical function of a virtual one."""

    @property
    def instance_uuid(self) -> str | None:
        """The instance that has the device."""

    @property
    def request_id(self) -> str | None:
        """The PCI request of the instance for which it was taken."""

    def __contains__(self, name: str) -> bool:
        """Whether a field is set."""


class CellMapping(Protocol):
    """``nova.objects.CellMapping``: one Nova cell."""

    uuid: str
    name: str | None
    disabled: bool

    def is_cell0(self) -> bool:
        """Whether it holds the instances without a host."""
