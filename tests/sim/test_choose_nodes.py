"""NUMA nodes that the scheduler chooses, on hosts with eight of them.

Cards for physnet1 are on nodes 1, 3 and 6, for physnet2 on nodes 2, 3 and 7.
"""

import contextlib
import dataclasses

import pytest

from nfv_sched.sim import flavors
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import Port
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.boot_result import Outcome
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from nfv_sched_testing.decision_journals import recording

SPECS = {
    'hw:cpu_policy': 'dedicated',
    'hw:mem_page_size': '1GB',
    'hw:numa_nodes': '1',
    'hw:pci_numa_affinity_policy': 'required',
}
BOTH = SimulatedFlavor(
    'both',
    8,
    8192,
    extra_specs=SPECS,
    ports=(Port('physnet1'), Port('physnet2')),
)
ONE = SimulatedFlavor(
    'one', 8, 8192, extra_specs=SPECS, ports=(Port('physnet1'),)
)
PLAIN = SimulatedFlavor('plain', 8, 8192, extra_specs=SPECS)
ALIAS = {
    'name': 'cx7-vf',
    'vendor_id': '15b3',
    'product_id': '101e',
    'device_type': 'type-VF',
}
BY_ALIAS = SimulatedFlavor(
    'by-alias',
    8,
    8192,
    extra_specs={**SPECS, 'pci_passthrough:alias': 'cx7-vf:1'},
)
PAIR = SimulatedFlavor(
    'pair', 16, 16384, extra_specs={**SPECS, 'hw:numa_nodes': '2'}
)


@contextlib.contextmanager
def turin(*, labelled=True, chosen=True):
    """A cloud of one host, in which both networks are asked for first."""
    host = dataclasses.replace(machine.load('turin-nps4'), labelled=labelled)
    with simulated_cloud(
        settings.NFV,
        aliases=[*flavors.aliases(), ALIAS],
        options={'nfv_sched.choose_nodes': chosen},
    ) as cloud:
        cloud.add_host('turin', host)
        # The scheduler expects what it was asked for before.
        [first] = cloud.boot(BOTH)
        cloud.delete(first)
        yield cloud


def nodes_of(cloud, flavor, count=1):
    """Boot instances; the NUMA nodes of each."""
    instances = cloud.boot(flavor, count=count)
    assert all(instance.booted for instance in instances), instances
    return [
        {cell.id for cell in instance.instance.numa_topology.cells}
        for instance in instances
    ]


def count_until_full(cloud, flavor):
    """How many instances find a host; each claim succeeds."""
    count = 0
    while (result := cloud.boot(flavor)[0]).booted:
        count += 1
    assert result.outcome is Outcome.NO_VALID_HOST
    return count


@pytest.mark.parametrize(
    ('labelled', 'chosen', 'expected'),
    [
        (True, True, {1, 6}),
        # By itself a claim takes the node with the most devices first.
        (False, True, {3}),
        (True, False, {3}),
    ],
)
def test_a_node_with_both_networks_is_kept(labelled, chosen, expected):
    with turin(labelled=labelled, chosen=chosen) as cloud:
        [nodes] = nodes_of(cloud, ONE)
        assert nodes <= expected
        for _ in range(3):
            nodes_of(cloud, ONE)
        assert count_until_full(cloud, BOTH) == (
            4 if labelled and chosen else 0
        )


def test_nodes_are_chosen_for_all_kinds_of_instances():
    with turin() as cloud:
        for _ in range(2):
            [nodes] = nodes_of(cloud, PLAIN)
            assert nodes <= {0, 4, 5}
        [nodes] = nodes_of(cloud, PAIR)
        assert nodes <= {0, 4, 5}
        # Claims of one request all have the limits of its last instance.
        for nodes in nodes_of(cloud, ONE, count=4):
            assert nodes <= {1, 6}
        for nodes in nodes_of(cloud, ONE, count=3):
            assert len(nodes) == 1


def test_nodes_are_chosen_for_several_instances_with_devices_by_alias():
    """Placement has not chosen these: they are not in Placement."""
    with turin() as cloud:
        for nodes in nodes_of(cloud, BY_ALIAS, count=4):
            assert nodes <= {1, 2, 6, 7}
        assert count_until_full(cloud, BOTH) == 4


def test_the_log_names_the_labels_that_restrict_a_claim(caplog):
    with turin() as cloud, caplog.at_level('DEBUG', 'nfv_sched'):
        [instance] = cloud.boot(ONE)
    [node] = {cell.id for cell in instance.instance.numa_topology.cells}
    [line] = [
        record.getMessage()
        for record in caplog.records
        if 'restricted by' in record.getMessage()
    ]
    assert instance.instance.uuid in line
    labels = line.split('restricted by ')[1].split(', ')
    assert set(labels) < {f'nfv-not-{other}' for other in range(8)}
    assert f'nfv-not-{node}' not in labels


def test_the_decision_journal_has_the_chosen_nodes(tmp_path):
    with turin() as cloud, recording(tmp_path) as recorded:
        [first] = cloud.boot(BOTH)
        cloud.delete(first)
        guests = [cloud.boot(flavor)[0] for flavor in (ONE, ONE, PAIR, PLAIN)]
        records = recorded.all()[1:]
    for guest, record in zip(guests, records, strict=True):
        assert list(record.numa_nodes) == [
            cell.id for cell in guest.instance.numa_topology.cells
        ]
    # By itself the claim would take node 3.
    assert records[0].chosen
    assert set(records[0].numa_nodes) <= {1, 6}
