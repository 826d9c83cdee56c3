"""The alert rules on series of clouds in trouble, and of one that is not."""

import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

from nfv_sched import exporter

RULES = pathlib.Path(exporter.__file__).parent / 'prometheus' / 'alerts.yaml'
PROMTOOL = shutil.which('promtool')

pytestmark = pytest.mark.skipif(
    PROMTOOL is None, reason="no promtool of Debian's prometheus"
)
# A Prometheus adds these to all series of a target.
TARGET = 'job="nfv", instance="controller:9817"'
PUBLISHER = 'job="publisher", instance="controller:9818"'


def series(name, values, target=TARGET, **labels):
    own = ''.join(f', {key}="{value}"' for key, value in labels.items())
    return {'series': f'{name}{{{target}{own}}}', 'values': values}


# A value a minute. Instances come and go, a pass fails now and then, a host
# drifts until the publisher's next pass, and a request is refused.
HEALTHY = {
    'loss': series(
        'nfv_sched_loss_unplaced_instances', '0x180', kind='rack', domain='R1'
    ),
    'capacity': series(
        'nfv_sched_capacity_instances',
        ' '.join(['9 7 8 0 3 5'] * 30),
        kind='all',
        domain='all',
        flavor_name='f',
        shape='',
    ),
    'full rack': series(
        'nfv_sched_capacity_instances',
        '0x180',
        kind='rack',
        domain='R1',
        flavor_name='f',
        shape='',
    ),
    'drifted': series(
        'nfv_sched_published_hosts',
        ' '.join(['0 0 0 1 1 0'] * 30),
        state='drifted',
    ),
    'unpublished': series(
        'nfv_sched_published_hosts',
        ' '.join(['0 1 1 1 1 0'] * 30),
        state='unpublished',
    ),
    'agrees': series('nfv_sched_published_hosts', '9x180', state='agrees'),
    'leads': series('nfv_sched_publisher_leads', '1x180', PUBLISHER),
    'published': series(
        'nfv_sched_publisher_age_seconds',
        ' '.join(['NaN', *['20 50 80 20 170 50'] * 30]),
        PUBLISHER,
    ),
    'standby': series(
        'nfv_sched_publisher_leads',
        '0x180',
        PUBLISHER.replace('controller', 'other'),
    ),
    'age': series(
        'nfv_sched_exporter_age_seconds',
        ' '.join(['NaN', *['10 20 80 140 200 10'] * 30]),
    ),
    'passes': series('nfv_sched_exporter_passes_total', '1+1x180'),
    'refused': series(
        'nfv_sched_refused_requests_total',
        '0x60 1x60 2x58',
        flavor_name='f',
        reason='pages',
    ),
}
#: What differs in a cloud in trouble, the alert, and its labels.
TROUBLES = {
    'a rack whose instances do not fit once it is lost': (
        {'loss': '0x60 4x120'},
        'NfvSchedLossDoesNotFit',
        {'kind': 'rack', 'domain': 'R1'},
    ),
    'a flavor of which none fits': (
        {'capacity': '4x60 0x120'},
        'NfvSchedFlavorDoesNotFit',
        {'flavor_name': 'f', 'kind': 'all', 'domain': 'all'},
    ),
    'a drifted host': (
        {'drifted': '0x60 1x120'},
        'NfvSchedDrift',
        {'state': 'drifted'},
    ),
    'an unpublished host': (
        {'unpublished': '0x60 1x120'},
        'NfvSchedUnpublished',
        {'state': 'unpublished'},
    ),
    'a publisher whose passes fail': (
        {'published': '20x60 20+60x120'},
        'NfvSchedPublisherStale',
        {},
    ),
    'a publisher that never finished a pass': (
        {'published': 'NaN ' * 180},
        'NfvSchedPublisherStale',
        {},
    ),
    'a publisher that has ended': (
        {'published': '20x60 stale', 'leads': '1x60 stale'},
        'NfvSchedPublisherGone',
        {},
    ),
    'an exporter whose passes fail': (
        {'age': '20x60 20+60x120'},
        'NfvSchedExporterStale',
        {},
    ),
    'an exporter that never finished a pass': (
        {'age': 'NaN ' * 180},
        'NfvSchedExporterStale',
        {},
    ),
    'an exporter that has ended': (
        {'age': '20x60 stale', 'passes': '1x60 stale'},
        'NfvSchedExporterStale',
        {},
    ),
    'refusals': (
        {'refused': '0x140 1+1x40'},
        'NfvSchedRefusals',
        {'flavor_name': 'f'},
    ),
}
_TARGETS = {
    'NfvSchedPublisherStale': {
        'job': 'publisher',
        'instance': 'controller:9818',
    },
    'NfvSchedPublisherGone': {},
    'NfvSchedRefusals': {},
}
_OWN = {'job': 'nfv', 'instance': 'controller:9817'}


def rules():
    [group] = yaml.safe_load(RULES.read_text())['groups']
    return {rule['alert']: rule for rule in group['rules']}


def promtool(folder, recorded, asked):
    """Run promtool's test of the alerts that are asked for."""
    path = folder / 'test.yaml'
    path.write_text(
        yaml.safe_dump(
            {
                'rule_files': [str(RULES)],
                'evaluation_interval': '5m',
                'tests': [
                    {
                        'interval': '1m',
                        'input_series': recorded,
                        'alert_rule_test': asked,
                    }
                ],
            }
        )
    )
    done = subprocess.run(
        [PROMTOOL, 'test', 'rules', str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def silent(names, minutes=range(0, 180, 10)):
    return [
        {'eval_time': f'{minute}m', 'alertname': name, 'exp_alerts': []}
        for minute in minutes
        for name in names
    ]


def test_the_rules_are_what_prometheus_takes():
    subprocess.run([PROMTOOL, 'check', 'rules', str(RULES)], check=True)


def test_a_healthy_cloud_with_churn_is_silent(tmp_path):
    code, text = promtool(
        tmp_path, list(HEALTHY.values()), silent(rules(), range(0, 180, 5))
    )
    assert code == 0, text


def test_each_alert_is_tried():
    assert {alert for _, alert, _ in TROUBLES.values()} == set(rules())


@pytest.mark.parametrize('trouble', TROUBLES)
def test_a_trouble_raises_its_alert_and_no_other(tmp_path, trouble):
    changes, alert, labels = TROUBLES[trouble]
    recorded = [
        {**each, 'values': changes.get(name, each['values'])}
        for name, each in HEALTHY.items()
    ]
    asked = silent(rules().keys() - {alert}) + silent([alert], [175])
    # Annotations have values, hence that it fires is read from the failure of
    # a test which expects that it does not.
    code, text = promtool(tmp_path, recorded, asked)
    assert code != 0
    assert set(re.findall(r'alertname: (\w+)', text)) == {alert}
    labels = {
        **_TARGETS.get(alert, _OWN),
        **rules()[alert]['labels'],
        **labels,
    }
    for label, value in labels.items():
        assert f'{label}="{value}"' in text, text
