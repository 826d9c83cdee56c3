"""``nfv-sched topology`` and ``report`` on a simulated cloud."""

import csv
import io
import json
import logging
from xml.etree import ElementTree as ET

from nova import context as nova_context
from nova import objects
import pytest
import yaml

from nfv_sched.cmd import topology
from nfv_sched.cmd.main import main
from nfv_sched.nova import config as nova_config
from nfv_sched.placement import publisher
from nfv_sched.placement.client import PlacementClient
from nfv_sched.sim import flavors
from nfv_sched.sim import settings
from nfv_sched.survey import placement as placement_survey
from nfv_sched_testing.clouds import cloud_of

HOSTS = ('dell-2x6230r-64vf', 'epyc7451-4node')


@pytest.fixture(scope='module')
def cloud():
    """Two hosts, one in a rack, with guests of three kinds."""
    options = {
        **settings.profile_options(settings.NFV),
        'nfv_sched.failure_domains': ['rack'],
    }
    with (
        cloud_of(HOSTS, aliases=flavors.aliases(), options=options) as running,
        settings.override(options),
    ):
        running.add_aggregate('rack 1', [HOSTS[1]], {'rack': 'R1'})
        known = flavors.flavors()
        for name in ('telefonica-dataplane-3', 'edge-upf', 'opnfv-vfw'):
            [guest] = running.boot(known[name], name=f'my-{name}')
            assert guest.booted
        publisher.publish(
            PlacementClient(running.placement), running.topologies()
        )
        yield running


@pytest.fixture
def run(cloud, monkeypatch, capsys):
    monkeypatch.setattr(nova_config, 'configure', lambda files: None)
    monkeypatch.setattr(
        nova_config, 'placement_adapter', lambda: cloud.placement
    )

    def typed(*words, code=0):
        assert main(list(map(str, words))) == code
        said = capsys.readouterr()
        typed.err = said.err
        return said.out

    return typed


def test_the_map_for_a_terminal(run):
    text = run('topology')
    assert '\x1b' not in text
    assert max(map(len, text.splitlines())) <= 120
    for part in (*HOSTS, 'a my-edge-upf', 'NUMA node 3, socket 0', 'rack R1'):
        assert part in text
    assert text.count('aa') >= 6


def test_one_host_by_name_or_pattern(run):
    assert HOSTS[0] not in run('topology', 'epyc*')
    assert HOSTS[0] not in run('topology', HOSTS[1])
    run('topology', 'epyc', code=1)
    assert 'there is no host epyc' in run.err
    run('topology', 'epyc7451-4nod', code=1)
    assert 'did you mean epyc7451-4node?' in run.err


def test_many_hosts_are_listed_unless_they_are_named(run, monkeypatch):
    monkeypatch.setattr(topology, '_MOST_DRAWN', 1)
    text = run('topology')
    assert run.err.startswith('2 hosts; name hosts to see their NUMA nodes\n')
    assert text == run('topology', '--summary')
    assert 'NUMA node 3, socket 0' in run('topology', HOSTS[1])
    assert 'NUMA node 3, socket 0' in run('topology', '*')
    for form in ('json', 'svg'):
        assert all(name in run('topology', '-f', form) for name in HOSTS)


def test_the_map_as_a_picture_and_a_page(run, tmp_path):
    path = tmp_path / 'maps.svg'
    assert run('topology', '-f', 'svg', '--output', path) == ''
    root = ET.parse(path).getroot()  # noqa: S314 - our own
    assert root.tag.endswith('svg')
    page = run('topology', '-f', 'html', HOSTS[0])
    assert page.startswith('<!DOCTYPE html>')
    assert f'<title>{HOSTS[0]}</title>' in page


