"""The life of guests with pinned CPUs, huge pages and devices."""

import concurrent.futures
import itertools
import json
import re
import threading

import pytest
import sqlalchemy as sa

from tests.stack.guests import PER_HOST
from tests.stack.guests import VCPUS

_OF_INSTANCES = ('Instances', 'Allocations', 'Requests on own hosts')


@pytest.fixture(autouse=True)
def clean(guests):
    yield
    assert list(guests.overlaps()) == []
    guests.delete_all()


def booted(guests, flavor, name='guest', **body):
    guest = guests.boot(name, flavor, **body)
    assert guest.status == 'ACTIVE', guest.fault
    return guest


def test_boot(guests, flavors):
    guest = booted(guests, flavors.vnf)
    pins = guests.pins(guest)
    assert len(pins.cpus) == VCPUS
    assert len(pins.by_cell) == 1


def test_two_cells(guests, flavors):
    pins = guests.pins(booted(guests, flavors.two_cells))
    assert {cell: len(cpus) for cell, cpus in pins.by_cell.items()} == {
        0: 4,
        1: 4,
    }


def test_what_fits_nowhere(guests, plane):
    flavor = guests.flavor('vnf.huge', vcpus=16)
    guest = guests.boot('huge', flavor)
    assert guest.status == 'ERROR'
    # Reasons are for the operator.
    assert 'No valid host was found' in guest.fault['message']
    assert 'cell' not in guest.fault['message']


def findings(plane):
    """What ``nfv-sched check`` finds about instances."""
    conf = plane.nova_conf.with_name('nova-scheduler-1.conf')
    # 1: there is a warning of hosts without labels.
    found = json.loads(
        plane.run(
            *('nfv-sched', 'check', '-f', 'json', f'--config-file={conf}'),
            code=1,
        )
    )
    checks = [row for row in found['checks'] if row['check'] in _OF_INSTANCES]
    assert {row['check'] for row in checks} == set(_OF_INSTANCES)
    return [row['details'] for row in checks if row['verdict'] != 'success']


def test_resize(guests, flavors, plane):
    guest = booted(guests, flavors.vnf)
    guests.action(guest, 'resize', {'flavorRef': flavors.large.id})
    guests.reaches(guest, 'VERIFY_RESIZE')
    # What the migration still holds on the source is known.
    assert findings(plane) == []
    guests.action(guest, 'confirmResize')
    guests.reaches(guest, 'ACTIVE')
    assert len(guests.pins(guest).cpus) == 8


def test_resize_and_back(guests, flavors):
    guest = booted(guests, flavors.vnf)
    guests.action(guest, 'resize', {'flavorRef': flavors.large.id})
    guests.reaches(guest, 'VERIFY_RESIZE')
    guests.action(guest, 'revertResize')
    guests.reaches(guest, 'ACTIVE')
    assert len(guests.pins(guest).cpus) == VCPUS


def test_cold_migration(guests, flavors):
    guest = booted(guests, flavors.vnf)
    guests.action(guest, 'migrate')
    moved = guests.reaches(guest, 'VERIFY_RESIZE')
    assert moved.hypervisor_hostname != guest.hypervisor_hostname
    guests.action(guest, 'confirmResize')
    guests.reaches(guest, 'ACTIVE')


def test_live_migration(guests, flavors):
    # Nova does not move assigned devices of an alias alive.
    guest = booted(guests, flavors.two_cells)
    where = {'host': None, 'block_migration': 'auto'}
    guests.action(guest, 'os-migrateLive', where)
    moved = guests.reaches(guest, 'ACTIVE')
    assert moved.hypervisor_hostname != guest.hypervisor_hostname
    assert len(guests.pins(moved).cpus) == 8


