"""Watcher's action plans of a simulated cloud are the plans of the command."""

import json
import stat

import pytest

from nfv_sched_testing.clouds import HUGE
from tests.watcher.audits import audits_of
from tests.watcher.audits import migrations
from tests.watcher.audits import requires_watcher


@requires_watcher
def test_an_audit_has_the_steps_of_the_plan(run, cloud, guests_of, tmp_path):
    guests = guests_of(6, extra_specs=HUGE, name='vnf')
    host = guests[0].host
    every = list(cloud.computes)
    drain = run('plan', 'drain', host)
    fewest = run('plan', 'consolidate')
    impossible = run('plan', 'drain', *every, code=3)
    for name, document in (('1', drain), ('2', fewest), ('3', impossible)):
        (tmp_path / name).write_text(json.dumps(document))
    program = tmp_path / 'program'
    # What the command has printed, and its exit code.
    program.write_text(
        f'#!/bin/sh\n[ "$2" = drain ] || exec cat {tmp_path}/2\n'
        f'[ "$4" = cmp-1 ] || exec cat {tmp_path}/1\n'
        f'cat {tmp_path}/3\nexit 3\n'
    )
    program.chmod(stat.S_IRWXU)
    found, log = audits_of(
        tmp_path,
        program,
        'nova.conf',
        [
            ('drain', {'hosts': [host]}),
            ('drain', {'hosts': every}),
            ('drain', {'hosts': every, 'partial': True}),
            ('drain', {'hosts': [host]}, {'compute': []}),
            ('consolidate', {}),
        ],
    )
    whole, refused, partial, scoped, fewer = found
    [action_plan] = whole['plans']
    assert whole['state'] == 'SUCCEEDED'
    assert action_plan['state'] == 'RECOMMENDED'
    assert migrations(action_plan['actions']) == [
        ('live', each['uuid'], each['name'], host, each['destination'])
        for each in drain['steps']
    ]
    assert {
        each['name']: each['value'] for each in action_plan['global_efficacy']
    }['live_instance_migrate_ratio'] == 100
    # On a part Watcher acts only if it is told to, and never within a scope.
    assert (refused['state'], refused['plans']) == ('FAILED', [])
    assert f'{impossible["unplaced"][0]["name"]} finds no host: ' in log
    assert [each['state'] for each in partial['plans']] == ['SUCCEEDED']
    assert partial['plans'][0]['actions'] == []
    assert (scoped['state'], scoped['plans']) == ('FAILED', [])
    assert 'the scope of the audit has to be empty' in log
    # What consolidates also disables what it has emptied.
    [action_plan] = fewer['plans']
    assert fewest['released']
    assert migrations(action_plan['actions']) == [
        ('live', each['uuid'], each['name'], each['source'],
         each['destination'])
        for each in fewest['steps']
    ]  # fmt: skip
    assert [
        each['resource_name']
        for each in action_plan['actions']
        if each['type'] == 'change_nova_service_state'
    ] == [each['host'] for each in fewest['released']]
    assert [each['value'] for each in action_plan['global_efficacy']] == [
        pytest.approx(100 * len(fewest['released']) / 3)
    ]
