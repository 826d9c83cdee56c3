"""What is missing is just what makes the guest fit."""

from hypothesis import given
from hypothesis import settings
from hypothesis import target
from nova import objects

from nfv_sched import fit
from nfv_sched.fit import gap
from nfv_sched.model import Reason
from nfv_sched.model import Resource
from nfv_sched.nova import request_spec
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.builders import device
from nfv_sched_testing.builders import device_request
from nfv_sched_testing.builders import GIB
from nfv_sched_testing.builders import guest_cell
from nfv_sched_testing.builders import host_cell
from nfv_sched_testing.builders import host_of
from nfv_sched_testing.builders import scene


def asked(example):
    fit_request = fit.FitRequest(request_spec.read_guest(example.spec))
    providers = [r.rp_uuids for r in fit_request.guest.devices]
    return fit_request, host_of(example), providers


def fits(fit_request, host, providers):
    return fit.Evaluation(fit_request, host).refusal(providers) is None


@given(one=strategies.scenes())
@settings(max_examples=examples(300))
def test_with_all_that_is_missing_the_guest_fits_and_with_less_it_does_not(
    one,
):
    fit_request, host, providers = asked(one)
    found = gap.shortfall(fit_request, host, providers)
    if fits(fit_request, host, providers):
        assert found == gap.Gap((), True)
        return
    assert found.reasons
    target(float(found.all) * len(found.reasons))
    if not found.all:
        return
    better = gap.relax(fit_request, host, found.reasons, providers)
    assert fits(fit_request, better, providers)
    for left_out in found.reasons:
        others = [r for r in found.reasons if r is not left_out]
        less = gap.relax(fit_request, host, others, providers)
        assert not fits(fit_request, less, providers)


def told(example):
    missing = gap.shortfall(*asked(example))
    return [
        (r.resource, r.cell, r.asked, r.available) for r in missing.reasons
    ]


def test_the_nearest_cell_is_told():
    cells = [
        host_cell(0, cores=2, pages={GIB: 2}),
        host_cell(1, cores=2, pages={GIB: 3}),
    ]
    wanted = [guest_cell(0, 2, 4096, pagesize=GIB)]
    assert told(scene(cells, wanted)) == [(Resource.PAGES, 1, 4, 3)]


def test_one_cell_that_lacks_one_thing_is_nearer_than_one_that_lacks_two():
    cells = [
        host_cell(0, cores=1, pages={GIB: 3}),
        host_cell(1, cores=2, pages={GIB: 1}),
    ]
    wanted = [guest_cell(0, 2, 4096, pagesize=GIB)]
    assert told(scene(cells, wanted)) == [(Resource.PAGES, 1, 4, 1)]


def test_everything_that_a_cell_lacks_is_told():
    cells = [host_cell(0, cores=1, pages={GIB: 1})]
    wanted = [guest_cell(0, 2, 2048, pagesize=GIB)]
    assert told(scene(cells, wanted)) == [
        (Resource.PAGES, 0, 2, 1),
        (Resource.DEDICATED_CPUS, 0, 2, 1),
    ]


def test_devices_are_given_where_they_are_near_enough():
    cells = [
        host_cell(0, cores=1, pages={}),
        host_cell(1, cores=2, pages={}),
    ]
    cards = [device('0000:05:00.0', 'type-PF', 1)]
    want = [device_request(2, dev_type='type-PF', product_id='1572')]
    example = scene(cells, [guest_cell(0, 2)], cards, want)
    fit_request, host, providers = asked(example)
    missing = gap.shortfall(fit_request, host, providers)
    assert missing.all
    assert [(r.resource, r.asked, r.available) for r in missing.reasons] == [
        (Resource.DEVICES, 2, 1)
    ]


def test_what_no_host_could_be_given_is_not_all():
    example = scene([host_cell(0, cores=4)], [guest_cell(0), guest_cell(1)])
    missing = gap.shortfall(*asked(example))
    assert not missing.all
    assert [r.resource for r in missing.reasons] == [Resource.CELLS]


def test_the_nearest_reason_is_the_one_with_most_of_what_is_asked():
    few = Reason(Resource.PAGES, 'few', asked=8, available=1)
    many = Reason(Resource.MEMORY, 'many', asked=8, available=7)
    vague = Reason(Resource.COMBINATION, 'vague')
    assert gap.closest_reason([few, many, vague]) is many
    assert gap.closest_reason([]) is None
    assert gap.closeness(8, 12) == 1.0
    assert gap.closeness(8, -4) == 0.0
    assert gap.closeness(0, 0) == 0.0


def test_a_cell_far_from_the_network_is_not_all_that_is_missing():
    networks = objects.NetworkMetadata(physnets={'physnet0'}, tunneled=False)
    nowhere = objects.NetworkMetadata(physnets=set(), tunneled=False)
    cells = [
        host_cell(0, cores=0, memory=0, network_metadata=networks),
        host_cell(1, cores=0, pages={}, network_metadata=nowhere),
    ]
    example = scene(cells, [guest_cell(0)])
    example.spec.network_metadata = networks
    fit_request, host, providers = asked(example)
    missing = gap.shortfall(fit_request, host, providers)
    better = gap.relax(fit_request, host, missing.reasons, providers)
    assert missing.all == fits(fit_request, better, providers)
