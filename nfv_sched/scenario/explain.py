"""Why no host of a simulated cloud takes a guest, as an operator sees it."""

from typing import Any

from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.dryrun.values import Explanation
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.sim import boot_request
from nfv_sched.sim import settings
from nfv_sched.sim.cloud import Cloud


def explain(
    cloud: Cloud, flavor: boot_request.SimulatedFlavor, **request: Any
) -> Explanation:
    """Ask every host, as it is now, why it would not take such a guest.

    As ``nfv-sched explain`` does: with the filters that the scheduler has.

    :param request: what :meth:`nfv_sched.sim.cloud.Cloud.request_spec` takes
    """
    spec = cloud.request_spec(flavor, **request)
    with settings.override(settings.profile_options(cloud.profile)):
        pipeline = Pipeline()
    scheduler = DryRunScheduler(pipeline, PlacementClient(cloud.placement))
    return scheduler.explain(spec)
