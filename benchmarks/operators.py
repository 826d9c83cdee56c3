"""How long explain, capacity, check and a survey take on a large cloud.

On a cloud of :mod:`benchmarks.copied_clouds`, in one process.
:mod:`benchmarks.commands` measures whole commands.
"""

import argparse
import logging
import pathlib
import random
import sys
import time
from typing import Any
import warnings

import nova.conf

from benchmarks import copied_clouds
from nfv_sched.capacity import CapacityCounter
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.explain.suggestions import suggest
from nfv_sched.nova import request_template
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.sim import flavors
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched.survey import nova as nova_survey

CONF = nova.conf.CONF
_FULL = SimulatedFlavor(
    'full',
    4,
    64 * 1024,
    1,
    {
        'hw:cpu_policy': 'dedicated',
        'hw:mem_page_size': '1GB',
        'hw:numa_nodes': '1',
    },
)


def _timed(what: str, work: Any) -> Any:
    begin = time.perf_counter()
    found = work()
    seconds = time.perf_counter() - begin
    sys.stdout.write(f'{what:40} {seconds:7.2f} s\n')
    sys.stdout.flush()
    return found


def main() -> int:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hosts', type=int, default=5000)
    parser.add_argument('--filled', type=int, default=12)
    parser.add_argument('--guests', type=int, default=60)
    parser.add_argument('--distinct', action='store_true')
    parsed = parser.parse_args()
    warnings.simplefilter('ignore')
    logging.disable(logging.CRITICAL)
    options = settings.profile_options(settings.NFV)
    with (
        simulated_cloud(settings.NFV, aliases=flavors.aliases()) as cloud,
        settings.override(options),
    ):
        copied_clouds.fill(cloud, parsed.filled, parsed.guests)
        folder = pathlib.Path(CONF.state_path)
        # Not for secrets: for the same cloud again.
        dice = random.Random(1) if parsed.distinct else None  # noqa: S311
        _timed(
            'copying',
            lambda: copied_clouds.multiply(folder, parsed.hosts, dice),
        )
        client = PlacementClient(cloud.placement, deadline=300)
        pipeline = Pipeline()
        scheduler = _timed(
            'reading all host states',
            lambda: DryRunScheduler(pipeline, client),
        )
        known = flavors.flavors()
        for flavor in (_FULL, known['opnfv-vrouter-2port']):
            template = request_template.of_stored(cloud.request_spec(flavor))
            dry_run = _timed(
                f'explain {flavor.name}',
                lambda template=template: scheduler.run(template.request()),
            )
            found = dry_run.explanation
            sys.stdout.write(f'  {found.fitting} of {found.hosts} fit: ')
            sys.stdout.write(
                ', '.join(f'{c.name} {c.hosts}' for c in found.conditions)
                + '\n'
            )
            if not found.fitting:
                _timed(
                    '  suggestions',
                    lambda dry_run=dry_run, template=template: suggest(
                        scheduler, dry_run, template
                    ),
                )
        for name in ('opnfv-vrouter-2port', 'anuket-HS.large'):
            counter = CapacityCounter(scheduler)
            counted = _timed(
                f'capacity {name}',
                lambda name=name, counter=counter: counter.count(
                    cloud.request_spec(known[name])
                ),
            )
            sys.stdout.write(
                f'  {counted.in_all} guests, {counter.filled} different '
                'states\n'
            )
        survey = _timed('survey', nova_survey.read)
        guests = sum(len(host.residents) for host in survey.hosts)
        sys.stdout.write(f'  {len(survey.hosts)} hosts, {guests} guests\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
