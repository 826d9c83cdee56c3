"""The survey of Nova's databases, compared with the simulated cloud."""

import json

from nova import context as nova_context
from nova import objects
from nova.db.main import api as main_db
from nova.db.main import models
import pytest
import sqlalchemy as sa

from nfv_sched.nova import cell_databases
from nfv_sched.nova import compute_nodes
from nfv_sched.nova import host_states
from nfv_sched.nova import instances
from nfv_sched.survey import nova as nova_survey
from nfv_sched.survey import Source


@pytest.fixture
def survey(populated):
    return nova_survey.read(['rack'])


def by_name(survey):
    return {host.host: host for host in survey.hosts}


def test_every_instance_is_found_on_its_host(populated, survey):
    assert len(populated.guests) >= 5
    assert survey.source is Source.NOVA
    assert survey.problems == ()
    residents = {
        instance.uuid: (host.host, instance.name, instance.flavor)
        for host in survey.hosts
        for instance in host.residents
    }
    assert residents == {
        guest.uuid: (guest.host, guest.name, guest.flavor.name)
        for guest in populated.guests
    }


def test_pinned_cpus_are_exactly_those_of_the_residents(survey):
    pinned = 0
    for host in survey.hosts:
        for cell in host.state.cells:
            here = [
                part
                for instance in host.residents
                for part in instance.cells
                if part.host_cell == cell.id
            ]
            cpus = [part.host_cpus for part in here]
            assert frozenset().union(*cpus) == cell.pinned_cpus
            assert sum(map(len, cpus)) == len(cell.pinned_cpus)
            assert sum(part.shared for part in here) == cell.shared_used
            assert (
                sum(part.memory_mib for part in here) == cell.memory_used_mib
            )
            pinned += len(cell.pinned_cpus)
    assert pinned


def test_devices_are_listed_with_their_instances(populated, survey):
    given = {
        (host.host, device.address): device.guest
        for host in survey.hosts
        for device in host.devices
        if device.guest
    }
    assert given == {
        (guest.host, device.address): guest.uuid
        for guest in populated.guests
        for device in guest.devices
    }
    assert given
    for host in survey.hosts:
        free = sum(device.free for device in host.devices)
        assert free == sum(pool.count for pool in host.state.pools)
        for device in host.devices:
            if device.dev_type == 'type-VF':
                assert device.physnet
                assert device.parent


def test_states_are_those_that_the_scheduler_sees(populated, survey):
    states = {state.host: state for state in populated.host_states()}
    for host in survey.hosts:
        seen = host_states.host_of(states[host.host]).plain()
        assert host.state == seen
        assert host.state.cells


def test_zones_and_racks_come_from_aggregates(survey):
    surveys = by_name(survey)
    assert surveys['epyc7451-4node'].availability_zone == 'edge'
    assert surveys['epyc7451-4node'].topology.domains == {'rack': 'r1'}
    assert surveys['dell-2x6230r-64vf'].availability_zone == 'nova'
    assert surveys['dell-2x6230r-64vf'].topology.domains == {}


def test_a_disabled_and_a_silent_service_are_not_enabled(populated):
    assert all(host.enabled for host in nova_survey.read().hosts)
    service = objects.Service.get_by_compute_host(
        populated.cell_context, 'epyc7451-4node'
    )
    for change in ({'disabled': True}, {'forced_down': True}):
        for name, value in change.items():
            setattr(service, name, value)
        service.save()
        surveys = by_name(nova_survey.read())
        assert not surveys['epyc7451-4node'].enabled
        assert surveys['opteron-sparse-ids'].enabled
        service.disabled = service.forced_down = False
        service.save()


def test_pages_of_one_give_the_same(survey, monkeypatch):
    monkeypatch.setattr(compute_nodes, 'PAGE', 1)
    read = []
    again = nova_survey.read(['rack'], tell=read.append)
    assert again.hosts == survey.hosts
    assert read == [1, 2, 3]


def test_a_nova_cell_that_is_down_is_a_problem(monkeypatch):
    def fail(*_, **__):
        raise OSError('mysql://nova:secret@host/nova is down')

    monkeypatch.setattr(objects.ComputeNodeList, 'get_all_by_uuids', fail)
    survey = nova_survey.read()
    assert survey.hosts == ()
    [problem] = survey.problems
    assert 'cell1' in problem
    assert 'host/nova is down' in problem
    assert 'secret' not in problem


def test_a_malformed_compute_node_does_not_hide_others(populated, survey):
    node = populated.computes['epyc7451-4node'].node
    before = _stats(node.uuid, '{"torn')
    try:
        again = nova_survey.read(['rack'])
    finally:
        _stats(node.uuid, before)
    assert [host.host for host in again.hosts] == [
        host.host for host in survey.hosts if host.host != 'epyc7451-4node'
    ]
    [problem] = again.problems
    assert problem.startswith(f'compute node {node.uuid}: ')


def _stats(uuid, value):
    """Replace a column of a compute node's row; returns its old value."""
    context = nova_context.get_admin_context()
    [cell] = cell_databases.cells(context)
    node = models.ComputeNode
    with nova_context.target_cell(context, cell) as targeted:
        manager = main_db.get_context_manager(targeted)
        with manager.writer.using(targeted) as session:
            mine = node.uuid == uuid
            before = session.scalar(sa.select(node.stats).where(mine))
            session.execute(sa.update(node).where(mine).values(stats=value))
    return before


def test_a_malformed_instance_does_not_hide_others(
    populated, survey, monkeypatch
):
    real = instances._rows_on

    def malformed(context, names):
        rows = [row._asdict() for row in real(context, names)]
        rows[0]['numa_topology'] = json.dumps({'nova_object.name': 'what'})
        return [type('Row', (), row) for row in rows]

    monkeypatch.setattr(instances, '_rows_on', malformed)
    again = nova_survey.read()
    assert sum(len(host.residents) for host in again.hosts) == len(
        populated.guests
    )
    [problem] = again.problems
    assert problem.startswith('instance ')


def test_nothing_is_written(populated):
    engines = []

    def forbid(connection, cursor, statement, *_):
        verb = statement.lstrip().split()[0].upper()
        assert verb in ('SELECT', 'PRAGMA', 'BEGIN'), statement
        engines.append(verb)

    sa.event.listen(sa.Engine, 'before_cursor_execute', forbid)
    try:
        nova_survey.read(['rack'])
    finally:
        sa.event.remove(sa.Engine, 'before_cursor_execute', forbid)
    assert engines.count('SELECT') >= 5


def test_only_wanted_hosts_are_read(populated, survey):
    [host, *others] = survey.hosts
    only = nova_survey.read(
        ['rack'], wanted=lambda service, node: service == host.host
    )
    assert only.hosts == (host,)
    assert sorted(only.unread) == sorted(other.host for other in others)
    assert survey.unread == ()
