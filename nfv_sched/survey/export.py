"""Convert a survey to plain data, for ``--format json`` and ``yaml``.

``doc/source/documents.rst`` describes the format. A value that the source does
not have is null.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

from nfv_sched.model import Cell
from nfv_sched.model import CellTopology
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage
from nfv_sched.survey import HostSurvey
from nfv_sched.survey import InstanceCell
from nfv_sched.survey import Survey
from nfv_sched.survey import SurveyedDevice
from nfv_sched.survey import SurveyedInstance


def document(survey: Survey) -> dict[str, Any]:
    """The hosts of a survey as data that JSON and YAML can hold."""
    return {
        'source': survey.source.name.lower(),
        'taken': survey.taken.isoformat(),
        'hosts': [_host(host) for host in survey.hosts],
    }


def _host(host: HostSurvey) -> dict[str, Any]:
    topology = host.topology
    states = {cell.id: cell for cell in host.state.cells} if host.state else {}
    return {
        'host': host.host,
        'hypervisor': topology.name,
        'uuid': topology.uuid,
        'enabled': host.enabled,
        'availability_zone': host.availability_zone,
        'failure_domains': dict(topology.domains),
        'numa_nodes': [
            _cell(cell, topology.usage, states.get(cell.id))
            for cell in topology.cells
        ],
        'functions': [
            {
                'address': function.address,
                'vfs': function.vfs,
                'link_mbps': function.link_mbps,
                'pcie_root': function.pcie_root,
                'numa_node': function.numa_node,
            }
            for function in topology.functions
        ],
        'device_pools': _pools(topology),
        'devices': None
        if host.devices is None
        else list(map(_device, host.devices)),
        'accelerators': None
        if host.accelerators is None
        else list(map(dataclasses.asdict, host.accelerators)),
        'instances': None
        if host.residents is None
        else list(map(_instance, host.residents)),
        'migrations': None
        if host.migrating is None
        else [
            {'migration': uuid, 'instance': _instance(instance)}
            for uuid, instance in host.migrating.items()
        ],
    }


def _cell(
    cell: CellTopology, usage: HostUsage, state: Cell | None
) -> dict[str, Any]:
    return {
        'id': cell.id,
        'socket': cell.socket,
        'memory_mib': cell.memory_mib,
        'memory_used_mib': usage.memory_mib.get(cell.id, 0),
        'dedicated_cpus': cell.dedicated_cpus,
        'dedicated_used': usage.dedicated_cpus.get(cell.id, 0),
        'shared_cpus': cell.shared_cpus,
        'shared_used': usage.shared_cpus.get(cell.id, 0),
        'cpus': state and _cpus(state),
        'pages': [
            {
                'size_kib': pages.size_kib,
                'usable': pages.usable,
                'reserved': pages.reserved,
                'used': usage.pages.get((cell.id, pages.size_kib), 0),
            }
            for pages in cell.pages
        ],
        'distances': {
            str(other): distance for other, distance in cell.distances.items()
        },
        'l3': sorted(cell.l3),
        'offline_cpus': cell.offline_cpus,
        'physnets': sorted(cell.physnets),
        'tunneled': cell.tunneled,
    }


def _cpus(cell: Cell) -> dict[str, Any]:
    return {
        'dedicated': sorted(cell.dedicated_cpus),
        'pinned': sorted(cell.pinned_cpus),
        'shared': sorted(cell.shared_cpus),
        'siblings': sorted(sorted(core) for core in cell.siblings),
    }


def _pools(topology: HostTopology) -> list[dict[str, Any]]:
    return [
        {
            'vendor_id': pool.vendor_id,
            'product_id': pool.product_id,
            'type': pool.dev_type,
            'numa_node': pool.numa_node,
            'parent': pool.parent,
            'physnet': pool.physnet,
            'total': pool.total,
            'used': topology.usage.devices.get(pool.key, 0),
        }
        for pool in topology.pools
    ]


def _device(device: SurveyedDevice) -> dict[str, Any]:
    return {
        'address': device.address,
        'vendor_id': device.vendor_id,
        'product_id': device.product_id,
        'type': device.dev_type,
        'numa_node': device.numa_node,
        'parent': device.parent,
        'physnet': device.physnet,
        'instance': device.guest,
        'free': device.free,
    }


def _instance(instance: SurveyedInstance) -> dict[str, Any]:
    return {
        'uuid': instance.uuid,
        'name': instance.name,
        'flavor': instance.flavor,
        'numa_nodes': list(map(_guest_cell, instance.cells)),
    }


def _guest_cell(cell: InstanceCell) -> Mapping[str, Any]:
    return {
        'guest_numa_node': cell.guest_cell,
        'host_numa_node': cell.host_cell,
        'memory_mib': cell.memory_mib,
        'page_size_kib': cell.page_size_kib,
        'pinning': {
            str(guest_cpu): host_cpu for guest_cpu, host_cpu in cell.pinning
        },
        'reserved': sorted(cell.reserved),
        'shared': cell.shared,
    }
