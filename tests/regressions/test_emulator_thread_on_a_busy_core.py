"""Isolated emulator threads of an isolated guest may hit a busy core.

Nova takes the emulator's CPU from any core that has one free, and then pins
that core's siblings too (thread policy "isolate"), of which one is in use:
CPUPinningInvalid after the fit has succeeded.
"""

import pytest

from nfv_sched.model import Resource
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle


def one_whole_core_and_a_half():
    """As the legacy vcpu_pin_set makes it: shared and dedicated alike."""
    cell = builders.host_cell(0, cores=2, threads=2, pinned={3}, pages={})
    cell.cpuset = set(cell.pcpuset)
    return builders.scene(
        [cell],
        [builders.guest_cell(0, cpu_thread_policy='isolate')],
        emulator_threads_policy='isolate',
    )


def test_the_fit_succeeds_and_the_claim_raises():
    scene = one_whole_core_and_a_half()
    assert builders.nova_fit(scene) is not None
    with pytest.raises(nova_oracle.Refused, match='CPUPinningInvalid'):
        nova_oracle.claim(scene)


def test_we_refuse_it():
    (reason,) = builders.evaluate(one_whole_core_and_a_half()).reasons
    assert reason.resource is Resource.CLAIM
    assert 'siblings on NUMA node 0 that are in use' in reason.text
