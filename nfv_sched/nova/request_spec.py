"""What a RequestSpec asks for, as a guest."""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import re
from typing import Any

from nova import objects

from nfv_sched.model import DeviceRequest
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import NodeChoice
from nfv_sched.nova import node_labels
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec

#: Extra specs of our own, see nfv_sched.extra_specs.
HOST_SELECTION = 'nfv:placement'
PCI_SPREAD = 'nfv:pci_spread'
PCIE = 'nfv:pcie'
#: Of the classes that a flavor may request, custom ones may be anything.
_RESOURCES = re.compile(r'resources[^:]*:(VGPU|PGPU|FPGA|CUSTOM_[A-Z0-9_]+)$')
_PCIE_POLICIES = {'same': 'preferred', 'same:required': 'required'}


@dataclasses.dataclass(slots=True)
class OriginalRequest:
    """A RequestSpec as it was before Nova consumed anything for it.

    A request for several instances is one RequestSpec. Nova overwrites its
    topology with what it gave to the previous instance
    (``HostState.consume_from_request``), while each claim starts from the
    flavor's topology.

    :raises ValueError: the request is malformed; says which part
    """

    guest: Guest
    flavor: Any
    topology: Any
    _pristine: Any
    _limits: dict[tuple[float, float, NodeChoice | None], Any] = (
        dataclasses.field(default_factory=dict)
    )

    @classmethod
    def of(cls, spec: RequestSpec) -> 'OriginalRequest':
        """The request as it stands now."""
        topology = spec.numa_topology
        return cls(
            read_guest(spec),
            spec.flavor,
            topology,
            topology.obj_clone() if topology else None,
        )

    def restore(self, spec: RequestSpec) -> None:
        """Put the topology back if it was overwritten.

        Nova's next consumption then takes what the claim will take.
        """
        if spec.numa_topology is self.topology:
            return
        self.topology = self._pristine.obj_clone() if self._pristine else None
        spec.numa_topology = self.topology
        spec.obj_reset_changes(['numa_topology'])

    def limits(
        self,
        spec: RequestSpec,
        state: HostState,
        choice: NodeChoice | None = None,
    ) -> Any:
        """The limits to hand to the claim, as NUMATopologyFilter does.

        Hosts of the same allocation ratios share one object.

        :param choice: the nodes that the claim may take, on a host that
            declares its labels; None for all
        """
        cpu = state.cpu_allocation_ratio or 1.0
        ram = state.ram_allocation_ratio or 1.0
        limits = self._limits.get((cpu, ram, choice))
        if limits is None:
            limits = objects.NUMATopologyLimits(
                cpu_allocation_ratio=cpu, ram_allocation_ratio=ram
            )
            network = _get(spec, 'network_metadata')
            if choice is not None and choice.restricts:
                # Not the request's own, which is stored with it.
                limits.network_metadata = objects.NetworkMetadata(
                    physnets={
                        *node_labels.labels_of(choice),
                        *(_get(network, 'physnets') or ()),
                    },
                    tunneled=bool(_get(network, 'tunneled')),
                )
            elif network:
                limits.network_metadata = network
            self._limits[cpu, ram, choice] = limits
        return limits


def instance_uuid(spec: RequestSpec) -> str | None:
    """The uuid of the instance that a request is about at the moment.

    A request for several instances is about one after the other.
    """
    uuid: str | None = _get(spec, 'instance_uuid')
    return uuid


def instances(spec: RequestSpec) -> int:
    """For how many instances a request may be.

    It was at first; a later move of one of them carries the same number.
    """
    count: int = _get(spec, 'num_instances') or 1
    return count


def may_be_several(spec: RequestSpec) -> bool:
    """Whether a request may be for several instances, as :func:`instances`."""
    return instances(spec) > 1


def read_guest(spec: RequestSpec) -> Guest:
    """The guest as the RequestSpec stands now.

    :raises ValueError: the request is malformed; says which part
    """
    return guest_of(spec, spec.numa_topology, spec.pci_requests)