def test_the_map_as_data(cloud, run):
    data = json.loads(run('topology', '-f', 'json'))
    assert (
        yaml.safe_load(run('topology', '-f', 'yaml'))['hosts']
        == (data['hosts'])
    )
    [line] = run('topology', '-f', 'json', '--noindent').splitlines()
    assert json.loads(line)['hosts'] == data['hosts']
    for host in data['hosts']:
        compute = cloud.computes[host['host']]
        for cell, real in zip(
            host['numa_nodes'], compute.topology.cells, strict=True
        ):
            assert set(cell['cpus']['pinned']) == real.pinned_cpus
            assert set(cell['cpus']['dedicated']) == real.pcpuset
        assert {
            (device['address'], device['instance'])
            for device in host['devices']
        } == {
            (device.address, device.instance_uuid)
            for device in compute.devices
        }


def test_the_summary_can_be_sorted(run):
    def summary(*options):
        text = run('topology', '--summary', '-f', 'csv', *options)
        return list(csv.DictReader(io.StringIO(text)))

    rows = summary('--sort-column', 'Free CPUs', '--sort-descending')
    assert [row['Host'] for row in rows] == list(HOSTS)
    rows = summary('--sort-column', 'Free CPUs')
    assert [row['Host'] for row in rows] == list(HOSTS[::-1])
    upf = rows[0]
    # edge-upf has all CPUs of the cell with the card.
    assert (upf['Free Devices'], upf['Devices']) == ('7', '8')
    assert upf['Stranded'] == '7'
    assert upf['Rack'] == 'R1'


@pytest.mark.parametrize(
    ('options', 'complaint'),
    [
        (['-f', 'csv'], 'with --summary only'),
        (['--summary', '-f', 'svg'], '--summary has no format svg'),
        (['--summary', '--output', 'x'], 'cannot be used with --summary'),
    ],
)
def test_options_that_do_not_go_together(run, options, complaint):
    assert run('topology', *options, code=1) == ''
    assert complaint in run.err


def test_placement_alone_is_told_apart(cloud, run, monkeypatch):
    def read(source, wanted):
        return placement_survey.read(PlacementClient(cloud.placement))

    monkeypatch.setattr(
        'nfv_sched.cmd.backends.Backends.survey_with_distances', read
    )
    text = run('topology', HOSTS[1])
    assert 'source: Placement' in text
    assert 'Not known: which CPUs are free' in text
    assert 'CPUs ================ 0/12 free' in text
    found = json.loads(run('topology', '--summary', '-f', 'json', HOSTS[1]))
    [row] = found['summary']
    assert row['instances'] is None
    assert row['stranded_devices'] == 7
    assert found['source'] == 'placement'
    assert 'Not known: which instances are on a host' in run.err


def flavor(name):
    flavor = flavors.flavors()[name]
    record = objects.Flavor(
        nova_context.get_admin_context(),
        flavorid=name,
        name=name,
        vcpus=flavor.vcpus,
        memory_mb=flavor.ram_mib,
        root_gb=flavor.disk_gib,
        ephemeral_gb=0,
        swap=0,
        rxtx_factor=1.0,
        disabled=False,
        is_public=True,
        extra_specs=dict(flavor.extra_specs),
    )
    record.create()
    return record


def test_the_report(cloud, run, tmp_path, caplog):
    caplog.set_level(logging.INFO, 'nfv_sched')
    known = flavors.flavors()
    [refused] = cloud.boot(known['packet-cache.200GB'])
    log = tmp_path / 'nova-scheduler.log'
    log.write_text(
        ''.join(
            f'2026-03-02 14:00:00.123 77 INFO {record.name} [-] '
            f'{record.getMessage()}\n'
            for record in caplog.records
        )
        + 'not a line of ours\n'
    )
    records = [flavor('edge-upf'), flavor('packet-cache.200GB')]
    path = tmp_path / 'cloud.html'
    options = ['--flavor', 'edge-upf', '--flavor', 'packet-cache.200GB']
    run('report', '--output', path, '--log', log, *options)
    for record in records:
        record.destroy()
    page = path.read_text()
    for part in (*HOSTS, 'rack R1', 'Capacity by flavor', refused.uuid):
        assert part in page
    assert '2026-03-02 14:00:00' in page
    assert '1 for pages' in page
    assert log.read_text().endswith('not a line of ours\n')
    run('report', '--output', path, '--flavor', 'nobody', code=1)
    assert 'nobody' in run.err
