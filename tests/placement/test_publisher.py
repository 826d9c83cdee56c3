import dataclasses
import threading
import uuid

from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st
import pytest

from nfv_sched.model import HostUsage
from nfv_sched.model import PageCapacity
from nfv_sched.placement import api
from nfv_sched.placement import apply_calls
from nfv_sched.placement import publisher
from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.codec import BadTree
from nfv_sched.placement.codec import encode
from nfv_sched.placement.publisher import preview
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.publisher import publish_supplement
from nfv_sched.placement.publisher import Round
from nfv_sched.placement.removal import prune
from nfv_sched_testing import providers
from nfv_sched_testing.placement_fixtures import adapter_of
from nfv_sched_testing.topology_strategies import hosts
from tests.placement.examples import host
from tests.placement.examples import read
from tests.placement.examples import with_guest

#: Placement allows one call for all inventories to the role service only.
ROLES = ('service', 'admin')


@given(first=hosts('h0', str(uuid.UUID(int=1))), data=st.data())
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_host_is_published_and_replaced_by_any_other(client, first, data):
    # Of the example before this one.
    prune(client, [])
    report = publish(client, [first])
    assert report.hosts[0].error is None
    assert read(client, first) == first
    second = data.draw(hosts('h0', str(uuid.UUID(int=1))))
    report = publish(client, [second])
    assert report.hosts[0].error is None
    # Only the publisher of the supplement removes it.
    assert publish_supplement(client, second).error is None
    assert read(client, second) == second
    root = schema.root_uuid(second.uuid)
    assert len(api.tree_of(client, root)) == len(encode(second).everything)


def test_publishing_twice_writes_nothing(client, wsgi, monkeypatch):
    monkeypatch.setattr(publisher, 'MAX_SINGLE_READS', 2)
    topologies = [with_guest(host(number)) for number in range(3)]
    assert publish(client, topologies).count('written') == 3
    wsgi.calls.clear()
    report = publish(client, topologies)
    assert report.count('unchanged') == 3
    assert report.writes == 0
    assert wsgi.writes == []
    # One listing and one bulk read for the whole cloud.
    assert len(wsgi.calls) == 2


@pytest.mark.parametrize('others', [0, 2])
def test_one_guest_more_or_less_is_one_write(
    client, wsgi, monkeypatch, others
):
    monkeypatch.setattr(publisher, 'MAX_SINGLE_READS', 2)
    topologies = [host(number) for number in range(1 + others)]
    publish(client, topologies)
    for changed in (
        with_guest(topologies[0]),
        with_guest(topologies[0], cpus=6),
        topologies[0],
    ):
        wsgi.calls.clear()
        report = publish(client, [changed, *topologies[1:]])
        assert report.hosts[0].outcome == 'usage'
        consumer = schema.usage_uuid(schema.root_uuid(changed.uuid))
        assert wsgi.writes == [('PUT', f'/allocations/{consumer}')]
        assert read(client, changed) == changed


@pytest.mark.parametrize('roles', ROLES)
def test_one_cell_changed_writes_that_cell_and_the_root(client, wsgi, roles):
    old = host()
    publish(client, [old])
    cell = dataclasses.replace(old.cells[1], memory_mib=1000)
    new = dataclasses.replace(old, cells=(old.cells[0], cell))
    wsgi.calls.clear()
    (report,) = publish(client, [new]).hosts
    root = schema.root_uuid(old.uuid)
    writes = [
        (
            'PUT',
            f'/resource_providers/{schema.cell_uuid(root, 1)}/inventories',
        ),
        ('PUT', f'/resource_providers/{root}/inventories'),
    ]
    if roles == 'service':
        assert wsgi.writes == [('POST', '/reshaper')]
        parts = report.calls[0].parts
        assert [(part.method, part.path) for part in parts] == writes
    else:
        # Placement has refused the one call for both when the host was new.
        assert wsgi.writes == writes
    assert read(client, new) == new


