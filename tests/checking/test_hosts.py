"""The checks of hosts and trees: success, warning and failure."""

import dataclasses

from oslo_upgradecheck.upgradecheck import Code
import pytest

from nfv_sched.checking import hosts
from nfv_sched.fit import drift
from nfv_sched.fit.drift import Difference
from nfv_sched.model import Cell
from nfv_sched.model import CellTopology
from nfv_sched.model import DevicePool
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.model import PageCapacity
from nfv_sched.model import PagePool
from nfv_sched.survey import HostSurvey


def survey(name, *, reserved=0, total=8, shared=(0,), memory=64, base=None):
    cell = Cell(
        0,
        memory,
        shared_cpus=frozenset(shared),
        dedicated_cpus=frozenset({2, 3}),
        pages=(
            *((PagePool(*base),) if base else ()),
            PagePool(1048576, total, 0, reserved),
        ),
    )
    return HostSurvey(
        name,
        HostTopology(name, f'uuid-{name}'),
        Host(name, (cell,)),
    )


def tree(name, **values):
    facts = {'memory_mib': 64, 'dedicated_cpus': 2, 'shared_cpus': 1}
    pages = (PageCapacity(1048576, 8),)
    cell = CellTopology(0, pages=pages, **{**facts, **values})
    return HostTopology(name, f'uuid-{name}', (cell,))


def by_uuid(*trees):
    return {topology.uuid: topology for topology in trees}


def test_unreadable_records_are_a_failure():
    assert hosts.readable(()).code is Code.SUCCESS
    result = hosts.readable(('cell c2: down',))
    assert (result.code, result.details) == (Code.FAILURE, 'cell c2: down')


def test_every_host_has_a_tree():
    both = [survey('a'), survey('b')]
    trees = by_uuid(tree('a'), tree('b'))
    assert hosts.published(both, trees).code is Code.SUCCESS
    result = hosts.published(both, by_uuid(tree('a')))
    assert result.code is Code.WARNING
    assert '1 of 2 hosts is not published: b' in result.details
    assert result.fix == 'nfv-sched publish'


def test_publishing_is_optional():
    result = hosts.published([survey('a'), survey('b')], {})
    assert (result.code, result.skipped) == (Code.SUCCESS, True)
    assert result.details == 'no host is published, which is optional'


def test_trees_describe_what_hosts_report():
    assert hosts.drifted([survey('a')], by_uuid(tree('a'))).code is (
        Code.SUCCESS
    )
    result = hosts.drifted([survey('a')], by_uuid(tree('a', dedicated_cpus=4)))
    assert result.code is Code.WARNING
    assert (
        'a (NUMA node 0 has 2 dedicated CPUs, published are 4)'
        in result.details
    )
    assert result.differences == [
        ('a', Difference('dedicated_cpus', 0, reported=2, published=4))
    ]


def test_differences_are_values():
    reported = Host(
        'a',
        (
            Cell(
                0,
                64,
                dedicated_cpus=frozenset({2, 3}),
                pages=(PagePool(1048576, 8, 0, 2), PagePool(2048, 4, 0, 4)),
                physnets=frozenset({'both', 'mine'}),
                tunneled=True,
                socket=1,
            ),
            Cell(1, 64),
        ),
        (DevicePool('8086', '154c', 'type-VF', 1, 0),),
    )
    published = HostTopology(
        'a',
        'uuid-a',
        (
            CellTopology(
                0,
                memory_mib=32,
                dedicated_cpus=2,
                pages=(PageCapacity(1048576, 5), PageCapacity(4, 7)),
                physnets=frozenset({'both', 'theirs'}),
            ),
            CellTopology(2),
        ),
    )
    found = drift.differences(reported, published)
    assert found == (
        Difference('numa_node', 1, 1, 0),
        Difference('numa_node', 2, 0, 1),
        Difference('memory_mib', 0, 64, 32),
        Difference('socket', 0, 1, None),
        Difference('tunneled', 0, 1, 0),
        Difference('physnet', 0, 1, 0, physnet='mine'),
        Difference('physnet', 0, 0, 1, physnet='theirs'),
        Difference('usable_pages', 0, 0, 7, page_size_kib=4),
        Difference('usable_pages', 0, 6, 5, page_size_kib=1048576),
        Difference('devices', 0, 1, 0, vendor_id='8086', product_id='154c'),
    )
    assert list(map(str, found)) == [
        'NUMA node 1 is not published',
        'NUMA node 2 is no longer reported',
        'NUMA node 0 has 64 MiB of memory, published are 32',
        'NUMA node 0 has 1 as socket, published are None',
        'that NUMA node 0 is a tunnel end is not published',
        'physnet mine of NUMA node 0 is not published',
        'physnet theirs of NUMA node 0 is no longer reported',
        'NUMA node 0 has 0 usable pages of 4 KiB, published are 7',
        'NUMA node 0 has 6 usable pages of 1048576 KiB, published are 5',
        'devices 8086:154c on NUMA node 0 are not published',
    ]


def test_trees_that_cannot_be_used_are_reported():
    assert hosts.incomplete({}).code is Code.SUCCESS
    result = hosts.incomplete({'a:nfv': 'IncompleteTree'})
    assert result.code is Code.WARNING
    assert 'a:nfv (IncompleteTree)' in result.details


