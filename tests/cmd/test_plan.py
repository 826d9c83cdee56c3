"""``nfv-sched plan`` as an operator types it."""

import io

from nova import exception
import pytest
import yaml

from nfv_sched.cmd import compute_api
from nfv_sched.nova import config as nova_config
from nfv_sched.nova import stored_requests
from nfv_sched.plan.executor import ServersError
from nfv_sched.plan.executor import ServerState
from nfv_sched.sim import moves
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched_testing.clouds import HUGE


def test_a_host_is_drained(run, guests_of):
    guests = guests_of(6, extra_specs=HUGE, ram_mib=2048, name='vnf')
    host = guests[0].host
    there = {each.uuid for each in guests if each.host == host}
    found = run('plan', 'drain', host)
    assert found['command'] == 'plan drain'
    assert found['purpose'] == f'Drain of {host}'
    assert {each['uuid'] for each in found['steps']} == there
    assert {each['source'] for each in found['steps']} == {host}
    assert host not in {each['destination'] for each in found['steps']}
    assert found['unplaced'] == []
    [total] = found['total']
    assert total['steps'] == total['at_most'] == len(there)
    assert total['memory_mib'] == 2048 * len(there)
    for step in found['steps']:
        [node] = step['numa_nodes']
        assert len(node['cpus']) == 2
        assert node['memory_mib'] == 2048
        assert node['page_size_kib'] == 1024 * 1024
    text = run('plan', 'drain', host, '-f', 'table')
    assert text.startswith(f'Drain of {host}\n')
    assert 'Find no host\n' not in text


def test_what_cannot_move_is_told_with_the_reason(run, cloud, guests_of):
    group = cloud.add_group('together', 'affinity')
    first, second = guests_of(2, group=group)
    [third] = guests_of(1, name='alone')
    found = run('plan', 'drain', first.host, code=3)
    assert {each['uuid'] for each in found['unplaced']} == {
        first.uuid,
        second.uuid,
    }
    assert {each['why'] for each in found['unplaced']} == {
        f'no host may take it: server group: its members are on {first.host}'
    }
    moved = {each['uuid'] for each in found['steps']}
    assert moved == ({third.uuid} if third.host == first.host else set())


@pytest.mark.parametrize('text', ['[]', '{}', 'no JSON', '{"a": [1]}'])
def test_a_malformed_request_costs_one_instance(
    run, guests_of, monkeypatch, text
):
    # Some of four are on one of three hosts.
    guests = guests_of(4, extra_specs=HUGE)
    hosts = [each.host for each in guests]
    host = max(hosts, key=hosts.count)
    first, *others = [each for each in guests if each.host == host]
    read = stored_requests.stored_texts
    monkeypatch.setattr(
        stored_requests,
        'stored_texts',
        lambda *args: {**read(*args), first.uuid: text},
    )
    found = run('plan', 'drain', host, code=3)
    assert others
    assert {step['uuid'] for step in found['steps']} == {
        each.uuid for each in others
    }
    [left] = found['unplaced']
    assert left['uuid'] == first.uuid
    assert left['why'].startswith(
        f'the stored request of {first.uuid} is malformed: '
    )


def test_others_move_to_make_room(run, cloud, guests_of, flavors_of):
    # All nodes are full with two instances, but for two nodes with one.
    filler = SimulatedFlavor('filler', 2, 4096, 1, HUGE)
    [first] = cloud.boot(filler)
    guests_of(10, extra_specs=HUGE, vcpus=2, ram_mib=4096)
    [last] = cloud.boot(filler)
    for each in (first, last):
        cloud.delete(each)
    flavors_of('large', memory_mb=6144, extra_specs=HUGE)
    found = run('plan', 'room', '--flavor', 'large')
    [move, boot] = found['steps']
    assert (move['method'], boot['method']) == ('live migration', 'boot')
    assert boot['destination'] == move['source']
    assert boot['after'] == [1]
    found = run('plan', 'room', '--flavor', 'large', '--leaving', '0', code=3)
    assert [each['why'] for each in found['unplaced']] == [
        'no host has room: most are short of pages'
    ]


