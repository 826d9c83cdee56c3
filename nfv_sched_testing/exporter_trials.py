"""Random small clouds on which the exporter's counts follow random events."""

import contextlib
import dataclasses
import random

from nfv_sched.capacity import Capacity
from nfv_sched.capacity import CapacityCounter
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.exporter.recount import CountOptions
from nfv_sched.exporter.recount import Recount
from nfv_sched.exporter.recount import SynchronousReader
from nfv_sched.nova import boot_request
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import publish
from nfv_sched.sim import settings
from nfv_sched.sim.cloud import Cloud
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched_testing import capacity_trials

_HOSTS = 3
_FLAVORS = 2
_EVENTS = 4
KIND = 'rack'


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """One flavor after one event: the exporter's counts, and capacity's.

    ``counted`` hosts were counted again in the pass after the event.
    """

    seed: int
    event: str
    flavor: str
    exported: Capacity
    capacity: Capacity
    counted: int
    hosts: int


class Trial:
    """A cloud, and an exporter that watches it."""

    def __init__(self, cloud: Cloud, seed: int) -> None:
        self.cloud = cloud
        self.seed = seed
        # Not for secrets: for the same cloud again.
        self.dice = random.Random(seed)  # noqa: S311
        self.client = PlacementClient(cloud.placement)
        self.guests = []
        self.flavors = []
        for number in range(_HOSTS):
            cloud.add_host(f'h{number}', capacity_trials.host(self.dice))
        cloud.add_aggregate('r1', ['h0', 'h1'], {KIND: 'R1'})
        cloud.add_aggregate('r2', ['h2'], {KIND: 'R2'})
        for number in range(_FLAVORS):
            flavor = dataclasses.replace(
                capacity_trials.flavor(self.dice), name=f'f{number}'
            )
            cloud.add_flavor(flavor)
            self.flavors.append(flavor)
        self.recount = Recount(
            CountOptions(tuple(f.name for f in self.flavors), kinds=(KIND,)),
            SynchronousReader(lambda: self.client),
        )

    # Events

    def boot(self):
        [guest] = self.cloud.boot(self.dice.choice(self.flavors))
        if guest.booted:
            self.guests.append(guest)

    def delete(self):
        if self.guests:
            place = self.dice.randrange(len(self.guests))
            self.cloud.delete(self.guests.pop(place))

    def drain(self):
        """Disable a host, and delete all that is on it."""
        host = self.dice.choice(sorted(self.cloud.computes))
        self.cloud.disable(host)
        for guest in list(self.guests):
            if guest.host == host:
                self.guests.remove(guest)
                self.cloud.delete(guest)

    def leak(self):
        """Delete an instance's allocations in Placement alone."""
        if self.guests:
            guest = self.dice.choice(self.guests)
            self.client.delete(f'/allocations/{guest.uuid}')

    def zone(self):
        host = self.dice.choice(sorted(self.cloud.computes))
        self.cloud.add_aggregate(f'other {host}', [host], {'key': 'value'})

    def publish(self):
        host = self.dice.choice(self.cloud.topologies())
        publish(self.client, [host])

    def flavor(self):
        """Change the extra specs of a flavor."""
        name = self.dice.choice(self.flavors).name
        context = self.cloud.context
        stored = boot_request.flavor_named(context, name)
        specs = dict(stored.extra_specs)
        if specs.pop('hw:mem_page_size', None) is None:
            return
        stored.extra_specs = specs
        stored.save()

    EVENTS = (boot, boot, boot, delete, drain, leak, zone, publish, flavor)

    def compare(self, event):
        """Make a pass, and count with new eyes."""
        result = self.recount.run(self.client, full=False)
        assert result.problems == [], result.problems
        fresh = Pipeline()
        scheduler = DryRunScheduler(fresh, self.client)
        for request in self.recount.requests:
            yield Comparison(
                self.seed,
                event,
                request.key.flavor,
                self.recount.state.capacity(request.key),
                dataclasses.replace(
                    CapacityCounter(scheduler).count(request.spec(fresh)),
                    notes=(),
                ),
                result.counted,
                result.hosts,
            )

    def run(self):
        for _ in range(self.dice.randint(0, 4)):
            self.boot()
        yield from self.compare('start')
        for _ in range(_EVENTS):
            event = self.dice.choice(self.EVENTS)
            event(self)
            yield from self.compare(event.__name__)

    def counted_afterwards(self):
        """How many hosts a pass counts when nothing changes any more."""
        self.recount.run(self.client, full=False)
        return self.recount.run(self.client, full=False).counted


@contextlib.contextmanager
def trial(seed):
    """One random cloud, and an exporter."""
    options = settings.profile_options(settings.NFV)
    options['nfv_sched.failure_domains'] = [KIND]
    with (
        simulated_cloud(settings.NFV, options=options) as cloud,
        settings.override(options),
    ):
        yield Trial(cloud, seed)
