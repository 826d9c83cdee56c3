"""A guest as Nova derives it from flavor, image, ports and networks."""

from collections.abc import Mapping
import dataclasses

#: ``GuestCell.page_size`` for ``hw:mem_page_size`` small, large and any:
#: the codes of nova.virt.hardware (MEMPAGES_SMALL, _LARGE, _ANY).
PAGES_SMALL = -1
PAGES_LARGE = -2
PAGES_ANY = -3


@dataclasses.dataclass(frozen=True, slots=True)
class GuestCell:
    """One NUMA cell of a guest.

    ``shared`` and ``dedicated`` are guest CPU numbers. ``page_size`` is KiB,
    one of the ``PAGES_`` codes, or None where the flavor asks for none.
    ``cpu_policy`` is ``dedicated``, ``mixed``, ``shared`` or None, which
    means shared; ``thread_policy`` is ``prefer``, ``require``, ``isolate``
    or None, which means prefer.
    """

    id: int
    memory_mib: int
    shared: frozenset[int] = frozenset()
    dedicated: frozenset[int] = frozenset()
    page_size: int | None = None
    cpu_policy: str | None = None
    thread_policy: str | None = None

    @property
    def pinned(self) -> bool:
        """Whether the cell's policy pins CPUs (and so forbids overcommit)."""
        return self.cpu_policy in ('dedicated', 'mixed')

    @property
    def shape(self) -> tuple[object, ...]:
        """Equal for cells that fit the same host cells."""
        return (
            self.memory_mib,
            len(self.shared),
            len(self.dedicated),
            self.page_size,
            self.cpu_policy,
            self.thread_policy,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceRequest:
    """``count`` devices that match any one of ``specs``.

    ``policy`` is ``required``, ``socket``, ``legacy`` or ``preferred``.
    ``request_id`` names the request in an allocation candidate's mappings;
    ``from_port`` is whether a neutron port asks, whose devices Placement
    does not choose. ``bandwidth_group`` is the request group of the port's
    guaranteed bandwidth, whose provider tells the interface. ``rp_uuids`` are
    the providers that Placement has already chosen, one per device.
    """

    count: int
    specs: tuple[Mapping[str, str | None], ...]
    policy: str = 'legacy'
    request_id: str | None = None
    from_port: bool = False
    bandwidth_group: str | None = None
    rp_uuids: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Guest:
    """What one guest asks of a host.

    ``cells`` is empty for a guest without NUMA topology.
    ``emulator_isolated`` asks for one more dedicated CPU, on the host cell
    of the first guest cell. ``spread_functions`` is whether devices should
    be on different physical functions where possible. ``pcie_policy`` is
    whether they should be below one PCIe root: ``preferred``, ``required``,
    or None. ``accelerators`` are the resource classes of accelerators that
    Placement allocates, see :mod:`nfv_sched.fit.accelerators`.
    """

    cells: tuple[GuestCell, ...] = ()
    devices: tuple[DeviceRequest, ...] = ()
    emulator_isolated: bool = False
    physnets: frozenset[str] = frozenset()
    tunneled: bool = False
    spread_functions: bool = False
    pcie_policy: str | None = None
    accelerators: frozenset[str] = frozenset()

    @property
    def asks_nothing(self) -> bool:
        """Whether every host is as good as any other for this guest."""
        return not self.cells and not self.devices
