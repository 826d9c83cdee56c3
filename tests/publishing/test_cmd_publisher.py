"""The service as a process, with databases of Nova and Placement."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from nfv_sched.placement.reader import TopologyReader
from nfv_sched_testing.clouds import cloud_of
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from nfv_sched_testing.placement_server import running
from tests.placement.http import client_of

PASSWORD = 'the-password-of-placement'  # noqa: S105 - a dummy
PATIENCE = 30


@pytest.fixture
def cloud():
    with cloud_of({'one': 'dell-2x6230r-64vf'}) as running:
        yield running


@pytest.fixture
def placement(tmp_path):
    with running(f'sqlite:///{tmp_path}/placement.sqlite') as url:
        yield url


def write_options(folder, cloud, url, **options):
    lines = '\n'.join(f'{name} = {value}' for name, value in options.items())
    path = folder / 'nova.conf'
    database = cloud.cell.database_connection
    path.write_text(f"""
[DEFAULT]
state_path = {folder}
[api_database]
connection = {database.replace('cell1', 'api')}
[database]
connection = {database}
[placement]
auth_type = admin_token
endpoint = {url}
token = admin
[nfv_sched_publisher]
pass_interval = 1
status_file = {folder}/publisher.json
{lines}
""")
    return path


@contextlib.contextmanager
def service(options):
    log = options.with_name('log')
    with (
        log.open('w') as file,
        subprocess.Popen(
            [
                sys.executable,
                '-m',
                'nfv_sched.cmd.publisher',
                '--config-file',
                options,
            ],
            stderr=file,
            stdout=file,
        ) as process,
    ):
        try:
            yield process, log
        finally:
            if process.poll() is None:
                process.kill()


def wait_for(what, log):
    end = time.monotonic() + PATIENCE
    while not (result := what()):
        assert time.monotonic() < end, log.read_text()[:5000]
        time.sleep(0.1)
    return result


def status(folder):
    with contextlib.suppress(FileNotFoundError):
        return json.loads((folder / 'publisher.json').read_text())
    return None


def finished(folder, after=0.0):
    report = status(folder)
    return report if report and (report['passed'] or 0) > after else None


def test_the_service_publishes_reloads_and_ends(cloud, placement, tmp_path):
    options = write_options(tmp_path, cloud, placement)
    with service(options) as (process, log):
        first = wait_for(lambda: finished(tmp_path), log)
        assert first['counts']['written'] == 1
        reader = TopologyReader(lambda: client_of(placement))
        assert reader.refresh()
        assert list(reader.snapshot.hosts) == [cloud.computes['one'].node.uuid]
        write_options(tmp_path, cloud, placement, full_interval=7)
        process.send_signal(signal.SIGHUP)
        second = wait_for(
            lambda: (
                (report := finished(tmp_path, first['passed']))
                and report['counts']['kind'] == 'full'
                and report
            ),
            log,
        )
        assert second['counts']['unchanged'] == 1
        started = time.monotonic()
        process.terminate()
        assert process.wait(PATIENCE) == 0
        assert time.monotonic() - started < 30
    text = log.read_text()
    assert text.count('Starting nfv-sched-publisher') == 2
    assert 'Pass (full) done in' in text
    assert 'Traceback' not in text


def test_a_busy_metrics_port_does_not_stop_the_service(
    cloud, placement, tmp_path
):
    with socket.create_server(('127.0.0.1', 0)) as busy:
        port = busy.getsockname()[1]
        options = write_options(tmp_path, cloud, placement, metrics_port=port)
        with service(options) as (process, log):
            first = wait_for(lambda: finished(tmp_path), log)
            assert first['counts']['written'] == 1
            assert 'in use' in first['metrics_problem']
            wait_for(lambda: finished(tmp_path, first['passed']), log)
            busy.close()
            wait_for(lambda: not status(tmp_path)['metrics_problem'], log)
            with urllib.request.urlopen(f'http://127.0.0.1:{port}') as answer:
                assert b'nfv_sched_publisher_age_seconds' in answer.read()
            process.terminate()
            assert process.wait(PATIENCE) == 0
    text = log.read_text()
    assert text.count('Starting nfv-sched-publisher') == 1
    assert text.count('Metrics are not served') == 1
    assert 'Metrics are served now' in text


def test_the_service_survives_outages(cloud, placement, tmp_path):
    """The next start repairs the trees, also after SIGKILL."""
    options = write_options(tmp_path, cloud, 'http://127.0.0.1:1')
    text = options.read_text()
    secret = 'mysql+nosuch://nova:' + PASSWORD + '@@db/nova_api'
    options.write_text(
        text.replace('connection = sqlite', f'connection = {secret} #', 1)
    )
    with service(options) as (process, log):
        wait_for(lambda: status(tmp_path), log)
        assert status(tmp_path)['passed'] is None
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
    assert PASSWORD not in log.read_text()
    assert 'Not published' in log.read_text()
    options.write_text(text)
    with service(options) as (process, log):
        wait_for(lambda: 'Not published' in log.read_text(), log)
        assert status(tmp_path)['passed'] is None
        write_options(tmp_path, cloud, placement)
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: finished(tmp_path), log)
        process.terminate()
        process.wait(PATIENCE)


def test_invalid_options_are_reported_at_once(tmp_path):
    process = subprocess.run(
        [
            sys.executable,
            '-m',
            'nfv_sched.cmd.publisher',
            '--config-file',
            tmp_path / 'none.conf',
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert process.returncode == 2
    assert 'none.conf' in process.stderr
    assert 'Traceback' not in process.stderr


def test_the_systemd_unit_starts_the_installed_command():
    root = pathlib.Path(__file__).resolve().parents[2]
    unit = (root / 'etc/systemd/nfv-sched-publisher.service').read_text()
    assert 'ExecStart=/usr/bin/nfv-sched-publisher' in unit
    assert 'RuntimeDirectory=nfv-sched\n' in unit
