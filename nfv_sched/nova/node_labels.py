"""Labels of NUMA nodes, by which limits restrict a claim to chosen nodes.

A claim skips each set of nodes that lacks a physical network of its limits
which some node of the host declares (nova.virt.hardware
``_numa_cells_support_network_metadata``). A label is the name of a physical
network that exists for that purpose only: the ``[neutron] physnets`` of a
nova-compute names it, and ``[neutron_physnet_LABEL] numa_nodes`` the nodes
that declare it. A host of several nodes has two labels for each node N:

* ``nfv-node-N``, which node N declares: a claim whose limits have it takes
  node N;
* ``nfv-not-N``, which all other nodes declare: the claim of an instance of one
  node takes another one.

Labels that a host does not declare have no effect on its claims.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Sequence
import itertools
import re
from typing import NamedTuple

from nfv_sched.model import Cell
from nfv_sched.model import NodeChoice

_REQUIRED = 'nfv-node-'
_EXCLUDED = 'nfv-not-'
_LABEL = re.compile(r'nfv-(?:node|not)-\d+')


class LabelDifference(NamedTuple):
    """The labels that a NUMA node lacks, and those that it should not have."""

    node: int
    missing: frozenset[str]
    wrong: frozenset[str]


def is_label(physnet: str) -> bool:
    """Whether a physical network is the label of a NUMA node."""
    return _LABEL.fullmatch(physnet) is not None


def without_labels(physnets: Iterable[str]) -> frozenset[str]:
    """The physical networks that are no labels."""
    return frozenset(itertools.filterfalse(is_label, physnets))


def labels_among(physnets: Iterable[str]) -> frozenset[str]:
    """The physical networks that are labels."""
    return frozenset(filter(is_label, physnets))


def nodes_of_labels(nodes: Collection[int]) -> dict[str, tuple[int, ...]]:
    """All labels of a host, each with the nodes that declare it.

    None for a host of one node, where there is nothing to choose.

    :param nodes: the ids of the host's NUMA nodes
    """
    if len(nodes) < 2:
        return {}
    ordered = sorted(nodes)
    labels: dict[str, tuple[int, ...]] = {
        f'{_REQUIRED}{node}': (node,) for node in ordered
    }
    for node in ordered:
        labels[f'{_EXCLUDED}{node}'] = tuple(
            other for other in ordered if other != node
        )
    return labels


def are_complete(cells: Sequence[Cell]) -> bool:
    """Whether each cell of a host declares exactly its labels.

    False for a host of one cell, which has none.
    """
    return len(cells) > 1 and not differences(cells)


def differences(cells: Sequence[Cell]) -> list[LabelDifference]:
    """The cells of a host that do not declare exactly their labels."""
    expected: dict[int, set[str]] = {cell.id: set() for cell in cells}
    for label, nodes in nodes_of_labels(expected).items():
        for node in nodes:
            expected[node].add(label)
    return [
        LabelDifference(
            cell.id,
            frozenset(expected[cell.id] - cell.labels),
            frozenset(cell.labels - expected[cell.id]),
        )
        for cell in cells
        if cell.labels != expected[cell.id]
    ]


def labels_of(choice: NodeChoice) -> frozenset[str]:
    """The labels that restrict a claim to a choice of nodes."""
    return frozenset(
        (
            *(f'{_REQUIRED}{node}' for node in choice.required),
            *(f'{_EXCLUDED}{node}' for node in choice.excluded),
        )
    )
