"""Watcher's decision engine makes action plans of our plans."""

import json
import pathlib
import stat
import subprocess
import sys

import pytest

from nfv_sched_testing import budgets
from tests.cmd.test_demo_serve import started
from tests.cmd.test_demo_serve import text_until
from tests.watcher.audits import audits_of
from tests.watcher.audits import migrations
from tests.watcher.audits import requires_watcher

pytestmark = requires_watcher

_NFV_SCHED = str(pathlib.Path(sys.executable).with_name('nfv-sched'))


@pytest.mark.skipif(not budgets.ALL, reason='minutes: with NFV_EXHAUSTIVE=all')
def test_action_plans_are_the_plans_of_the_command(tmp_path):
    """Also where Watcher must not act: on a part, or within a scope."""
    served = tmp_path / 'cloud'
    with started(served, '--hosts', '7', '--guests', '2') as process:
        text_until(process, 'Ctrl-C ends')
        nova_conf = served / 'nova.conf'

        ended = subprocess.run(
            [
                _NFV_SCHED, 'plan', 'drain', 'r1-dell-00', '-f', 'json',
                '--config-file', str(nova_conf),
            ],
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        found, log = audits_of(
            tmp_path,
            _NFV_SCHED,
            nova_conf,
            [
                ('drain', {'hosts': ['r1-dell-00'], 'partial': True}),
                ('drain', {'hosts': ['r1-dell-00']}),
                ('drain', {'hosts': ['r1-dell-00']}, {'compute': []}),
            ],
        )
    # Some find no host: they have devices that no other host has left.
    assert ended.returncode == 3, ended.stderr
    drained = json.loads(ended.stdout)
    assert drained['steps']
    drain, whole, scoped = found
    [action_plan] = drain['plans']
    assert (drain['state'], action_plan['state']) == (
        'SUCCEEDED',
        'RECOMMENDED',
    )
    assert migrations(action_plan['actions']) == [
        (
            each['method'].partition(' ')[0],
            each['uuid'],
            each['name'],
            each['source'],
            each['destination'],
        )
        for each in drained['steps']
    ]
    live = sum(each['method'] == 'live migration' for each in drained['steps'])
    assert {
        each['name']: each['value'] for each in action_plan['global_efficacy']
    }['live_instance_migrate_ratio'] == (100 if live else 0)
    assert (whole['state'], whole['plans']) == ('FAILED', [])
    assert 'finds no host: ' in log
    assert (scoped['state'], scoped['plans']) == ('FAILED', [])
    assert 'the scope of the audit has to be empty' in log


def _step(number, after, uuid=True):
    return {
        'step': number,
        'method': 'live migration' if uuid else 'boot',
        'uuid': f'00000000-0000-4000-8000-{number:012}' if uuid else None,
        'name': f'vnf{number}',
        'source': 'a' if uuid else None,
        'destination': 'b',
        'after': after,
    }


def test_parameters_are_options_and_actions_wait_for_what_they_need(tmp_path):
    """With a program that plans nothing, but shows what it was called with."""
    program = tmp_path / 'program'
    steps = [_step(1, []), _step(2, []), _step(3, [1]), _step(4, [1, 3])]
    steps.append(_step(5, [2], uuid=False))
    document = {
        'steps': steps,
        'unplaced': [],
        'total': [{'hosts': 4, 'hosts_released': 1}],
        'released': [{'host': 'a', 'instances': 4}],
    }
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/words\n'
        f"printf '%s' '{json.dumps(document)}'\n"
    )
    program.chmod(stat.S_IRWXU)
    found, _ = audits_of(
        tmp_path,
        program,
        'nova.conf',
        [
            ('defragment', {'moves': 3, 'for': ['vnf=2', 'vims']}),
            ('prepare_loss', {'lost': ['rack=R1'], 'method': 'cold'}),
            ('room', {'flavor': 'vnf', 'count': 2, 'parallel': 3}),
            ('room', {'flavor': 'vnf', 'leaving': 1, 'seconds': 5}),
            ('consolidate', {'parallel': 2}),
            ('consolidate', {'moves': 7, 'disable': False}),
        ],
    )
    usual = '--method=any --leaving=2 --seconds=10'
    end = '--format json --config-file nova.conf'
    assert (tmp_path / 'words').read_text().splitlines() == [
        f'plan defragment --moves=3 --for=vnf=2 --for=vims {usual} {end}',
        'plan survive --prepare rack=R1 --method=cold --leaving=2 '
        f'--seconds=10 {end}',
        f'plan room --flavor=vnf --count=2 {usual} {end}',
        'plan room --flavor=vnf --count=1 --method=any --leaving=1 '
        f'--seconds=5 {end}',
        f'plan consolidate {usual} {end}',
        f'plan consolidate --moves=7 {usual} {end}',
    ]
    waits = []
    for audit in found:
        [action_plan] = audit['plans']
        actions = action_plan['actions']
        places = {each['uuid']: n for n, each in enumerate(actions, 1)}
        waits.append(
            [
                sorted(places[uuid] for uuid in each['parents'])
                for each in actions
            ]
        )
    one_at_a_time = [[], [1], [1, 2], [1, 3]]
    three_at_a_time = [[], [], [1], [1, 3]]
    assert waits == [
        one_at_a_time,
        one_at_a_time,
        three_at_a_time,
        one_at_a_time,
        # And nova-compute is disabled when all have left.
        [[], [], [1], [1, 2, 3], [1, 2, 3, 4]],
        one_at_a_time,
    ]
    *_, disabling, leaving = [audit['plans'][0] for audit in found]
    *_, last = disabling['actions']
    assert (last['type'], last['state'], last['resource_name']) == (
        'change_nova_service_state',
        'disabled',
        'a',
    )
    assert {each['type'] for each in leaving['actions']} == {'migrate'}
    for plan in disabling, leaving:
        [ratio] = plan['global_efficacy']
        assert (ratio['name'], ratio['value']) == ('released_nodes_ratio', 25)
