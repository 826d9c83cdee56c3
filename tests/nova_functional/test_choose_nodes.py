"""Claims of all kinds take the NUMA nodes that the scheduler chose.

On computes of four NUMA nodes whose nova.conf declares the labels. Which nodes
are best is up to the tests; from there on all is Nova's.
"""

import contextlib
from importlib import metadata
import os
from unittest import mock

import fixtures
from nova import context as nova_context
from nova import exception
from nova import objects
from nova.compute import resource_tracker
from nova.conf import neutron as neutron_conf
from nova.tests.fixtures import libvirt as fakelibvirt
from nova.tests.functional import integrated_helpers
from nova.tests.functional.libvirt import base
from oslo_config import cfg

from nfv_sched import conf
from nfv_sched.nova import node_labels
from nfv_sched.scheduler import node_chooser
import tests.nova_functional  # noqa: F401 - before anything of Nova

CONF = cfg.CONF
NODES = range(4)
RELEASE = int(metadata.version('nova').partition('.')[0])


def load_tests(loader, tests, pattern):
    """None of these where other modules of Nova's are named."""
    return loader.suiteClass() if os.environ.get('NFV_MODULES') else tests


class ChooseNodesTest(
    base.LibvirtMigrationMixin,
    base.ServersTestBase,
    integrated_helpers.InstanceHelperMixin,
):
    """One-node instances on two labelled computes."""

    microversion = 'latest'
    ADDITIONAL_FILTERS = ('NUMATopologyFilter',)
    ADMIN_API = True

    def setUp(self):
        labels = node_labels.nodes_of_labels(NODES)
        self.flags(physnets=list(labels), group='neutron')
        neutron_conf.register_dynamic_opts(CONF)
        for label, nodes in labels.items():
            self.flags(
                numa_nodes=list(nodes), group=f'neutron_physnet_{label}'
            )
        super().setUp()
        conf.register_opts(CONF)
        self.flags(
            choose_nodes=True,
            read_topology=False,
            # While instances are in flight a choice is wide.
            in_flight_weight_multiplier=0.0,
            group='nfv_sched',
        )
        self.flags(cpu_dedicated_set='0-7', group='compute')
        for name in 'host_a', 'host_b':
            self.start_compute(
                hostname=name,
                host_info=fakelibvirt.HostInfo(
                    cpu_nodes=4, cpu_sockets=1, cpu_cores=2, cpu_threads=1
                ),
            )
        self.flavor = self.pinned_flavor(1)
        self.useFixture(
            fixtures.MonkeyPatch(
                'nova.compute.manager.ComputeManager.'
                '_live_migration_cleanup_flags',
                lambda *args, **kwargs: (True, True),
            )
        )

    def pinned_flavor(self, nodes, vcpu=2):
        return self._create_flavor(
            vcpu=vcpu * nodes,
            memory_mb=512 * nodes,
            extra_spec={
                'hw:cpu_policy': 'dedicated',
                'hw:numa_nodes': str(nodes),
            },
        )

    @contextlib.contextmanager
    def choosing(self, *nodes):
        """Let some nodes be the best ones, in this order."""

        def score(option):
            places = [
                nodes.index(node) if node in nodes else len(NODES)
                for node in option.nodes
            ]
            return -float(sum(places))

        def ranked(chooser, state, host_forecast):
            options = sorted(host_forecast.by_nodes, key=score, reverse=True)
            return [(score(option), option) for option in options]

        def best(chooser, state, host_forecast):
            options = chooser.ranked(state, host_forecast)
            return options[0][1] if options else None

        with mock.patch.multiple(
            node_chooser.NodeChooser, ranked=ranked, best=best
        ):
            yield

    def nodes_of(self, server):
        topology = objects.InstanceNUMATopology.get_by_instance_uuid(
            nova_context.get_admin_context(), server['id']
        )
        return [cell.id for cell in topology.cells]

    def host_of(self, server):
        return self.api.get_server(server['id'])['OS-EXT-SRV-ATTR:host']

    def boot(self, host='host_a', flavor=None):
        return self._create_server(
            flavor_id=flavor or self.flavor,
            networks='none',
            host=host,
        )

    def test_boot(self):
        for node in (2, 0, 3, 1):
            with self.choosing(node):
                assert self.nodes_of(self.boot()) == [node]

    def test_boot_of_two_nodes(self):
        flavor = self.pinned_flavor(2)
        with self.choosing(3, 0):
            assert set(self.nodes_of(self.boot(flavor=flavor))) == {0, 3}
        with self.choosing(1, 2):
            assert set(self.nodes_of(self.boot(flavor=flavor))) == {1, 2}

    def test_several_instances_in_one_request(self):
        """All claims get the limits of the last instance."""
        body = self._build_server(flavor_id=self.flavor, networks='none')
        body.update(min_count=3, max_count=3, host='host_a')
        with self.choosing(3, 1, 2, 0):
            self.api.post_server({'server': body})
            servers = [
                self._wait_for_state_change(server, 'ACTIVE')
                for server in self.api.get_servers(detail=False)
            ]
        nodes = sorted(self.nodes_of(server)[0] for server in servers)
        assert nodes == [1, 2, 3]

    def test_rescheduled_boot(self):
        """An alternate is not restricted; the selected host was."""
        claimed = []
        tracker_class = resource_tracker.ResourceTracker
        real = tracker_class.instance_claim

        def fails_once(tracker, context, instance, nodename, allocs, limits):
            network = limits['numa_topology']
            claimed.append(
                'network_metadata' in network
                and bool(network.network_metadata.physnets)
            )
            if len(claimed) == 1:
                raise exception.ComputeResourcesUnavailable(reason='test')
            return real(tracker, context, instance, nodename, allocs, limits)

        with (
            self.choosing(2),
            mock.patch.object(tracker_class, 'instance_claim', fails_once),
        ):
            self._create_server(flavor_id=self.flavor, networks='none')
        assert claimed == [True, False]

    def test_cold_migration(self):
        with self.choosing(0):
            server = self.boot()
        with (
            self.choosing(2),
            mock.patch(
                'nova.virt.libvirt.driver.LibvirtDriver'
                '.migrate_disk_and_power_off',
                return_value='{}',
            ),
        ):
            self._migrate_server(server)
            self._confirm_resize(server)
        assert self.host_of(server) == 'host_b'
        assert self.nodes_of(server) == [2]

    def test_resize(self):
        with self.choosing(0):
            server = self.boot()
        with (
            self.choosing(3),
            mock.patch(
                'nova.virt.libvirt.driver.LibvirtDriver'
                '.migrate_disk_and_power_off',
                return_value='{}',
            ),
        ):
            self._resize_server(server, self.pinned_flavor(1, vcpu=1))
            self._confirm_resize(server)
        assert self.nodes_of(server) == [3]

    def test_live_migration(self):
        """Up to Nova 33 claims are made before they have the limits."""
        with self.choosing(2):
            self.server = self.boot()
        assert self.nodes_of(self.server) == [2]
        self.src, self.dest = self.computes['host_a'], self.computes['host_b']
        with self.choosing(3):
            self._live_migrate(self.server)
        assert self.host_of(self.server) == 'host_b'
        # Nova's default order begins with node 0.
        chosen_or_first = 3 if RELEASE >= 34 else 0
        assert self.nodes_of(self.server) == [chosen_or_first]

    def test_evacuation(self):
        with self.choosing(0):
            server = self.boot()
        self.computes['host_a'].stop()
        self.api.put_service(
            self.api.get_services(host='host_a', binary='nova-compute')[0][
                'id'
            ],
            {'forced_down': True},
        )
        with self.choosing(2):
            server = self._evacuate_server(
                server, expected_host='host_b', expected_state='SHUTOFF'
            )
        assert self.nodes_of(server) == [2]

    def test_unshelving(self):
        self.flags(shelved_offload_time=0)
        with self.choosing(0):
            server = self.boot()
        server = self._shelve_server(server)
        with self.choosing(1):
            server = self._unshelve_server(server)
        assert self.nodes_of(server) == [1]