def test_a_host_in_another_rack_is_one_root_written(client, wsgi):
    """Its traits, then the digest that covers them; nothing below."""
    olds = [
        dataclasses.replace(host(number), domains={'rack': f'r{number}'})
        for number in range(2)
    ]
    publish(client, olds)
    assert publish(client, olds).writes == 0
    new = dataclasses.replace(olds[0], domains={'rack': 'r1'})
    wsgi.calls.clear()
    report = publish(client, [new, olds[1]])
    assert [result.outcome for result in report.hosts] == [
        'written',
        'unchanged',
    ]
    root = f'/resource_providers/{schema.root_uuid(new.uuid)}'
    assert wsgi.writes == [
        ('PUT', f'{root}/traits'),
        ('PUT', f'{root}/inventories'),
    ]
    assert read(client, new) == new
    publish(client, [host()])
    assert read(client, host()).domains == {}


def test_reserved_pages_alone_are_written(client):
    old = host()
    cell = dataclasses.replace(
        old.cells[0], pages=(PageCapacity(2048, 512, 7),)
    )
    publish(client, [dataclasses.replace(old, cells=(cell,))])
    cell = dataclasses.replace(
        cell, pages=(PageCapacity(2048, 512, reserved=9),)
    )
    publish(client, [dataclasses.replace(old, cells=(cell,))])
    root = schema.root_uuid(old.uuid)
    _, inventories = api.inventories(client, schema.cell_uuid(root, 0))
    pages = inventories['CUSTOM_NFV_PAGES_2MB']
    assert (pages.total, pages.reserved) == (521, 9)


def test_a_cell_and_a_pool_are_removed_although_in_use(client):
    old = host(usage=HostUsage(dedicated_cpus={0: 1, 1: 2}, memory_mib={1: 3}))
    old = dataclasses.replace(
        old,
        usage=dataclasses.replace(
            old.usage, devices={pool.key: 1 for pool in old.pools}
        ),
    )
    publish(client, [old])
    new = dataclasses.replace(
        old,
        cells=old.cells[:1],
        pools=old.pools[:1],
        usage=HostUsage(dedicated_cpus={0: 1}),
    )
    report = publish(client, [new])
    assert report.hosts[0].error is None
    assert read(client, new) == new
    root = schema.root_uuid(old.uuid)
    assert len(api.tree_of(client, root)) == len(encode(new).everything)


def test_usage_above_capacity_is_cut_and_reported(client):
    topology = host(usage=HostUsage(shared_cpus={0: 500}))
    report = publish(client, [topology])
    assert report.hosts[0].error is None
    assert report.hosts[0].clamped == 1
    assert read(client, topology).usage.shared_cpus == {0: 8}
    assert publish(client, [topology]).writes == 0


@pytest.mark.parametrize('roles', ROLES)
@pytest.mark.usefixtures('roles')
def test_usage_ends_with_a_change_of_two_cells(client):
    old = host(usage=HostUsage(dedicated_cpus={0: 30}))
    publish(client, [old])
    cells = tuple(
        dataclasses.replace(cell, cores=cell.cores - 1) for cell in old.cells
    )
    new = dataclasses.replace(old, cells=cells, usage=HostUsage())
    assert publish(client, [new]).hosts[0].error is None
    assert read(client, new) == new
    assert publish(client, [new]).writes == 0


def test_usage_is_reduced_with_the_capacity_of_its_cell(client):
    old = host(usage=HostUsage(dedicated_cpus={0: 30}))
    publish(client, [old])
    cell = dataclasses.replace(old.cells[0], dedicated_cpus=10)
    new = dataclasses.replace(old, cells=(cell, old.cells[1]))
    report = publish(client, [new])
    assert (report.hosts[0].error, report.hosts[0].clamped) == (None, 1)
    assert read(client, new).usage.dedicated_cpus == {0: 10}


def test_names_are_created_once(placement, template):
    wsgi = placement(template)
    client = PlacementClient(adapter_of(wsgi))
    first = publish(client, [host(0)])
    assert first.created > 10
    wsgi.calls.clear()
    assert publish(client, [host(1)]).created == 0
    assert not [c for c in wsgi.writes if c[1].startswith('/traits')]
    assert not [c for c in wsgi.writes if c[1].startswith('/resource_cl')]


def test_a_host_that_cannot_be_encoded_does_not_stop_others(client):
    bad = dataclasses.replace(host(1), name='x' * 300)
    report = publish(client, [bad, host(0)])
    assert [result.outcome for result in report.hosts] == ['failed', 'written']
    assert '300 characters' in report.hosts[0].error
    assert read(client, host(0)) == host(0)


