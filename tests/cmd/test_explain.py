"""``nfv-sched explain`` on a simulated cloud, host by host."""

import csv
import io

from nova import objects
from nova.pci import request as pci_request
import pytest
import yaml

from nfv_sched.nova import boot_ports
from nfv_sched.nova import boot_request
from nfv_sched.nova import compute_nodes
from nfv_sched.sim import settings
from nfv_sched_testing.clouds import HUGE
from nfv_sched_testing.served import cloud_named
from tests.cmd.arguments import by_hand


def counts(found):
    """The hosts of each condition, and those that fit."""
    hosts = {row['condition']: row['hosts'] for row in found['conditions']}
    assert sum(hosts.values()) + found['fitting_count'] == found['host_count']
    fitting = found['fitting_count']
    return {**hosts, 'fits': fitting} if fitting else hosts


def nearest(found, condition=0):
    """What the nearest host of a condition lacks, in words."""
    name = found['conditions'][condition]['nearest_host']
    [text] = [row['text'] for row in found['hosts'] if row['host'] == name]
    return text


def test_a_guest_that_fits_is_told_so(run):
    rows = run('explain', *by_hand(4, 4096, **HUGE))
    assert counts(rows) == {'fits': 3}


def test_the_nearest_miss_names_cell_pages_and_that_the_rest_fits(
    run, guests_of
):
    guests_of(6, extra_specs=HUGE, ram_mib=5120)
    rows = run('explain', *by_hand(2, 4096, **HUGE))
    assert counts(rows) == {'pages': 3}
    assert rows['conditions'][0]['asked_by'] == 'HugePagesFilter'
    hosts = ['cmp-0', 'cmp-1', 'cmp-2']
    assert [row['host'] for row in rows['hosts']] == hosts
    assert all(row['all_else_fits'] for row in rows['hosts'])
    assert [row['host'] for row in rows['blockers']] == hosts
    for row in rows['blockers']:
        assert (row['asked'], row['available']) == (4, 3)
        assert f'NUMA node {row["numa_node"]} has 3 of 4' in row['text']


def test_everything_that_lacks_is_told_of_a_near_host(run, guests_of):
    guests_of(3, extra_specs=HUGE, vcpus=5, ram_mib=5120)
    specs = {**HUGE, 'hw:numa_nodes': '2'}
    rows = run('explain', *by_hand(8, 12288, **specs))
    by_host = {}
    for row in rows['blockers']:
        by_host.setdefault(row['host'], []).append(row)
    assert len(by_host) == 3
    assert all(row['all_else_fits'] for row in rows['hosts'])
    for host_rows in by_host.values():
        assert {row['condition'] for row in host_rows} == {
            'pages',
            'dedicated CPUs',
        }
        assert len({row['numa_node'] for row in host_rows}) == 1


def test_what_a_host_fell_for_stays_when_devices_cannot_be_given(run):
    specs = {'hw:mem_page_size': '1GB'}
    options = (*by_hand(2, 12288, **specs), '--port', 'physnet9')
    rows = run('explain', *options)
    [row] = rows['conditions']
    assert (row['asked_by'], row['condition']) == ('HugePagesFilter', 'pages')
    assert 'has 8 of 12 free pages of 1 GiB; 0 of 1 devices' in nearest(rows)
    # Hosts that are counted by what they lack first count the same.
    blockers = rows['blockers']
    assert [(row['asked_by'], row['condition']) for row in blockers] == 3 * [
        ('HugePagesFilter', 'pages'),
        ('PCINUMAFilter', 'devices'),
    ]
    assert not any(row['all_else_fits'] for row in rows['hosts'])


def test_each_lack_is_of_the_filter_that_looks_at_it(run):
    rows = run('explain', *by_hand(7, 12288, **HUGE))
    blockers = rows['blockers']
    assert {(row['asked_by'], row['condition']) for row in blockers} == {
        ('HugePagesFilter', 'pages'),
        ('CPUPinningFilter', 'dedicated CPUs'),
    }
    assert all(row['all_else_fits'] for row in rows['hosts'])


def test_a_disabled_host_and_others_add_up(run, cloud):
    service = objects.Service.get_by_compute_host(cloud.cell_context, 'cmp-1')
    service.disabled = True
    service.disabled_reason = 'new fan'
    service.save()
    try:
        rows = run('explain', *by_hand(4, 4096, **HUGE))
        assert counts(rows) == {'service': 1, 'fits': 2}
        [row] = rows['conditions']
        assert row['asked_by'] == 'ComputeFilter'
        assert 'disabled (new fan); everything else fits' in nearest(rows)
    finally:
        service.disabled = False
        service.disabled_reason = None
        service.save()


