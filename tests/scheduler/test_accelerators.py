"""vGPUs and Cyborg's devices near the instance: weighed, never required."""

import dataclasses

from nova import objects
from nova.scheduler import filters as scheduler_filters
from nova.scheduler import weights
import pytest

from nfv_sched.filters.cpu_pinning import CPUPinningFilter
from nfv_sched.filters.huge_pages import HugePagesFilter
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.model import FunctionTopology
from nfv_sched.nova import request_spec
from nfv_sched.scheduler import process
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.weighers.pci_locality import PCILocalityWeigher
from nfv_sched_testing.weighing import cell
from nfv_sched_testing.weighing import device_state
from nfv_sched_testing.weighing import Reader
from nfv_sched_testing.weighing import request
from nfv_sched_testing.weighing import SMALL
from nfv_sched_testing.weighing import spec_of
from nfv_sched_testing.weighing import topology
from nfv_sched_testing.weighing import vfs
from nfv_sched_testing.weighing import weigh

pytestmark = pytest.mark.usefixtures('no_placement')

NEAR, FAR, THIRD = '0000:10:00.0', '0000:90:00.0', '0000:91:00.0'
ROOTS = {NEAR: 'pci0000:00', FAR: 'pci0000:80', THIRD: 'pci0000:80'}
NAMES = {
    'gpu-near': 'cmp_pci_0000_10_00_0',
    'gpu-far': 'cmp_pci_0000_90_00_0',
    'gpu-third': 'cmp_0000:91:00.0',
}
VGPU = {'resources:VGPU': '1'}


@pytest.fixture(autouse=True)
def multiplier(nova_options):
    nova_options.set_override(PCILocalityWeigher.option, 1.0, 'nfv_sched')


class Names:
    """The names of providers, and those that were missing."""

    def __init__(self, names):
        self.names = names
        self.missing = set()

    def get(self, uuid):
        if uuid not in self.names:
            self.missing.add(uuid)
        return self.names.get(uuid)


def offer(*cards, compute='compute'):
    """A candidate with a vGPU of each of these cards."""
    return {
        'names': cards,
        'allocations': {
            compute: {'resources': {'PCPU': SMALL}},
            **{card: {'resources': {'VGPU': 1}} for card in cards},
        },
        'mappings': {'': ['compute', *cards]},
    }


def host(name, *offers, devices=(), requested=()):
    """A host with room on node 0 only, and cards on both nodes."""
    state = device_state(name, [cell(0), cell(1, free=0)], devices, *requested)
    state.allocation_candidates = list(offers)
    return state


def published(state):
    return dataclasses.replace(
        topology(state, 21),
        functions=tuple(
            FunctionTopology(address, 16, None, root, int(address != NEAR))
            for address, root in ROOTS.items()
        ),
    )


@pytest.fixture
def scheduling():
    """A scheduler that knows these names, and the topology of hosts."""

    def of(*states, names=NAMES, unpublished=()):
        reader = Reader(
            *(published(s) for s in states if s not in unpublished)
        )
        known = Names(names)
        view = PublishedTopology(reader, known)
        return process.replaced(process.SchedulerProcess(view)), known

    return of


def asking(extra_specs=VGPU, requested=()):
    spec = spec_of(SMALL, requested=requested)
    spec.flavor.extra_specs = dict(extra_specs)
    return spec


def weight_of(state, spec):
    """The weight of a single host, which Nova would not ask for."""
    assert NUMAFitFilter().host_passes(state, spec)
    weighed = [weights.WeighedHost(state, 0)]
    [weight] = PCILocalityWeigher().weigh_objects(weighed, spec)
    return weight


def test_hosts_with_the_accelerator_on_the_instances_node_weigh_more(
    scheduling,
):
    near, far = host('near', offer('gpu-near')), host('far', offer('gpu-far'))
    with scheduling(near, far)[0]:
        weighed = weigh(PCILocalityWeigher, [near, far], asking())
        assert weighed == {'near': 1, 'far': pytest.approx(10 / 21)}
        # A flavor without accelerators does not weigh them.
        weighed = weigh(PCILocalityWeigher, [near, far], asking({}))
        assert weighed['near'] == weighed['far']


def test_devices_and_accelerators_count_alike(scheduling):
    wanted = request(1, 'required')
    state = host(
        'host', offer('gpu-far'), devices=vfs(0, '10'), requested=[wanted]
    )
    with scheduling(state)[0]:
        spec = asking(requested=[wanted])
        weight = weight_of(state, spec)
    assert weight == pytest.approx((1 + 10 / 21) / 2)


