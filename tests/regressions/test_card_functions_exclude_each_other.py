"""A physical function and its own virtual functions pass by count.

The scheduler's copy of PciDeviceStats knows pools, not devices: it grants
one card's physical function and a virtual function of the same card. The
claim takes real devices and fails. The pools' common address tells.

What remains: pools that nova-compute reports without an address (none does
since Nova 27) and whose parent is not published either. Those are decided
by count, as the stock filter does.
"""

import pytest

from nfv_sched.model import Resource
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle

PF = '0000:81:00.0'


def both_of(devices):
    return builders.scene(
        [builders.host_cell(0, cores=4, pages={})],
        [builders.guest_cell(0)],
        devices,
        [
            builders.device_request(dev_type='type-PF'),
            builders.device_request(dev_type='type-VF'),
        ],
    )


def one_card():
    return [
        builders.device(PF, 'type-PF', 0),
        builders.device('0000:81:02.0', 'type-VF', 0, parent=PF),
    ]


def another_function():
    other = '0000:82:00.0'
    return builders.device('0000:82:02.0', 'type-VF', 0, parent=other)


def test_the_stock_filters_accept_what_the_claim_refuses():
    scene = both_of(one_card())
    assert scene.stats.support_requests(scene.requests, None)
    assert builders.nova_fit(scene) is not None
    with pytest.raises(nova_oracle.Refused, match='PciDeviceRequestFailed'):
        nova_oracle.claim(scene)


def test_we_refuse_it():
    (reason,) = builders.evaluate(both_of(one_card())).reasons
    assert reason.resource is Resource.CLAIM
    assert 'takes away another' in reason.text


def test_functions_of_two_cards_are_granted():
    scene = both_of([*one_card(), another_function()])
    taken = {device.address for device in nova_oracle.claim(scene).devices}
    assert taken == {PF, '0000:82:02.0'}
    assert builders.evaluate(scene).fits


def test_pools_without_an_address_are_decided_by_count():
    scene = both_of(one_card())
    for pool in scene.stats.pools:
        del pool['address']
    assert builders.evaluate(scene).fits
