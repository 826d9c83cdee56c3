"""What a predicted claim leaves behind is what Nova's claim leaves."""

from hypothesis import given
from hypothesis import settings
from nova.virt import hardware

from nfv_sched import fit
from nfv_sched.nova import request_spec
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.builders import host_of


@given(scene=strategies.scenes())
@settings(max_examples=examples(2000))
def test_a_host_is_left_as_nova_leaves_it(scene):
    guest, host = request_spec.read_guest(scene.spec), host_of(scene)
    verdict = fit.evaluate(guest, host)
    if not verdict.fits:
        return
    left = fit.apply_claim(guest, host, verdict.outcome)
    claimed, stats = nova_oracle.claim_on(scene)
    topology = hardware.numa_usage_from_instance_numa(
        scene.topology, claimed.topology
    )
    for mine, theirs in zip(
        left.cells, topology.cells if topology else (), strict=True
    ):
        assert mine.pinned_cpus == theirs.pinned_cpus
        assert mine.memory_used_mib == theirs.memory_usage
        assert mine.shared_used == theirs.cpu_usage
        assert [(p.size_kib, p.used) for p in mine.pages] == [
            (p.size_kb, p.used) for p in theirs.mempages
        ]
    assert [(p.address, p.dev_type, p.count) for p in left.pools] == [
        (p['address'], p['dev_type'], p['count']) for p in stats.pools
    ]
