#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

from unittest import mock

from oslo_utils.fixture import uuidsentinel as uuids

from nova.compute import claims
from nova import objects
from nova.objects import fields
from nova.objects import service
from nova.pci import stats
from nova.pci import whitelist
from nova import test

# The service version of Nova 33 (2026.1).
LAST_WITH_BUG = 72


class ClaimSeesDevicesRegressionTest(test.NoDBTestCase):
    """Regression test for bug 2144660 on stable branches.

    For an instance that asks for no PCI devices the scheduler tries host
    cells with devices last. Up to Nova 33 the claim passes "pci_stats=None"
    for such an instance, and takes the cells that others need.
    """

    def _host(self):
        return objects.NUMATopology(cells=[
            objects.NUMACell(
                id=cell_id,
                cpuset=set(),
                pcpuset={cell_id * 10, cell_id * 10 + 1},
                pinned_cpus=set(),
                siblings=[{cell_id * 10}, {cell_id * 10 + 1}],
                memory=2048,
                memory_usage=0,
                cpu_usage=0,
                socket=0,
                mempages=[
                    objects.NUMAPagesTopology(
                        size_kb=4, total=524288, used=0, reserved=0)
                ],
            )
            for cell_id in range(2)
        ])

    def _stats(self, host):
        """A device on host cell 0."""
        devices = stats.PciDeviceStats(
            host, dev_filter=whitelist.Whitelist(['{"address": "*:81:*"}']))
        devices.add_device(
            objects.PciDevice(
                address='0000:81:00.0',
                vendor_id='8086',
                product_id='1572',
                dev_type=fields.PciDeviceType.STANDARD,
                numa_node=0,
                parent_addr=None,
                extra_info={},
                compute_node_id=1,
                status=fields.PciDeviceStatus.AVAILABLE,
            )
        )
        return devices

    def test_cell_with_device_is_left_free(self):
        host = self._host()
        guest = objects.InstanceNUMATopology(cells=[
            objects.InstanceNUMACell(
                id=0,
                cpuset=set(),
                pcpuset={0},
                memory=512,
                cpu_policy=fields.CPUAllocationPolicy.DEDICATED,
            )
        ])

        claim = claims.Claim(
            None,
            objects.Instance(uuid=uuids.instance, numa_topology=guest),
            'node',
            mock.Mock(pci_tracker=mock.Mock(stats=self._stats(host))),
            objects.ComputeNode(id=1, numa_topology=host._to_json()),
            objects.InstancePCIRequests(requests=[]),
        )

        taken = [cell.id for cell in claim.claimed_numa_topology.cells]
        if service.SERVICE_VERSION > LAST_WITH_BUG:
            self.assertEqual([1], taken)
        else:
            # FIXME: This is the bug: the device has no CPUs near it now.
            self.assertEqual([0], taken)