def test_a_compute_without_service_is_counted(run, cloud):
    service = objects.Service.get_by_compute_host(cloud.cell_context, 'cmp-2')
    service.host = 'renamed'
    service.save()
    try:
        rows = run('explain', *by_hand(4, 4096, **HUGE))
        assert counts(rows) == {'not scheduled': 1, 'fits': 2}
    finally:
        service.host = 'cmp-2'
        service.save()


def test_a_cell_that_is_down_is_told(run, monkeypatch):
    def down(*_):
        raise OSError('the database is down')

    monkeypatch.setattr(objects.ComputeNodeList, 'get_all', down)
    monkeypatch.setattr(compute_nodes, '_rows', down)
    found = run('explain', *by_hand(2, 1024), code=1)
    assert (found['host_count'], found['hosts']) == (0, [])
    [problem] = found['problems']
    assert problem.startswith('Nova cell cell1 cannot be read: ')
    assert run.err.count('Not read: Nova cell cell1 cannot be read: ') == 1


def test_placement_tells_what_it_is_short_of(run):
    rows = run('explain', *by_hand(2, 2**20, **HUGE))
    assert counts(rows) == {'MEMORY_MB': 3}
    assert rows['conditions'][0]['asked_by'] == 'Placement'
    assert 'of 1048576 MEMORY_MB' in nearest(rows)
    rows = run(
        'explain', *by_hand(2, 1024, **{'trait:CUSTOM_GOLD': 'required'})
    )
    assert counts(rows) == {'trait CUSTOM_GOLD': 3}


def test_a_zone_is_an_aggregate_in_placement(run, cloud):
    zone = cloud.add_aggregate('z', ['cmp-0'], {'availability_zone': 'z1'})
    compute = cloud.computes['cmp-0'].node.uuid
    path = f'/resource_providers/{compute}/aggregates'
    generation = cloud.placement.get(path, microversion='1.39').json()[
        'resource_provider_generation'
    ]

    def place(aggregates, generation):
        body = {
            'aggregates': aggregates,
            'resource_provider_generation': generation,
        }
        answer = cloud.placement.put(path, json=body, microversion='1.39')
        assert answer.status_code == 200
        return answer.json()['resource_provider_generation']

    generation = place([zone.uuid], generation)
    try:
        words = ('--availability-zone', 'z1')
        rows = run('explain', *by_hand(2, 1024), *words)
        assert counts(rows) == {'aggregate': 2, 'fits': 1}
    finally:
        place([], generation)
        zone.delete_host('cmp-0')
        zone.destroy()


def test_traits_are_told_by_name(run, cloud):
    cloud.placement.put('/traits/CUSTOM_SILVER', microversion='1.39')
    name = 'trait:CUSTOM_SILVER'
    rows = run('explain', *by_hand(2, 1024, **{name: 'required'}))
    assert counts(rows) == {'trait CUSTOM_SILVER': 3}
    assert 'everything else fits' in nearest(rows)


def test_a_server_group_counts_with_its_members(run, cloud, guests_of):
    group = cloud.add_group('apart', 'anti-affinity')
    guests_of(2, group=group)
    rows = run('explain', *by_hand(2, 1024), '--group', group.uuid)
    assert counts(rows) == {'server group': 2, 'fits': 1}
    text = '1 of at most 1 instances of the server group are there'
    assert text in nearest(rows)


def test_ports_by_hand_ask_for_devices(run):
    port = ('--port', 'physnet1:direct:required')
    specs = {**HUGE, 'hw:numa_nodes': '1'}
    rows = run('explain', *by_hand(2, 2048, **specs), *port)
    assert counts(rows) == {'fits': 3}
    rows = run('explain', *by_hand(2, 2048, **specs), '--port', 'physnet9')
    assert counts(rows) == {'devices': 3}
    assert rows['conditions'][0]['asked_by'] == 'PCINUMAFilter'


