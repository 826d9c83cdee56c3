"""The shapes in which instances of a flavor run, in all three commands."""

from nova import objects
import pytest

from nfv_sched.cmd.main import main
from nfv_sched.nova.boot_ports import Port
from nfv_sched.nova.boot_ports import port_of
from nfv_sched.nova.boot_ports import port_text
from nfv_sched_testing.clouds import HUGE
from tests.cmd.arguments import by_hand

VF = Port('physnet1')


def totals(run, *words):
    found = run('capacity', '--flavor', 'net', '--show', 'total', *words)
    return {text_of(row): row for row in found['total']}


def text_of(row):
    """Ports and image properties in one text."""
    shape = row['shape']
    image = [f'{name}={value}' for name, value in shape['image'].items()]
    return ', '.join((*shape['ports'], *image))


def test_shapes_are_counted_next_to_the_flavor_alone(run, running_of):
    running_of(2)
    running_of(3, ports=[VF])
    running_of(1, ports=[VF, VF])
    rows = totals(run)
    assert {text: row['running'] for text, row in rows.items()} == {
        '': 2,
        'physnet1:direct': 3,
        'physnet1:direct, physnet1:direct': 1,
    }
    assert list(rows)[:2] == ['', 'physnet1:direct']
    # What is counted is what the options say by hand.
    for text, words in (
        ('', ()),
        ('physnet1:direct', ('--port', 'physnet1:direct')),
        ('physnet1:direct, physnet1:direct', ('--port', 'physnet1') * 2),
    ):
        options = (*by_hand(2, 2048, **HUGE), *words)
        [row] = run('capacity', *options, '--show', 'total')['total']
        assert rows[text]['instances'] == row['instances']
        assert rows[text]['short_of'] == row['short_of']
    # Of 12 VFs 5 are taken.
    assert rows['physnet1:direct, physnet1:direct']['instances'] <= 3
    assert rows['']['instances'] > rows['physnet1:direct']['instances'] > 0


def test_explain_and_report_have_the_same_shapes(
    run, running_of, tmp_path, capsys
):
    running_of(1)
    running_of(2, ports=[VF])
    found = run('explain', '--flavor', 'net', '--show', 'shapes')
    rows = found['shapes']
    assert [(text_of(row), row['running']) for row in rows] == [
        ('', 1),
        ('physnet1:direct', 2),
    ]
    assert {row['fitting_count'] for row in rows} == {3}
    text = run('explain', '--flavor', 'net', '-f', 'table')
    assert 'As its instances run' in text
    path = tmp_path / 'cloud.html'
    assert main(['report', '--output', str(path), '--flavor', 'net']) == 0
    page = path.read_text()
    assert '<td>physnet1:direct</td><td class="n">2</td>' in page
    assert '</td><td class="n">1</td>' in page


def test_image_properties_count_if_they_change_the_request(run, running_of):
    same = {'hw_qemu_guest_agent': 'yes', 'os_distro': 'debian'}
    running_of(1, image=same)
    running_of(2, image={**same, 'hw_cpu_thread_policy': 'require'})
    rows = totals(run)
    assert {text: row['running'] for text, row in rows.items()} == {
        '': 1,
        'hw_cpu_thread_policy=require': 2,
    }


def test_more_shapes_than_are_asked_for_are_a_note(run, running_of):
    running_of(2, ports=[VF])
    running_of(1, ports=[VF, VF])
    assert list(totals(run, '--shapes', '1')) == ['', 'physnet1:direct']
    assert '1 running instance of net in 1 other shape' in run.err
    rows = totals(run, '--shapes', '0')
    assert [row['running'] for row in rows.values()] == [0]


def test_a_request_that_is_described_has_no_other_shapes(run, running_of):
    running_of(2, ports=[VF])
    words = ('capacity', '--flavor', 'net', '--port', 'physnet1')
    [row] = run(*words, '--show', 'total')['total']
    assert (row['shape'], row['running']) == (None, None)
    assert 'Running' not in run(*words, '--show', 'total', '-f', 'table')


def test_a_shape_that_nova_refuses_now_is_a_note(
    run, cloud, running_of, guests_of
):
    running_of(1)
    flavor = objects.Flavor.get_by_name(cloud.context, 'net')
    [guest] = guests_of(
        1,
        name='net',
        extra_specs={},
        image={'hw_numa_nodes': '1'},
    )
    instance = objects.Instance.get_by_uuid(cloud.cell_context, guest.uuid)
    instance.instance_type_id = flavor.id
    instance.save()
    assert list(totals(run)) == ['']
    assert '1 running instance of net asked for hw_numa_nodes=1' in run.err
    assert 'ImageNUMATopologyForbidden' in run.err


def test_more_like_one_server(run, guests_of):
    [guest] = guests_of(1, extra_specs=HUGE, ports=[VF, VF], ram_mib=3072)
    words = ('capacity', '--server', guest.uuid, '--show', 'total')
    [row] = run(*words)['total']
    assert row['flavor'] == 'tenant'
    by_options = (*by_hand(2, 3072, **HUGE), *('--port', 'physnet1') * 2)
    [other] = run('capacity', *by_options, '--show', 'total')['total']
    assert row['instances'] == other['instances'] == 5
    for words in (('--flavor', 'x'), ('--port', 'physnet1')):
        with pytest.raises(SystemExit):
            run('capacity', '--server', guest.uuid, *words)


def test_more_like_a_member_of_a_server_group(run, cloud, guests_of):
    group = cloud.add_group('apart', 'anti-affinity')
    [guest] = guests_of(1, group=group)
    rows = run('capacity', '--server', guest.uuid)['hosts']
    counts = {row['host']: row['instances'] for row in rows}
    assert counts.pop(guest.host) == 0
    assert set(counts.values()) == {1}


def test_an_unknown_server_is_told(run):
    uuid = '00000000-0000-4000-8000-000000000000'
    run('capacity', '--server', uuid, code=1)
    assert f'no request of instance {uuid} is stored' in run.err


@pytest.mark.parametrize(
    ('port', 'text'),
    [
        (VF, 'physnet1:direct'),
        (Port('p', 'vdpa', 'required'), 'p:vdpa:required'),
        (Port('p', trusted=True), 'physnet=p,vnic_type=direct,trusted=true'),
        (Port('dc:a'), 'physnet=dc:a,vnic_type=direct'),
        (
            Port(None, 'direct', tunneled=True),
            'vnic_type=direct,tunneled=true',
        ),
        (Port(), 'vnic_type=direct'),
    ],
)
def test_ports_are_written_as_they_are_read(port, text):
    assert port_text(port) == text
    assert port_of(text) == port
