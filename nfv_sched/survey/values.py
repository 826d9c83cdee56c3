"""A cloud at one moment: its hosts, and the guests that live on them.

What a source cannot know is None, never a guess: Placement alone knows how
much is used on a cell, but neither by whom nor which CPUs.
"""

import dataclasses
import datetime
import enum

from nfv_sched.model import Host
from nfv_sched.model import HostTopology


class Source(enum.StrEnum):
    """Where a survey was read."""

    NOVA = "Nova's databases"
    PLACEMENT = 'Placement'


@dataclasses.dataclass(frozen=True, slots=True)
class InstanceCell:
    """One cell of a guest that runs, on the host cell that it got.

    ``pinning`` maps guest CPUs to host CPUs as pairs; ``reserved`` are the
    host CPUs of its emulator threads; ``shared`` counts guest CPUs that
    float over the cell's shared CPUs. Memory is MiB; ``page_size_kib`` is
    None where the guest did not ask for a page size.
    """

    guest_cell: int
    host_cell: int
    memory_mib: int
    pinning: tuple[tuple[int, int], ...] = ()
    reserved: frozenset[int] = frozenset()
    shared: int = 0
    page_size_kib: int | None = None

    @property
    def host_cpus(self) -> frozenset[int]:
        """The host CPUs that nobody else may use."""
        return frozenset(host for _, host in self.pinning) | self.reserved


@dataclasses.dataclass(frozen=True, slots=True)
class SurveyedInstance:
    """A guest on a host; ``cells`` is empty for one without NUMA topology."""

    uuid: str
    name: str
    flavor: str
    cells: tuple[InstanceCell, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class SurveyedDevice:
    """A PCI device that guests may have.

    ``parent`` is the address of the physical function of a virtual one.
    ``guest`` is the uuid of the guest that has it; ``free`` is whether a
    claim may take it, which the state of a relative also decides.
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


@dataclasses.dataclass(frozen=True, slots=True)
class HostSurvey:
    """One compute node.

    ``host`` is the name of its nova-compute service. ``topology`` is its
    hardware and what is used of it, by counts; ``state`` the same CPU by
    CPU, as its nova-compute reported it. ``enabled`` is whether the service
    is neither disabled nor down.
    """

    host: str
    topology: HostTopology
    state: Host | None = None
    residents: tuple[SurveyedInstance, ...] | None = None
    devices: tuple[SurveyedDevice, ...] | None = None
    enabled: bool | None = None
    availability_zone: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Survey:
    """All hosts, by name.

    ``problems`` tell what could not be read although the source has it,
    ``unknown`` what this source never has.
    """

    source: Source
    taken: datetime.datetime
    hosts: tuple[HostSurvey, ...]
    problems: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
