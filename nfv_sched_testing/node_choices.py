"""Claims that limits restrict to chosen NUMA nodes, and random ones of them.

The host is read from a HostState, the limits are written by the scheduler's
own function and have been sent through RPC, and the claim is Nova's.
"""

from collections.abc import Iterator
import contextlib
import dataclasses
import functools
import random

from hypothesis import strategies as st
from nova import objects
import nova.conf

from nfv_sched import fit
from nfv_sched.fit import candidates
from nfv_sched.fit import node_options
from nfv_sched.model import NodeChoice
from nfv_sched.nova import host_states
from nfv_sched.nova import node_labels
from nfv_sched.nova import request_spec
from nfv_sched_testing import builders
from nfv_sched_testing import candidate_strategies
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import scheduling
from nfv_sched_testing import strategies
from nfv_sched_testing.agreement import assert_same

_PACK = 'packing_host_numa_cells_allocation_strategy'
_SEVERAL = 2


def add_labels(topology):
    """Declare the labels as a nova-compute with a complete nova.conf does."""
    labels = node_labels.nodes_of_labels([cell.id for cell in topology.cells])
    for cell in topology.cells:
        network = objects.NetworkMetadata(physnets=set(), tunneled=False)
        if 'network_metadata' in cell:
            network = cell.network_metadata.obj_clone()
        network.physnets = network.physnets.union(
            label for label, nodes in labels.items() if cell.id in nodes
        )
        cell.network_metadata = network


@st.composite
def scenes(draw, max_nodes, *, requests=1, kind='plain'):
    """A labelled host, and some requests for fewer NUMA nodes than it has.

    None for a host of one node, where there is nothing to choose.

    :param kind: ``plain``, or ``candidates`` or ``bandwidth`` for hosts with
        allocation candidates
    """
    topology = draw(strategies.topologies(max_nodes))
    if len(topology.cells) == 1:
        return []
    add_labels(topology)
    most = len(topology.cells) - 1
    if kind == 'plain':
        stats = draw(strategies.pci_stats_of(topology))
        version = draw(strategies.pick(None, None, nova_oracle.NOVA_33))
    else:
        with candidate_strategies.pci_in_placement():
            cards, stats = draw(
                candidate_strategies.hosts(
                    topology, network=kind == 'bandwidth'
                )
            )
    found = []
    for _ in range(requests):
        wanted = draw(strategies.guest_topologies(most))
        if len(wanted.cells) > most:
            continue
        if kind == 'plain':
            scene = draw(_plain(topology, stats, wanted, version))
        else:
            scene = draw(
                candidate_strategies.scenes_on(
                    topology,
                    wanted,
                    cards,
                    stats,
                    bandwidth=kind == 'bandwidth',
                )
            )
        found.append(scene)
    return found


@st.composite
def _plain(draw, topology, stats, wanted, version):
    return nova_oracle.Scene(
        topology=topology,
        stats=stats,
        spec=objects.RequestSpec(
            flavor=objects.Flavor(extra_specs={}),
            numa_topology=wanted,
            pci_requests=draw(strategies.pci_requests(stats.pools)),
            network_metadata=draw(strategies.networks()),
        ),
        cpu_ratio=draw(strategies.pick(1.0, 4.0, 16.0)),
        ram_ratio=draw(strategies.pick(1.0, 1.5)),
        service_version=version,
    )


@contextlib.contextmanager
def _packing(pack):
    """Nova's option for the order of NUMA nodes."""
    nova.conf.CONF.set_override(_PACK, pack, 'compute')
    try:
        yield
    finally:
        nova.conf.CONF.clear_override(_PACK, 'compute')


class Offer:
    """The choices of NUMA nodes that the fit offers for a host and a request.

    :param candidate: the allocation candidate; None where Placement chose
        nothing
    :param pack: whether nova-compute packs NUMA nodes
    """

    def __init__(
        self,
        scene: nova_oracle.Scene,
        candidate: dict | None = None,
        *,
        pack: bool = False,
    ) -> None:
        self.scene = scene
        self.candidate = candidate
        self._request = fit.FitRequest(
            request_spec.read_guest(scene.spec), pack=pack
        )
        self._providers = self._request.no_providers
        if candidate is not None:
            self._providers = candidates.providers(
                self._request, candidate, scene.names.get
            )
        evaluation = fit.Evaluation(self._request, builders.host_of(scene))
        self.choices = tuple(
            option.choice
            for option in node_options.options(evaluation, self._providers)
        )

    @functools.cached_property
    def _state(self):
        return scheduling.host_state(self.scene)

    def wide(self, draws: random.Random) -> NodeChoice:
        """Some of the nodes for an instance of one node in one choice.

        As the chooser makes them wide.
        """
        count = draws.randint(_SEVERAL, len(self.choices))
        chosen = draws.sample(self.choices, count)
        return NodeChoice(
            excluded=frozenset.intersection(
                *(choice.excluded for choice in chosen)
            )
        )

    def difference(self, choice: NodeChoice) -> str:
        """How the claim differs from what is predicted; empty if it agrees."""
        state = self._state
        evaluation = fit.Evaluation(self._request, host_states.host_of(state))
        predicted = node_options.outcome_within(
            evaluation, self._providers, choice
        )
        if predicted is None:
            return 'not predicted'
        limits = request_spec.OriginalRequest.of(self.scene.spec).limits(
            self.scene.spec, state, choice
        )
        scene = dataclasses.replace(
            self.scene,
            written_limits=objects.NUMATopologyLimits.obj_from_primitive(
                limits.obj_to_primitive()
            ),
        )
        try:
            if self.candidate is not None:
                scene = nova_oracle.as_claimed(scene, self.candidate)
            with _packing(self._request.pack):
                claimed = nova_oracle.claim(scene)
        except nova_oracle.Refused as exc:
            return f'predicted: {predicted}, {exc}'
        try:
            assert_same(scene, predicted, claimed, state.pci_stats.pools)
        except AssertionError:
            return f'predicted: {predicted}, claimed: {claimed}'
        nodes = {cell.id for cell in claimed.topology.cells}
        return '' if choice.allows(nodes) else f'not allowed: {nodes}'

    def features(self, choice: NodeChoice) -> Iterator[str]:
        """What there is, by name: the coverage of random choices."""
        wanted = len(self.scene.spec.numa_topology.cells)
        nodes = len(self.scene.topology.cells)
        if wanted > 1:
            yield f'sets of {min(wanted, 4)} nodes' + ' or more' * (wanted > 3)
        elif nodes - len(choice.excluded) == 1:
            yield 'sets of 1 node'
        else:
            yield 'one of several nodes'
        yield f'hosts of {nodes} nodes'
        if self.scene.requests:
            yield 'with devices'
        if len(self.scene.requests) >= _SEVERAL:
            yield 'with several device requests'
        if self.candidate is not None:
            yield 'with allocation candidates'
        if self.scene.spec.network_metadata.physnets:
            yield 'with physical networks'
        if self.scene.service_version is not None:
            yield 'on a nova-compute of Nova 33'
        if self._request.pack:
            yield 'on a nova-compute that packs nodes'
