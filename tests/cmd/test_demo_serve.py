"""A served demo, and the commands of the README on it."""

import contextlib
import json
import os
import pathlib
import re
import shlex
import signal
import stat
import subprocess
import sys
import time

import pytest
import requests
import yaml

from nfv_sched import exporter
from nfv_sched.cmd import main
from nfv_sched.exporter import dashboard
from nfv_sched.scheduler import counters
from nfv_sched.sim import served
from nfv_sched_testing.patience import PATIENCE
from tests.exporter import prometheus

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_README = _ROOT / 'README.rst'
_QUICK_START = _ROOT / 'doc/source/index.rst'
RULES = pathlib.Path(exporter.__file__).parent / 'prometheus/alerts.yaml'
_HOSTS = 7
_FLAVOR = 'anuket-HS.4xlarge'
_COMMAND = (sys.executable, '-W', 'ignore', '-m', 'nfv_sched.cmd.main')
#: Commands of the documents that read no cloud.
_NO_CLOUD = {'demo', 'simulate'}


class Demo:
    """A served demo and its files."""

    def __init__(self, process, folder, text):
        self.process = process
        self.folder = folder
        self.text = text
        self.nova_conf = folder / 'nova.conf'
        self.server = re.search(r'explain --server (\S+)', text)[1]

    @property
    def entry(self):
        loaded = yaml.safe_load((self.folder / 'clouds.yaml').read_text())
        return loaded['clouds']['demo']['auth']


