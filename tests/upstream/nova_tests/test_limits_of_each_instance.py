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

from nova import objects
from nova.scheduler import host_manager
from nova.scheduler import manager
from nova import test


class LimitsOfEachInstanceRegressionTest(test.NoDBTestCase):
    """Regression test for the limits of several instances in one request.

    Filters leave limits in HostState.limits, which Selection.from_host_state
    hands to the claim. The selections of all instances are made after the
    last instance was placed: instances on one host all get the limits that
    the filters left for the last of them.
    """

    def _host_state(self):
        state = host_manager.HostState('host', 'node', uuids.cell)
        state.uuid = uuids.node
        state.service = {'host': 'host'}
        state.update = mock.Mock()
        state.consume_from_request = mock.Mock()
        return state

    @mock.patch('nova.scheduler.utils.claim_resources', return_value=True)
    def test_limits_are_those_of_each_instance(self, mock_claim):
        state = self._host_state()
        candidates = {
            uuids.node: [{'allocations': {uuids.node: {'resources': {}}}}]}
        given = iter(range(1, 10))

        def get_filtered_hosts(hosts, spec_obj, index=0):
            # As a filter does whose limits depend on what earlier instances
            # of the request took.
            limits = objects.NUMATopologyLimits(
                cpu_allocation_ratio=float(next(given)),
                ram_allocation_ratio=1.0)
            state.limits = {'numa_topology': limits}
            state.allocation_candidates = candidates[uuids.node]
            return [state]

        spec = objects.RequestSpec(
            num_instances=2,
            flavor=objects.Flavor(memory_mb=512, root_gb=0, ephemeral_gb=0,
                                  swap=0, vcpus=1),
            instance_uuid=uuids.first,
            project_id=uuids.project,
            user_id=uuids.user,
            instance_group=None,
            numa_topology=None,
            pci_requests=objects.InstancePCIRequests(requests=[]),
            requested_resources=[],
        )
        scheduler = manager.SchedulerManager.__new__(manager.SchedulerManager)
        scheduler.host_manager = mock.Mock()
        scheduler.host_manager.get_filtered_hosts.side_effect = (
            get_filtered_hosts)
        scheduler.host_manager.get_weighed_hosts.side_effect = (
            lambda hosts, spec_obj: [mock.Mock(obj=host) for host in hosts])

        with mock.patch.object(
            scheduler, '_get_all_host_states', return_value=[state]
        ), mock.patch.object(
            manager.SchedulerManager, 'placement_client', mock.Mock()
        ):
            selections = scheduler._schedule(
                mock.Mock(), spec, [uuids.first, uuids.second],
                candidates, '1.36')

        ratios = [
            selected[0].limits.numa_topology.cpu_allocation_ratio
            for selected in selections
        ]
        # FIXME: This is the bug: the first instance gets the limits of the
        # second one, or of the alternates that were looked for after it. Once
        # it is fixed:
        # self.assertEqual([1.0, 2.0], ratios)
        self.assertEqual(ratios[0], ratios[1])
