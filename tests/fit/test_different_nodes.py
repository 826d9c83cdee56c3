"""What is free on different NUMA nodes is not short by itself."""

import copy
import itertools
import re

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from nova import objects
import pytest

from nfv_sched import fit
from nfv_sched.fit import gap
from nfv_sched.model import Resource
from nfv_sched.nova import request_spec
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.builders import device
from nfv_sched_testing.builders import device_request
from nfv_sched_testing.builders import GIB
from nfv_sched_testing.builders import guest_cell
from nfv_sched_testing.builders import host_cell
from nfv_sched_testing.builders import host_of
from nfv_sched_testing.builders import scene

NETWORK = objects.NetworkMetadata(physnets={'net'}, tunneled=False)
NO_NETWORK = objects.NetworkMetadata(physnets=set(), tunneled=False)


def told(example):
    return str(gap.closest_reason(builders.evaluate(example).reasons))


def vf(node):
    return device(f'0000:8{node}:00.1', 'type-VF', node, f'0000:8{node}:00.0')


def test_cpus_and_pages():
    example = scene(
        [host_cell(0, pages={GIB: 0}), host_cell(1, cores=0, pages={GIB: 4})],
        [guest_cell(0, memory=1024, pagesize=GIB)],
    )
    assert told(example) == (
        'CPUs and pages are free, but on different NUMA nodes (CPUs on 0; '
        'pages on 1)'
    )


def test_cpus_and_vfs():
    example = scene(
        [host_cell(0, pages={}), host_cell(1, pages={}, pinned={0})],
        [guest_cell(0)],
        [vf(1)],
        [device_request(dev_type='type-VF')],
    )
    assert told(example) == (
        'CPUs and VFs are free, but on different NUMA nodes (CPUs on 0; VFs '
        'on 1)'
    )


def test_cpus_pages_and_vfs_of_which_any_two_are_together():
    cells = [
        host_cell(0, cores=0, pages={GIB: 4}),
        host_cell(1, pages={GIB: 0}),
        host_cell(2, pages={GIB: 4}),
    ]
    example = scene(
        cells,
        [guest_cell(0, memory=1024, pagesize=GIB)],
        [vf(0), vf(1)],
        [device_request(dev_type='type-VF')],
    )
    assert told(example) == (
        'CPUs, pages and VFs are free, but on different NUMA nodes (CPUs on '
        '1, 2; pages on 0, 2; VFs on 0, 1)'
    )


def test_vfs_of_two_cards():
    """The nodes are those that have both, not those that have either."""
    cells = [host_cell(number, pages={}) for number in range(3)]
    cells.append(host_cell(3, pages={}, pinned={0}))
    vfs = [
        device(f'0000:8{node}:0{card}.1', 'type-VF', node, None, product)
        for card, (product, nodes) in enumerate(
            {'154c': (1, 3), '1014': (2, 3)}.items()
        )
        for node in nodes
    ]
    requested = [
        device_request(dev_type='type-VF', product_id=product)
        for product in ('154c', '1014')
    ]
    example = scene(cells, [guest_cell(0)], vfs, requested)
    assert told(example) == (
        'CPUs and VFs are free, but on different NUMA nodes (CPUs on 0, 1, '
        '2; VFs on 3)'
    )


def test_two_networks_of_nodes():
    def networks(*names):
        return objects.NetworkMetadata(physnets=set(names), tunneled=False)

    example = scene(
        [
            host_cell(0, pages={}, network_metadata=networks('a')),
            host_cell(1, pages={}, network_metadata=networks('b')),
            host_cell(
                2,
                pages={},
                pinned={0},
                network_metadata=networks('a', 'b'),
            ),
        ],
        [guest_cell(0)],
    )
    example.spec.network_metadata = networks('a', 'b')
    assert told(example) == (
        'CPUs and networks are free, but on different NUMA nodes (CPUs on 0, '
        '1; networks on 2)'
    )


def test_cpus_and_networks():
    example = scene(
        [
            host_cell(0, pages={}, pinned={0}, network_metadata=NETWORK),
            host_cell(1, pages={}, network_metadata=NO_NETWORK),
        ],
        [guest_cell(0)],
    )
    example.spec.network_metadata = NETWORK
    assert told(example) == (
        'CPUs and networks are free, but on different NUMA nodes (CPUs on 1; '
        'networks on 0)'
    )


