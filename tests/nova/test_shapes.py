"""What ports and images change in a request, where Placement has devices."""

import json

from nova import objects
import pytest

from nfv_sched.nova import boot_request
from nfv_sched.nova import shapes
from nfv_sched.nova import stored_requests
from nfv_sched.nova.boot_ports import Port
from nfv_sched.nova.boot_request import BootRequest
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.sim import settings
from nfv_sched.sim.cloud import simulated_cloud

ALIAS = {
    'name': 'port',
    'vendor_id': '8086',
    'product_id': '1572',
    'device_type': 'type-PF',
    'numa_policy': 'required',
}
SPECS = {'hw:cpu_policy': 'dedicated', 'pci_passthrough:alias': 'port:1'}
VF = Port('physnet1')


@pytest.fixture(scope='module', autouse=True)
def nova_options():
    """The cloud sets Nova's options."""


@pytest.fixture(scope='module')
def cloud():
    options = {
        'pci.report_in_placement': True,
        'filter_scheduler.pci_in_placement': True,
        **settings.profile_options(settings.NFV),
    }
    with (
        simulated_cloud(aliases=[ALIAS], options=options) as running,
        settings.override(options),
    ):
        yield running


@pytest.fixture(scope='module')
def flavor(cloud):
    return boot_request.flavor_of(
        cloud.context,
        'f',
        vcpus=2,
        ram_mib=1024,
        disk_gib=1,
        extra_specs=SPECS,
    )


def effect(flavor, ports=(), **image):
    """A fresh answer, of requests with new names."""
    effects = shapes._Effects(Pipeline(), flavor)
    return effects.of((ports, tuple(sorted(image.items()))))


def test_names_of_request_groups_make_no_difference(cloud, flavor):
    assert effect(flavor) == effect(flavor)
    assert effect(flavor, (VF,)) == effect(flavor, (VF,))


@pytest.mark.parametrize(
    ('ports', 'image'),
    [
        ((VF,), {}),
        ((), {'hw_numa_nodes': '2'}),
        ((), {'hw_pci_numa_affinity_policy': 'preferred'}),
        ((), {'hw_cpu_thread_policy': 'require'}),
        # Traits of the images, and of what request filters make of them.
        ((), {'trait:HW_CPU_X86_AVX2': 'required'}),
        ((), {'hw_architecture': 'aarch64'}),
    ],
)
def test_what_changes_a_request(cloud, flavor, ports, image):
    assert effect(flavor, ports, **image) != effect(flavor)


@pytest.mark.parametrize(
    'image', [{'hw_qemu_guest_agent': 'yes'}, {'os_distro': 'debian'}]
)
def test_what_changes_nothing(cloud, flavor, image):
    assert effect(flavor, (), **image) == effect(flavor)


@pytest.mark.parametrize(
    ('ports', 'image'),
    [
        ((), {}),
        ((VF, Port('p', 'direct-physical', 'required', trusted=True)), {}),
        ((Port('p', 'vdpa'), Port('q', 'remote-managed')), {}),
        (
            (),
            {
                'hw_numa_nodes': '2',
                'hw_numa_cpus.0': '0',
                'hw_numa_cpus.1': '1',
                'hw_numa_mem.0': '256',
                'hw_numa_mem.1': '768',
            },
        ),
        (
            (VF,),
            {
                'hw_pci_numa_affinity_policy': 'preferred',
                'trait:HW_CPU_X86_AVX2': 'required',
            },
        ),
    ],
)
def test_a_stored_request_is_read_as_it_was_made(cloud, flavor, ports, image):
    spec = boot_request.request_spec(
        cloud.context, BootRequest(flavor, image=image, ports=ports)
    )
    spec.create()
    try:
        text = stored_requests.stored_texts(
            cloud.context, [spec.instance_uuid]
        )[spec.instance_uuid]
    finally:
        spec.destroy()
    fields = json.loads(text)['nova_object.data']
    read_ports, read_image = shapes._extras(fields)
    assert sorted(map(str, read_ports)) == sorted(map(str, ports))
    assert dict(read_image) == image
    # It can be requested again.
    again = shapes._request(flavor, (read_ports, read_image))
    assert isinstance(
        boot_request.request_spec(cloud.context, again), objects.RequestSpec
    )