def test_instances_of_a_lost_rack(run, guests_of):
    guests = guests_of(12, extra_specs=HUGE, ram_mib=4096)
    lost = {each.uuid for each in guests if each.host == 'cmp-2'}
    found = run('plan', 'survive', 'rack=R2', code=3)
    assert {each['uuid'] for each in found['unplaced']} == lost
    assert found['total'][0]['at_most'] == 0
    text = _refused(run, 'plan', 'survive', 'rack=R9')
    assert 'there is no host in rack R9' in text


def test_a_loss_is_prepared(run, cloud, guests_of):
    """One node of cmp-0 and one of cmp-1 have room for half an instance."""
    filler = SimulatedFlavor('filler', 2, 4096, 1, HUGE)
    # All nodes are full with two instances, but for those of four that leave.
    fillers = [each for _ in range(12) for each in cloud.boot(filler)]
    hosts = [each.host for each in fillers]
    try:
        free = [hosts.index('cmp-0'), hosts.index('cmp-1')]
        free += [n for n, host in enumerate(hosts) if host == 'cmp-2']
        for number in sorted(free, reverse=True):
            cloud.delete(fillers.pop(number))
        # What is to be prepared for: an instance of a whole node on cmp-2.
        [large] = guests_of(1, extra_specs=HUGE, ram_mib=8192, name='large')
        assert large.host == 'cmp-2'
        words = ('plan', 'survive', 'rack=R2')
        found = run(*words, code=3)
        assert [each['name'] for each in found['unplaced']] == ['large']
        # The fillers have no stored request: none can move.
        found = run(*words, '--prepare', code=3)
        assert found['purpose'] == 'Prepared loss of cmp-2'
        assert found['steps'] == []
        assert [each['name'] for each in found['lost_without']] == ['large']
        specs = [
            cloud.request_spec(filler, uuids=[each.uuid]) for each in fillers
        ]
        for spec in specs:
            spec.create()
        found = run(*words, '--prepare')
        [step] = found['steps']
        assert step['uuid'] in {each.uuid for each in fillers}
        assert {step['source'], step['destination']} == {'cmp-0', 'cmp-1'}
        assert found['unplaced'] == []
        assert [each['name'] for each in found['lost_without']] == ['large']
        text = run(*words, '--prepare', '-f', 'table')
        assert 'Find no host without the steps\n' in text
        for spec in specs:
            spec.destroy()
    finally:
        for each in fillers:
            cloud.delete(each)


def test_room_is_regained(run, cloud, guests_of, flavors_of):
    """Two nodes are half full: one move makes one of them empty."""
    half = SimulatedFlavor('half', 2, 4096, 1, HUGE)
    flavors_of('whole', memory_mb=8192, extra_specs=HUGE)
    flavors_of('half', memory_mb=4096, extra_specs=HUGE)
    words = ('plan', 'defragment', '--moves', '3')
    [first] = cloud.boot(half)
    guests_of(10, extra_specs=HUGE, ram_mib=4096, name='half')
    [last] = cloud.boot(half)
    cloud.delete(first)
    try:
        found = run(*words, '--for', 'whole=3', '--for', 'half')
        assert found['purpose'] == 'Most room by 3 moves'
        assert found['steps'] == []
        assert [
            (each['shape'], each['share'], each['before'], each['after'])
            for each in found['room']
        ] == [('whole', 0.75, 0, 0), ('half', 0.25, 1, 1)]
    finally:
        cloud.delete(last)
    found = run(*words, '--for', 'whole')
    [step] = found['steps']
    assert {step['source'], step['destination']} == {first.host, last.host}
    [total] = found['total']
    # From no room to room for one, at the price of one on three hosts.
    assert total['regained'] == 1
    assert 1 <= total['regained_at_most'] < 1.01
    assert total['unplaced'] == 0
    text = run(*words, '-f', 'table')
    assert '1 NUMA node, 2 dedicated CPUs, 4,096 MiB, pages of 1GB' in text


def test_without_instances_none_are_expected(run):
    found = run('plan', 'defragment', '--moves', '1')
    assert (found['steps'], found['room']) == ([], [])
    assert any(
        note.startswith('No instances are expected: ')
        for note in found['notes']
    )


