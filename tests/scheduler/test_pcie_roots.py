"""``nfv:pcie`` in the filters and weighers, by the published PCIe roots."""

import dataclasses
import logging
import uuid

from nova import objects
from nova.scheduler import filters as scheduler_filters
import pytest

from nfv_sched import fit
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.filters.pci_numa import PCINUMAFilter
from nfv_sched.fit import drift
from nfv_sched.model import DeviceRequest
from nfv_sched.model import FunctionTopology
from nfv_sched.model import Host
from nfv_sched.nova import host_states
from nfv_sched.nova import move_claims
from nfv_sched.nova import request_spec
from nfv_sched.scheduler import live_migration
from nfv_sched.scheduler import process
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.weighers.pci_locality import PCILocalityWeigher
from nfv_sched_testing import builders
from nfv_sched_testing import scheduling
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

WANTED = request(2, 'required')
CARDS = ('0000:10:00.0', '0000:11:00.0')
A, B = 'pci0000:10', 'pci0000:20'
ALL = (PCINUMAFilter, NUMAFitFilter)


@pytest.fixture(autouse=True)
def multiplier(nova_options):
    nova_options.set_override(PCILocalityWeigher.option, 1.0, 'nfv_sched')


def host(name):
    """A host with one VF on each of two cards."""
    devices = [*vfs(0, '10', 1), *vfs(0, '11', 1)]
    return device_state(name, [cell(0)], devices, WANTED)


def published(state, *roots):
    """What is published of a host whose cards are below these roots."""
    return dataclasses.replace(
        topology(state, 21),
        functions=tuple(
            FunctionTopology(address, vfs=4, pcie_root=root)
            for address, root in zip(CARDS, roots, strict=False)
        ),
    )


def asking(**extra_specs):
    return spec_of(SMALL, requested=[WANTED], **extra_specs)


@pytest.fixture
def hosts():
    """Three hosts, of which Placement shows all, part and nothing."""
    states = {name: host(name) for name in ('one', 'two', 'none')}
    topologies = (
        published(states['one'], A, A),
        published(states['two'], A, B),
        published(states['none']),
    )
    view = PublishedTopology(Reader(*topologies))
    with process.replaced(process.SchedulerProcess(view)):
        yield states


def passing(states, spec, classes=ALL):
    found = scheduler_filters.HostFilterHandler().get_filtered_objects(
        [cls() for cls in classes], list(states.values()), spec
    )
    return [state.host for state in found]


@pytest.mark.parametrize('classes', [ALL, (NUMAFitFilter,)])
def test_hosts_known_to_have_the_devices_apart_are_rejected(hosts, classes):
    assert passing(hosts, asking(), classes) == ['one', 'two', 'none']
    same = asking(nfv_pcie='same')
    assert passing(hosts, same, classes) == ['one', 'two', 'none']
    required = asking(nfv_pcie='same:required')
    assert passing(hosts, required, classes) == ['one', 'none']


def test_the_log_says_why(hosts, caplog):
    caplog.set_level(logging.DEBUG)
    passing(hosts, asking(nfv_pcie='same:required'))
    assert 'NUMAFitFilter rejects two' in caplog.text
    assert '2 PCIe roots, pci0000:10, pci0000:20' in caplog.text


def test_hosts_with_fewer_roots_weigh_more_if_it_is_asked(hosts):
    states = list(hosts.values())
    weight_of = weigh(PCILocalityWeigher, states, asking(nfv_pcie='same'))
    assert weight_of == {'one': 1, 'two': 0.75, 'none': 0.75}
    # The forecasts of one request do not serve the other.
    weight_of = weigh(PCILocalityWeigher, states, asking())
    assert weight_of == dict.fromkeys(hosts, 1)
    both = asking(nfv_pcie='same', nfv_pci_spread='pf')
    weight_of = weigh(PCILocalityWeigher, states, both)
    assert weight_of['one'] == 1 > weight_of['two']


def test_unknown_roots_are_logged_once_per_host(hosts, caplog):
    caplog.set_level(logging.INFO)
    view = process.current().published
    for _ in range(2):
        passing(hosts, asking(nfv_pcie='same:required'))
    lines = [
        record.getMessage()
        for record in caplog.records
        if 'PCIe roots of some devices' in record.getMessage()
    ]
    assert len(lines) == 1
    assert 'of none are not published' in lines[0]
    assert view.rootless == {hosts['none'].uuid}


