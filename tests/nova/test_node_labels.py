"""Labels of NUMA nodes: which there are, and who sees them."""

from nova import objects
from nova.virt import hardware
import pytest

from nfv_sched.model import Cell
from nfv_sched.model import NodeChoice
from nfv_sched.nova import compute_topology
from nfv_sched.nova import host_states
from nfv_sched.nova import node_labels
from nfv_sched.nova.node_labels import LabelDifference
from nfv_sched_testing import builders


def cells(*labels):
    return [
        Cell(node, 1024, labels=frozenset(names))
        for node, names in enumerate(labels)
    ]


def test_each_node_has_a_label_and_all_others_have_its_complement():
    assert node_labels.nodes_of_labels({7, 2, 4}) == {
        'nfv-node-2': (2,),
        'nfv-node-4': (4,),
        'nfv-node-7': (7,),
        'nfv-not-2': (4, 7),
        'nfv-not-4': (2, 7),
        'nfv-not-7': (2, 4),
    }


@pytest.mark.parametrize('nodes', [(), (0,), (3,)])
def test_without_a_choice_there_are_no_labels(nodes):
    """nova-compute refuses a label without nodes."""
    assert node_labels.nodes_of_labels(nodes) == {}


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('nfv-node-0', True),
        ('nfv-not-12', True),
        ('nfv-node-', False),
        ('nfv-node-a', False),
        ('nfv-node-0-b', False),
        ('xnfv-node-0', False),
        ('physnet1', False),
    ],
)
def test_what_is_a_label(name, expected):
    assert node_labels.is_label(name) is expected
    assert (name in node_labels.labels_among([name])) is expected
    assert (name in node_labels.without_labels([name])) is not expected


def test_labels_are_complete_on_the_right_nodes_only():
    right = ({'nfv-node-0', 'nfv-not-1'}, {'nfv-node-1', 'nfv-not-0'})
    assert node_labels.are_complete(cells(*right))
    assert not node_labels.are_complete(cells(*right[::-1]))
    assert not node_labels.are_complete(cells(set()))
    assert not node_labels.are_complete([])
    partly = cells(right[0] | {'nfv-node-2'}, {'nfv-node-1'})
    assert node_labels.differences(partly) == [
        LabelDifference(0, frozenset(), frozenset({'nfv-node-2'})),
        LabelDifference(1, frozenset({'nfv-not-0'}), frozenset()),
    ]


@pytest.mark.parametrize(
    ('choice', 'nodes', 'allowed'),
    [
        (NodeChoice(), {0}, True),
        (NodeChoice(required=frozenset({0, 2})), {0, 2, 3}, True),
        (NodeChoice(required=frozenset({0, 2})), {0, 3}, False),
        (NodeChoice(excluded=frozenset({0, 2})), {1}, True),
        (NodeChoice(excluded=frozenset({0, 2})), {2}, False),
        # Another node declares the label.
        (NodeChoice(excluded=frozenset({0, 2})), {0, 2}, True),
    ],
)
def test_a_choice_allows_what_the_claim_allows(choice, nodes, allowed):
    assert choice.allows(nodes) is allowed
    topology = objects.NUMATopology(
        cells=[
            builders.host_cell(
                node,
                network_metadata=objects.NetworkMetadata(
                    physnets={
                        label
                        for label, on in node_labels.nodes_of_labels(
                            range(4)
                        ).items()
                        if node in on
                    },
                    tunneled=False,
                ),
            )
            for node in range(4)
        ]
    )
    limits = objects.NetworkMetadata(
        physnets=set(node_labels.labels_of(choice)), tunneled=False
    )
    chosen = [cell for cell in topology.cells if cell.id in nodes]
    assert allowed is hardware._numa_cells_support_network_metadata(
        topology, chosen, limits
    )


def test_labels_are_no_networks():
    cell = builders.host_cell(
        0,
        network_metadata=objects.NetworkMetadata(
            physnets={'physnet1', 'nfv-node-0', 'nfv-not-1'}, tunneled=True
        ),
    )
    [read] = host_states.cells_of(objects.NUMATopology(cells=[cell]))
    assert read.physnets == {'physnet1'}
    assert read.labels == {'nfv-node-0', 'nfv-not-1'}
    assert read.plain().labels == read.labels
    assert compute_topology._cell(cell).physnets == {'physnet1'}