@pytest.mark.parametrize(
    'name', ['r' * 232, '机柜' * 15, '\ud800'], ids=['long', 'chinese', 'half']
)
def test_a_rack_whose_name_fits_in_no_trait_does_not_stop_the_host(
    client, name
):
    plain = dataclasses.replace(host(), domains={'row': 'b'})
    topology = dataclasses.replace(host(), domains={'rack': name, 'row': 'b'})
    for outcome in ('written', 'unchanged'):
        (report,) = publish(client, [topology]).hosts
        assert (report.error, report.outcome) == (None, outcome)
        (message,) = report.omitted
        assert message.startswith(
            'Host host0 is published without its failure domain '
            f'rack {name!r}: '
        )
        assert read(client, topology) == plain
    assert preview(client, [topology]).hosts[0].omitted == report.omitted
    assert publish(client, [plain]).hosts[0].omitted == ()


def test_a_required_name_that_fits_in_no_trait_fails_its_host_only(client):
    physnet = '网络' * 15
    cell = dataclasses.replace(host().cells[0], physnets=frozenset({physnet}))
    pool = dataclasses.replace(host().pools[0], physnet=physnet)
    address = dataclasses.replace(host().pools[0], parent='x' * 240)
    for bad, what in (
        (dataclasses.replace(host(1), cells=(cell,)), repr(physnet)),
        (dataclasses.replace(host(1), pools=(pool,)), repr(physnet)),
        (dataclasses.replace(host(1), pools=(address,)), 'PCI address'),
    ):
        report = publish(client, [bad, host(0)])
        assert report.hosts[1].error is None
        assert what in report.hosts[0].error
        assert 'at most 255' in report.hosts[0].error


def test_preview_writes_nothing_and_names_the_calls(client, wsgi):
    report = preview(client, [host(0)])
    assert wsgi.writes == []
    texts = [str(call) for call in report.hosts[0].calls]
    assert texts[0].startswith('POST /resource_providers ')
    assert texts[0].endswith('host0:nfv)')
    assert texts[-1] == 'POST /reshaper  (reshape of host0:nfv)'
    done = publish(client, [host(0)])
    assert done.hosts[0].calls == report.hosts[0].calls


@pytest.mark.parametrize('roles', ROLES)
def test_the_digest_is_written_last_before_usage(client, roles):
    calls = publish(client, [with_guest(host())]).hosts[0].calls
    root = schema.root_uuid(host().uuid)
    last = calls[-2]
    if roles == 'service':
        assert last.kind == 'reshape'
        last = last.parts[-1]
    assert (last.kind, last.uuid) == ('inventories', root)
    assert calls[-1].kind == 'usage'


def _foreign(client, name, parent=None):
    return providers.create(
        client, name, parent, inventories={'VCPU': {'total': 8}}
    )


def _everything(client):
    listed = client.get('/resource_providers')['resource_providers']
    return {
        provider['uuid']: (
            provider,
            api.inventories(client, provider['uuid']),
            api.traits(client, provider['uuid']),
        )
        for provider in listed
    }


def test_foreign_trees_are_never_touched(client):
    _foreign(client, 'host0')
    _foreign(client, 'host0:nfvx')
    _foreign(client, 'other:nfv')
    before = _everything(client)
    publish(client, [host(0), host(1)])
    publish(client, [host(0, cells=1, pools=1)])
    prune(client, [])
    assert _everything(client) == before


def test_a_foreign_child_and_trait_in_our_tree_stay(client):
    publish(client, [host()])
    root = schema.root_uuid(host().uuid)
    child = _foreign(client, 'an operator hung this here', root)
    before = _everything(client)[child]
    generation, traits = api.traits(client, root)
    client.put('/traits/CUSTOM_RACK_7')
    client.put(
        f'/resource_providers/{root}/traits',
        {
            'resource_provider_generation': generation,
            'traits': [*traits, 'CUSTOM_RACK_7'],
        },
    )
    assert read(client, host()) == host()
    new = host(cells=1, pools=1)
    report = publish(client, [new])
    assert report.hosts[0].error is None
    assert read(client, new) == new
    assert _everything(client)[child] == before
    assert 'CUSTOM_RACK_7' in api.traits(client, root)[1]