def test_fewest_moved_guests_are_named_with_a_place_for_them(run, guests_of):
    # On the cell with the devices, of each host one.
    near = boot_ports.Port('physnet1', numa_policy='required')
    apart = {**HUGE, 'nfv:placement': 'spread'}
    names = {
        guest.host: guest.name
        for number in range(3)
        for guest in guests_of(
            extra_specs=apart, ram_mib=3072, name=f'g{number}', ports=[near]
        )
    }
    assert len(names) == 3
    port = ('--port', 'physnet1:direct:required')
    options = (*by_hand(2, 6144, **HUGE), *port)
    assert counts(run('explain', *options)) == {'different NUMA nodes': 3}
    rows = run('explain', *options)['suggestions']
    moves = [row for row in rows if row['costs'] == 'others move']
    assert len(moves) == 3
    for row in moves:
        [instance] = row['instances']
        assert instance['name'] == names[row['host']]
        target = instance['fits_on']
        assert target in names.keys() - {row['host']}
        assert row['commands'] == [
            f'openstack server migrate --live-migration --host {target} '
            f'{instance["uuid"]}'
        ]


def test_other_requests_are_suggested(run, guests_of):
    guests_of(6, extra_specs=HUGE, ram_mib=6144)
    specs = {**HUGE, 'hw:cpu_thread_policy': 'prefer'}
    rows = run('explain', *by_hand(2, 4096, **specs))['suggestions']
    # 2 MiB pages make 2 GiB on a cell, small ones the rest. Those that are
    # there fit nowhere else.
    assert [(row['commands'], row['hosts']) for row in rows] == [
        (['--extra-spec hw:numa_nodes=2'], 3),
        (['--extra-spec hw:mem_page_size=4KB'], 3),
        (['--extra-spec hw:mem_page_size=any'], 3),
    ]


def test_a_stored_request_is_explained(run, cloud, guests_of):
    [guest] = guests_of(extra_specs=HUGE, ram_mib=8192)
    rows = run('explain', '--server', guest.uuid)
    assert counts(rows) == {'fits': 3}
    guests_of(5, extra_specs=HUGE, ram_mib=8192)
    rows = run('explain', '--server', guest.uuid)
    assert counts(rows) == {'pages': 3}
    assert (
        f'{guest.host} lacks only what the instance itself holds there'
        in ' '.join(run.err.split())
    )


def test_a_server_is_named_by_its_name(run, guests_of):
    [first] = guests_of(extra_specs=HUGE, name='mine')
    by_uuid = run('explain', '--server', first.uuid)
    assert run('explain', '--server', 'mine') == by_uuid
    words = ('--show', 'total')
    assert run('capacity', '--server', 'mine', *words) == (
        run('capacity', '--server', first.uuid, *words)
    )
    [second] = guests_of(extra_specs=HUGE, name='mine')
    run('explain', '--server', 'mine', code=1)
    assert (
        f'2 servers are named mine; give the UUID of one: {second.uuid}'
        in (run.err)
    )
    run('capacity', '--server', 'yours', code=1)
    assert 'no servers are named yours' in run.err


def test_a_stored_request_is_explained_for_a_move(run, cloud, guests_of):
    [guest] = guests_of(extra_specs=HUGE, ram_mib=8192)
    elsewhere = {'host': 1, 'fits': 2}
    for purpose in ('migrate', 'live-migrate', 'evacuate'):
        rows = run('explain', '--server', guest.uuid, '--for', purpose)
        assert counts(rows) == elsewhere
        assert f'{guest.host}, which the instance is on, is excluded' in (
            ' '.join(run.err.split())
        )
    rows = run('explain', '--server', guest.uuid, '--for', 'boot')
    assert counts(rows) == {'fits': 3}
    assert f'what it holds on {guest.host} counts as used' in (
        ' '.join(run.err.split())
    )


def test_a_live_migration_keeps_the_page_size(run, guests_of):
    large = {**HUGE, 'hw:mem_page_size': 'large'}
    [guest] = guests_of(extra_specs=large)
    guests_of(5, extra_specs=HUGE, ram_mib=8192, name='full')
    words = ('explain', '--server', guest.uuid, '--for')
    # Only pages of 2 MiB are left elsewhere.
    assert counts(run(*words, 'migrate')) == {'host': 1, 'fits': 2}
    rows = run(*words, 'live-migrate')
    assert counts(rows) == {'host': 1, 'claim': 2}
    assert any(
        'keep those of 1048576 KiB' in row['text'] for row in rows['blockers']
    )


