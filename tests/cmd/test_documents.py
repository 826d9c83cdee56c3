"""The page on documents has the keys that the commands print, and no others.

tests/scenario/test_simulate.py has the document of scenarios.
"""

import dataclasses
import json

from nova import objects
import pytest
import yaml

from nfv_sched.cmd import topology_action
from nfv_sched.dryrun.tables import SCHEMA_VERSION
from nfv_sched.nova.boot_ports import Port
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.removal import prune
from nfv_sched.sim import settings
from nfv_sched.survey import SurveyedAccelerator
from nfv_sched_testing.clouds import HUGE
from nfv_sched_testing.fake_prometheus import answering
from nfv_sched_testing.fake_prometheus import matrix
from nfv_sched_testing.fake_prometheus import series
from tests.cmd.arguments import by_hand
from tests.cmd.document_page import check_documents
from tests.render import examples

#: A consumer that is no instance.
NOBODY = '00000000-0000-4000-8000-000000000b0d'
#: Of an instance with a port and an image that matter.
NETWORKED = {
    'ports': [Port('physnet1')] * 4,
    'image': {'hw_cpu_thread_policy': 'require'},
}


def test_every_document_has_its_command_and_version(run):
    found = run('capacity', *by_hand(2, 1024))
    assert found['schema_version'] == SCHEMA_VERSION == 1
    assert found['command'] == 'capacity'
    assert (found['notes'], found['problems']) == ([], [])


def test_explain(run, lab, running_of, guests_of):
    running_of(1, **NETWORKED)
    shapes = run('explain', '--flavor', 'net')
    # The other NUMA node of two of their hosts is free: one may move.
    spread = {**HUGE, 'nfv:placement': 'spread'}
    guests_of(3, extra_specs=spread, ram_mib=8192)
    command = (
        'explain',
        *by_hand(2, 16384, **{**HUGE, 'hw:numa_nodes': '2'}),
    )
    lab()
    check_documents(
        'explain',
        shapes,
        run(*command, '--fail-below', '1', code=3),
        run('explain', *by_hand(1, 64)),
        run(*command, '--os-cloud', 'lab'),
    )


def test_capacity(run, lab, flavors_of, running_of, second_cell):
    flavors_of('one', 'other', extra_specs=HUGE)
    running_of(1, **NETWORKED)
    lab('one')
    check_documents(
        'capacity',
        run('capacity', '--flavor', 'one', '--os-cloud', 'lab'),
        run('capacity', '--flavor', 'net', code=1),
        run('capacity', '--flavor', 'one', '--flavor', 'other', code=1),
    )


def test_capacity_after_a_loss(run, guests_of):
    guests_of(12, extra_specs=HUGE, ram_mib=3072)
    check_documents(
        'capacity --after-loss',
        run('capacity', '--after-loss', 'rack=R2', code=3),
    )


def test_plan(run, guests_of):
    [guest] = guests_of(1, extra_specs=HUGE, ports=[Port('physnet1')])
    # The last of them on another host.
    guests_of(5, extra_specs=HUGE)
    every = [f'host=cmp-{number}' for number in range(3)]
    check_documents(
        'plan',
        run('plan', 'drain', guest.host),
        run('plan', 'room', *by_hand(2, 1024)),
        run('plan', 'survive', *every, code=3),
        run('plan', 'survive', *every, '--prepare', code=3),
        run('plan', 'defragment', '--moves', '1'),
        run('plan', 'consolidate'),
    )


def test_check(run, cloud, guests_of, tmp_path):
    [guest] = guests_of(1, extra_specs=HUGE)
    spec = objects.RequestSpec.get_by_instance_uuid(cloud.context, guest.uuid)
    spec.numa_topology.cells[0].memory = 64 * 1024
    spec.save()
    options = tmp_path / 'placement.conf'
    options.write_text('[placement]\nallocation_conflict_retry_count = 10\n')
    compute = cloud.computes[guest.host].node
    path, other = f'/allocations/{guest.uuid}', f'/allocations/{NOBODY}'
    held = cloud.placement.get(path, microversion='1.39').json()
    held |= {'consumer_generation': None, 'consumer_type': 'INSTANCE'}
    for part in held['allocations'].values():
        part.pop('generation')
    cloud.placement.delete(path, microversion='1.39')
    cloud.placement.put(other, json=held, microversion='1.39')
    try:
        found = run('check', '--placement-config-file', str(options), code=1)
    finally:
        cloud.placement.delete(other, microversion='1.39')
        answer = cloud.placement.put(path, json=held, microversion='1.39')
        assert answer.status_code == 204, answer.text
    # A tree of other hardware, which schedulers read.
    client = PlacementClient(cloud.placement)
    [one] = [each for each in cloud.topologies() if each.name == guest.host]
    cells = [
        dataclasses.replace(cell, memory_mib=cell.memory_mib + 1)
        for cell in one.cells
    ]
    publish(client, [dataclasses.replace(one, cells=tuple(cells))])
    try:
        with settings.override({'nfv_sched.read_topology': True}):
            drifted = run('check', code=1)
    finally:
        prune(client, [])
    check_documents('check', found, drifted)
    assert [
        (each['host'], each['fact'], each['numa_node'])
        for each in drifted['differences']
    ] == [(guest.host, 'memory_mib', 0), (guest.host, 'memory_mib', 1)]
    for each in drifted['differences']:
        assert each['published'] == each['reported'] + 1
    finding, foreign, _ = found['findings']
    assert foreign['instances'] == [{'uuid': NOBODY, 'name': None}]
    assert foreign['resources']['PCPU'] == 2
    assert finding['host'] == compute.hypervisor_hostname
    assert (finding['kind'], finding['names']) == ('host', [finding['host']])
    assert finding['instances'] == [{'uuid': guest.uuid, 'name': 'tenant'}]
    assert finding['provider'] == compute.uuid
    checks = {each['check']: each for each in found['checks']}
    assert checks['Placement retries']['values'] == {
        'allocation_conflict_retry_count': 10
    }
    assert checks['Allocations']['subjects'] == [finding['host']]


