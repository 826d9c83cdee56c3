"""Destinations of moves are those whose claims succeed."""

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from nova import objects
from nova.compute import task_states
from nova.objects import service
import pytest

from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.model import PAGES_ANY
from nfv_sched.model import PAGES_LARGE
from nfv_sched.scheduler import cycle
from nfv_sched_testing import builders
from nfv_sched_testing import candidate_strategies
from nfv_sched_testing import move_oracle
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import scheduling
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.strategies import POLICIES
from tests.scheduler.moves import ALL
from tests.scheduler.moves import CELL
from tests.scheduler.moves import kept
from tests.scheduler.moves import moving

pytestmark = pytest.mark.usefixtures('no_placement')

TASKS = (
    task_states.UNSHELVING,
    task_states.RESIZE_PREP,
    task_states.MIGRATING,
    task_states.REBUILDING,
)


@st.composite
def stored_topologies(draw, wanted):
    """What the claim on an earlier host has made of a topology."""
    if wanted is None:
        return None
    topology = wanted.obj_clone()
    ids = draw(st.permutations(range(10)))
    size = draw(st.sampled_from(strategies.PAGE_SIZES))
    for cell, host_cell in zip(topology.cells, ids, strict=False):
        cell.id = host_cell
        if cell.pagesize and cell.pagesize < 0:
            cell.pagesize = size
        if cell.pcpuset:
            cell.cpu_pinning = {cpu: cpu for cpu in cell.pcpuset}
            cell.cpuset_reserved = {0}
    return topology


@st.composite
def moves(draw, scenes):
    """A scene, the instance that moves there, and ``[pci] alias``."""
    scene = draw(scenes)
    wanted = scene.spec.numa_topology
    if wanted and draw(st.booleans()):
        code = draw(st.sampled_from((PAGES_LARGE, PAGES_ANY)))
        for cell in wanted.cells:
            cell.pagesize = code
    aliases = {}
    for request in scene.requests:
        if request.alias_name is not None:
            request.alias_name = f'alias-{len(aliases)}'
            aliases[request.alias_name] = request
    text = ','.join(f'{name}:{r.count}' for name, r in aliases.items())
    scene.spec.flavor = objects.Flavor(
        extra_specs={'pci_passthrough:alias': text} if text else {}
    )
    configured = {
        name: (
            draw(st.sampled_from((None, *POLICIES))),
            [dict(spec) for spec in request.spec],
        )
        for name, request in aliases.items()
    }
    devices = scene.spec.pci_requests.obj_clone()
    for request in devices.requests:
        if request.alias_name in configured and draw(st.booleans()):
            request.numa_policy = configured[request.alias_name][0]
    stored = move_oracle.Stored(
        draw(st.sampled_from(TASKS)),
        draw(stored_topologies(wanted)),
        devices,
    )
    return scene, stored, configured


def expected(scene, stored, candidates):
    return [
        candidate
        for candidate in candidates
        if move_oracle.succeeds(scene, stored, candidate)
    ]


@given(move=moves(strategies.scenes()))
@settings(max_examples=examples(1000))
def test_exactly_the_hosts_are_kept_whose_claims_succeed(move):
    scene, stored, aliases = move
    candidates = [scheduling.CANDIDATE]
    with moving(stored, aliases):
        wanted = expected(scene, stored, candidates)
        for classes in ((NUMAFitFilter,), ALL):
            assert kept(scene, candidates, classes) == wanted


@given(move=moves(candidate_strategies.scenes()))
@settings(max_examples=examples(1000))
def test_exactly_the_candidates_are_kept_whose_claims_succeed(move):
    scene, stored, aliases = move
    with (
        moving(stored, aliases),
        scheduling.provider_names(scene.names),
    ):
        wanted = expected(scene, stored, scene.candidates)
        for classes in ((NUMAFitFilter,), ALL):
            result = kept(scene, scene.candidates, classes)
            assert len(result) == len(wanted)
            assert all(candidate in wanted for candidate in result)


@pytest.mark.parametrize(
    ('task_state', 'service_version', 'chosen'),
    [
        (task_states.RESIZE_PREP, nova_oracle.NOVA_33, True),
        # nova-conductor hands over the limits after the claim.
        (task_states.MIGRATING, nova_oracle.NOVA_33, False),
        (task_states.MIGRATING, nova_oracle.NOVA_33 + 1, True),
    ],
)
def test_nodes_are_chosen_for_moves_whose_claims_have_limits(
    task_state, service_version, chosen, nova_options, monkeypatch
):
    monkeypatch.setattr(service, 'SERVICE_VERSION', service_version)
    nova_options.set_override('choose_nodes', True, 'nfv_sched')
    scene = builders.scene(
        [builders.host_cell(0, pages={})], [builders.guest_cell(0)]
    )
    stored = move_oracle.Stored(
        task_state, scene.spec.numa_topology, scene.spec.pci_requests
    )
    spec = scheduling.request(
        scene, requested_destination=objects.Destination(cell=CELL)
    )
    with moving(stored, {}):
        assert cycle.begin(spec).chooses_nodes is chosen