def test_a_resize_is_to_another_flavor(run, guests_of, flavors_of):
    [guest] = guests_of(extra_specs=HUGE, ram_mib=2048)
    flavors_of('big', memory_mb=12288, extra_specs=HUGE)
    flavors_of('small', memory_mb=2048, extra_specs=HUGE)
    words = ('explain', '--server', guest.uuid, '--for', 'resize')
    assert counts(run(*words, '--flavor', 'small')) == {'host': 1, 'fits': 2}
    assert counts(run(*words, '--flavor', 'big')) == {'host': 1, 'pages': 2}
    rows = run(*words, '--flavor', 'big')['suggestions']
    nodes = 'openstack flavor set --property hw:numa_nodes=2 big'
    assert {row['hosts'] for row in rows if row['commands'] == [nodes]} == {2}
    with settings.override({'allow_resize_to_same_host': True}):
        rows = run(*words, '--flavor', 'small')
    assert counts(rows) == {'fits': 3}
    assert 'is included' in ' '.join(run.err.split())


@pytest.mark.parametrize(
    ('words', 'text'),
    [
        (('--for', 'migrate', '--flavor', 'f'), 'give --server'),
        (('--server', 'x', '--for', 'resize'), 'needs the new flavor'),
        (('--server', 'x', '--flavor', 'f'), 'not allowed with --server'),
    ],
)
def test_purposes_that_do_not_go_together(run, capsys, words, text):
    with pytest.raises(SystemExit) as error:
        run('explain', *words)
    assert error.value.code == 2
    assert text in capsys.readouterr().err


def test_unknown_names_have_hints(run, flavors_of):
    flavors_of('vrouter', extra_specs=HUGE)
    run('explain', '--flavor', 'vruoter', code=1)
    assert 'there is no flavor vruoter; did you mean vrouter?' in run.err
    hints = ('--hint', 'same_host=a', '--hint', 'diferent_host=b')
    for command in ('explain', 'capacity'):
        run(command, *by_hand(2, 1024), '--port', 'physnet9', *hints)
        text = ' '.join(run.err.split())
        assert 'of physical network physnet9; did you mean physnet1?' in text
        assert 'Only SameHostFilter reads the hint same_host' in text
        assert (
            'reads the hint diferent_host (did you mean different_host?)'
        ) in text
    run('capacity', '--after-loss', 'host=cmp-11', code=1)
    assert 'did you mean cmp-1?' in run.err
    words = [('hw_numa_node', '1'), ('trait:CUSTOM_X', 'forbidden')]
    properties = [f'--image-property={name}={value}' for name, value in words]
    run('explain', *by_hand(2, 1024), *properties)
    assert run.err == (
        'WARNING: Nova knows no image property hw_numa_node; did you mean '
        'hw_numa_nodes?\n'
    )


def test_without_credentials_ports_of_neutron_are_an_error(run):
    uuid = 'd9d5c6e2-9d0e-4a0e-8d3e-0f3b8a6b3c11'
    run('explain', *by_hand(2, 1024), '--port', uuid, code=1)
    assert 'ports cannot be read' in run.err
    assert '[neutron] in nova.conf' in run.err


def test_what_is_not_known_of_moves_is_said(run, guests_of, monkeypatch):
    specs = {**HUGE, 'pci_passthrough:alias': 'xxv710-vf:1'}
    [plain] = guests_of(extra_specs=specs)
    specs['hw:pci_numa_affinity_policy'] = 'required'
    specs['hw:mem_page_size'] = 'large'
    [strict] = guests_of(extra_specs=specs)

    def said(guest):
        run('explain', '--server', guest.uuid)
        return ' '.join(run.err.split())

    assert 'migration' not in said(plain)
    text = said(strict)
    assert 'Alternate hosts are chosen before that size is known' in text
    assert (
        'alias xxv710-vf with the numa_policy of [pci] alias, preferred, '
        'instead of required'
    ) in text
    monkeypatch.setattr(pci_request, 'get_alias_from_config', dict)
    assert 'that of the request, required, is used' in said(strict)
    assert 'the policy is not known' not in said(plain)


def test_wrong_questions_are_answered_plainly(run):
    run('explain', '--flavor', 'nothing', code=1)
    assert 'there is no flavor nothing' in run.err
    run('explain', code=1)
    assert '--vcpus' in run.err
    run('explain', '--server', '00000000-0000-0000-0000-000000000000', code=1)
    assert 'no request of instance' in run.err
    run('explain', *by_hand(2, 1024, **{'hw:numa_nodes': '3'}), code=1)
    assert 'ImageNUMATopologyAsymmetric' in run.err


