"""NUMA nodes that the scheduler chooses on hosts with labels.

By itself a claim gives an instance the NUMA node that is used least. The
scheduler expects instances that need a whole NUMA node, and keeps one free.
"""

import json
import time

import pytest

from nfv_sched.nova import node_labels
from nfv_sched.placement import schema
from nfv_sched.scheduler.in_flight import SETTLED
from tests.stack.guests import VNF


@pytest.fixture(autouse=True)
def clean(guests):
    yield
    assert list(guests.overlaps()) == []
    guests.delete_all()


def booted(guests, flavor, host, name='guest'):
    guest = guests.boot(name, flavor, host=host)
    assert guest.status == 'ACTIVE', guest.fault
    assert guest.compute_host == host
    return guest


def nodes_of(guests, *members):
    """The NUMA nodes of each instance, as Nova's API has them."""
    return [set(guests.pins(guest).by_cell) for guest in members]


def shown(plane, *hosts):
    """The NUMA nodes of instances by uuid, as ``nfv-sched topology`` says."""
    text = plane.run(
        'nfv-sched',
        'topology',
        f'--config-file={plane.nova_conf}',
        '--format=json',
        *hosts,
    )
    assert 'nfv-node-' not in text
    assert 'nfv-not-' not in text
    return {
        instance['uuid']: {
            node['host_numa_node'] for node in instance['numa_nodes']
        }
        for host in json.loads(text)['hosts']
        for instance in host['instances']
    }


def test_instances_share_a_node_where_nodes_are_chosen(plane, guests, flavors):
    labelled = plane.labelled[0]
    [other, *_] = sorted(set(plane.hosts).difference(plane.labelled))
    first, second = (booted(guests, flavors.vnf, other) for _ in range(2))
    assert nodes_of(guests, first, second) == [{0}, {1}]
    members = [booted(guests, flavors.vnf, labelled) for _ in range(2)]
    assert nodes_of(guests, *members) == [{0}, {0}]
    # While instances are in flight a choice is wide, and the claim may take
    # any node of it.
    time.sleep(SETTLED + 1)
    # By its own choice the claim of a move takes the other node, too.
    guests.action(second, 'migrate', {'host': labelled})
    guests.reaches(second, 'VERIFY_RESIZE')
    guests.action(second, 'confirmResize')
    moved = guests.reaches(second, 'ACTIVE')
    node = booted(guests, flavors.node, labelled)
    assert nodes_of(guests, moved, node) == [{0}, {1}]
    assert shown(plane, labelled, other) == {
        first.id: {0},
        **{guest.id: {0} for guest in members},
        moved.id: {0},
        node.id: {1},
    }


def test_instances_of_one_request_share_a_node(plane, guests, flavors):
    labelled = plane.labelled[1]
    # The claims of one request are not restricted where Placement may have
    # chosen devices.
    specs = {k: v for k, v in VNF.items() if k != 'pci_passthrough:alias'}
    plain = guests.flavor('vnf.plain', specs)
    first = booted(guests, plain, labelled)
    members = guests.boot_several('several', plain, 2, host=labelled)
    assert [guest.status for guest in members] == ['ACTIVE'] * 2
    assert nodes_of(guests, first, *members) == [{0}] * 3


def test_labels_are_not_published(plane):
    answer = plane.cloud.placement.get(
        '/traits?name=startswith:CUSTOM_', microversion='1.39'
    )
    traits = answer.json()['traits']
    # Those of the published trees are among them.
    assert any(trait.startswith('CUSTOM_NFV_') for trait in traits)
    assert not {
        schema.physnet_trait(label)
        for label in node_labels.nodes_of_labels(range(2))
    }.intersection(traits)