@pytest.fixture
def surveys():
    """Surveys that have everything, and of Placement alone."""
    survey = examples.survey()
    host = survey.hosts[0]
    card = SurveyedAccelerator('0000:84:00.0', 'VGPU', 4, 1, 1, 'pci0000:80')
    moving = {examples.guest_uuid(9): host.residents[0]}
    whole = dataclasses.replace(host, accelerators=(card,), migrating=moving)
    return (
        dataclasses.replace(survey, hosts=(whole, *survey.hosts[1:])),
        examples.counts(),
    )


def test_topology(surveys):
    texts = [topology_action.rendered(survey, 'json') for survey in surveys]
    check_documents('topology', *map(json.loads, texts))
    data = yaml.safe_load(topology_action.rendered(surveys[0], 'yaml'))
    assert data == json.loads(texts[0])


def test_the_summary_of_hosts(run):
    found = run('topology', '--summary')
    check_documents('topology --summary', found)
    assert [row['host'] for row in found['summary']] == [
        'cmp-0',
        'cmp-1',
        'cmp-2',
    ]


def test_the_report(run, running_of, guests_of, tmp_path):
    running_of(1, **NETWORKED)
    log = tmp_path / 'nova-scheduler.log'
    log.write_text(
        '2026-03-02 14:00:00.123 INFO nfv_sched [-] No host for instance '
        'b8f2: of 3 rejected hosts 2 for pages, 1 for dedicated CPUs; nearest '
        'is cmp-1: 1 of 2 pages\n'
    )
    lines = series([[0, '1']], flavor_name='net')
    with answering(lambda environ: matrix(lines)) as (url, _):
        words = ('--log', str(log), '--prometheus', url)
        found = run('report', '--flavor', 'net', *words)
    check_documents('report', found, run('report'))
    [rejection] = found['rejections']
    assert rejection['conditions'] == [
        {'condition': 'pages', 'hosts': 2},
        {'condition': 'dedicated CPUs', 'hosts': 1},
    ]
    assert rejection['nearest_host'] == 'cmp-1'
    counted = run('capacity', '--flavor', 'net')
    bare = found['capacity'][0]
    assert bare['instances'] == counted['total'][0]['instances']
    assert bare['by_host'] == {
        each['host']: each['instances'] for each in counted['hosts']
    }
    assert [each['running'] for each in found['capacity']] == [
        each['running'] for each in counted['total']
    ]


def test_a_report_is_refused_before_it_is_made(run, tmp_path, capsys):
    for path in (tmp_path / 'nowhere/cloud.html', tmp_path):
        with pytest.raises(SystemExit) as ended:
            run('report', '--output', str(path), '-f', 'html')
        assert ended.value.code == 2
        assert 'director' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run('report', '-f', 'html')
    assert '--output FILE' in capsys.readouterr().err


def test_a_report_without_its_trend(run):
    url = 'http://me:sesame@127.0.0.1:1'
    found = run('report', '--prometheus', url, code=1)
    assert found['trends'] == []
    [problem] = found['problems']
    assert 'trend: http://127.0.0.1:1 does not answer' in problem
    assert 'sesame' not in run.err + problem


def test_labels(run):
    check_documents('labels', run('labels'))


def test_publish_and_purge(run, cloud):
    try:
        check_documents('publish --dry-run', run('publish', '--dry-run'))
        check_documents('publish', run('publish'))
        found = run('purge')
        check_documents('purge', found)
    finally:
        prune(PlacementClient(cloud.placement), [])
    assert found['removed'] is False
    assert 'Nothing is removed without --yes' in found['notes']


def test_columns_are_selected_by_key_or_heading(run):
    words = ('capacity', *by_hand(2, 1024))
    found = run(*words, '-c', 'host', '-c', 'Instances')
    assert set(found['hosts'][0]) == {'host', 'instances'}
    assert set(found['domains'][0]) == {'instances'}
    text = run(*words, '-c', 'host', '-f', 'csv')
    assert text.split() == ['"Host"', '"cmp-0"', '"cmp-1"', '"cmp-2"']
    assert run(*words, '-c', 'hots', code=1) == ''
    assert 'no table has a column hots; did you mean hosts?' in run.err
    assert run(*words, '-c', 'host', '--sort-column', 'Nme', code=1) == ''
    assert 'no table has a column Nme' in run.err


def test_records_are_sorted_by_value(run, flavors_of):
    words = ('topology', '--summary', '--sort-column', 'host')
    rows = run(*words, '--sort-descending')['summary']
    assert [row['host'] for row in rows] == ['cmp-2', 'cmp-1', 'cmp-0']


def test_one_table_is_one_table_in_every_format(run):
    words = ('capacity', *by_hand(2, 1024), '--show', 'domains')
    assert run(*words).keys() == {
        'schema_version',
        'command',
        'source',
        'domains',
        'notes',
        'problems',
    }
    lines = run(*words, '-f', 'value').splitlines()
    assert [line.split()[:2] for line in lines] == [
        ['rack', 'R1'],
        ['rack', 'R2'],
    ]