@pytest.mark.parametrize(
    ('words', 'text'),
    [
        (('--port', 'a:b'), 'b is none of'),
        (('--hint', 'x'), "'x' is not NAME=VALUE"),
        (('--vcpus', '-4'), '--vcpus: must not be negative'),
        (('--vcpus', '0'), '--vcpus: must be at least 1'),
        (('--ram', 'much'), "--ram: 'much' is no number"),
        (('--disk', '-1'), '--disk: must not be negative'),
        (('--nearest', '-1'), '--nearest: must not be negative'),
    ],
)
def test_wrong_words_are_refused(run, capsys, words, text):
    with pytest.raises(SystemExit) as error:
        run('explain', *words)
    assert error.value.code == 2
    assert text in capsys.readouterr().err


def test_a_stored_request_is_not_changed(run, capsys):
    nobody = '00000000-0000-0000-0000-000000000000'
    words = ('--vcpus', '999', '--port', 'physnet9', '--hint', 'a=b')
    with pytest.raises(SystemExit) as error:
        run('explain', '--server', nobody, *words)
    assert error.value.code == 2
    assert (
        'not allowed with --server: --vcpus, --port, --hint'
        in capsys.readouterr().err
    )


def test_a_zone_that_nova_does_not_know_is_an_error(run, cloud):
    command = ('explain', *by_hand(2, 1024), '--availability-zone')
    cloud.add_aggregate('east', ['cmp-1'], {'availability_zone': 'east'})
    run(*command, 'typo', code=1)
    assert 'there is no availability zone typo' in run.err
    assert 'east' in run.err
    assert 'nova' in run.err
    # Known, but in none of Placement's aggregates.
    assert counts(run(*command, 'east')) == {'aggregate': 3}
    service = objects.Service.get_by_compute_host(cloud.cell_context, 'cmp-1')
    service.disabled = True
    service.save()
    try:
        run(*command, 'east', code=1)
        assert 'there is no availability zone east' in run.err
    finally:
        service.disabled = False
        service.save()


def test_a_flavor_that_exists_is_found_by_name_and_id(run, flavors_of):
    flavors_of('vrouter', vcpus=4, memory_mb=4096, extra_specs=HUGE)
    for name in ('vrouter', 'id-vrouter'):
        assert counts(run('explain', '--flavor', name)) == {'fits': 3}
    more = ('--extra-spec', 'hw:mem_page_size=4MB')
    rows = run('explain', '--flavor', 'vrouter', *more)
    assert counts(rows) == {'pages': 3}
    rows = run('explain', '--flavor', 'vrouter', '--vcpus', '7')
    assert counts(rows) == {'dedicated CPUs': 3}


def test_ports_of_neutron_are_asked_for(run, monkeypatch):
    ports = []

    class Neutron:
        """What nova.network.neutron says of ports."""

        def create_resource_requests(
            self, context, wanted, devices, affinity_policy=None
        ):
            ports.extend(interface.port_id for interface in wanted)
            devices.requests.append(
                objects.InstancePCIRequest(
                    count=1,
                    spec=[{'physical_network': 'physnet9'}],
                    request_id=wanted[0].port_id,
                    requester_id=wanted[0].port_id,
                )
            )
            networks = objects.NetworkMetadata(
                physnets={'physnet9'}, tunneled=False
            )
            return networks, [], objects.RequestLevelParams()

    monkeypatch.setattr(boot_request.neutron, 'API', Neutron)
    port = '8d1a46c0-6f3b-4a47-9f5c-0a6d3c9a4c11'
    rows = run('explain', *by_hand(2, 2048, **HUGE), '--port', port)
    assert ports == [port]
    assert counts(rows) == {'devices': 3}


def test_properties_of_an_image_count(run, tmp_path, monkeypatch):
    by_property = ('--image-property', 'hw_numa_nodes=3')
    run('explain', *by_hand(2, 2048), *by_property, code=1)
    assert 'ImageNUMATopologyAsymmetric' in run.err
    paths = []

    def application(environ, start_response):
        paths.append(environ['PATH_INFO'])
        start_response('200 OK', [('Content-Type', 'application/json')])
        return [b'{"id": "42", "hw_numa_nodes": "3", "owner": "x"}']

    words = ('--image', '42', '--os-cloud', 'lab', '--config-file', 'x')
    with cloud_named('lab', application, tmp_path, monkeypatch):
        run('explain', *by_hand(2, 2048), *words, code=1)
    assert paths == ['/v2/images/42']
    assert 'ImageNUMATopologyAsymmetric' in run.err


