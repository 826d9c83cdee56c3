"""Why instances are where they are, and what shadow mode finds."""

import json

import pytest

from tests.stack import configuration
from tests.stack.plane import Failed


@pytest.fixture(autouse=True)
def clean(guests):
    yield
    guests.delete_all()


def ask(plane, command, *arguments):
    conf = plane.nova_conf.with_name('nova-scheduler-1.conf')
    return json.loads(
        plane.run(
            *('nfv-sched', command, f'--config-file={conf}', '-f', 'json'),
            *arguments,
        )
    )


def why(plane, guest, until, *arguments):
    """The decisions on an instance, once the last one is written."""
    found = {}

    def written():
        # Without Nova, which takes seconds to import.
        words = ('why', guest.id, '-f', 'json', *arguments)
        folder = plane.root / 'decisions'
        try:
            text = plane.run('nfv-sched', *words, f'--journal={folder}')
        except Failed:
            # Not yet.
            return False
        found.update(json.loads(text))
        return until(found)

    plane.processes.wait(plane.schedulers[0], written)
    return found


def test_why_an_instance_is_on_its_host(plane, guests, flavors):
    guest = guests.boot('why', flavors.vnf)
    assert guest.status == 'ACTIVE', guest.fault
    found = why(plane, guest, lambda _: True)
    [decision] = found['decisions']
    assert decision['host'] == guest.hypervisor_hostname
    assert decision['purpose'] == 'boot'
    assert decision['numa_nodes'] == sorted(guests.pins(guest).by_cell)
    assert decision['request_id'].startswith('req-')
    assert found['hosts'][0]['selected'] or decision['rank'] > 1
    assert [entry['filter'] for entry in found['filters']] == [
        'HugePagesFilter',
        'CPUPinningFilter',
        'PCINUMAFilter',
        'NUMAFitFilter',
    ]
    assert {'FragmentationWeigher', 'ScatterWeigher'} <= {
        entry['without'] for entry in found['counterfactuals']
    }
    # By its name as well, which Nova's databases have.
    named = ask(plane, 'why', 'why')
    assert named['server'] == guest.id
    guests.action(guest, 'migrate')
    moved = guests.reaches(guest, 'VERIFY_RESIZE')
    guests.action(guest, 'confirmResize')
    guests.reaches(guest, 'ACTIVE')
    every = why(
        plane, guest, lambda answer: answer['decision_count'] == 2, '--all'
    )
    newest, oldest = every['decisions']
    assert (newest['purpose'], oldest['purpose']) == ('move', 'boot')
    assert newest['host'] == moved.hypervisor_hostname


def test_why_an_instance_has_no_host(plane, guests):
    flavor = guests.flavor('vnf.one.node', vcpus=16)
    guest = guests.boot('nowhere', flavor)
    assert guest.status == 'ERROR'
    found = why(plane, guest, lambda _: True)
    [decision] = found['decisions']
    assert (decision['ending'], decision['host']) == ('rejected', None)
    assert 'of 16 free dedicated CPUs' in decision['nearest_miss']
    assert found['conditions'] == [
        {
            'decision': 1,
            'condition': 'dedicated CPUs',
            'hosts': len(plane.hosts),
        }
    ]


@pytest.fixture
def shadowed(plane, request):
    """Stock filters decide, ours are in shadow mode."""
    root = plane.root
    with_journal = configuration.with_journal
    plane.restart_schedulers(with_journal(configuration.SHADOW, root))
    yield
    # Failed claims of devices are undone by the next report.
    plane.report_computes()
    if request.session.items[-1] is not request.node:
        plane.restart_schedulers(with_journal(configuration.CHOOSING, root))


@pytest.mark.usefixtures('shadowed')
def test_shadow_mode_finds_what_the_stock_filters_accept(
    plane, guests, flavors
):
    """A PF and a VF of a card pass by count, and their claim fails."""
    flavor = guests.flavor(
        'card', {'pci_passthrough:alias': 'pf:2,vf:1'}, vcpus=1, ram_mib=512
    )
    right = guests.boot('right', flavors.vnf)
    assert right.status == 'ACTIVE', right.fault
    wrong = guests.boot('wrong', flavor)
    assert wrong.status == 'ERROR'
    found = {}

    def judged():
        found.update(ask(plane, 'shadow', '--all'))
        return found['decision_count'] == 2

    plane.processes.wait(plane.schedulers[0], judged)
    by_uuid = {entry['uuid']: entry for entry in found['decisions']}
    false = by_uuid[wrong.id]
    assert false['agreement'] == 'false acceptance of Nova'
    assert false['claim'] == 'failed'
    assert 'takes away another' in false['rejection']
    assert (false['accepted_hosts'], false['shadow_host']) == (0, None)
    agreed = by_uuid[right.id]
    assert agreed['agreement'] == 'agree: accepted'
    assert agreed['host'] == right.hypervisor_hostname
    assert agreed['claim'] == 'succeeded'
    counts = {
        entry['agreement']: entry['decisions'] for entry in found['summary']
    }
    assert counts['false acceptance of Nova'] == 1
    assert counts['false rejection of nfv_sched'] == 0