def test_a_foreign_holder_of_our_name_is_reported(client):
    foreign = _foreign(client, 'host0:nfv')
    report = publish(client, [host(0), host(1)])
    assert [result.outcome for result in report.hosts] == ['failed', 'written']
    assert 'host0' in report.hosts[0].error
    assert foreign in api.tree_of(client, foreign)


def test_a_compute_node_that_came_back_replaces_its_old_tree(client):
    publish(client, [with_guest(host(0))])
    again = host(5, name='host0')
    report = publish(client, [again])
    assert report.hosts[0].error is None
    assert read(client, again) == again
    assert api.tree_of(client, schema.root_uuid(host(0).uuid)) == {}


def test_two_compute_nodes_of_one_name_do_not_replace_each_other(client):
    host_a, host_b = host(0), host(5, name='host0')
    live_nodes = {
        topology.uuid: topology.name for topology in (host_a, host_b)
    }
    for _ in range(2):
        report = Round(client, live_nodes).publish([host_a, host_b])
        first, second = report.hosts
        assert first.error is None
        assert host_a.uuid in second.error
        assert host_b.uuid in second.error
        assert read(client, host_a) == host_a
    # The former compute node no longer exists.
    (report,) = (
        Round(client, {host_b.uuid: host_b.name}).publish([host_b]).hosts
    )
    assert report.error is None
    assert read(client, host_b) == host_b


def test_two_hosts_swap_their_names(client):
    publish(client, [host(0), host(1)])
    swapped = [host(0, name='host1'), host(1, name='host0')]
    live_nodes = {topology.uuid: topology.name for topology in swapped}
    report = Round(client, live_nodes).publish(swapped)
    assert [result.error for result in report.hosts] == [None, None]
    assert [read(client, topology) for topology in swapped] == swapped


def test_a_renamed_host_is_renamed(client):
    publish(client, [host(0)])
    again = host(0, name='new-name')
    publish(client, [again])
    root = schema.root_uuid(again.uuid)
    names = {provider.name for provider in api.tree_of(client, root).values()}
    assert 'new-name:nfv' in names
    assert all(name.startswith('new-name:nfv') for name in names)


def test_changes_by_other_clients_are_repaired(client):
    publish(client, [host()])
    root = schema.root_uuid(host().uuid)
    client.delete(f'/resource_providers/{root}/inventories')
    for cell in (0, 1):
        child = schema.cell_uuid(root, cell)
        client.delete(f'/resource_providers/{child}/traits')
    report = publish(client, [host()])
    assert report.hosts[0].outcome == 'written'
    assert read(client, host()) == host()


def test_repairing_a_child_moves_the_root(client):
    publish(client, [host()])
    root = schema.root_uuid(host().uuid)
    client.delete(f'/resource_providers/{schema.cell_uuid(root, 0)}/traits')
    before = api.roots(client)[root].generation
    publish(client, [host()])
    assert api.roots(client)[root].generation > before


@pytest.mark.parametrize('roles', ROLES)
def test_a_generation_conflict_is_read_again_and_retried(client, wsgi, roles):
    publish(client, [host()])
    root = schema.root_uuid(host().uuid)
    cell = schema.cell_uuid(root, 0)
    path = f'/resource_providers/{cell}/inventories'
    write = ('POST', '/reshaper') if roles == 'service' else ('PUT', path)
    second = PlacementClient(adapter_of(wsgi))
    hits = []

    def interfere(method, where):
        if (method, where) == write and len(hits) < 2:
            hits.append(where)
            wsgi.before, keep = None, wsgi.before
            generation, _ = api.inventories(second, cell)
            second.put(
                path,
                {
                    'resource_provider_generation': generation,
                    'inventories': {'NUMA_CORE': {'total': len(hits)}},
                },
            )
            wsgi.before = keep

    new = dataclasses.replace(
        host(), cells=(dataclasses.replace(host().cells[0], cores=19),)
    )
    wsgi.before = interfere
    report = publish(client, [new])
    assert len(hits) == 2
    assert (report.hosts[0].error, report.hosts[0].conflicts) == (None, 2)
    assert read(client, new) == new


