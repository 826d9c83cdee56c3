"""The commands as processes of their own, on a nova.conf and over HTTP."""

import json
import pathlib
import subprocess
import sys

import nova.conf
import pytest

from nfv_sched_testing.clouds import HUGE
from nfv_sched_testing.patience import PATIENCE
from nfv_sched_testing.served import listening
from nfv_sched_testing.served import placement_of

CONF = nova.conf.CONF
#: What README recommends.
EXAMPLE = pathlib.Path(__file__).parents[2] / 'etc' / 'nova.conf.example'


@pytest.fixture
def nova_conf(cloud, tmp_path):
    """A nova.conf that leads to the cloud's databases and Placement."""
    path = tmp_path / 'nova.conf'
    with listening(placement_of(cloud)) as url:
        path.write_text(f"""
[DEFAULT]
transport_url = fake:/
state_path = {tmp_path}
service_down_time = 100000000
[api_database]
connection = {CONF.api_database.connection}
[database]
connection = {CONF.database.connection}
[placement]
auth_type = admin_token
endpoint = {url}
token = admin
endpoint_override = {url}
[nfv_sched]
read_topology = false
failure_domains = rack
{EXAMPLE.read_text()}
""")
        yield path


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('explain', ('--flavor', 'vims', '--show', 'hosts')),
        ('capacity', ('--flavor', 'vims')),
        ('check', ()),
    ],
)
def test_a_process_of_its_own_reads_the_cloud(
    nova_conf, flavors_of, guests_of, name, words
):
    flavors_of('vims', extra_specs=HUGE)
    guests_of(extra_specs=HUGE)
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'nfv_sched.cmd.main'),
            *(name, '-f', 'json', '--config-file', str(nova_conf), *words),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    # No warnings of libraries either.
    assert (done.returncode, done.stderr) == (0, '')
    found = json.loads(done.stdout)
    if name == 'check':
        verdicts = {row['verdict'] for row in found['checks']}
        assert verdicts == {'success', 'skipped'}
    else:
        names = [row['host'] for row in found['hosts']]
        assert sorted(names) == ['cmp-0', 'cmp-1', 'cmp-2']