def test_every_format_says_the_same(run, guests_of):
    guests_of(6, extra_specs=HUGE, ram_mib=5120)
    command = ('explain', *by_hand(2, 4096, **HUGE))
    rows = run(*command)
    assert yaml.safe_load(run(*command, '-f', 'yaml')) == rows
    [pipeline] = csv.DictReader(io.StringIO(run(*command, '-f', 'csv')))
    assert pipeline['Condition'] == 'pages'
    assert pipeline['Hosts'] == '3'
    text = run(*command, '-f', 'table')
    for words in (
        '3 hosts: none fits',
        'Nearest hosts',
        'What would help',
        'has 3 of 4',
    ):
        assert words in text


def test_placement_alone_tells_what_it_counts(run, lab, guests_of):
    lab('tall')
    words = ('explain', '--os-cloud', 'lab')
    rows = run(*words, *by_hand(2, 4096, **HUGE))
    assert counts(rows) == {'fits': 3}
    assert 'packed core by core' in run.err
    assert 'never published' in run.err
    guests_of(6, extra_specs=HUGE, ram_mib=5120)
    lab('tall')
    rows = run(*words, *by_hand(2, 4096, **HUGE))
    assert counts(rows) == {'pages': 3}
    assert rows['conditions'][0]['asked_by'] == 'claim'
    text = 'has 3 of 4 free pages of 1 GiB; everything else fits'
    assert text in nearest(rows)
    assert rows['source'] == 'placement'
    assert rows['suggestions'] is None
    for name in ('tall', 'id-tall'):
        assert counts(run(*words, '--flavor', name)) == {'pages': 3}
    rows = run(*words, *by_hand(99, 1024, **HUGE))
    assert counts(rows) == {'PCPU': 3}
    port = ('--port', 'physnet1:direct:required')
    rows = run(*words, *by_hand(2, 3072, **HUGE), *port)
    assert counts(rows) == {'fits': 3}
    rows = run(*words, *by_hand(2, 3072, **HUGE), '--port', 'physnet9')
    assert counts(rows) == {'devices': 3}


def test_capacity_of_placement_alone(run, lab, guests_of):
    lab()
    words = ('capacity', '--os-cloud', 'lab', *by_hand(2, 4096, **HUGE))
    rows = run(*words)
    assert rows['source'] == 'placement'
    assert 'as of the last publishing' in run.err
    before = [row['instances'] for row in rows['hosts']]
    assert before == [row['instances_at_most'] for row in rows['hosts']]
    guests_of(1, extra_specs=HUGE, ram_mib=4096)
    assert [row['instances'] for row in run(*words)['hosts']] == before
    lab()
    rows = run(*words)
    assert sum(row['instances'] for row in rows['hosts']) == sum(before) - 1
    assert rows['domains'][0]['kind'] == 'rack'
    assert rows['total'][0]['instances'] == sum(before) - 1


def test_what_placement_cannot_know_is_said(run, lab):
    words = ('explain', '--os-cloud', 'lab')
    nobody = '00000000-0000-0000-0000-000000000000'
    for more in (
        ('--server', nobody),
        (*by_hand(1, 64), '--group', nobody),
        (*by_hand(1, 64), '--show', 'suggestions'),
        (*by_hand(1, 64), '--availability-zone', 'z'),
    ):
        run(*words, *more, code=1)
        assert "Nova's databases" in run.err
    words_of_capacity = ('capacity', '--os-cloud', 'lab')
    for more in (
        ('--server', nobody),
        ('--after-loss', 'rack=R1'),
        ('--flavor', 'a', '--flavor', 'b'),
        (*by_hand(1, 64), '--group', nobody),
        (*by_hand(1, 64), '--availability-zone', 'z'),
    ):
        run(*words_of_capacity, *more, code=1)
        assert "Nova's databases" in run.err
    run(*words, '--flavor', 'none', code=1)
    assert 'there is no flavor none' in run.err


def test_check_does_what_placement_alone_allows(run, lab):
    lab('tall')
    rows = run('check', '--os-cloud', 'lab')['checks']
    assert [row['check'] for row in rows] == [
        'Placement readable',
        'Placement microversion',
        'Placement retries',
        'Placement candidates',
        'Incomplete trees',
    ]
    assert 'is not checked' in run.err