@pytest.mark.parametrize(
    ('first', 'second'),
    [
        # Pages are short everywhere.
        ({'pages': {GIB: 0}}, {'cores': 0, 'pages': {GIB: 0}}),
        # CPUs are.
        ({'cores': 0, 'pages': {GIB: 4}}, {'cores': 0, 'pages': {GIB: 4}}),
    ],
)
def test_what_is_short_by_itself_is_the_reason(first, second):
    example = scene(
        [host_cell(0, **first), host_cell(1, **second)],
        [guest_cell(0, memory=1024, pagesize=GIB)],
    )
    assert 'different NUMA nodes' not in told(example)


def alone(example, name):
    """The same host, asked for one thing only."""
    one = copy.copy(example)
    one.spec = example.spec.obj_clone()
    spec = one.spec
    if any(c.cpu_policy == 'dedicated' for c in spec.numa_topology.cells):
        # Nova does not look at the ratios.
        one.cpu_ratio = one.ram_ratio = 64.0
    for cell in spec.numa_topology.cells:
        if name != 'CPUs':
            cell.cpuset, cell.pcpuset = set(), set()
            cell.cpu_policy = cell.cpu_thread_policy = None
        if name != 'pages':
            cell.memory, cell.pagesize = 0, None
    if name != 'CPUs':
        spec.numa_topology.emulator_threads_policy = None
    if name not in ('VFs', 'PFs', 'devices'):
        spec.pci_requests.requests = []
    if name != 'networks':
        spec.network_metadata = NO_NETWORK
    return one


@given(example=strategies.scenes(), pagesize=st.sampled_from((None, 2048)))
@settings(max_examples=examples(4000), deadline=None)
def test_each_condition_can_be_met_but_not_all(example, pagesize):
    if not example.spec.numa_topology:
        return
    for cell in example.spec.numa_topology.cells:
        cell.pagesize = pagesize or cell.pagesize
    guest, host = request_spec.read_guest(example.spec), host_of(example)
    for reason in fit.evaluate(guest, host).reasons:
        if reason.resource is not Resource.DIFFERENT_NODES:
            continue
        assert not nova_oracle.exists(example)
        names = re.split(r', | and ', reason.text.split(' are free')[0])
        assert len(names) > 1
        for name in names:
            # Without a page size the policy decides which memory counts.
            if name != 'memory':
                assert nova_oracle.exists(alone(example, name)), name
        if len(guest.cells) == 1:
            check_nodes(example, reason.text)


def check_nodes(example, text):
    """Each node that is named meets its condition by itself."""
    for name, nodes in re.findall(r'[(;] ?(\w+) on ([\d, ]+)', text):
        if name != 'memory':
            asked = alone(example, name)
            for cell in asked.topology.cells:
                if str(cell.id) in nodes.split(', '):
                    assert nova_oracle.pair_fits(asked, cell, 0), name
                    assert nova_oracle.joint(asked, [cell]), name


NODE = st.tuples(st.booleans(), st.booleans(), st.booleans())


def met(nodes, count, names):
    """Whether some choice of nodes has all of these: by hand."""
    return any(
        all(
            any(node[2] for node in chosen)
            if name == 'VFs'
            else all(node[('CPUs', 'pages').index(name)] for node in chosen)
            for name in names
        )
        for chosen in itertools.combinations(nodes, count)
    )


@given(
    nodes=st.lists(NODE, min_size=2, max_size=4), count=st.sampled_from((1, 2))
)
@settings(max_examples=examples(2000), deadline=None)
def test_it_is_the_reason_exactly_if_nothing_is_short_by_itself(nodes, count):
    example = scene(
        [
            host_cell(number, cores=int(cpus), pages={GIB: int(pages)})
            for number, (cpus, pages, _) in enumerate(nodes)
        ],
        [
            guest_cell(index, memory=1024, pagesize=GIB)
            for index in range(count)
        ],
        [vf(number) for number, (*_, vfs) in enumerate(nodes) if vfs],
        [device_request(dev_type='type-VF')],
    )
    names = ('CPUs', 'pages', 'VFs')
    free = all(met(nodes, count, [name]) for name in names)
    verdict = builders.evaluate(example)
    assert verdict.fits == met(nodes, count, names)
    reason = gap.closest_reason(verdict.reasons)
    apart = reason is not None and reason.resource is Resource.DIFFERENT_NODES
    assert apart == (free and not verdict.fits)
    if apart:
        named = re.split(r', | and ', reason.text.split(' are free')[0])
        assert not met(nodes, count, named)
        for name in named:
            assert met(nodes, count, [n for n in named if n != name])