def test_a_drifted_host_is_accepted():
    state = host('two')
    gone = dataclasses.replace(published(state, A, B), pools=())
    view = PublishedTopology(Reader(gone))
    with process.replaced(process.SchedulerProcess(view)):
        required = asking(nfv_pcie='same:required')
        assert passing({'two': state}, required) == ['two']
    # Which is logged already.
    assert (view.drifted, view.rootless) == ({state.uuid}, set())


def test_roots_are_not_read_for_others(hosts, monkeypatch):
    monkeypatch.setattr(
        drift, 'with_roots', lambda *args: pytest.fail('not asked')
    )
    assert weigh(PCILocalityWeigher, list(hosts.values()), asking())


@pytest.mark.parametrize('value', ['other', '', 'same:preferred'])
def test_other_values_ask_for_nothing(value):
    # Before microversion 2.86 the API takes any.
    spec = asking(nfv_pcie=value)
    assert request_spec.read_guest(spec).pcie_policy is None


# Placement chooses the devices

REQUEST = str(uuid.UUID(int=7))
#: Devices by name: the letter is the PCIe root that each is below.
DEVICES = ('a0', 'b0', 'a1')
PROVIDERS = {name: str(uuid.UUID(int=n + 1)) for n, name in enumerate(DEVICES)}
ADDRESSES = {name: f'0000:8{n}:00.0' for n, name in enumerate(DEVICES)}


def candidate(*names):
    return builders.device_candidate(REQUEST, names, PROVIDERS)


def kept(policy, *choices):
    """The candidates that are left, and their order."""
    scene = builders.scene(
        [cell(0)],
        [builders.guest_cell(0, cpus=SMALL, pagesize=2048)],
        [builders.device(ADDRESSES[name], 'type-PCI', 0) for name in DEVICES],
        [
            objects.InstancePCIRequest(
                count=2,
                spec=[{'dev_type': 'type-PCI'}],
                alias_name='accelerator',
                request_id=REQUEST,
                numa_policy='required',
            )
        ],
    )
    names = {address: name for name, address in ADDRESSES.items()}
    for pool in scene.stats.pools:
        pool['rp_uuid'] = PROVIDERS[names[pool['address']]]
    state = scheduling.host_state(
        scene, candidates=[candidate(*names) for names in choices]
    )
    functions = tuple(
        FunctionTopology(address, pcie_root={'a': A, 'b': B}[name[0]])
        for name, address in ADDRESSES.items()
    )
    view = PublishedTopology(
        Reader(dataclasses.replace(topology(state, 21), functions=functions))
    )
    spec = scheduling.request(scene)
    spec.flavor.extra_specs = {'nfv:pcie': policy}
    with process.replaced(process.SchedulerProcess(view)):
        found = passing({'host': state}, spec)
    return (
        [one['names'] for one in state.allocation_candidates] if found else []
    )


def test_candidates_with_devices_below_several_roots_are_dropped():
    apart, same = ('a0', 'b0'), ('a0', 'a1')
    assert kept('same:required', apart, same) == [same]
    assert kept('same:required', apart) == []


def test_the_candidate_with_devices_below_one_root_comes_first():
    apart, same = ('a0', 'b0'), ('a0', 'a1')
    assert kept('same', apart, same) == [same, apart]
    assert kept('', apart, same) == [apart, same]


# Moves


def test_a_live_migration_needs_the_root_of_the_devices_that_it_claims():
    """Not of those that the claim of its NUMA nodes only counts."""
    state = host('two')
    spec = asking(nfv_pcie='same:required')
    guest = dataclasses.replace(
        request_spec.read_guest(spec), pcie_policy='preferred'
    )

    def refusal(count, *roots):
        view = PublishedTopology(Reader(published(state, *roots)))
        decision = live_migration.LiveMigrationDecision(
            fit.FitRequest(guest),
            state,
            view,
            live_migration.LiveRequest(
                move_claims.LiveMigration(
                    2048,
                    (DeviceRequest(count, ({'product_id': '1572'},)),),
                    'required',
                )
            ),
        )
        return decision.refusal(state, scheduling.CANDIDATE)

    assert refusal(2, A, A) is None
    assert refusal(1, A, B) is None
    assert refusal(2) is None
    [reason] = refusal(2, A, B).reasons
    assert '2 PCIe roots' in reason.text


def test_pools_keep_their_root_when_they_are_copied():
    state = host('one')
    view = PublishedTopology(Reader(published(state, A, B)))
    found = view.augment(state, host_states.host_of(state), roots=True)
    assert [pool.pcie_root for pool in found.plain().pools] == [A, B]
    assert isinstance(found.plain(), Host)
    assert {pool.get('address') for pool in found.pools} == set(CARDS)
