"""A port with a guaranteed bandwidth passes for VFs of any interface.

nova-compute adds the interface that provides the bandwidth to the port's PCI
request before it claims. The stock filters ask with the request as it is in
the scheduler, where the interface is missing, so they keep the candidates of
interfaces without a suitable VF, and Nova claims the first one.

It finds the interface by the port's uuid only. Neutron with its API extension
port-resource-request-groups names groups by other uuids: the claim then takes
a VF of another interface than the one whose bandwidth is allocated.
"""

import dataclasses

import pytest

from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle

#: One VF near a full cell, one near a free cell, and no VF at all.
FAR, NEAR, NONE = map(builders.bandwidth_candidate, ('ens0', 'ens1', 'ens2'))


def taken(scene, candidate):
    [device] = nova_oracle.claim_candidate(scene, candidate).devices
    return device.extra_info['parent_ifname']


@pytest.mark.parametrize('candidate', [FAR, NONE])
def test_the_stock_filters_accept_what_the_claim_refuses(candidate):
    scene = builders.bandwidth_scene()
    mapping = candidate['mappings']
    assert scene.stats.support_requests(scene.requests, mapping)
    assert builders.nova_fit(scene, mapping) is not None
    with pytest.raises(nova_oracle.Refused, match='fit'):
        nova_oracle.claim_candidate(scene, candidate)


def test_we_refuse_it():
    scene = builders.bandwidth_scene()
    assert builders.refusal_of(scene, FAR)
    assert builders.refusal_of(scene, NONE)
    assert builders.refusal_of(scene, NEAR) is None
    assert taken(scene, NEAR) == 'ens1'


def test_a_group_by_another_name_takes_another_interface():
    scene = builders.bandwidth_scene()
    other = '00000000-0000-0000-0000-000000000044'
    scene.spec.requested_resources[0].requester_id = other
    [provider] = FAR['mappings'][builders.PORT]
    candidate = {'mappings': {'': ['root'], other: [provider]}}
    assert taken(scene, candidate) == 'ens1'
    assert builders.refusal_of(scene, candidate) is None


def test_a_name_without_an_interface_aborts_the_build():
    scene = builders.bandwidth_scene()
    [provider] = NEAR['mappings'][builders.PORT]
    agent = dataclasses.replace(
        scene, names={provider: 'host:Open vSwitch agent'}
    )
    with pytest.raises(nova_oracle.Refused, match='aborted'):
        nova_oracle.claim_candidate(agent, NEAR)
    assert builders.refusal_of(agent, NEAR)