def test_a_drain_is_executed_as_planned(guests, flavors, plane, tmp_path):
    """With devices by a cold migration, without live."""
    shapes = [flavors.vnf, flavors.vnf, flavors.two_cells]
    guest, *_ = [
        booted(guests, flavor, f'drained-{number}')
        for number, flavor in enumerate(shapes)
    ]
    conf = plane.nova_conf.with_name('nova-scheduler-1.conf')
    words = ('plan', 'drain', guest.compute_host, f'--config-file={conf}')
    plan = json.loads(plane.run('nfv-sched', *words, '-f', 'json'))
    assert (plan['unplaced'], plan['problems']) == ([], [])
    journal = f'--journal={tmp_path / "journal"}'
    plane.run('nfv-sched', *words, '--execute', '--yes', journal)
    for step in plan['steps']:
        moved = guests.reaches(
            plane.cloud.compute.get_server(step['uuid']), 'ACTIVE'
        )
        assert moved.compute_host == step['destination']
        pins = guests.pins(moved).by_cell
        assert sum(map(len, pins.values())) == sum(
            len(node['cpus']) for node in step['numa_nodes']
        )
        if step['destination'] not in plane.labelled:
            # Elsewhere the scheduler chooses by what it expects.
            assert sorted(pins) == [
                node['host_numa_node'] for node in step['numa_nodes']
            ]
    left = json.loads(plane.run('nfv-sched', *words, '-f', 'json'))
    assert left['steps'] == []
    methods = {step['name']: step['method'] for step in plan['steps']}
    assert methods['drained-0'] == 'cold migration'


_BEGUN = re.compile(r'(?m)^\d+\. \w+ migration: (\S+) from \S+ to (\S+)$')


def test_a_drain_is_executed_while_boots_go_on(
    guests, flavors, plane, tmp_path
):
    """What boots take meanwhile is planned around."""
    host = plane.hosts[0]
    shapes = [flavors.vnf, flavors.two_cells, flavors.vnf]
    drained = [
        booted(
            guests,
            flavor,
            f'drained-{number}',
            availability_zone=f'nova:{host}',
        )
        for number, flavor in enumerate(shapes)
    ]
    compute = plane.cloud.compute
    [service] = compute.services(host=host, binary='nova-compute')
    compute.disable_service(service)
    stop = threading.Event()
    others = []

    def keep_booting():
        for number in itertools.count():
            # Leave room for what is drained.
            if stop.is_set() or number == (len(plane.hosts) - 3) * PER_HOST:
                break
            others.append(guests.boot(f'other-{number}', flavors.vnf))

    conf = plane.nova_conf.with_name('nova-scheduler-1.conf')
    try:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            booting = pool.submit(keep_booting)
            printed = plane.run(
                'nfv-sched', 'plan', 'drain', host, '--execute', '--yes',
                f'--journal={tmp_path / "journal"}', f'--config-file={conf}',
            )  # fmt: skip
            stop.set()
            booting.result()
    finally:
        stop.set()
        compute.enable_service(service)
    # Where a step landed elsewhere, a later plan has another for it.
    last = dict(_BEGUN.findall(printed))
    assert last.keys() == {each.name for each in drained}, printed
    for each in drained:
        moved = guests.reaches(compute.get_server(each.id), 'ACTIVE')
        assert moved.compute_host == last[each.name] != host
    assert 'planning the rest again' in printed or len(
        _BEGUN.findall(printed)
    ) == len(drained)
    assert others
    assert [each.fault for each in others if each.status != 'ACTIVE'] == []
    print(f'{len(others)} booted during a drain:', printed)


@pytest.fixture
def stored_pins(plane, guests):
    """Gives an instance the pins of another in the database, for a while."""
    engine = sa.create_engine(plane.ports.database_url('nova_cell1'))
    before = {}

    def pins_of(uuid):
        with engine.connect() as connection:
            return connection.execute(
                sa.text(
                    'select numa_topology from instance_extra '
                    'where instance_uuid = :uuid'
                ),
                {'uuid': uuid},
            ).scalar_one()

    def write(uuid, text):
        with engine.begin() as connection:
            connection.execute(
                sa.text(
                    'update instance_extra set numa_topology = :text '
                    'where instance_uuid = :uuid'
                ),
                {'uuid': uuid, 'text': text},
            )

    def copy(source, target):
        before[target.id] = pins_of(target.id)
        write(target.id, pins_of(source.id))

    def pinned(host):
        """The CPUs that nova-compute reports as pinned."""
        with engine.connect() as connection:
            text = connection.execute(
                sa.text(
                    'select numa_topology from compute_nodes '
                    'where host = :host'
                ),
                {'host': host},
            ).scalar_one()
        cells = json.loads(text)['nova_object.data']['cells']
        return {
            cpu
            for cell in cells
            for cpu in cell['nova_object.data']['pinned_cpus']
        }

    yield copy
    for uuid, text in before.items():
        write(uuid, text)
    # Until nova-compute counts again it fails to delete them.
    plane.report_computes()
    for guest in guests.running():
        assert guests.pins(guest).cpus <= pinned(guest.compute_host)
    engine.dispose()