@pytest.mark.parametrize('roles', ROLES)
def test_endless_conflicts_end_with_a_report(client, wsgi, monkeypatch, roles):
    monkeypatch.setattr(apply_calls.time, 'sleep', lambda _: None)
    publish(client, [host()])
    root = schema.root_uuid(host().uuid)
    second = PlacementClient(adapter_of(wsgi))
    path = f'/resource_providers/{root}/inventories'
    write = ('POST', '/reshaper') if roles == 'service' else ('PUT', path)

    def interfere(method, where):
        if (method, where) == write:
            wsgi.before, keep = None, wsgi.before
            generation, traits = api.traits(second, root)
            flip = {'CUSTOM_RACK_7'} ^ traits
            second.put('/traits/CUSTOM_RACK_7')
            second.put(
                f'/resource_providers/{root}/traits',
                {
                    'resource_provider_generation': generation,
                    'traits': sorted(flip),
                },
            )
            wsgi.before = keep

    wsgi.before = interfere
    report = publish(client, [host(cells=1, pools=0)])
    assert report.hosts[0].outcome == 'failed'
    assert 'generation' in report.hosts[0].error


def test_two_concurrent_publishers_agree(wsgi):
    topologies = [with_guest(host(number)) for number in range(3)]
    barrier = threading.Barrier(2)
    reports = []

    def run():
        client = PlacementClient(adapter_of(wsgi))
        barrier.wait()
        reports.append(publish(client, topologies))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.count('failed') for r in reports] == [0, 0]
    client = PlacementClient(adapter_of(wsgi))
    for topology in topologies:
        assert read(client, topology) == topology
    assert publish(client, topologies).writes == 0


def test_trees_that_a_bulk_answer_lacks_are_not_written_again(
    placement, monkeypatch
):
    monkeypatch.setattr(publisher, 'MAX_SINGLE_READS', 2)
    wsgi = placement(max_allocation_candidates=2)
    client = PlacementClient(adapter_of(wsgi))
    topologies = [host(number, cells=1, pools=0) for number in range(5)]
    publish(client, topologies)
    wsgi.calls.clear()
    assert publish(client, topologies).count('unchanged') == 5
    assert wsgi.writes == []


def test_names_of_a_newer_publisher_are_replaced(client):
    """A tree has one schema: a reader of another version cannot use it."""
    publish(client, [host()])
    cell = schema.cell_uuid(schema.root_uuid(host().uuid), 0)
    generation, traits = api.traits(client, cell)
    client.put('/traits/CUSTOM_NFV_CXL')
    client.put(
        f'/resource_providers/{cell}/traits',
        {
            'resource_provider_generation': generation,
            'traits': [*traits, 'CUSTOM_NFV_CXL'],
        },
    )
    with pytest.raises(BadTree):
        read(client, host())
    report = publish(client, [host()])
    assert report.hosts[0].outcome == 'written'
    assert report.hosts[0].incomplete
    assert read(client, host()) == host()


def test_a_class_in_use_is_removed_from_a_cell_that_stays(client):
    publish(client, [host(usage=HostUsage(dedicated_cpus={0: 4}))])
    cell = dataclasses.replace(host().cells[0], dedicated_cpus=0)
    new = dataclasses.replace(host(), cells=(cell, host().cells[1]))
    report = publish(client, [new])
    assert report.hosts[0].error is None
    assert read(client, new) == new


def test_foreign_traits_survive_new_traits_of_ours(client):
    publish(client, [host()])
    cell = schema.cell_uuid(schema.root_uuid(host().uuid), 0)
    generation, traits = api.traits(client, cell)
    client.put('/traits/CUSTOM_RACK_7')
    client.put(
        f'/resource_providers/{cell}/traits',
        {
            'resource_provider_generation': generation,
            'traits': [*traits, 'CUSTOM_RACK_7'],
        },
    )
    other = dataclasses.replace(host().cells[0], socket=5)
    new = dataclasses.replace(host(), cells=(other, host().cells[1]))
    publish(client, [new])
    names = api.traits(client, cell)[1]
    assert {'CUSTOM_RACK_7', 'CUSTOM_NFV_SOCKET_5'} <= names
    assert 'CUSTOM_NFV_SOCKET_0' not in names
