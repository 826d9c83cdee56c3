"""A cloud at one moment: its hosts, and the instances on them.

A value that the source does not have is None, never an estimate: Placement
has the amounts in use of a NUMA node, but not the instances and CPUs.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
import dataclasses
import datetime
import enum

from nfv_sched.fit.request import KIB_PER_MIB
from nfv_sched.model import DeviceRequest
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage


class Source(enum.StrEnum):
    """The source of a survey."""

    NOVA = "Nova's databases"
    PLACEMENT = 'Placement'
    APIS = "Placement and Nova's API"


@dataclasses.dataclass(frozen=True, slots=True)
class InstanceCell:
    """One guest NUMA node of an instance, on the host's NUMA node.

    ``pinning`` has pairs of guest CPU and host CPU; ``reserved`` are the host
    CPUs of its emulator threads; ``shared`` counts guest CPUs that float over
    the node's shared CPUs. Memory is MiB; ``page_size_kib`` is None if the
    instance requests no page size. With ``isolated`` the siblings of its host
    CPUs are in use, too.
    """

    guest_cell: int
    host_cell: int
    memory_mib: int
    pinning: tuple[tuple[int, int], ...] = ()
    reserved: frozenset[int] = frozenset()
    shared: int = 0
    page_size_kib: int | None = None
    isolated: bool = False

    @property
    def host_cpus(self) -> frozenset[int]:
        """The host CPUs that the instance uses exclusively."""
        return (
            frozenset(host_cpu for _, host_cpu in self.pinning) | self.reserved
        )

    def occupied(self, cores: Iterable[AbstractSet[int]]) -> frozenset[int]:
        """The host CPUs that no other instance can have.

        :param cores: the hardware threads of each core of the NUMA node
        """
        own = self.host_cpus
        if not self.isolated:
            return own
        return own.union(*(core for core in cores if core & own))

    def pages(self, size_kib: int, smallest_kib: int) -> int:
        """The pages of one size that it uses, as nova-compute counts them.

        :param smallest_kib: the size that is used if none was requested
        """
        if (self.page_size_kib or smallest_kib) != size_kib:
            return 0
        return -(-self.memory_mib * KIB_PER_MIB // size_kib)


@dataclasses.dataclass(frozen=True, slots=True)
class SurveyedInstance:
    """An instance on a host; ``cells`` is empty without NUMA topology.

    ``changing`` is whether Nova is doing something with it: what was read of
    it may be of different moments.
    """

    uuid: str
    name: str
    flavor: str
    cells: tuple[InstanceCell, ...] = ()
    devices: tuple[DeviceRequest, ...] = ()
    changing: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class SurveyedDevice:
    """A PCI device that instances may use.

    ``parent`` is the address of the PF of a VF. ``guest`` is the uuid of the
    instance that has the device; ``free`` is whether a claim may take it,
    which also depends on the state of its PF or VFs, and on what Placement
    has reserved where that was read. ``request_id`` is that of the PCI
    request for which it was taken.
    """

    address: str
    vendor_id: str
    product_id: str
    dev_type: str
    numa_node: int | None
    parent: str | None = None
    physnet: str | None = None
    guest: str | None = None
    free: bool = True
    request_id: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class SurveyedAccelerator:
    """Accelerators of one resource class on one card, in Placement.

    ``address`` is the PCI address of the card, ``numa_node`` and
    ``pcie_root`` are where it is, as far as published.
    """

    address: str
    resource_class: str
    total: int
    used: int
    numa_node: int | None = None
    pcie_root: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class HostSurvey:
    """One compute node.

    ``host`` is the name of its nova-compute service. ``topology`` has its
    hardware and usage as counts, ``state`` CPU by CPU, as its nova-compute
    reported it. ``enabled`` is whether the service is neither disabled nor
    down. ``migrating`` has the instances that are elsewhere, and for which a
    migration holds resources here, by the uuid of the migration.
    ``published_usage`` is that of the last publishing where that of
    ``topology`` is newer.
    """

    host: str
    topology: HostTopology
    state: Host | None = None
    residents: tuple[SurveyedInstance, ...] | None = None
    devices: tuple[SurveyedDevice, ...] | None = None
    enabled: bool | None = None
    availability_zone: str | None = None
    accelerators: tuple[SurveyedAccelerator, ...] | None = None
    migrating: Mapping[str, SurveyedInstance] | None = None
    published_usage: HostUsage | None = None

    @property
    def held(self) -> tuple[SurveyedInstance, ...]:
        """The instances that hold resources, those of migrations included."""
        return (*(self.residents or ()), *(self.migrating or {}).values())


@dataclasses.dataclass(frozen=True, slots=True)
class Survey:
    """All hosts, sorted by name.

    ``problems`` says what could not be read although the source has it,
    ``unknown`` what this kind of source never has, ``unread`` the names of
    the hosts that were not wanted.
    """

    source: Source
    taken: datetime.datetime
    hosts: tuple[HostSurvey, ...]
    problems: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
