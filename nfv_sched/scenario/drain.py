"""Plans of a simulated cloud, as an operator gets them."""

from collections.abc import Collection
from collections.abc import Sequence
import contextlib
from typing import Any

from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.plan.cloud_plans import CloudPlans
from nfv_sched.plan.cloud_plans import METHODS
from nfv_sched.plan.values import Plan
from nfv_sched.sim import settings
from nfv_sched.sim.cloud import Cloud
from nfv_sched.survey import nova as nova_survey


def plan(cloud: Cloud, hosts: Collection[str]) -> Plan:
    """How to empty hosts, as ``nfv-sched plan drain --method cold`` does.

    With the filters that the scheduler has. The simulated cloud migrates cold
    only. The requests of instances have to be stored.
    """
    with settings.override(settings.profile_options(cloud.profile)):
        pipeline = Pipeline()
    scheduler = DryRunScheduler(pipeline, PlacementClient(cloud.placement))
    plans = CloudPlans(scheduler, nova_survey.read(), methods=METHODS['cold'])
    return plans.drain(hosts)


@contextlib.contextmanager
def stored(specs: Sequence[Any]) -> Any:
    """Store requests until the block ends, as nova-api stores them."""
    for spec in specs:
        spec.create()
    try:
        yield
    finally:
        for spec in specs:
            spec.destroy()
