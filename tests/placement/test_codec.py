import dataclasses
import hashlib
import json
import types
import uuid

from hypothesis import given
from hypothesis import strategies as st
import pytest

from nfv_sched.model import CellTopology
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage
from nfv_sched.model import PageCapacity
from nfv_sched.model import PoolTopology
from nfv_sched.placement import schema
from nfv_sched.placement import tree
from nfv_sched.placement.codec import BadTree
from nfv_sched.placement.codec import CorruptTree
from nfv_sched.placement.codec import decode
from nfv_sched.placement.codec import encode
from nfv_sched.placement.codec import IncompleteTree
from nfv_sched.placement.codec import is_published
from nfv_sched.placement.codec import UnknownName
from nfv_sched.placement.tree import digest
from nfv_sched.placement.tree import summaries_of
from nfv_sched.placement.tree import Summary
from nfv_sched_testing.topology_strategies import hosts
from tests.placement.examples import host


def _decode(summaries, root, name='host0'):
    return decode(name, root, summaries)


def _sealed(root, summaries):
    """The summaries with a digest that matches them."""
    sealed = dict(summaries)
    capacity = {**sealed[root].capacity, schema.DIGEST: 1}
    sealed[root] = dataclasses.replace(sealed[root], capacity=capacity)
    capacity = {**capacity, schema.DIGEST: digest(sealed)}
    sealed[root] = dataclasses.replace(sealed[root], capacity=capacity)
    return sealed


@given(hosts())
def test_every_host_is_encoded_and_decoded_unchanged(topology):
    tree = encode(topology)
    summaries = summaries_of(tree)
    assert decode(topology.name, tree.root.uuid, summaries) == topology
    assert not tree.clamped
    assert is_published(tree, summaries)


@given(hosts())
def test_everything_is_within_the_limits_of_placement(topology):
    tree = encode(topology)
    for provider in tree.everything:
        assert 1 <= len(provider.name) <= 200
        for name, inventory in provider.inventories.items():
            assert 1 <= inventory.total <= schema.MAX_INT, name
            assert 0 <= inventory.reserved <= inventory.total
        for name in (*provider.inventories, *provider.traits):
            assert len(name) <= 255
            assert set(name) <= set('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_')
            assert name not in {'VCPU', 'PCPU', 'MEMORY_MB', 'DISK_GB'}
            assert not name.startswith('CUSTOM_PCI_')
    assert len({p.uuid for p in tree.everything}) == len(tree.everything)
    assert len({p.name for p in tree.everything}) == len(tree.everything)


@given(hosts(), st.randoms(use_true_random=False))
def test_any_change_makes_the_tree_unusable(topology, random):
    tree = encode(topology)
    root = tree.root.uuid
    summaries = summaries_of(tree)
    victim = random.choice(sorted(summaries))
    summary = summaries[victim]
    cores = summary.capacity.get('NUMA_CORE', 0) + 1
    changes = [
        dataclasses.replace(
            summary, traits=summary.traits | {'CUSTOM_PHYSNET_ZZ9'}
        ),
        dataclasses.replace(
            summary, capacity={**summary.capacity, 'NUMA_CORE': cores}
        ),
        dataclasses.replace(summary, parent=str(uuid.uuid4())),
    ]
    extra = tree.supplement.uuid if tree.supplement else None
    if victim not in (root, extra):
        changes.append(None)
    if summary.traits:
        gone = random.choice(sorted(summary.traits))
        changes.append(
            dataclasses.replace(summary, traits=summary.traits - {gone})
        )
    for change in changes:
        changed = dict(summaries)
        if change is None:
            del changed[victim]
        else:
            changed[victim] = change
        with pytest.raises(BadTree):
            decode(topology.name, root, changed)
        assert not is_published(tree, changed)


@given(hosts())
def test_a_tree_without_its_supplement_is_complete(topology):
    tree = encode(topology)
    summaries = summaries_of(dataclasses.replace(tree, supplement=None))
    reported = dataclasses.replace(
        topology,
        cells=tuple(
            dataclasses.replace(
                cell, distances={}, l3=frozenset(), offline_cpus=0
            )
            for cell in topology.cells
        ),
        functions=(),
    )
    assert decode(topology.name, tree.root.uuid, summaries) == reported
    assert encode(reported).providers == tree.providers


@given(hosts())
def test_usage_and_foreign_names_leave_the_tree_complete(topology):
    tree = encode(topology)
    idle = encode(dataclasses.replace(topology, usage=HostUsage()))
    assert idle.everything == tree.everything
    summaries = summaries_of(tree)
    some = next(iter(summaries))
    summaries[some] = dataclasses.replace(
        summaries[some], traits=summaries[some].traits | {'CUSTOM_RACK_7'}
    )
    summaries[str(uuid.uuid4())] = Summary(some, {'CUSTOM_FPGA': 1}, {}, set())
    decoded = decode(topology.name, tree.root.uuid, summaries)
    assert decoded == topology
    assert is_published(tree, summaries)