@pytest.mark.parametrize(
    'classes',
    [
        (NUMAFitFilter,),
        (HugePagesFilter, CPUPinningFilter, NUMAFitFilter),
    ],
)
def test_the_candidate_with_the_nearest_accelerator_comes_first(
    scheduling, classes
):
    state = host('host', offer('gpu-far'), offer('gpu-near'))
    with scheduling(state)[0]:
        kept = scheduler_filters.HostFilterHandler().get_filtered_objects(
            [cls() for cls in classes], [state], asking()
        )
    assert kept == [state]
    order = [offered['names'] for offered in state.allocation_candidates]
    assert order == [('gpu-near',), ('gpu-far',)]


def test_an_accelerator_far_away_is_accepted(scheduling):
    state = host('host', offer('gpu-far'))
    with scheduling(state)[0]:
        assert NUMAFitFilter().host_passes(state, asking())


def test_without_names_or_topology_an_accelerator_is_taken_to_be_far(
    scheduling,
):
    state, blind = (
        host('host', offer('gpu-near')),
        host('x', offer('gpu-near')),
    )
    manager, names = scheduling(state, names={})
    with manager:
        weight = weight_of(state, asking())
        assert weight == pytest.approx(10 / 21)
        assert names.missing == {'gpu-near'}
        # The forecast without the name is not used once it is known.
        names.names = NAMES
        weight = weight_of(state, asking())
        assert weight == 1
    with scheduling(state, blind, unpublished=[blind])[0]:
        weight = weight_of(blind, asking())
    assert weight == pytest.approx(10 / 21)


def test_other_custom_resources_are_weighed_as_before(scheduling):
    """Such as licences, of the compute node or of a sharing provider."""
    states = []
    for name, devices in ('free', ()), ('occupied', vfs(0, '20')):
        state = host(name, devices=devices)
        state.allocation_candidates = [offer('licences', compute=state.uuid)]
        states.append(state)
    spec = asking({'resources:CUSTOM_LICENCE': '1'})
    for state in states:
        [offered] = state.allocation_candidates
        offered['allocations'][state.uuid]['resources']['CUSTOM_LICENCE'] = 1
        offered['allocations']['licences'] = {
            'resources': {'CUSTOM_LICENCE': 1}
        }
    names = {'licences': 'licences-of-the-cloud'}
    manager, known = scheduling(*states, names=names)
    with manager:
        weighed = weigh(PCILocalityWeigher, states, spec)
    assert weighed == {'free': 1, 'occupied': 0}
    assert not known.missing


@pytest.mark.parametrize(
    ('specs', 'classes'),
    [
        ({'resources:VGPU': '1'}, {'VGPU'}),
        ({'resources1:VGPU': '1', 'resources_B:FPGA': '1'}, {'VGPU', 'FPGA'}),
        ({'resources:CUSTOM_NVIDIA_11': '2'}, {'CUSTOM_NVIDIA_11'}),
        ({'resources:VCPU': '1', 'resources:VGPU_DISPLAY_HEAD': '1'}, set()),
        ({'hw:numa_nodes': '1'}, set()),
    ],
)
def test_the_classes_that_a_flavor_requests(specs, classes):
    assert request_spec.read_guest(asking(specs)).accelerators == classes


def test_the_classes_that_a_device_profile_requests():
    spec = asking({'accel:device_profile': 'fpga'})
    spec.requested_resources = [
        objects.RequestGroup(
            requester_id='device_profile_0', resources={'CUSTOM_FPGA_X': 1}
        ),
        objects.RequestGroup(
            requester_id='port', resources={'NET_BW_EGR_KILOBIT_PER_SEC': 1}
        ),
    ]
    assert request_spec.read_guest(spec).accelerators == {'CUSTOM_FPGA_X'}
    assert request_spec.locates_cards(spec)
    assert not request_spec.locates_cards(asking({}))


def test_accelerators_below_the_root_of_the_devices(scheduling):
    wanted = request(1, 'preferred')
    one = offer('gpu-near'), offer('gpu-far'), offer('gpu-third')

    def kept(policy):
        # The VF is below the root of the cards on node 1.
        state = host('host', *one, devices=vfs(1, '90'), requested=[wanted])
        with scheduling(state)[0]:
            spec = asking({**VGPU, 'nfv:pcie': policy}, [wanted])
            found = NUMAFitFilter().host_passes(state, spec)
        assert found
        return [offered['names'] for offered in state.allocation_candidates]

    assert kept('') == [('gpu-near',), ('gpu-far',), ('gpu-third',)]
    assert kept('same') == [('gpu-far',), ('gpu-third',), ('gpu-near',)]
    assert kept('same:required') == [('gpu-far',), ('gpu-third',)]


def test_a_host_without_such_a_candidate_is_rejected(scheduling):
    state = host('host', offer('gpu-near', 'gpu-far'))
    for policy, accepted in ('same', True), ('same:required', False):
        with scheduling(state)[0]:
            spec = asking({**VGPU, 'nfv:pcie': policy})
            assert NUMAFitFilter().host_passes(state, spec) is accepted