def guest_of(spec: RequestSpec, topology: Any, pci_requests: Any) -> Guest:
    """The guest of a RequestSpec with another topology and other devices.

    :param topology: an ``InstanceNUMATopology``, None without one
    :param pci_requests: ``InstancePCIRequests``, None without any
    :raises ValueError: the request is malformed; says which part
    """
    requests = pci_requests.requests if pci_requests else ()
    groups = {
        group.requester_id for group in _get(spec, 'requested_resources') or ()
    }
    network = _get(spec, 'network_metadata')
    return Guest(
        cells=tuple(map(_cell, topology.cells)) if topology else (),
        devices=tuple(device_request(request, groups) for request in requests),
        emulator_isolated=bool(
            topology and topology.emulator_threads_isolated
        ),
        physnets=frozenset(_get(network, 'physnets') or ()),
        tunneled=bool(_get(network, 'tunneled')),
        spread_functions=_extra_specs(spec).get(PCI_SPREAD) == 'pf',
        pcie_policy=pcie_policy(spec),
        accelerators=frozenset(_accelerators(spec)),
    )


def _accelerators(spec: RequestSpec) -> Iterator[str]:
    """The resource classes of the accelerators that are requested.

    By the flavor, or by device profiles of Cyborg
    (nova.accelerator.cyborg ``get_device_profile_group_requester_id``).
    """
    for key in _extra_specs(spec):
        if key.startswith('resources') and (match := _RESOURCES.match(key)):
            yield match[1]
    for group in _get(spec, 'requested_resources') or ():
        if (group.requester_id or '').startswith('device_profile_'):
            yield from group.resources


def pcie_policy(spec: RequestSpec) -> str | None:
    """``Guest.pcie_policy`` of the guest of a RequestSpec."""
    return _PCIE_POLICIES.get(_extra_specs(spec).get(PCIE, ''))


def locates_cards(spec: RequestSpec) -> bool:
    """Whether it matters where the host's PCI cards are."""
    return pcie_policy(spec) is not None or any(_accelerators(spec))


def _extra_specs(spec: RequestSpec) -> Mapping[str, str]:
    return _get(_get(spec, 'flavor'), 'extra_specs') or {}


def _cell(cell: Any) -> GuestCell:
    return GuestCell(
        id=cell.id,
        memory_mib=cell.memory,
        shared=frozenset(cell.cpuset),
        dedicated=frozenset(_get(cell, 'pcpuset') or ()),
        page_size=_get(cell, 'pagesize') or None,
        cpu_policy=_get(cell, 'cpu_policy'),
        thread_policy=_get(cell, 'cpu_thread_policy'),
    )


def device_request(
    request: Any, groups: Collection[str] = ()
) -> DeviceRequest:
    """A PCI request.

    :param groups: the ids of the groups in which the RequestSpec requests
        resources of Placement; nova-compute finds the bandwidth of a port by
        the port's id (nova.compute.utils
        ``update_pci_request_with_placement_allocations``)
    """
    if request.count < 0 or not request.spec:
        raise ValueError(
            f'PCI request {request.request_id} asks for {request.count} '
            f'devices by {len(request.spec)} specs'
        )
    chosen = request.spec[0].get('rp_uuids')
    from_port = request.source == request.NEUTRON_PORT
    port = _get(request, 'requester_id')
    return DeviceRequest(
        count=request.count,
        specs=tuple(dict(spec) for spec in request.spec),
        policy=_get(request, 'numa_policy') or 'legacy',
        request_id=_get(request, 'request_id'),
        from_port=from_port,
        bandwidth_group=port if from_port and port in groups else None,
        rp_uuids=tuple(chosen.split(',')) if chosen else (),
    )


def _get(obj: Any, name: str) -> Any:
    """A field of a versioned object, None where it is not set."""
    return getattr(obj, name) if obj is not None and name in obj else None