def test_an_instance_on_the_cpus_of_another_is_found(
    guests, flavors, plane, stored_pins
):
    """As after a restored database: two instances on the same CPUs."""
    host = plane.hosts[0]
    first, second = [
        booted(guests, flavors.vnf, name, availability_zone=f'nova:{host}')
        for name in ('first', 'second')
    ]
    held, lost = guests.pins(first).cpus, guests.pins(second).cpus
    assert not held & lost
    assert findings(plane) == []
    stored_pins(first, second)
    conf = plane.nova_conf.with_name('nova-scheduler-1.conf')
    found = json.loads(
        plane.run(
            *('nfv-sched', 'check', '-f', 'json', f'--config-file={conf}'),
            code=2,
        )
    )['findings']
    [twice] = [row for row in found if len(row['instances']) == 2]
    assert (twice['host'], twice['cpus']) == (host, sorted(held))
    assert {each['name'] for each in twice['instances']} == {
        'first',
        'second',
    }
    assert 'openstack server migrate' in twice['fix']
    assert any(
        row['cpus'] == sorted(lost) and not row['instances'] for row in found
    )


def test_shelve(guests, flavors, plane):
    guest = booted(guests, flavors.vnf)
    guests.action(guest, 'shelve')
    guests.reaches(guest, 'SHELVED_OFFLOADED')
    guests.action(guest, 'unshelve')
    guests.reaches(guest, 'ACTIVE')
    assert len(guests.pins(guest).cpus) == VCPUS


def test_rebuild(guests, flavors):
    guest = booted(guests, flavors.vnf)
    before = guests.pins(guest)
    guests.action(guest, 'rebuild', {'imageRef': guest.image.id})
    rebuilt = guests.reaches(guest, 'ACTIVE')
    assert rebuilt.hypervisor_hostname == guest.hypervisor_hostname
    assert guests.pins(rebuilt) == before


@pytest.mark.parametrize(
    ('policy', 'hosts'), [('affinity', 1), ('anti-affinity', 3)]
)
def test_server_group(guests, flavors, plane, policy, hosts):
    group = plane.cloud.compute.create_server_group(name=policy, policy=policy)
    members = [
        booted(
            guests,
            flavors.vnf,
            f'{policy}-{number}',
            scheduler_hints={'group': group.id},
        )
        for number in range(3)
    ]
    assert len({one.hypervisor_hostname for one in members}) == hosts


@pytest.fixture
def force_down(guests, plane):
    """Forces hosts down; they are as before afterwards."""
    force = plane.cloud.compute.update_service_forced_down
    down = []

    def force_down(host):
        down.append(host)
        force(None, host, 'nova-compute', True)

    yield force_down
    # A host comes back when its nova-compute has been restarted.
    guests.delete_all()
    plane.restart_computes()
    for host in down:
        force(None, host, 'nova-compute', False)


def test_evacuation(guests, flavors, force_down):
    guest = booted(guests, flavors.vnf)
    force_down(guest.compute_host)
    guests.action(guest, 'evacuate', {})
    # nova-compute says that the guest is stopped, which evacuated ones are,
    # before it says that it is on another host.
    moved = guests.leaves(guest)
    assert moved.status == 'SHUTOFF'
    assert len(guests.pins(moved).cpus) == VCPUS
