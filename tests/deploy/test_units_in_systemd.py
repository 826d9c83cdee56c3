"""The services under a systemd with all that their units restrict."""

import contextlib
import json
import pathlib
import re
import shutil
import sqlite3

import pytest
import requests

from nfv_sched_testing import own_systemd
from nfv_sched_testing.own_systemd import PLACE
from nfv_sched_testing.own_systemd import PYTHON
from nfv_sched_testing.patience import PATIENCE
from tests.cmd.test_demo_serve import demo  # noqa: F401 - a fixture
from tests.exporter import prometheus

_UNITS = pathlib.Path(__file__).parents[2] / 'etc' / 'systemd'
_STATUS = '/run/nfv-sched/publisher.json'

pytestmark = pytest.mark.skipif(
    own_systemd.missing() is not None, reason=str(own_systemd.missing())
)


@contextlib.contextmanager
def running(name, demo, *options):  # noqa: F811
    """A service by its unit, on the demo's cloud."""
    command = [
        *(PYTHON, '-W', 'ignore', '-m', f'nfv_sched.cmd.{name}'),
        *('--config-file', f'{PLACE}/files/nova.conf', *options),
    ]
    unit = _UNITS / f'nfv-sched-{name}.service'
    with own_systemd.prepared(unit, command) as systemd:
        cloud = systemd.files / 'databases'
        shutil.copytree(demo.folder / 'databases', cloud)
        with sqlite3.connect(cloud / 'nova_api.sqlite') as database:
            database.execute(
                'UPDATE cell_mappings SET database_connection = '
                'replace(database_connection, ?, ?)',
                (str(demo.folder), f'{PLACE}/files'),
            )
        for path in [cloud, *cloud.rglob('*')]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        text = demo.nova_conf.read_text()
        (systemd.files / 'nova.conf').write_text(
            text.replace(str(demo.folder).replace('$', '$$'), f'{PLACE}/files')
            + '\n[nfv_sched_publisher]\n'
            f'status_file = {_STATUS}\npass_interval = 1\n'
        )
        systemd.start()
        yield systemd


def until(systemd, what):
    """Wait for something; the log says what is wrong."""

    def done():
        assert systemd.state().get('NRestarts', '0') == '0', 'it fails'
        return what()

    try:
        return prometheus.until(done)
    except AssertionError:
        raise AssertionError(systemd.log()[-5000:]) from None


def ends_well(systemd):
    state = systemd.state()
    assert (state['ActiveState'], state['NRestarts']) == ('active', '0')
    status = systemd.status()
    assert (status['Seccomp'], status['NoNewPrivs']) == ('2', '1')
    assert int(status['CapEff'], 16) == int(status['CapBnd'], 16) == 0
    assert systemd.read('/root/.profile') is None
    systemd.ask('stop', '--all', 'nfv-sched-*')
    state = systemd.state()
    assert (state['ActiveState'], state['Result']) == ('inactive', 'success')
    text = systemd.log()
    assert 'Traceback' not in text
    assert ' ERROR ' not in text
    # No instance has asked for any.
    assert 'No host for instance' not in text
    assert not re.search('denied|not permitted|Read-only', text)


def test_the_exporter_serves_all_metrics(demo):  # noqa: F811
    address = f'127.0.0.1:{prometheus.free_port()}'
    more = ('--listen', address, '--interval', '1', '--full-interval', '1')

    def metrics():
        with contextlib.suppress(requests.ConnectionError):
            text = requests.get(
                f'http://{address}/metrics', timeout=PATIENCE
            ).text
            if 'nfv_sched_exporter_passes_total 2.0' in text:
                return text
        return None

    with running('exporter', demo, *more, '--loss-share', '0.9') as systemd:
        text = until(systemd, metrics)
        ends_well(systemd)
    assert 'nfv_sched_exporter_errors_total 0.0' in text, systemd.log()
    for name in (
        'nfv_sched_capacity_instances',
        'nfv_sched_loss_unplaced_instances',
        'process_resident_memory_bytes',
    ):
        assert re.search(f'(?m)^{name}', text), name


def test_the_publisher_publishes_and_says_so(demo):  # noqa: F811
    with running('publisher', demo) as systemd:
        status = until(systemd, lambda: systemd.read(_STATUS))
        ends_well(systemd)
    assert json.loads(status)['counts']['hosts'] > 1
