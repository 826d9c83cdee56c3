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

from nova import objects
from nova.objects import fields
from nova import test
from nova.virt import hardware as hw


class UnequalGuestCellsRegressionTest(test.NoDBTestCase):
    """Regression tests for guest NUMA cells of different sizes.

    numa_fit_instance_to_host tries permutations of the host cells, and
    remembers for each pair of a guest cell and a host cell whether it fits:
    "seen" holds the ids of pairs that do not fit, and "fitted" those that do.
    _numa_fit_instance_cell overwrites the id of the guest cell with that of
    the host cell that it was tried on. From then on results are stored, and
    looked up, under ids of other guest cells.
    """

    def _host_cell(self, cell_id, memory):
        return objects.NUMACell(
            id=cell_id,
            cpuset=set(),
            pcpuset={cell_id * 10},
            pinned_cpus=set(),
            siblings=[{cell_id * 10}],
            memory=memory,
            memory_usage=0,
            cpu_usage=0,
            socket=0,
            mempages=[
                objects.NUMAPagesTopology(
                    size_kb=4, total=memory * 256, used=0, reserved=0)
            ],
        )

    def _guest_cell(self, cell_id, memory):
        return objects.InstanceNUMACell(
            id=cell_id,
            cpuset=set(),
            pcpuset={cell_id},
            memory=memory,
            cpu_policy=fields.CPUAllocationPolicy.DEDICATED,
        )

    def _topologies(self, host_memory, guest_memory):
        host = objects.NUMATopology(cells=[
            self._host_cell(cell_id, memory)
            for cell_id, memory in enumerate(host_memory)
        ])
        guest = objects.InstanceNUMATopology(cells=[
            self._guest_cell(cell_id, memory)
            for cell_id, memory in enumerate(guest_memory)
        ])
        return host, guest

    def test_fit_is_found(self):
        """The larger guest cell fits on host cell 1, the other one on 0."""
        host, guest = self._topologies((512, 2048, 512), (512, 2048))

        fitted = hw.numa_fit_instance_to_host(host, guest, {})

        # FIXME: This is the bug: there is a fit, which is not found. Once it
        # is fixed:
        # self.assertEqual(1, fitted.cells[1].id)
        # self.assertIn(fitted.cells[0].id, (0, 2))
        self.assertIsNone(fitted)

    def test_fit_is_found_in_another_order(self):
        """As above, with the guest cells swapped: only their order differs."""
        host, guest = self._topologies((512, 2048, 512), (2048, 512))

        fitted = hw.numa_fit_instance_to_host(host, guest, {})

        self.assertEqual(1, fitted.cells[0].id)

    def test_dedicated_cell_is_pinned(self):
        """The last guest cell fits on host cell 0 only."""
        host, guest = self._topologies((2048, 512, 512), (512, 512, 2048))

        fitted = hw.numa_fit_instance_to_host(host, guest, {})

        self.assertEqual(0, fitted.cells[2].id)
        # FIXME: This is the bug: the last guest cell takes host cell 0 on the
        # strength of what was found for another one, and is not pinned. Once
        # it is fixed:
        # for cell in fitted.cells:
        #     self.assertEqual(1, len(cell.cpu_pinning))
        self.assertIsNone(fitted.cells[2].cpu_pinning)

    def test_usage_of_unpinned_cell(self):
        """What the resource tracker makes of such a claim."""
        host, guest = self._topologies((2048, 512, 512), (512, 512, 2048))
        fitted = hw.numa_fit_instance_to_host(host, guest, {})

        usage = hw.numa_usage_from_instance_numa(host, fitted)

        # FIXME: This is the bug: host CPU 0 is free for other instances. Once
        # it is fixed:
        # self.assertEqual([{0}, {10}, {20}],
        self.assertEqual([set(), {10}, {20}],
                         [cell.pinned_cpus for cell in usage.cells])