def test_names_and_reserved_pages_change_the_digest():
    first = host()
    more = dataclasses.replace(
        first.cells[0], pages=(PageCapacity(2048, 512, reserved=9),)
    )
    other = dataclasses.replace(first, cells=(more, *first.cells[1:]))
    same = dataclasses.replace(
        first.cells[0], pages=(PageCapacity(2048, 512),)
    )
    first = dataclasses.replace(first, cells=(same, *first.cells[1:]))
    assert first == other
    assert not is_published(encode(first), summaries_of(encode(other)))
    renamed = dataclasses.replace(first, name='other')
    assert not is_published(encode(first), summaries_of(encode(renamed)))


def test_digests_do_not_release_the_interpreter_lock(monkeypatch):
    """hashlib releases the interpreter lock for 2,048 bytes and more."""
    large = summaries_of(encode(host(cells=16)))
    fed = []

    class Hash:
        def update(self, piece):
            fed.append(piece)

        def digest(self):
            return hashlib.sha256(b''.join(fed)).digest()

    monkeypatch.setattr(tree, 'hashlib', types.SimpleNamespace(sha256=Hash))
    expected = digest(large)
    assert len(json.loads(b''.join(fed))) > 16
    assert len(fed) > 2
    assert max(map(len, fed)) < 2048
    monkeypatch.undo()
    assert digest(large) == expected


def test_the_digest_of_a_tree_without_failure_domains_is_stable():
    """Trees that are already published stay complete and are not written."""
    tree = encode(host())
    assert tree.root.traits == {schema.TOPOLOGY}
    assert tree.root.inventories[schema.DIGEST].total == 47229104
    assert _decode(summaries_of(tree), tree.root.uuid).domains == {}


def test_failure_domains_are_traits_of_the_root():
    domains = {'rack': 'r7', 'row': 'Hall B'}
    tree = encode(dataclasses.replace(host(), domains=domains))
    assert tree.root.traits == {
        schema.TOPOLOGY,
        'CUSTOM_NFV_DOMAIN_RACK_IS_R7',
        'CUSTOM_NFV_DOMAIN_ROW_IS__48ALL_20_42',
    }
    assert _decode(summaries_of(tree), tree.root.uuid).domains == domains
    assert tree.providers[1:] == encode(host()).providers[1:]


@pytest.mark.parametrize('name', ['é' * 200, 'x' * 232, '', '\ud800'])
def test_a_failure_domain_without_a_trait_is_omitted_with_a_message(name):
    tree = encode(
        dataclasses.replace(host(), domains={'rack': name, 'row': 'b'})
    )
    plain = encode(dataclasses.replace(host(), domains={'row': 'b'}))
    (message,) = tree.omitted
    assert 'host0' in message
    assert f'rack {name!r}' in message
    assert dataclasses.replace(tree, omitted=()) == plain


def test_the_supplement_does_not_change_the_digest_of_the_tree():
    plain = encode(dataclasses.replace(host(), cells=_without_distances()))
    assert plain.supplement is None
    assert plain.providers == encode(host()).providers


def _without_distances():
    return tuple(
        dataclasses.replace(cell, distances={}) for cell in host().cells
    )


def test_an_unknown_trait_is_reported_by_name():
    tree = encode(host())
    summaries = summaries_of(tree)
    cell = tree.providers[1].uuid
    summaries[cell] = dataclasses.replace(
        summaries[cell], traits=summaries[cell].traits | {'CUSTOM_NFV_CXL'}
    )
    with pytest.raises(UnknownName, match='CUSTOM_NFV_CXL'):
        _decode(_sealed(tree.root.uuid, summaries), tree.root.uuid)


def test_an_unknown_class_is_reported_by_name():
    tree = encode(host())
    summaries = summaries_of(tree)
    cell = tree.providers[1].uuid
    capacity = {**summaries[cell].capacity, 'CUSTOM_NFV_PAGES_2048KB': 1}
    summaries[cell] = dataclasses.replace(summaries[cell], capacity=capacity)
    with pytest.raises(UnknownName, match='2048KB'):
        _decode(_sealed(tree.root.uuid, summaries), tree.root.uuid)


