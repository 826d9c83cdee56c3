"""Every refusal of the packing benchmark is explained, and adds up."""

import copy

import pytest

from benchmarks.packing import scheduler
from benchmarks.packing import simulate
from benchmarks.packing.clouds import CLOUDS
from benchmarks.packing.columns import COLUMNS
from benchmarks.packing.loads import LOADS
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.nova import scheduler_pipeline

#: So many per run: the first ones, and what follows on a full cloud.
REFUSALS = 12


class Hosts:
    """The benchmark's hosts and its filters, as a pipeline has them."""

    context = None
    problems = ()

    def __init__(self, chosen, computes):
        self._computes = computes
        self.filters = [
            scheduler_pipeline.FilterStep(type(one).__name__, one)
            for one in chosen._filters
        ]
        self.wanted = None

    def states(self, only=None):
        # Each request has host states of its own.
        return [copy.copy(compute.state) for compute in self._computes]

    def hidden_hosts(self, states, only=None):
        return []

    def run_request_filters(self, spec):
        return None

    def placement_query(self, spec):
        # Placement's own reasons are shown elsewhere.
        return scheduler_pipeline.PlacementQuery(('q',))


class Placement:
    """What Placement would say of the benchmark's hosts."""

    def __init__(self, hosts):
        self._hosts = hosts

    def get(self, path, resources=None):
        computes = self._hosts._computes
        if path == '/resource_providers':
            name, amount = resources.split(':')
            enough = [
                {'uuid': compute.state.uuid}
                for compute in computes
                if self._free(compute)[name] >= int(amount)
            ]
            return {'resource_providers': enough}
        offered = [
            compute
            for compute in computes
            if compute.offered(self._hosts.wanted)
        ]
        return {
            'allocation_requests': [
                {
                    'allocations': {compute.state.uuid: {'resources': {}}},
                    'mappings': {'': [compute.state.uuid]},
                }
                for compute in offered
            ],
            'provider_summaries': {
                compute.state.uuid: {
                    'resources': {
                        name: {'capacity': free, 'used': 0}
                        for name, free in self._free(compute).items()
                    }
                }
                for compute in computes
            },
        }

    def _free(self, compute):
        facts = compute.machine
        return {
            'PCPU': len(facts.dedicated) - compute.pcpus,
            'VCPU': int(len(facts.shared) * 4.0) - compute.vcpus,
            'MEMORY_MB': compute.free_mib,
        }


@pytest.mark.parametrize(
    ('cloud', 'column'),
    [('one-sided', 'ours'), ('mixed', 'ours'), ('one-sided', 'stock')],
)
def test_every_refusal_is_explained(cloud, column):
    where, what, how = CLOUDS[cloud], LOADS['vnf'], COLUMNS[column]
    refused = 0
    with scheduler.configured(how):
        run = simulate._Run(where, what, how, remember=True)
        for arrival in simulate.sequence(where, what, 1):
            if run.boot(arrival, counted=True) is not None:
                continue
            hosts = Hosts(run.scheduler, run.computes)
            hosts.wanted = run.shapes[arrival.flavor]
            explanation = DryRunScheduler(hosts, Placement(hosts)).explain(
                hosts.wanted.spec.obj_clone(), detailed=2
            )
            fallen = sum(
                condition.hosts for condition in explanation.conditions
            )
            assert explanation.hosts == len(run.computes)
            assert fallen + explanation.fitting == explanation.hosts
            assert all(
                condition.nearest.text for condition in explanation.conditions
            )
            if column == 'ours':
                # Whom we refuse fits nowhere.
                assert not explanation.fitting, arrival.flavor
            refused += 1
            if refused == REFUSALS:
                break
    assert refused == REFUSALS