def test_orphaned_trees_are_reported():
    trees = by_uuid(tree('a'), tree('b'))
    assert hosts.orphaned([survey('a'), survey('b')], trees).code is (
        Code.SUCCESS
    )
    result = hosts.orphaned([survey('a')], trees)
    assert result.code is Code.WARNING
    assert result.details.endswith(': b')
    assert '--prune' in result.fix


def test_cpu_sets_do_not_overlap():
    assert hosts.cpu_sets([survey('a')]).code is Code.SUCCESS
    result = hosts.cpu_sets([survey('a', shared=(0, 2)), survey('b')])
    assert result.code is Code.FAILURE
    assert 'a (2)' in result.details


def test_reserved_pages_are_there():
    good = [survey('a', reserved=2), survey('b', reserved=2)]
    named = [{'node': '0', 'size': '1048576', 'count': '2'}]
    assert hosts.reserved_pages(good, named).code is Code.SUCCESS
    for size in ('1GB', '1GiB', 1048576, '1024MB'):
        named = [{'node': '0', 'size': size, 'count': '2'}]
        assert hosts.reserved_pages(good, named).code is Code.SUCCESS
    for size in ('2MB', 'huge', None):
        result = hosts.reserved_pages(good, [{'node': '0', 'size': size}])
        assert f'node 0 size {size}' in result.details
    result = hosts.reserved_pages(good, [{'node': 4, 'size': 1048576}])
    assert result.code is Code.WARNING
    assert 'node 4 size 1048576' in result.details
    result = hosts.reserved_pages([survey('a', reserved=9)], [])
    assert result.code is Code.FAILURE
    odd = [*good, survey('c', reserved=1)]
    result = hosts.reserved_pages(odd, [])
    assert result.code is Code.WARNING
    assert result.details.endswith(': c')
    # Hosts with other page pools may reserve other amounts.
    other = [*good, survey('d', reserved=1, total=16)]
    assert hosts.reserved_pages(other, []).code is Code.SUCCESS


@pytest.mark.parametrize('size', [4, 16, 64])
def test_hosts_of_one_kind_differ_in_base_pages(size):
    good = [
        survey(f'h{number}', reserved=2, base=(size, 1000 + number))
        for number in range(2)
    ]
    assert hosts.reserved_pages(good, []).code is Code.SUCCESS
    odd = survey('c', reserved=1, base=(size, 999))
    result = hosts.reserved_pages([*good, odd], [])
    assert result.details.endswith(': c')


def test_of_many_names_the_first_are_shown():
    nine = [survey(f'h{n}') for n in range(9)]
    result = hosts.published(nine, by_uuid(tree('other')))
    assert result.details.endswith('h0, h1, h2, h3, h4 and 4 more')


def test_a_host_without_state_passes():
    bare = dataclasses.replace(survey('a'), state=None)
    for check in (
        lambda: hosts.cpu_sets([bare]),
        lambda: hosts.reserved_pages([bare], []),
        lambda: hosts.drifted([bare], by_uuid(tree('a', memory_mib=1))),
    ):
        assert check().code is Code.SUCCESS


def test_nouns_and_verbs_agree_with_the_number_of_trees():
    assert hosts.incomplete({'a': 'x'}).details.startswith('1 tree cannot')
    result = hosts.incomplete({'a': 'x', 'b': 'x'})
    assert result.details.startswith('2 trees cannot')
    trees = by_uuid(tree('a'), tree('b'))
    assert hosts.orphaned([survey('a')], trees).details == (
        'the compute node of 1 tree no longer exists: b'
    )
    assert hosts.orphaned([], trees).details == (
        'the compute nodes of 2 trees no longer exist: a, b'
    )
    three = [survey('a'), survey('b'), survey('c')]
    result = hosts.published(three, by_uuid(tree('a')))
    assert result.details == '2 of 3 hosts are not published: b, c'


def labelled(name, *cells):
    """A host; for each NUMA node the labels that it declares."""
    return HostSurvey(
        name,
        HostTopology(name, f'uuid-{name}'),
        Host(
            name,
            tuple(
                Cell(node, 64, labels=frozenset(labels))
                for node, labels in enumerate(cells)
            ),
        ),
    )


COMPLETE = ({'nfv-node-0', 'nfv-not-1'}, {'nfv-node-1', 'nfv-not-0'})


def test_labels_are_complete_where_nodes_are_chosen():
    every = [labelled('a', *COMPLETE), labelled('one-node', ())]
    assert hosts.labels(every, chooses=True).code is Code.SUCCESS
    every.append(labelled('b', (), ()))
    result = hosts.labels(every, chooses=True)
    assert result.code is Code.WARNING
    assert '1 host of several NUMA nodes has no labels' in result.details
    assert result.details.endswith(' on b')
    assert hosts.labels(every, chooses=False).code is Code.SUCCESS
    plain = [labelled('b', (), ()), labelled('one-node', ())]
    assert hosts.labels(plain, chooses=False).skipped
    assert not hosts.labels(plain, chooses=True).skipped


@pytest.mark.parametrize(
    'cells',
    [
        ({'nfv-node-0'}, {'nfv-node-1'}),
        COMPLETE[::-1],
        (*COMPLETE, {'nfv-node-2'}),
        ({'nfv-node-0'},),
    ],
)
@pytest.mark.parametrize('chooses', [True, False])
def test_wrong_labels_are_reported(cells, chooses):
    result = hosts.labels([labelled('a', *cells)], chooses=chooses)
    assert result.code is Code.WARNING
    assert 'not those of the NUMA nodes on a' in result.details
    assert 'nfv-sched labels' in result.fix
