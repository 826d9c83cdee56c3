"""Where guests are put, by Nova's own account."""

import json

from tempest import config
from tempest import exceptions
from tempest.api.compute import base
from tempest.common import waiters
from tempest.lib import decorators
from tempest.lib import exceptions as lib_exceptions

CONF = config.CONF
CPUS = 2


class NUMATest(base.BaseV2ComputeAdminTest):
    """Guests that ask for dedicated CPUs, pages, cells and devices."""

    # The topology of a guest is told since 2.78, wrong extra specs are
    # refused since 2.86.
    min_microversion = '2.86'

    def flavor(self, cells=1, **extra_specs):
        """A flavor with two dedicated CPUs on each cell."""
        made = self.create_flavor(
            ram=cells * CONF.nfv_sched.memory_unit, vcpus=cells * CPUS, disk=1
        )
        self.admin_flavors_client.set_flavor_extra_spec(
            made['id'],
            **{
                'hw:cpu_policy': 'dedicated',
                'hw:numa_nodes': str(cells),
                'hw:mem_page_size': CONF.nfv_sched.page_size,
                **extra_specs,
            },
        )
        return made

    def boot(self, flavor, **kwargs):
        """Boot a guest and wait until it runs."""
        return self.create_test_server(
            flavor=flavor['id'],
            networks='none',
            wait_until='ACTIVE',
            **kwargs,
        )

    def pins(self, server):
        """Host CPUs by host cell."""
        _, body = self.admin_servers_client.get(
            f'servers/{server["id"]}/topology'
        )
        found = {}
        for node in json.loads(body)['nodes']:
            cpus = set((node['cpu_pinning'] or {}).values())
            found.setdefault(node['host_node'], set()).update(cpus)
        return found

    def place(self, server):
        """The host of a guest."""
        return self.get_host_for_server(server['id'])

    @decorators.idempotent_id('5a2c7b0e-6e0f-4b87-9c0d-0a4f9d3a7d01')
    def test_dedicated_cpus_are_nobody_elses(self):
        flavor = self.flavor()
        taken = {}
        for _ in range(3):
            server = self.boot(flavor)
            pins = self.pins(server)
            cpus = set().union(*pins.values())
            self.assertEqual(CPUS, len(cpus))
            self.assertEqual(1, len(pins))
            others = taken.setdefault(self.place(server), set())
            self.assertEqual(set(), others & cpus)
            others |= cpus

    @decorators.idempotent_id('5a2c7b0e-6e0f-4b87-9c0d-0a4f9d3a7d02')
    def test_each_guest_cell_has_a_host_cell(self):
        if CONF.nfv_sched.cells < 2:
            raise self.skipException('hosts have one cell')
        pins = self.pins(self.boot(self.flavor(cells=2)))
        self.assertEqual([CPUS, CPUS], [len(one) for one in pins.values()])

    @decorators.idempotent_id('5a2c7b0e-6e0f-4b87-9c0d-0a4f9d3a7d03')
    def test_more_cells_than_any_host_has(self):
        flavor = self.flavor(cells=CONF.nfv_sched.cells + 1)
        error = self.assertRaises(
            exceptions.BuildErrorException, self.boot, flavor
        )
        # Why is for the operator to know.
        self.assertNotIn('cell', str(error))

    @decorators.idempotent_id('5a2c7b0e-6e0f-4b87-9c0d-0a4f9d3a7d04')
    def test_a_device_of_the_guests_cell(self):
        if not CONF.nfv_sched.alias:
            raise self.skipException('no alias is configured')
        spec = {'pci_passthrough:alias': f'{CONF.nfv_sched.alias}:1'}
        pins = self.pins(self.boot(self.flavor(**spec)))
        self.assertEqual(1, len(pins))

    @decorators.idempotent_id('5a2c7b0e-6e0f-4b87-9c0d-0a4f9d3a7d05')
    def test_wrong_values_are_refused_by_the_api(self):
        self.assertRaises(
            lib_exceptions.BadRequest,
            self.flavor,
            **{'nfv:placement': 'wherever'},
        )

    @decorators.idempotent_id('5a2c7b0e-6e0f-4b87-9c0d-0a4f9d3a7d06')
    def test_anti_affinity(self):
        if CONF.compute.min_compute_nodes < 2:
            raise self.skipException('there is one compute node')
        group = self.create_test_server_group(policy='anti-affinity')
        hints = {'group': group['id']}
        flavor = self.flavor()
        places = {
            self.place(self.boot(flavor, scheduler_hints=hints))
            for _ in range(2)
        }
        self.assertEqual(2, len(places))

    @decorators.idempotent_id('5a2c7b0e-6e0f-4b87-9c0d-0a4f9d3a7d07')
    def test_resize_pins_anew(self):
        if not CONF.compute_feature_enabled.resize:
            raise self.skipException('resize is not available')
        server = self.boot(self.flavor())
        large = self.flavor(cells=min(2, CONF.nfv_sched.cells))
        self.servers_client.resize_server(server['id'], large['id'])
        waiters.wait_for_server_status(
            self.servers_client, server['id'], 'VERIFY_RESIZE'
        )
        self.servers_client.confirm_resize_server(server['id'])
        waiters.wait_for_server_status(
            self.servers_client, server['id'], 'ACTIVE'
        )
        cpus = set().union(*self.pins(server).values())
        self.assertEqual(large['vcpus'], len(cpus))

    @decorators.idempotent_id('5a2c7b0e-6e0f-4b87-9c0d-0a4f9d3a7d08')
    def test_live_migration_pins_anew(self):
        if not CONF.compute_feature_enabled.live_migration:
            raise self.skipException('live migration is not available')
        if CONF.compute.min_compute_nodes < 2:
            raise self.skipException('there is one compute node')
        server = self.boot(self.flavor())
        source = self.place(server)
        self.admin_servers_client.live_migrate_server(
            server['id'], host=None, block_migration='auto'
        )
        waiters.wait_for_server_status(
            self.servers_client, server['id'], 'ACTIVE'
        )
        self.assertNotEqual(source, self.place(server))
        cpus = set().union(*self.pins(server).values())
        self.assertEqual(CPUS, len(cpus))
