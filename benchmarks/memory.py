"""The process's memory over a day of requests.

``python -m benchmarks.memory --requests 100000`` sends requests through the
filters and weighers, over a cloud of 1,000 hosts of which each request gets
``--offered`` at random as Placement would offer them, in host states of its
own as Nova makes them, and prints the resident size as it goes.
"""

import argparse
import copy
import itertools
import logging
import pathlib
import random
import sys
from typing import Any

import nova.conf
from rich.console import Console

from benchmarks import clouds
from benchmarks import filters
from nfv_sched.scheduler import process
from nfv_sched.scheduler.process import SchedulerProcess
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched_testing import scheduling

_HOSTS = 1000
#: How much the resident size may differ from that after 1,000 requests.
_TOLERANCE_MIB = 8


def resident_mib() -> float:
    """This process's resident size."""
    for line in pathlib.Path('/proc/self/status').read_text().splitlines():
        if line.startswith('VmRSS:'):
            return int(line.split()[1]) / 1024
    raise RuntimeError('no VmRSS in /proc/self/status')


def request(
    states: list[Any], spec: Any, offered: int, rng: random.Random
) -> None:
    """One request with host states and a RequestSpec of its own."""
    mine = [copy.copy(state) for state in rng.sample(states, offered)]
    for state in mine:
        state.allocation_candidates = [scheduling.CANDIDATE]
        state.limits = {}
    own = spec.obj_clone()
    filters.weigh(filters.run(filters.OURS, mine, own), own)


def main() -> int:
    """Send the requests; 1 if the size has grown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--requests', type=int, default=100_000)
    parser.add_argument('--offered', type=int, default=100)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    nova.conf.CONF([], project='nova', default_config_files=[])
    process.replace(SchedulerProcess(PublishedTopology(None)))
    console = Console()
    rng = random.Random(1)  # noqa: S311 - nothing secret
    devices = next(c for c in clouds.CASES if c.group == 'devices')
    states, _ = clouds.states(devices, _HOSTS)
    specs = [
        clouds.states(case, 1)[1]
        for case in clouds.CASES
        if case.name.startswith('2 cells')
    ]
    early = 0.0
    for number in itertools.count(1):
        request(states, rng.choice(specs), args.offered, rng)
        if number == 1000:
            early = resident_mib()
        if number % max(1, args.requests // 10) == 0 or number == 1000:
            console.print(f'{number:>7,} requests: {resident_mib():.1f} MiB')
        if number >= args.requests:
            break
    grown = resident_mib() - early
    console.print(f'{grown:+.1f} MiB since the first thousand')
    return int(grown > _TOLERANCE_MIB)


if __name__ == '__main__':
    sys.exit(main())
