"""Nova's RequestSpec as a guest."""

import dataclasses
from typing import Any

from nova import objects

from nfv_sched.model import DeviceRequest
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell

#: Extra specs of our own, see nfv_sched.extra_specs.
HOST_SELECTION = 'nfv:placement'
PCI_SPREAD = 'nfv:pci_spread'

_SEEN = '_nfv_sched_seen'


@dataclasses.dataclass(slots=True)
class _OriginalRequest:
    """A request as it was before anything was consumed for it."""

    guest: Guest
    flavor: Any
    topology: Any
    pristine: Any
    limits: dict[tuple[float, float], Any] = dataclasses.field(
        default_factory=dict
    )


def guest_of(spec: Any) -> Guest:
    """The guest that a RequestSpec asks for.

    A request for several guests is one RequestSpec, whose topology Nova
    overwrites with what it gave to the guest before
    (``HostState.consume_from_request``), while each claim starts from what
    the flavor asks. So the first sight of the request counts, and a topology
    that was overwritten since is put back: Nova's next consumption then
    takes what the claim will take.

    :raises ValueError: the request makes no sense; says which part
    """
    seen: _OriginalRequest | None = getattr(spec, _SEEN, None)
    if seen is None or seen.flavor is not spec.flavor:
        seen = _read_original(spec)
        setattr(spec, _SEEN, seen)
    elif spec.numa_topology is not seen.topology:
        seen.topology = seen.pristine.obj_clone() if seen.pristine else None
        spec.numa_topology = seen.topology
        spec.obj_reset_changes(['numa_topology'])
    return seen.guest


def instance_of(spec: Any) -> str | None:
    """The uuid of the guest that a request is about at the moment.

    A request for several guests is about one after the other.
    """
    uuid: str | None = _get(spec, 'instance_uuid')
    return uuid


def may_be_several(spec: Any) -> bool:
    """Whether a request may be for several guests.

    It was at first; a move of one of them carries the same number.
    """
    return (_get(spec, 'num_instances') or 1) > 1


def spreads_functions(spec: Any) -> bool:
    """Whether devices should be on different physical functions."""
    wanted: str | None = spec.flavor.extra_specs.get(PCI_SPREAD)
    return wanted == 'pf'


def limits_of(spec: Any, state: Any) -> Any:
    """The limits to hand to the claim, as the stock NUMATopologyFilter does.

    For a request that :func:`guest_of` has seen. Hosts of the same
    allocation ratios share one object.
    """
    known: dict[tuple[float, float], Any] = getattr(spec, _SEEN).limits
    ratios = (
        state.cpu_allocation_ratio or 1.0,
        state.ram_allocation_ratio or 1.0,
    )
    if ratios not in known:
        limits = objects.NUMATopologyLimits(
            cpu_allocation_ratio=ratios[0], ram_allocation_ratio=ratios[1]
        )
        if 'network_metadata' in spec and spec.network_metadata:
            limits.network_metadata = spec.network_metadata
        known[ratios] = limits
    return known[ratios]


def _read_original(spec: Any) -> _OriginalRequest:
    topology = spec.numa_topology
    return _OriginalRequest(
        guest=read_guest(spec),
        flavor=spec.flavor,
        topology=topology,
        pristine=topology.obj_clone() if topology else None,
    )


def read_guest(spec: Any) -> Guest:
    """The guest as the RequestSpec stands now.

    :raises ValueError: the request makes no sense; says which part
    """
    topology = spec.numa_topology
    requests = spec.pci_requests.requests if spec.pci_requests else ()
    network = _get(spec, 'network_metadata')
    return Guest(
        cells=tuple(map(_cell, topology.cells)) if topology else (),
        devices=tuple(map(_device_request, requests)),
        emulator_isolated=bool(
            topology and topology.emulator_threads_isolated
        ),
        physnets=frozenset(_get(network, 'physnets') or ()),
        tunneled=bool(_get(network, 'tunneled')),
    )


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


def _device_request(request: Any) -> DeviceRequest:
    if request.count < 1 or not request.spec:
        raise ValueError(
            f'PCI request {request.request_id} asks for {request.count} '
            f'devices by {len(request.spec)} specs'
        )
    chosen = request.spec[0].get('rp_uuids')
    return DeviceRequest(
        count=request.count,
        specs=tuple(dict(spec) for spec in request.spec),
        policy=_get(request, 'numa_policy') or 'legacy',
        request_id=_get(request, 'request_id'),
        from_port=request.source == request.NEUTRON_PORT,
        rp_uuids=tuple(chosen.split(',')) if chosen else (),
    )


def _get(obj: Any, name: str) -> Any:
    """A field of a versioned object, None where it is not set."""
    return getattr(obj, name) if obj is not None and name in obj else None
