"""How long each command takes on a large cloud, from its start to its end.

The commands run as processes of their own, as an operator types them, on a
served cloud of :mod:`benchmarks.copied_clouds`: Nova's databases are SQLite
files, and Placement answers over HTTP from the process of the benchmark. Each
row has the elapsed seconds and the seconds of CPU time of the command, without
those of Placement.
"""

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
from typing import NamedTuple
import warnings

from benchmarks import copied_clouds
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import publish
from nfv_sched.sim import flavors
from nfv_sched.sim import served
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched.survey import nova as nova_survey

#: Fits many hosts, and none: then suggestions are searched.
_FITS, _FULL = 'opnfv-vrouter-2port', 'packet-cache.200GB'
_COMMAND = (sys.executable, '-W', 'ignore', '-m', 'nfv_sched.cmd.main')


class Measure(NamedTuple):
    """A command that has run."""

    words: str
    code: int
    seconds: float
    cpu_seconds: float


def words_of(host: str, server: str, page: pathlib.Path) -> list[str]:
    """The commands to measure."""
    return [
        'topology --help',
        f'topology {host}',
        'topology --summary',
        'labels h0',
        'labels',
        f'explain --flavor {_FITS}',
        f'explain --flavor {_FULL}',
        f'explain --server {server}',
        f'capacity --flavor {_FITS}',
        f'capacity --server {server}',
        'capacity --after-loss host=h0',
        'check',
        'check --os-cloud demo',
        f'report --output {page}',
    ]


@contextlib.contextmanager
def cloud_of(
    hosts: int, filled: int, guests: int, *, published: bool = True
) -> Iterator[served.ServedFolder]:
    """A served cloud."""
    with contextlib.ExitStack() as stack:
        path = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = served.ServedFolder(path / 'cloud')
        stack.enter_context(folder.prepared())
        cloud = stack.enter_context(
            simulated_cloud(aliases=flavors.aliases(), folder=folder.databases)
        )
        copied_clouds.fill(cloud, min(filled, hosts), guests)
        copied_clouds.multiply(folder.databases, hosts)
        if published:
            client = PlacementClient(cloud.placement, deadline=600)
            hosts_now = nova_survey.read().hosts
            publish(client, [host.topology for host in hosts_now])
        server = stack.enter_context(served.served(cloud, folder))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield folder
        server.shutdown()
        thread.join()


def measure(words: str, folder: served.ServedFolder) -> Measure:
    """Run a command to its end."""
    options = (
        []
        if '--os-cloud' in words
        else ['--config-file', str(folder.nova_conf)]
    )
    if '--help' in words:
        options = []
    begin = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own command
        [*_COMMAND, *words.split(), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, 'OS_CLIENT_CONFIG_FILE': str(folder.clouds)},
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Measure(
        words.replace(str(folder.path.parent), ''),
        process.returncode,
        time.perf_counter() - begin,
        usage.ru_utime + usage.ru_stime,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print a row for each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hosts', type=int, default=200)
    parser.add_argument('--filled', type=int, default=12)
    parser.add_argument('--guests', type=int, default=60)
    parser.add_argument(
        '--unpublished',
        action='store_true',
        help='publish nothing, which takes minutes for thousands of hosts',
    )
    parsed = parser.parse_args(argv)
    warnings.simplefilter('ignore')
    logging.disable(logging.CRITICAL)
    out = sys.stdout
    with cloud_of(
        parsed.hosts,
        parsed.filled,
        parsed.guests,
        published=not parsed.unpublished,
    ) as folder:
        survey = nova_survey.read()
        instances = [
            each for host in survey.hosts for each in host.residents or ()
        ]
        out.write(f'{len(survey.hosts)} hosts, {len(instances)} instances\n')
        out.write('command,exit code,seconds,CPU seconds\n')
        page = folder.path.parent / 'cloud.html'
        for words in words_of('h0', instances[0].uuid, page):
            row = measure(words, folder)
            out.write(
                f'{row.words},{row.code},{row.seconds:.1f},'
                f'{row.cpu_seconds:.1f}\n'
            )
            out.flush()
    return 0


if __name__ == '__main__':
    sys.exit(main())
