"""Capacity where Placement chooses the devices."""

import pytest

from nfv_sched.capacity import CapacityCounter
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.nova import stored_requests
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.boot_result import Outcome
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture

PORTS = ', '.join(
    f"{{address: '0000:05:00.{port}', cell: {port % 2}, ids: '8086:1572'}}"
    for port in range(5)
)
HOST = f"""
about: five whole ports, three of them on cell 0
dedicated: 0-15
cells:
- {{id: 0, cpus: '0-7', memory_mib: 8192}}
- {{id: 1, cpus: '8-15', memory_mib: 8192}}
nics: [{PORTS}]
"""
DEVICE = 'CUSTOM_PCI_8086_1572'
ALIAS = {
    'name': 'port',
    'vendor_id': '8086',
    'product_id': '1572',
    'device_type': 'type-PF',
    'numa_policy': 'required',
}


@pytest.mark.parametrize(('devices', 'guests'), [(1, 5), (2, 2)])
def test_the_scheduler_places_what_is_told(devices, guests):
    options = {
        'pci.report_in_placement': True,
        'filter_scheduler.pci_in_placement': True,
        **settings.profile_options(settings.NFV),
    }
    specs = {
        'hw:cpu_policy': 'dedicated',
        'pci_passthrough:alias': f'port:{devices}',
    }
    flavor = SimulatedFlavor('ports', 2, 512, 1, specs)
    with (
        simulated_cloud(
            settings.NFV, aliases=[ALIAS], options=options
        ) as cloud,
        settings.override(options),
    ):
        cloud.add_host('one', machine.parse('ports', HOST))

        def scheduler():
            return DryRunScheduler(
                Pipeline(), PlacementClient(cloud.placement)
            )

        capacity = CapacityCounter(scheduler()).count(
            cloud.request_spec(flavor)
        )
        assert capacity.in_all == guests
        for _ in range(guests):
            assert cloud.boot(flavor)[0].booted
        [last] = cloud.boot(flavor)
        assert last.outcome is Outcome.NO_VALID_HOST
        explanation = scheduler().explain(cloud.request_spec(flavor))
        [condition] = explanation.conditions
        assert (condition.stage, condition.name) == ('Placement', DEVICE)
        blocker = condition.nearest.first_blocker
        assert (blocker.asked, blocker.available) == (devices, devices - 1)
        # The claim says of its devices the same.
        assert {
            blocker.condition for blocker in condition.nearest.blockers
        } == {
            DEVICE,
            'devices',
        }
        assert condition.nearest.all
        spec = cloud.request_spec(flavor)
        spec.create()
        stored = stored_requests.stored_spec(cloud.context, spec.instance_uuid)
        assert len(stored.requested_resources) == devices
        [condition] = scheduler().explain(stored).conditions
        assert (condition.stage, condition.name) == ('Placement', DEVICE)
