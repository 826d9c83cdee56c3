"""Moves under Nova's own scheduler, databases and all."""

import contextlib

from nova import context as nova_context
from nova import objects
from nova.compute import task_states
import pytest
import sqlalchemy as sa

from nfv_sched.nova import instances
from nfv_sched.sim import machine
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture

HOST = """
about: one NUMA node of six CPUs
dedicated: 0-3
shared: 4-5
disk_gib: 200
cells:
- {{id: 0, cpus: '0-5', memory_mib: 16384, socket: 0, pages: {pages}}}
"""
LARGE = SimulatedFlavor(
    'large',
    2,
    2048,
    extra_specs={
        'hw:cpu_policy': 'dedicated',
        'hw:mem_page_size': 'large',
    },
)
SMALL = SimulatedFlavor('small', 1, 512)


@pytest.fixture(scope='module')
def cloud():
    with simulated_cloud() as running:
        yield running


@pytest.fixture(scope='module')
def instance(cloud):
    """An instance with pages of 1 GiB, and other hosts with and without."""
    cloud.add_host('source', machine.parse('a', HOST.format(pages='{1G: 4}')))
    [guest] = cloud.boot(LARGE)
    assert guest.host == 'source'
    for name, pages in (('with', '{1G: 4}'), ('without', '{2M: 2048}')):
        cloud.add_host(name, machine.parse(name, HOST.format(pages=pages)))
    return guest.instance


def request_of(cloud, instance, flavor=LARGE, **destination):
    """The RequestSpec of a move by nova-conductor."""
    spec = cloud.request_spec(flavor, uuids=[instance.uuid])
    spec.ignore_hosts = ['source']
    spec.requested_destination = objects.Destination(
        **{'cell': cloud.cell, **destination}
    )
    return spec


def destinations(cloud, instance, task_state, spec):
    """The destinations that nova-scheduler returns, by name."""
    instance.task_state = task_state
    instance.save()
    path = f'/allocations/{instance.uuid}'
    cloud.placement.delete(path)
    try:
        [selections] = cloud.scheduler.select_destinations(
            cloud.context,
            spec_obj=spec,
            instance_uuids=[instance.uuid],
            return_objects=True,
            return_alternates=True,
        )
    finally:
        cloud.placement.delete(path)
    return {selection.service_host for selection in selections}


@contextlib.contextmanager
def statements():
    """The statements that read what is stored of instances."""
    read = []

    def before(conn, cursor, statement, *_):
        if 'instance_extra.pci_requests' in statement:
            read.append(statement)

    sa.event.listen(sa.engine.Engine, 'before_cursor_execute', before)
    try:
        yield read
    finally:
        sa.event.remove(sa.engine.Engine, 'before_cursor_execute', before)


@pytest.mark.parametrize(
    ('task_state', 'hosts'),
    [
        (task_states.MIGRATING, {'with'}),
        (task_states.UNSHELVING, {'with'}),
        (task_states.RESIZE_PREP, {'with', 'without'}),
        (task_states.REBUILDING, {'with', 'without'}),
    ],
)
@pytest.mark.parametrize('destination', [{}, {'cell': None}])
def test_one_row_decides_on_a_move(
    cloud, instance, task_state, hosts, destination
):
    spec = request_of(cloud, instance, **destination)
    with statements() as read:
        assert destinations(cloud, instance, task_state, spec) == hosts
    assert len(read) == 1


def test_a_boot_reads_no_instance(cloud, instance):
    spec = request_of(cloud, instance)
    # As a request filter of Nova leaves it behind for a boot.
    spec.requested_destination = objects.Destination()
    spec.requested_destination.require_aggregates(['a'])
    spec.requested_destination.aggregates = None
    with statements() as read:
        hosts = destinations(cloud, instance, task_states.MIGRATING, spec)
        assert hosts == {'with', 'without'}
        spec = request_of(cloud, instance)
        spec.requested_destination = None
        destinations(cloud, instance, task_states.MIGRATING, spec)
    assert read == []


def test_a_plain_instance_moves_without_a_query(cloud, instance):
    spec = request_of(cloud, instance, SMALL)
    with statements() as read:
        destinations(cloud, instance, task_states.MIGRATING, spec)
    assert read == []


def test_a_database_that_is_down_makes_a_move_like_a_boot(
    cloud, instance, monkeypatch, caplog
):
    def down(*_):
        raise OSError('mysql://nova:secret@host/nova is down')

    spec = request_of(cloud, instance)
    monkeypatch.setattr(instances, '_stored', down)
    hosts = destinations(cloud, instance, task_states.UNSHELVING, spec)
    assert hosts == {'with', 'without'}
    [message] = [m for m in caplog.messages if 'decided like a boot' in m]
    assert 'host/nova is down' in message
    assert 'secret' not in caplog.text


def test_a_row_that_cannot_be_read_makes_a_move_like_a_boot(
    cloud, instance, monkeypatch, caplog
):
    spec = request_of(cloud, instance)
    monkeypatch.setattr(instances, '_topology', lambda text: {}['cells'])
    hosts = destinations(cloud, instance, task_states.UNSHELVING, spec)
    assert hosts == {'with', 'without'}
    assert 'decided like a boot' in caplog.text


def test_an_instance_of_no_cell_is_not_found(cloud):
    nobody = '00000000-0000-4000-8000-000000000000'
    assert instances.find_stored(nobody, None) is None
    nova_context.load_cells()
    assert instances.find_stored(nobody, nobody) is None
