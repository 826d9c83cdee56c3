"""What the exporter costs on a large cloud: CPU seconds and memory.

The cloud of :mod:`benchmarks.copied_clouds`, every host state different, with
Placement in a process of its own, and the exporter in another one. The first
pass counts all hosts, as one every hour does; before each of the others a
share of the hosts changes.
"""

import argparse
import datetime
import json
import logging
import pathlib
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings

import nova.conf
import prometheus_client

from benchmarks import copied_clouds
from nfv_sched.cmd import exporter
from nfv_sched.nova import config as nova_config
from nfv_sched.sim import databases
from nfv_sched.sim import flavors
from nfv_sched.sim import settings
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched_testing import placement_server

CONF = nova.conf.CONF
_FLAVORS = (
    'anuket-HS.large',
    'clearwater-vims',
    'edge-upf',
    'f5-bigip.16GB.dpdk',
    'opnfv-vrouter-2port',
)
_DAYS = 86400 * 1000


def _create(
    folder: pathlib.Path, hosts: int, filled: int, guests: int
) -> dict[str, object]:
    """Write the databases of a cloud to a folder; returns Nova's options."""
    options = settings.profile_options(settings.NFV)
    with (
        simulated_cloud(
            settings.NFV, aliases=flavors.aliases(), folder=folder
        ) as cloud,
        settings.override(options),
    ):
        copied_clouds.fill(cloud, filled, guests)
        for name in _FLAVORS:
            cloud.add_flavor(flavors.flavors()[name])
        copied_clouds.multiply(folder, hosts, random.Random(1))  # noqa: S311
        aliases = CONF.pci.alias
    return {
        'transport_url': 'fake:/',
        'state_path': str(folder),
        'service_down_time': _DAYS,
        'pci.alias': aliases,
        **databases.options(folder),
        **options,
    }


def _change(folder: pathlib.Path, share: float, dice: random.Random) -> int:
    """Change a share of the hosts; returns how many."""
    with sqlite3.connect(folder / 'nova_cell1.sqlite') as database:
        rows = database.execute('SELECT id, numa_topology FROM compute_nodes')
        every = rows.fetchall()
        some = dice.sample(every, round(share * len(every)))
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        for number, topology in some:
            database.execute(
                'UPDATE compute_nodes SET numa_topology = ?, updated_at = ? '
                'WHERE id = ?',
                (copied_clouds.vary(topology, dice), str(now), number),
            )
    database.close()
    return len(some)


def _seconds_of(pid: int) -> float:
    """The CPU seconds of another process."""
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().split()
    ticks = int(fields[13]) + int(fields[14])
    return ticks / 100


def _mib() -> int:
    """The memory of this process that is resident now, in MiB."""
    pages = int(pathlib.Path('/proc/self/statm').read_text().split()[1])
    return pages * resource.getpagesize() // 2**20


def _serve(config: str, most_hosts: int) -> None:
    """Be the exporter: a pass for each line of standard input."""
    warnings.simplefilter('ignore')
    logging.disable(logging.CRITICAL)
    nova_config.configure([config])
    words = ['--max-hosts', str(most_hosts), '--loss-share', '0']
    for name in _FLAVORS:
        words += ['--flavor', name]
    loop = exporter.make_loop(
        exporter.parser().parse_args([*words, '--deadline', '600'])
    )
    registry = prometheus_client.CollectorRegistry(auto_describe=False)
    registry.register(loop)
    for _ in sys.stdin:
        began = time.process_time()
        loop.once()
        counted = time.process_time()
        text = prometheus_client.generate_latest(registry)
        scraped = time.process_time()
        samples = text.count(b'\n') - text.count(b'\n#')
        values = {
            'pass': counted - began,
            'scrape': scraped - counted,
            'samples': samples,
            'mib': _mib(),
            'peak': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            'lines': [
                line
                for line in text.decode().splitlines()
                if line.startswith(('nfv_sched_exporter_', 'nfv_sched_hosts{'))
            ],
        }
        sys.stdout.write(json.dumps(values) + '\n')
        sys.stdout.flush()


def _measure(
    folder: pathlib.Path,
    options: dict[str, object],
    parsed: argparse.Namespace,
) -> None:
    url = f'sqlite:///{folder}/placement.sqlite'
    with placement_server.running(url) as endpoint:
        options |= {
            'placement.auth_type': 'admin_token',
            'placement.endpoint': endpoint,
            'placement.endpoint_override': endpoint,
            'placement.token': 'admin',
        }
        config = folder / 'nova.conf'
        config.write_text(settings.nova_conf(options), 'utf-8')
        dice = random.Random(2)  # noqa: S311 - for the same hosts again
        with subprocess.Popen(  # noqa: S603 - this module
            [
                sys.executable,
                '-W',
                'ignore',
                '-m',
                'benchmarks.exporter',
                '--serve',
                str(config),
                '--max-hosts',
                str(parsed.max_hosts),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin
            assert process.stdout
            for number in range(parsed.passes + 1):
                changed = parsed.hosts
                if number:
                    changed = _change(folder, parsed.share, dice)
                began = time.monotonic()
                process.stdin.write('pass\n')
                process.stdin.flush()
                values = json.loads(process.stdout.readline())
                _print(number, changed, values, time.monotonic() - began)
                if parsed.verbose:
                    sys.stdout.write('\n'.join(values['lines']) + '\n')
            process.stdin.close()


def _print(
    number: int, changed: int, values: dict[str, float], seconds: float
) -> None:
    sys.stdout.write(
        f'pass {number}: {changed:5} hosts changed, '
        f'{values["pass"]:6.1f} s CPU for the pass, '
        f'{values["scrape"]:5.2f} s for a scrape of '
        f'{values["samples"]} samples, {values["mib"]} MiB, at most '
        f'{values["peak"]} MiB, {seconds:.1f} s in all\n'
    )
    sys.stdout.flush()


def main() -> int:
    """Measure, and print a line for each pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hosts', type=int, default=5000)
    parser.add_argument('--filled', type=int, default=12)
    parser.add_argument('--guests', type=int, default=60)
    parser.add_argument('--share', type=float, default=0.01)
    parser.add_argument('--passes', type=int, default=4)
    parser.add_argument('--max-hosts', type=int, default=1000)
    parser.add_argument('--verbose', action='store_true')
    parser.add_argument('--serve', help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.serve:
        _serve(parsed.serve, parsed.max_hosts)
        return 0
    warnings.simplefilter('ignore')
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix='nfv-') as name:
        folder = pathlib.Path(name)
        options = _create(folder, parsed.hosts, parsed.filled, parsed.guests)
        _measure(folder, options, parsed)
    return 0


if __name__ == '__main__':
    sys.exit(main())
