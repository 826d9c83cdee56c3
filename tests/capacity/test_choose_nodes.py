"""Capacity where nova-scheduler chooses the NUMA nodes.

Each pair takes a page of two nodes. Two of the nodes with one page each are
what a claim takes first by itself; no second pair fits after the next one.
"""

import contextlib
import dataclasses
import random

import pytest

from nfv_sched import fit
from nfv_sched.capacity import count_mixture
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.nova import request_spec
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.scheduler import demand
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched_testing import capacity_trials
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture

MACHINE = """
about: four nodes, of which the first has most pages
smt: {threads: 2, stride: 16}
dedicated: "0-31"
disk_gib: 200
cells:
- {id: 0, cpus: "0-3,16-19", memory_mib: 10240, socket: 0, pages: {1G: 3}}
- {id: 1, cpus: "4-7,20-23", memory_mib: 10240, socket: 0, pages: {1G: 1}}
- {id: 2, cpus: "8-11,24-27", memory_mib: 10240, socket: 0, pages: {1G: 1}}
- {id: 3, cpus: "12-15,28-31", memory_mib: 10240, socket: 0, pages: {1G: 1}}
"""
PAIR = SimulatedFlavor(
    'pair',
    4,
    2048,
    1,
    {
        'hw:cpu_policy': 'dedicated',
        'hw:mem_page_size': '1GB',
        'hw:numa_nodes': '2',
    },
)


@contextlib.contextmanager
def cloud_of(host, *, chosen, labelled=True, pack=False):
    """A cloud of one host, with the options that nova-scheduler has."""
    options = {
        **settings.profile_options(settings.NFV),
        'nfv_sched.choose_nodes': chosen,
        'compute.packing_host_numa_cells_allocation_strategy': pack,
    }
    with simulated_cloud(settings.NFV, options=options) as cloud:
        cloud.add_host('host', dataclasses.replace(host, labelled=labelled))
        with settings.override(options):
            yield cloud


@pytest.mark.parametrize(
    ('chosen', 'labelled', 'expected'),
    [(True, True, 3), (True, False, 2), (False, True, 2)],
)
def test_as_many_fit_as_the_scheduler_places(chosen, labelled, expected):
    host = machine.parse('host', MACHINE)
    with cloud_of(host, chosen=chosen, labelled=labelled) as cloud:
        scheduler = DryRunScheduler(
            Pipeline(), PlacementClient(cloud.placement)
        )
        mixture = count_mixture(
            scheduler, [('pair', cloud.request_spec(PAIR), 1)]
        )
        assert mixture.guests == {'pair': expected}
        trial = capacity_trials.trial(cloud, PAIR, seed=0)
    assert trial.exact, trial
    assert trial.told == expected


@pytest.mark.parametrize('seed', range(1, 5))
def test_as_many_fit_whatever_is_expected(seed, monkeypatch):
    """The demand is the same for the command and for nova-scheduler."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    host = capacity_trials.host(dice)
    while len(host.cells) == 1:
        host = capacity_trials.host(dice)
    flavors = [capacity_trials.flavor(dice) for _ in range(4)]
    pack = dice.random() < 0.5
    with cloud_of(host, chosen=True, pack=pack) as cloud:
        guests = [
            request_spec.read_guest(cloud.request_spec(flavor))
            for flavor in flavors
        ]
        histogram = fit.DemandHistogram(
            (fit.FitRequest(guest, pack=pack), 1.0)
            for guest in guests
            if not guest.asks_nothing
        )
        monkeypatch.setattr(demand, 'expected', lambda recent: histogram)
        for flavor in dice.choices(flavors, k=3):
            cloud.boot(flavor)
        for flavor in flavors[:2]:
            trial = capacity_trials.trial(cloud, flavor, seed)
            assert trial.exact, trial