@pytest.mark.parametrize(
    ('index', 'drop', 'add'),
    [
        (1, {'CUSTOM_NFV_NUMA_ID_0'}, set()),
        (1, {'CUSTOM_NFV_NUMA_ID_0'}, {'CUSTOM_NFV_NUMA_ID_5'}),
        (1, set(), {'CUSTOM_NFV_NUMA_ID_5'}),
        (1, set(), {'CUSTOM_NFV_SOCKET_5'}),
        (0, {'CUSTOM_NFV_TOPOLOGY'}, set()),
        (0, set(), {f'{schema.DOMAIN}RACK_IS_{name}' for name in 'AB'}),
        (3, set(), {'CUSTOM_NFV_PCI_PF'}),
        (3, set(), {'CUSTOM_PHYSNET_OTHER'}),
        (3, {'CUSTOM_PHYSNET_PHYSNET0'}, {'CUSTOM_PHYSNET_OTHER'}),
    ],
)
def test_an_inconsistent_tree_with_a_valid_digest_is_corrupt(index, drop, add):
    tree = encode(host())
    summaries = summaries_of(tree)
    victim = tree.providers[index].uuid
    old = summaries[victim].traits
    assert drop <= old
    summaries[victim] = dataclasses.replace(
        summaries[victim], traits=old - drop | add
    )
    with pytest.raises(CorruptTree):
        _decode(_sealed(tree.root.uuid, summaries), tree.root.uuid)


def test_a_tree_below_a_foreign_root_is_corrupt():
    tree = encode(host())
    other = encode(host(name='other', number=2))
    summaries = summaries_of(tree)
    mine = summaries[tree.root.uuid]
    theirs = summaries_of(other)[other.root.uuid]
    parts = {name: theirs.capacity[name] for name in schema.UUID_PARTS}
    summaries[tree.root.uuid] = dataclasses.replace(
        mine, capacity={**mine.capacity, **parts}
    )
    with pytest.raises(CorruptTree, match='compute node'):
        _decode(_sealed(tree.root.uuid, summaries), tree.root.uuid)


def test_a_tree_without_its_root_is_incomplete():
    with pytest.raises(IncompleteTree):
        _decode({}, str(uuid.uuid4()))


def test_usage_above_capacity_is_cut_and_counted():
    usage = HostUsage(
        shared_cpus={0: 1000, 1: 1},
        dedicated_cpus={0: 3, 7: 1},
        pages={(0, 2048): 99999, (0, 4): 5},
        devices={'no such pool': 1},
    )
    tree = encode(dataclasses.replace(host(), usage=usage))
    found = _decode(summaries_of(tree), tree.root.uuid)
    assert found.usage == HostUsage(
        shared_cpus={0: 8, 1: 1},
        dedicated_cpus={0: 3},
        pages={(0, 2048): 512},
    )
    assert tree.clamped == 5


@pytest.mark.parametrize(
    'topology',
    [
        HostTopology('', str(uuid.uuid4())),
        HostTopology('h' * 197, str(uuid.uuid4())),
        HostTopology('h', 'no uuid'),
        HostTopology('h', str(uuid.uuid4()), (CellTopology(-1),)),
        HostTopology(
            'h', str(uuid.uuid4()), (CellTopology(0), CellTopology(0))
        ),
        HostTopology(
            'h', str(uuid.uuid4()), (CellTopology(0, memory_mib=2**31),)
        ),
        HostTopology('h', str(uuid.uuid4()), (CellTopology(0, cores=-1),)),
        HostTopology(
            'h',
            str(uuid.uuid4()),
            (CellTopology(0, pages=(PageCapacity(4, 2**31 - 1, 1),)),),
        ),
        HostTopology(
            'h',
            str(uuid.uuid4()),
            (CellTopology(0, physnets=frozenset({'é' * 200})),),
        ),
        HostTopology(
            'h',
            str(uuid.uuid4()),
            pools=(PoolTopology('k', '8086', '154c', 'type-X', 1),),
        ),
        HostTopology(
            'h',
            str(uuid.uuid4()),
            pools=(PoolTopology('k', '8086', '../x', 'type-VF', 1),),
        ),
    ],
)
def test_what_placement_cannot_hold_is_refused(topology):
    with pytest.raises(schema.Unencodable):
        encode(topology)


def test_long_names_are_cut_and_stay_unique():
    pools = tuple(
        PoolTopology('8086', '154c', 'type-VF', 1, physnet='n' * 60 + i)
        for i in 'ab'
    )
    topology = HostTopology('h' * 196, str(uuid.uuid4()), pools=pools)
    tree = encode(topology)
    assert len({p.name for p in tree.providers}) == 3
    assert decode('h' * 196, tree.root.uuid, summaries_of(tree)) == topology


def test_a_cell_with_the_number_of_another_is_corrupt():
    tree = encode(host(pools=0))
    summaries = summaries_of(tree)
    cell = tree.providers[1].uuid
    old = summaries[cell].traits
    summaries[cell] = dataclasses.replace(
        summaries[cell],
        traits=old - {'CUSTOM_NFV_NUMA_ID_0'} | {'CUSTOM_NFV_NUMA_ID_5'},
    )
    with pytest.raises(CorruptTree, match='not the NUMA node 5'):
        _decode(_sealed(tree.root.uuid, summaries), tree.root.uuid)