@contextlib.contextmanager
def started(folder, *options):
    with subprocess.Popen(
        [*_COMMAND, 'demo', '--serve', str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def text_until(process, wanted):
    lines = []
    for line in process.stdout:
        lines.append(line)
        if wanted in line:
            return ''.join(lines)
    raise AssertionError(process.stderr.read())


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp('demo') / 'a cloud for 5$'
    size = ('--hosts', str(_HOSTS), '--guests', '2')
    with started(folder, *size) as process:
        text = text_until(process, 'Ctrl-C ends')
        yield Demo(process, folder, text)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, '')
    assert f'{folder} is removed.' in out
    assert not folder.exists()


def documented(*paths):
    """The commands of documents, each once, as words."""
    found = [
        line
        for path in paths
        for line in re.findall(
            r'^    (nfv-sched.*)$', path.read_text('utf-8'), re.MULTILINE
        )
    ]
    return [shlex.split(line) for line in dict.fromkeys(found)]


def substituted(words, demo, folder):
    """A command of the README with names of the demo's cloud."""
    names = {
        'UUID': demo.server,
        'vrouter.large': _FLAVOR,
        'host=cmp-12': 'host=r1-dell-00',
        'cmp-1*': 'r1-*',
        'cmp-12': 'r1-dell-00',
        'cloud.html': str(folder / 'cloud.html'),
        '/etc/nova/nova.conf': str(demo.nova_conf),
        '/tmp/nfv-demo/nova.conf': str(demo.nova_conf),  # noqa: S108
    }
    changed = [names.get(word, word) for word in words[1:]]
    if '--config-file' not in changed:
        changed += ['--config-file', str(demo.nova_conf)]
    return changed


def test_the_readme_has_the_commands_that_are_tested():
    names = {tuple(words[:2]) for words in documented(_README)}
    assert {
        ('nfv-sched', name)
        for name in ('publish', 'check', 'explain', 'capacity', 'labels')
    } < names
    assert ('nfv-sched', 'simulate') in names


@pytest.mark.parametrize(
    'words',
    [
        words
        for words in documented(_README, _QUICK_START)
        if words[0] == 'nfv-sched' and words[1] not in _NO_CLOUD
    ],
    ids=' '.join,
)
def test_documented_commands_work(words, demo, forked, tmp_path):
    code, out, err = forked(*substituted(words, demo, tmp_path))
    # Of a server explain says that its own room counts as used.
    if words[1:3] == ['explain', '--server']:
        assert 'one more instance like it' in err
    else:
        assert err == ''
    # An edge-router of r1-dell-00 fits on no other host, none of rack2 either.
    answer_is_no = {'--after-loss', 'drain'} & set(words)
    assert code == (3 if answer_is_no else 0), out
    if words[1] == 'report':
        out = (tmp_path / 'cloud.html').read_text()
    if words[1] == 'check':
        assert 'Success' in out
        assert not re.search(r'\| (Warning|Failure) +\|', out)
    elif 'capacity' in words and '--flavor' in words:
        assert _FLAVOR in out
    elif '--after-loss' in words:
        # The instance is on the rack; on which of its hosts is not fixed.
        assert demo.server in out or 'host=cmp-12' in words
    elif words[1] == 'plan':
        assert 'At most can' in out
    else:
        assert 'r1-dell-00' in out


def suggested(demo):
    """The commands that the demo prints to try, as words."""
    return [
        shlex.split(line)
        for line in demo.text.splitlines()
        if line.startswith('  ') and 'nfv' in line and str(demo.folder) in line
    ]


def test_suggested_commands_work(demo, forked, tmp_path):
    page = tmp_path / 'cloud.html'
    told = {}
    for line in suggested(demo):
        words = [str(page) if word == page.name else word for word in line]
        # A Bash has the variables before the command.
        start = next(n for n, word in enumerate(words) if '=' not in word)
        variables = dict(word.split('=', 1) for word in words[:start])
        name, *rest = words[start:]
        if name == 'openstack':
            continue
        code, out, _ = forked(*rest, **variables)
        answer_is_no = {'--after-loss', 'drain'} & set(rest)
        assert code in ((0, 3) if answer_is_no else (0,)), words
        # Of two commands the first.
        told.setdefault((rest[0], bool(variables)), out)
    assert [name for name, _ in told] == [
        *('check', 'explain', 'why', 'capacity', 'plan', 'topology'),
        *('labels', 'report', 'topology'),
    ]
    assert page.exists()
    # The instances of the flavor run with ports that the flavor has not.
    [alone, running, *_] = re.findall(
        r'\| edge-router \| (.*?) *\| +(\d+) \| +(\d+) \|',
        told['capacity', False],
    )
    assert alone[:2] == ('', '0')
    ports = ('physnet1:direct-physical', 'physnet1:direct')
    assert running[0] == ', '.join(f'{port}:preferred' for port in ports)
    assert int(running[1]) > 0
    assert int(running[2]) < int(alone[2])
    # The host of an instance, with something to show.
    assert 'edge-router-0' in told['topology', False]
    assert 'edge-router-0' in told['topology', True]
    assert 'edge-router-0' in told['plan', False]


def test_the_publisher_runs(demo, tmp_path):
    status = tmp_path / 'status.json'
    more = tmp_path / 'more.conf'
    more.write_text(f'[nfv_sched_publisher]\nstatus_file = {status}\n')
    with subprocess.Popen(
        [
            *(sys.executable, '-W', 'ignore', '-m'),
            'nfv_sched.cmd.publisher',
            *('--config-file', str(demo.nova_conf)),
            *('--config-file', str(more)),
        ],
        stderr=subprocess.DEVNULL,
    ) as process:
        end = time.monotonic() + PATIENCE
        while not status.exists() and time.monotonic() < end:
            time.sleep(0.1)
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert json.loads(status.read_text())['counts']['hosts'] == _HOSTS


@contextlib.contextmanager
def exporter_of(demo, address, *options):
    with subprocess.Popen(
        [
            *(sys.executable, '-W', 'ignore', '-m', 'nfv_sched.cmd.exporter'),
            *('--config-file', str(demo.nova_conf), '--interval', '1'),
            *('--loss-share', '0.9', '--listen', address, *options),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


#: The exporter, which gets SIGTERM in another thread than the main one.
_SIGNALLED = """
import signal, sys, threading, time
from nfv_sched.cmd import exporter

def later():
    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        time.sleep(0.01)
    time.sleep(1.0)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

threading.Thread(target=later, daemon=True).start()
sys.exit(exporter.main(sys.argv[1:]))
"""


def test_the_exporter_ends_whichever_thread_gets_the_signal(demo):
    command = [sys.executable, '-W', 'ignore', '-c', _SIGNALLED]
    options = [
        *('--config-file', str(demo.nova_conf), '--interval', '3600'),
        *('--loss-share', '0'),
        *('--listen', f'127.0.0.1:{prometheus.free_port()}'),
    ]
    done = subprocess.run(
        [*command, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0


def count_some(folder, counted, name):
    """Write counters as a nova-scheduler does."""
    counted.observe(counters.FILTERS, 'NUMAFitFilter', 0.02)
    counted.observe(counters.WEIGHERS, 'FragmentationWeigher', 0.004)
    counted.refuse(_FLAVOR, 'pages')
    counters.write(folder / f'{name}{counters.SUFFIX}', counted.values())


@pytest.mark.skipif(
    prometheus.PROGRAM is None, reason="no Prometheus of Debian's package"
)
def test_each_panel_has_data_in_a_prometheus(demo, forked, tmp_path):
    address = f'127.0.0.1:{prometheus.free_port()}'
    counted = counters.SchedulerCounters()
    count_some(tmp_path, counted, 'one')
    queries = {
        (panel.title, expression)
        for row in dashboard.ROWS.values()
        for panel in row
        for expression, _ in panel.queries
    }
    places = {'$kind': 'rack', '$flavor': '.*', '$__rate_interval': '5m'}

    def empty():
        found = set()
        for title, expression in queries:
            asked = expression
            for name, value in places.items():
                asked = asked.replace(name, value)
            if not server.has_data(asked):
                found.add(title)
        return found

    with (
        exporter_of(demo, address, '--scheduler-counters', str(tmp_path)),
        prometheus.running(tmp_path, [address], RULES) as server,
    ):
        prometheus.until(
            lambda: server.has_data('nfv_sched_scheduler_processes')
        )
        # What lacks data at the end is named.
        end = time.monotonic() + PATIENCE
        while True:
            count_some(tmp_path, counted, 'one')
            if not (lacking := empty()) or time.monotonic() > end:
                break
            time.sleep(0.5)
        assert lacking == set()
        conf = ('-f', 'json', '--config-file', str(demo.nova_conf))
        code, out, _ = forked('report', '--prometheus', server.url, *conf)
        assert code == 0
        assert {line['title'] for line in json.loads(out)['trends']} == {
            'Instances that fit, by flavor',
            'In use',
            'Refused requests in the hour before',
        }
        _, out, _ = forked('capacity', '--flavor', _FLAVOR, *conf)
        told = json.loads(out)
        name = f'flavor_name="{_FLAVOR}"'
        assert [row['instances'] for row in told['total'][:1]] == [
            server.value(f'nfv_sched_capacity_instances{{kind="all", {name}}}')
        ]
        assert told['total'][0]['instances'] == server.value(
            f'openstack_free_capacity_by_flavor_total{{{name}}}'
        )
        for row in told['domains']:
            place = f'kind="{row["kind"]}", domain="{row["domain"]}"'
            assert row['instances'] == server.value(
                f'nfv_sched_capacity_instances{{{place}, {name}}}'
            )
        code, out, _ = forked('capacity', '--after-loss', 'rack=rack1', *conf)
        assert code == 3
        [loss] = json.loads(out)['total']
        place = '{kind="rack", domain="rack1"}'
        assert loss['do_not_fit'] == server.value(
            f'nfv_sched_loss_unplaced_instances{place}'
        )
        # The rules are loaded, and none fails on real metrics.
        [group] = server.get('rules')['data']['groups']
        assert {rule['health'] for rule in group['rules']} == {'ok'}


def test_a_flavor_without_a_host_is_explained(demo, forked):
    conf = ('-f', 'json', '--config-file', str(demo.nova_conf))
    code, out, _ = forked('explain', '--flavor', 'packet-cache.200GB', *conf)
    assert code == 0
    explained = json.loads(out)
    assert sum(row['hosts'] for row in explained['conditions']) == _HOSTS


def test_placement_alone_is_read_by_clouds_yaml(demo, forked):
    code, out, err = forked(
        *('topology', '-f', 'json', '--os-cloud', 'demo'),
        OS_CLIENT_CONFIG_FILE=str(demo.folder / 'clouds.yaml'),
    )
    assert (code, err) == (0, '')
    names = {host['host'] for host in json.loads(out)['hosts']}
    assert len(names) == _HOSTS
    assert 'r1-dell-00' in names


def test_files_are_readable_by_their_owner_only(demo):
    paths = [demo.folder, *demo.folder.rglob('*')]
    assert {'nova.conf', 'clouds.yaml', 'placement.sqlite'} < {
        path.name for path in paths
    }
    assert not any(
        path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) for path in paths
    )


def test_placement_wants_the_token_of_the_files(demo):
    def status(token):
        return requests.get(
            f'{demo.entry["endpoint"]}/resource_providers',
            headers={'X-Auth-Token': token},
            timeout=PATIENCE,
        ).status_code

    assert status('admin') == 401
    assert status(demo.entry['token']) == 200


def test_only_loopback_is_listened_on(demo):
    lines = pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]
    sockets = {
        os.readlink(path)
        for path in pathlib.Path(f'/proc/{demo.process.pid}/fd').iterdir()
    }
    listening = [
        fields[1]
        for fields in map(str.split, lines)
        if fields[3] == '0A' and f'socket:[{fields[9]}]' in sockets
    ]
    assert [address.partition(':')[0] for address in listening] == ['0100007F']
    six = pathlib.Path('/proc/net/tcp6').read_text().splitlines()[1:]
    assert not any(f'socket:[{line.split()[9]}]' in sockets for line in six)


def test_a_folder_with_other_content_is_refused(tmp_path, capsys):
    kept = tmp_path / 'thesis.tex'
    kept.write_text('x')
    assert main.main(['demo', '--serve', str(tmp_path)]) == 1
    assert f'{tmp_path} is not empty' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [kept]


@pytest.mark.parametrize(
    ('name', 'problem'),
    [
        ('what?', 'has a character that'),
        ('missing/below', 'cannot be created: No such file'),
        ('file', 'is not a directory'),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused(
    name, problem, tmp_path, capsys
):
    (tmp_path / 'file').write_text('')
    assert main.main(['demo', '--serve', str(tmp_path / name)]) == 1
    assert problem in capsys.readouterr().err


def test_sigterm_during_the_start_leaves_nothing(tmp_path):
    folder = tmp_path / 'demo'
    with started(folder) as process:
        end = time.monotonic() + PATIENCE
        databases = folder / 'databases'
        while not databases.exists() and time.monotonic() < end:
            time.sleep(0.05)
        process.terminate()
        assert process.wait(PATIENCE) != 0
    assert not folder.exists()


def test_what_others_put_there_stays(tmp_path):
    folder = served.ServedFolder(tmp_path)
    with folder.prepared():
        folder.nova_conf.write_text('')
        (tmp_path / 'cloud.html').write_text('mine')
    assert folder.left == ['cloud.html']
