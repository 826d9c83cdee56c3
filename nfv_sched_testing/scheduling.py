"""Host states and requests as nova-scheduler holds them."""

import contextlib
import uuid

from nova import objects
from nova.objects.service import SERVICE_VERSION
from nova.scheduler import host_manager

from nfv_sched.scheduler import process
from nfv_sched.scheduler.published_topology import PublishedTopology

CANDIDATE = {'allocations': {}, 'mappings': {'': ['root']}}


def compute_node(scene, name='host'):
    """What nova-compute would have stored for a scene's host."""
    return objects.ComputeNode(
        uuid=str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        host=name,
        hypervisor_hostname=name,
        hypervisor_type='QEMU',
        hypervisor_version=1,
        host_ip='127.0.0.1',
        cpu_info='{}',
        supported_hv_specs=[],
        free_disk_gb=1000,
        disk_available_least=None,
        local_gb=1000,
        local_gb_used=0,
        memory_mb=65536,
        free_ram_mb=65536,
        vcpus=64,
        vcpus_used=0,
        updated_at=None,
        metrics='[]',
        stats={},
        cpu_allocation_ratio=scene.cpu_ratio,
        ram_allocation_ratio=scene.ram_ratio,
        disk_allocation_ratio=1.0,
        numa_topology=scene.topology._to_json() if scene.topology else None,
        pci_device_pools=scene.stats.to_device_pools_obj(),
    )


def _service(scene):
    """The service record of a host, by default of this release."""
    version = scene.service_version
    return {'version': SERVICE_VERSION if version is None else version}


def host_state(scene, name='host', candidates=(CANDIDATE,)):
    """A HostState through Nova's own update from the database record."""
    state = host_manager.HostState(name, name, str(uuid.uuid4()))
    state.update(
        compute=compute_node(scene, name),
        service=_service(scene),
        aggregates=[],
        inst_dict={},
    )
    state.allocation_candidates = list(candidates)
    return state


def request(scene, **fields):
    """The scene's RequestSpec with all that filters and weighers touch."""
    spec = scene.spec.obj_clone()
    defaults = {
        'instance_uuid': str(uuid.uuid4()),
        'flavor': objects.Flavor(
            extra_specs={},
            vcpus=1,
            memory_mb=1,
            root_gb=1,
            ephemeral_gb=0,
            swap=0,
        ),
        'image': objects.ImageMeta(properties=objects.ImageMetaProps()),
        'instance_group': None,
        'num_instances': 1,
        'requested_resources': [],
        'scheduler_hints': {},
        'ignore_hosts': None,
        'force_hosts': None,
        'force_nodes': None,
        'requested_destination': None,
        'limits': objects.SchedulerLimits(),
    }
    for name, value in {**defaults, **fields}.items():
        setattr(spec, name, value)
    return spec


@contextlib.contextmanager
def provider_names(names):
    """A scheduler without topology that knows providers by these names."""
    published = PublishedTopology(reader=None, names=names)
    with process.replaced(process.SchedulerProcess(published)):
        yield
