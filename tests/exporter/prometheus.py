"""A real Prometheus of Debian's package, on loopback."""

import contextlib
import shutil
import socket
import subprocess
import time

import requests
import yaml

from nfv_sched_testing.patience import PATIENCE

PROGRAM = shutil.which('prometheus')


def free_port():
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return found.getsockname()[1]


class Prometheus:
    """The API of a running Prometheus."""

    def __init__(self, url):
        self.url = url

    def is_ready(self):
        """Whether it answers queries yet."""
        try:
            answer = requests.get(f'{self.url}/-/ready', timeout=PATIENCE)
        except requests.ConnectionError:
            return False
        return answer.ok

    def get(self, path, **params):
        answer = requests.get(
            f'{self.url}/api/v1/{path}', params=params, timeout=PATIENCE
        )
        return answer.json()

    def query(self, expression):
        answer = self.get('query', query=expression)
        assert answer['status'] == 'success', (expression, answer)
        return answer['data']['result']

    def has_data(self, expression):
        """Whether a query finds a number."""
        return any(
            each['value'][1] != 'NaN' for each in self.query(expression)
        )

    def value(self, expression):
        """The value of a query that finds one series."""
        [found] = self.query(expression)
        return float(found['value'][1])


def until(what):
    """Wait until a function returns something true; that is returned."""
    end = time.monotonic() + PATIENCE
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, 'nothing'
        time.sleep(0.2)


@contextlib.contextmanager
def running(folder, targets, rules):
    """Run a Prometheus that scrapes targets every second."""
    port = free_port()
    config = folder / 'prometheus.yml'
    config.write_text(
        yaml.safe_dump(
            {
                'global': {
                    'scrape_interval': '1s',
                    'evaluation_interval': '1s',
                },
                'rule_files': [str(rules)],
                'scrape_configs': [
                    {
                        'job_name': 'nfv',
                        'static_configs': [{'targets': targets}],
                    }
                ],
            }
        )
    )
    with (
        (folder / 'prometheus.log').open('w') as log,
        subprocess.Popen(
            [
                PROGRAM,
                f'--config.file={config}',
                f'--storage.tsdb.path={folder / "data"}',
                f'--web.listen-address=127.0.0.1:{port}',
            ],
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            server = Prometheus(f'http://127.0.0.1:{port}')
            until(server.is_ready)
            yield server
        finally:
            process.terminate()