def test_a_flavor_that_asks_for_nothing_has_no_room(run, flavors_of):
    flavors_of('plain')
    words = ('plan', 'defragment', '--moves', '1', '--for')
    assert 'flavor plain asks for no' in _refused(run, *words, 'plain')
    assert 'is no positive number' in _refused(run, *words, 'plain=x')
    assert 'there is no flavor none' in _refused(run, *words, 'none')


def _refused(run, *words):
    run(*words, code=1)
    return run.err


@pytest.mark.parametrize('form', ['shell', 'ansible'])
def test_a_plan_is_printed_as_a_script(run, guests_of, capsys, form):
    [guest] = guests_of(1, extra_specs=HUGE)
    words = ('plan', 'drain', guest.host, '--script', form)
    # Not as JSON.
    text = run(*words, '-f', 'table')
    assert guest.uuid in text
    if form == 'shell':
        assert text.startswith('#!/usr/bin/env bash\n# Drain of ')
    else:
        [play] = yaml.safe_load(text)
        assert play['name'] == f'Drain of {guest.host}'


def _nothing(host):
    """Nobody does anything meanwhile."""


class SimulatedServers:
    """The compute API of a simulated cloud, which only migrates cold.

    ``before`` is called before the first move.
    """

    def __init__(self, cloud, guests, before=_nothing):
        self.cloud = cloud
        self.guests = {each.uuid: each for each in guests}
        self.before = before
        self.moved = []

    def state(self, uuid):
        return ServerState(self.guests[uuid].host, 'ACTIVE')

    def cold_migrate(self, uuid, host):
        self.before(host)
        self.before = _nothing
        try:
            self.guests[uuid] = moves.migrate(
                self.cloud, self.guests[uuid], host
            )
        except exception.NovaException as error:
            raise ServersError(str(error)) from error
        self.moved.append(uuid)


@pytest.fixture
def execute(run, cloud, monkeypatch, tmp_path):
    """Execute a plan: its output, and the servers."""

    def typed(guests, *words, before=_nothing, answer='y\n', code=0):
        servers = SimulatedServers(cloud, guests, before)
        monkeypatch.setattr(compute_api, 'connect', lambda name: servers)
        monkeypatch.setattr('sys.stdin', io.StringIO(answer))
        journal = ('--journal', str(tmp_path / 'journal'))
        # Not as JSON.
        words = ('plan', *words, '--execute', *journal, '-f', 'table')
        return run(*words, code=code), servers

    return typed


def test_a_plan_is_executed(execute, guests_of):
    guests = guests_of(6, extra_specs=HUGE)
    host = guests[0].host
    there = [each.uuid for each in guests if each.host == host]
    words = ('drain', host, '--method', 'cold')
    text, servers = execute(guests, *words, answer='\n')
    assert (servers.moved, 'Make these steps? [y/N]' in text) == ([], True)
    text, servers = execute(guests, *words)
    assert sorted(servers.moved) == sorted(there)
    assert not any(each.host == host for each in servers.guests.values())
    guests[:] = servers.guests.values()
    text, servers = execute(guests, *words)
    assert text == f'Drain of {host}: 0 steps\n'


def test_what_deviates_is_planned_again(
    execute, cloud, guests_of, monkeypatch
):
    """Somebody takes the room of the first step meanwhile."""
    configured = []
    monkeypatch.setattr(nova_config, 'configure', configured.append)
    [guest] = guests_of(1, extra_specs=HUGE, ram_mib=8192)
    filler = SimulatedFlavor('filler', 2, 8192, 1, HUGE)
    taken = []

    def take(destination):
        for each in [each for _ in range(5) for each in cloud.boot(filler)]:
            if each.booted and each.host == destination:
                taken.append(each)
            elif each.booted:
                cloud.delete(each)

    try:
        words = ('drain', guest.host, '--method', 'cold', '--yes')
        text, servers = execute([guest], *words, before=take)
    finally:
        for each in taken:
            cloud.delete(each)
    assert servers.moved == [guest.uuid]
    assert text.count(f'Drain of {guest.host}: 1 steps\n') == 2
    # Nova refuses to read its configuration a second time.
    assert configured == [[]]
    assert 'No valid host' in text


def test_a_host_that_is_not_there_is_an_error(run):
    text = _refused(run, 'plan', 'drain', 'cmp-9')
    assert 'there is no host cmp-9; did you mean cmp-' in text
