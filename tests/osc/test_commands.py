"""``openstack nfv``: the OpenStack client itself, and Nova's API."""

import json

from nova import objects
from openstackclient import shell
import pytest
import yaml

from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import publish
from nfv_sched.sim import boot_request
from nfv_sched.sim import flavors
from nfv_sched_testing.clouds import cloud_of
from nfv_sched_testing.clouds import HUGE
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from nfv_sched_testing.served import both_apis

MACHINE = 'dell-2x6230r-64vf'
HOSTS = {'cmp-0': MACHINE, 'cmp-1': MACHINE}
SPECS = HUGE | {'hw:cpu_policy': 'dedicated'}


@pytest.fixture(scope='module')
def cloud():
    """Two published hosts, and after that an instance."""
    with cloud_of(HOSTS, aliases=flavors.aliases()) as running:
        publish(PlacementClient(running.placement), running.topologies())
        flavor = boot_request.SimulatedFlavor('vnf', 4, 4096, 1, SPECS)
        [guest] = running.boot(flavor)
        assert guest.booted
        running.guest = guest
        objects.Flavor(
            running.context,
            name='vnf',
            flavorid='vnf-id',
            vcpus=4,
            memory_mb=4096,
            root_gb=1,
            ephemeral_gb=0,
            swap=0,
            rxtx_factor=1.0,
            vcpu_weight=0,
            disabled=False,
            is_public=True,
            extra_specs=SPECS,
        ).create()
        yield running


@pytest.fixture
def client(cloud, tmp_path, monkeypatch, capsys):
    """The ``openstack`` command: its code and output."""
    with both_apis(cloud) as url:
        lab = {
            'auth_type': 'admin_token',
            'auth': {'endpoint': url, 'token': 'admin'},
        }
        path = tmp_path / 'clouds.yaml'
        path.write_text(yaml.safe_dump({'clouds': {'lab': lab}}))
        monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(path))

        def run(*words, code=0):
            assert shell.main(['--os-cloud', 'lab', 'nfv', *words]) == code
            run.out, run.err = capsys.readouterr()
            return run.out

        yield run


def test_hosts_are_listed(client, cloud):
    rows = json.loads(client('host', 'list', '-f', 'json'))['summary']
    used = {row['host']: row['cpus'] - row['free_cpus'] for row in rows}
    here = cloud.guest.instance.host
    # Published was nothing.
    assert used == {name: 4 if name == here else 0 for name in HOSTS}


def test_a_host_is_shown_with_its_instances(client, cloud):
    drawn = client('host', 'show', cloud.guest.instance.host)
    assert 'NUMA node 1' in drawn
    assert cloud.guest.instance.display_name in drawn


def test_a_host_that_is_not_there_is_an_error(client):
    client('host', 'show', 'cmp-9', code=1)
    assert 'there is no host cmp-9' in client.err


def test_capacity_is_as_with_the_databases(client, cloud):
    found = json.loads(client('capacity', '--flavor', 'vnf', '-f', 'json'))
    by_host = {row['host']: row for row in found['hosts']}
    free = {name: by_host[name]['instances_at_most'] for name in by_host}
    here = cloud.guest.instance.host
    [other] = HOSTS.keys() - {here}
    assert free[other] == free[here] + 1 > 1
    assert all(
        row['instances'] == row['instances_at_most']
        for row in by_host.values()
    )
    [total] = found['total']
    assert total['instances'] == sum(free.values())


def test_too_few_are_an_exit_code(client):
    client('capacity', '--flavor', 'vnf', '--fail-below', '999', code=3)


def test_an_explanation(client):
    told = client('explain', '--flavor', 'vnf')
    assert '2 hosts: 2 fit' in told


def test_plans_need_the_databases(client):
    client('plan', 'drain', 'cmp-0', code=1)
    assert "needs Nova's databases" in client.err


def test_commands_are_described_as_those_of_nfv_sched(capsys):
    assert shell.main(['nfv', 'plan', 'drain', '--help']) == 0
    assert 'Plan moves that empty hosts.' in capsys.readouterr().out


def test_an_alias_is_not_known_without_a_file(client):
    spec = ('--extra-spec', 'pci_passthrough:alias=mine:1')
    client('explain', '--flavor', 'vnf', *spec, code=1)
    assert 'name a file with [pci] alias by --config-file' in client.err
