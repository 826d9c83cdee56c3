"""Instances that leave give back what they took."""

import dataclasses

from hypothesis import given
from hypothesis import settings

from nfv_sched import fit
from nfv_sched.model import DeviceRequest
from nfv_sched.model import Host
from nfv_sched.nova import request_spec
from nfv_sched.survey import InstanceCell
from nfv_sched.survey import SurveyedDevice
from nfv_sched.survey import SurveyedInstance
from nfv_sched.survey.departures import host_without
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.builders import host_cell
from nfv_sched_testing.builders import host_of
from nfv_sched_testing.builders import scene
from nfv_sched_testing.residents import devices
from nfv_sched_testing.residents import resident
from nfv_sched_testing.residents import survey


def counts(host):
    return {
        (p.vendor_id, p.product_id, p.dev_type, p.numa_node, p.address): (
            p.count
        )
        for p in host.pools
    }


@given(scene=strategies.scenes())
@settings(max_examples=examples(300))
def test_a_guest_that_leaves_undoes_its_claim(scene):
    guest, before = request_spec.read_guest(scene.spec), host_of(scene).plain()
    placement = fit.evaluate(guest, before).outcome
    if placement is None:
        return
    after = fit.apply_claim(guest, before, placement)
    staying = resident('guest', guest, placement)
    held = devices(guest, before, placement, 'guest')
    again = host_without(survey([staying], held), after, [staying])
    for old, new in zip(before.cells, again.cells, strict=True):
        assert new.memory_used_mib == old.memory_used_mib
        assert new.shared_used == old.shared_used
        assert list(new.pages) == list(old.pages)
        assert new.pinned_cpus == old.pinned_cpus
    taken = sum(device.count for device in placement.devices)
    if sum(counts(before).values()) - sum(counts(after).values()) == taken:
        # No functions of the same cards went with them.
        assert counts(again) == counts(before)


def alone(name, cpu, *, isolated=False):
    part = InstanceCell(0, 0, 64, ((0, cpu),), isolated=isolated)
    return SurveyedInstance(name, name, 'f', (part,))


def pinned_without(leaving, *staying):
    """What stays pinned of two cores of two threads, of which one was."""
    cell = host_cell(0, cores=2, threads=2, pinned=(0, 1))
    host = host_of(scene([cell], [])).plain()
    again = host_without(survey([leaving, *staying]), host, [leaving])
    return again.cells[0].pinned_cpus


def test_a_core_of_its_own_comes_back_whole():
    assert pinned_without(alone('g', 0, isolated=True)) == set()


def test_a_sibling_of_nobody_stays_pinned():
    # It may be that of an instance which could not be read.
    assert pinned_without(alone('g', 0)) == {1}
    assert pinned_without(alone('g', 0), alone('h', 1)) == {1}


def test_a_cpu_of_two_instances_stays_pinned():
    assert pinned_without(alone('g', 0), alone('h', 0)) == {0, 1}
    other = alone('h', 1, isolated=True)
    assert pinned_without(alone('g', 0, isolated=True), other) == {0, 1}


def test_the_last_device_of_a_pool_comes_back_with_its_network():
    [cell] = [host_cell(0, cores=1)]
    host = host_of(scene([cell], [])).plain()
    gone = SurveyedDevice(
        '0000:05:02.0',
        '8086',
        '154c',
        'type-VF',
        0,
        '0000:05:00.0',
        'physnet1',
        'g',
        free=False,
    )
    guest = SurveyedInstance('g', 'g', 'f', ())
    again = host_without(survey([guest], (gone,)), host, [guest])
    assert isinstance(again, Host)
    [pool] = again.pools
    assert (pool.count, pool.address) == (1, '0000:05:00.0')
    assert pool.get('physical_network') == 'physnet1'
    two = dataclasses.replace(gone, address='0000:05:02.1')
    again = host_without(survey([guest], (gone, two)), host, [guest])
    assert [pool.count for pool in again.pools] == [2]


def test_the_last_device_of_a_pool_comes_back_as_it_was_requested():
    [cell] = [host_cell(0, cores=1)]
    host = host_of(scene([cell], [])).plain()
    other, own = (
        DeviceRequest(
            1,
            ({'physical_network': 'physnet1', 'trusted': trusted},),
            'legacy',
            name,
            from_port=True,
        )
        for name, trusted in (('other', 'false'), ('own', 'true'))
    )
    device = SurveyedDevice(
        '0000:05:02.0',
        '8086',
        '154c',
        'type-VF',
        0,
        '0000:05:00.0',
        'physnet1',
        'g',
        free=False,
        request_id='own',
    )
    guest = SurveyedInstance('g', 'g', 'f', (), (other, own))
    again = host_without(survey([guest], (device,)), host, [guest])
    assert again.pools[0].get('trusted') == 'true'
