"""Racks on a simulated cloud under Nova's scheduler, databases and all."""

from collections import Counter
import contextlib
import logging

import jsonschema
from nova import context as nova_context
from nova import objects
from nova.api.openstack.compute.schemas import servers
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from nfv_sched.scheduler import process
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.weighers import affinity
from nfv_sched_testing.clouds import cloud_of
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture

# Racks of unlike sizes: hosts alone would not come out even.
RACKS = {'a': ('a1', 'a2', 'a3'), 'b': ('b1', 'b2'), 'c': ('c1',)}
KINDS = ['rack', 'row']
ROWS = {'1': ('a', 'b'), '2': ('c',)}

SMALL = SimulatedFlavor('small', 1, 512)
# A host has room for one of them.
LARGE = SimulatedFlavor('large', 1, 70000)

UNKNOWN = '00000000-0000-4000-8000-00000000dead'


@pytest.fixture(scope='module')
def running():
    options = {'nfv_sched.failure_domains': KINDS}
    names = [name for hosts in RACKS.values() for name in hosts]
    hosts = dict.fromkeys(names, 's2600wt-4port')
    with cloud_of(hosts, options=options) as cloud:
        for rack, hosts in RACKS.items():
            cloud.add_aggregate(f'rack {rack}', hosts, {'rack': rack})
        for row, racks in ROWS.items():
            hosts = [host for rack in racks for host in RACKS[rack]]
            cloud.add_aggregate(f'row {row}', hosts, {'row': row})
        yield cloud


class Sky:
    """The cloud, emptied after each test."""

    def __init__(self, running):
        self.running = running
        self.guests = []

    def boot(self, flavor=SMALL, **request):
        guests = self.running.boot(flavor, **request)
        assert all(guest.booted for guest in guests), guests[0].error
        self.guests += guests
        return guests[0]

    def delete(self, guest):
        self.running.delete(guest)
        self.guests.remove(guest)

    def group(self, policy, *more):
        return self.running.add_group('group', policy, *more)


@pytest.fixture
def cloud(running):
    emptied = Sky(running)
    yield emptied
    for guest in emptied.guests:
        running.delete(guest)


@pytest.fixture
def kinds():
    """Set the kinds of failure domains for one test."""
    yield lambda *names: settings.CONF.set_override(
        'failure_domains', names, 'nfv_sched'
    )
    settings.CONF.set_override('failure_domains', KINDS, 'nfv_sched')


@pytest.fixture
def racks_only(kinds):
    kinds('rack')


@pytest.fixture
def no_racks(kinds):
    kinds()


def rack_of(guest):
    return guest.host[0]


@pytest.fixture
def statements(monkeypatch):
    """Every statement to any database while one of our weighers works.

    ``fail`` breaks those with a text in them.
    """
    weighing = []
    seen = []

    class Statements(list):
        fail = None

    seen = Statements()
    real = affinity._AffinityContextWeigher.weigh_objects

    def weigh_objects(self, *args):
        weighing.append(self)
        try:
            return real(self, *args)
        finally:
            weighing.pop()

    def listen(connection, cursor, statement, *args):
        # Up to oslo.db 15, a connection is tried before it is used.
        if weighing and statement not in ('BEGIN', 'SELECT 1'):
            seen.append(statement)
            if seen.fail and seen.fail in statement:
                raise sa.exc.OperationalError(statement, {}, OSError('down'))

    monkeypatch.setattr(
        affinity._AffinityContextWeigher, 'weigh_objects', weigh_objects
    )
    event.listen(sa.engine.Engine, 'before_cursor_execute', listen)
    yield seen
    event.remove(sa.engine.Engine, 'before_cursor_execute', listen)


# Groups


@pytest.mark.usefixtures('racks_only')
def test_six_guests_over_three_racks_are_two_each(cloud):
    group = cloud.group('soft-anti-affinity')
    racks = Counter(rack_of(cloud.boot(group=group)) for _ in range(6))
    assert racks == {'a': 2, 'b': 2, 'c': 2}
    # Racks first, then hosts.
    hosts = Counter(guest.host for guest in cloud.guests)
    assert sorted(hosts.values()) == [1, 1, 1, 1, 2]


@pytest.mark.usefixtures('racks_only')
def test_six_guests_of_one_request_are_two_each(cloud):
    cloud.boot(group=cloud.group('soft-anti-affinity'), count=6)
    racks = Counter(map(rack_of, cloud.guests))
    assert racks == {'a': 2, 'b': 2, 'c': 2}


def test_rows_come_before_racks(cloud):
    group = cloud.group('soft-anti-affinity')
    racks = Counter(rack_of(cloud.boot(group=group)) for _ in range(4))
    assert racks == {'a': 1, 'b': 1, 'c': 2}


@pytest.mark.usefixtures('racks_only')
def test_three_guests_that_must_be_apart_are_in_three_racks(cloud):
    """Where a member is, Nova's filter lets nobody through any more."""
    group = cloud.group('anti-affinity')
    racks = [rack_of(cloud.boot(group=group)) for _ in range(5)]
    assert set(racks[:3]) == {'a', 'b', 'c'}
    assert Counter(racks) == {'a': 2, 'b': 2, 'c': 1}


@pytest.mark.usefixtures('racks_only')
def test_max_server_per_host_is_respected(cloud):
    group = cloud.group('anti-affinity', 2)
    guests = [cloud.boot(group=group) for _ in range(6)]
    assert Counter(map(rack_of, guests)) == {'a': 2, 'b': 2, 'c': 2}
    more = [cloud.boot(group=group) for _ in range(6)]
    hosts = Counter(guest.host for guest in (*guests, *more))
    assert set(hosts.values()) == {2}


@pytest.mark.usefixtures('racks_only')
def test_members_on_hosts_that_are_full_count(cloud):
    """A large guest's host is no candidate any more."""
    group = cloud.group('soft-anti-affinity')
    racks = [rack_of(cloud.boot(LARGE, group=group)) for _ in range(5)]
    assert set(racks[:3]) == {'a', 'b', 'c'}
    assert Counter(racks) == {'a': 2, 'b': 2, 'c': 1}


def test_without_racks_hosts_count(cloud, no_racks):
    group = cloud.group('soft-anti-affinity')
    hosts = {cloud.boot(group=group).host for _ in range(6)}
    assert len(hosts) == 6


def test_guests_stay_together(cloud):
    group = cloud.group('soft-affinity')
    assert len({cloud.boot(group=group).host for _ in range(4)}) == 1


def _neighbour(cloud, **request):
    """A large guest, so that others have to go elsewhere in its rack.

    Which of equal hosts is the first depends on the hashes of their names.
    """
    in_the_way = []
    while rack_of(guest := cloud.boot(LARGE, **request)) == 'c':
        in_the_way.append(guest)
    # Rack c stays free for others.
    for other in in_the_way:
        cloud.delete(other)
    return guest


def test_guests_fall_back_to_the_rack_then_to_the_row(cloud):
    group = cloud.group('soft-affinity')
    first = _neighbour(cloud, group=group)
    rack = RACKS[rack_of(first)]
    others = [cloud.boot(LARGE, group=group) for _ in rack[1:]]
    assert {rack_of(guest) for guest in others} == {rack_of(first)}
    # The rack is full, the row is not.
    assert cloud.boot(LARGE, group=group).host != 'c1'


# Hints


def test_the_api_takes_such_hints():
    for value in (UNKNOWN, [UNKNOWN, UNKNOWN]):
        hints = {'nfv:near': value, 'nfv:apart': value}
        jsonschema.validate(
            hints, servers.create['properties']['os:scheduler_hints']
        )


def test_a_guest_goes_to_the_host_of_its_neighbour(cloud):
    for _ in range(2):
        neighbour = cloud.boot()
        hints = {'nfv:near': neighbour.uuid}
        assert cloud.boot(hints=hints).host == neighbour.host
        # Filled up, so that the next neighbour is elsewhere.
        cloud.boot(LARGE, hints=hints)


def test_a_guest_goes_to_the_rack_of_a_neighbour_whose_host_is_full(cloud):
    neighbour = _neighbour(cloud)
    guest = cloud.boot(LARGE, hints={'nfv:near': [neighbour.uuid]})
    assert guest.host != neighbour.host
    assert rack_of(guest) == rack_of(neighbour)


def test_a_guest_goes_near_a_group(cloud):
    group = cloud.group('soft-affinity')
    first = _neighbour(cloud, group=group)
    guest = cloud.boot(LARGE, hints={'nfv:near': group.uuid})
    assert rack_of(guest) == rack_of(first)


def test_a_guest_goes_to_another_row_than_what_it_is_apart_from(cloud):
    # Nobody is there, so that other weighers would not mind either.
    assert cloud.boot(hints={'nfv:apart': _neighbour(cloud).uuid}).host == 'c1'
    group = cloud.group('soft-affinity')
    cloud.boot(LARGE, group=group, hints={'nfv:apart': cloud.guests[-1].uuid})
    hints = {'nfv:apart': [group.uuid]}
    assert cloud.boot(hints=hints).host == 'c1'


@pytest.mark.usefixtures('racks_only')
def test_hints_are_repeatable(cloud):
    first = _neighbour(cloud)
    second = cloud.boot(LARGE, hints={'nfv:apart': first.uuid})
    hints = {'nfv:apart': [first.uuid, second.uuid]}
    third = cloud.boot(LARGE, hints=hints)
    assert {rack_of(guest) for guest in (first, second, third)} == set('abc')


@pytest.mark.parametrize('hint', ['nfv:near', 'nfv:apart'])
def test_unknown_uuids_are_told_once_and_the_guest_boots(cloud, caplog, hint):
    caplog.set_level(logging.INFO, 'nfv_sched')
    cloud.boot(hints={hint: [UNKNOWN]}, count=3)
    records = [r for r in caplog.records if UNKNOWN in r.getMessage()]
    assert [record.levelname for record in records] == ['INFO']


def test_a_guest_that_makes_no_difference_is_not_called_unknown(
    cloud, no_racks, caplog
):
    """Its host is full, and racks do not count."""
    caplog.set_level(logging.INFO, 'nfv_sched')
    neighbour = cloud.boot(LARGE)
    # As nova-api makes one for each guest.
    mapping = objects.InstanceMapping(
        cloud.running.context, instance_uuid=neighbour.uuid, project_id='sim'
    )
    mapping.create()
    cloud.boot(LARGE, hints={'nfv:near': neighbour.uuid})
    mapping.destroy()
    assert 'ignored' not in caplog.text


def test_a_group_of_another_project_is_unknown(cloud, caplog):
    caplog.set_level(logging.INFO, 'nfv_sched')
    theirs = objects.InstanceGroup(
        cloud.running.context,
        name='theirs',
        policy='soft-affinity',
        user_id='they',
        project_id='they',
        members=[_neighbour(cloud).uuid],
    )
    theirs.create()
    cloud.boot(hints={'nfv:near': theirs.uuid})
    assert f'ignored: {theirs.uuid}' in caplog.text


# Databases


def test_who_asks_nothing_makes_no_query(cloud, statements):
    cloud.boot()
    cloud.boot(count=3)
    cloud.boot(hints={'group': UNKNOWN, 'other': 'x'})
    assert statements == []


def _ask(cloud, case, group, guest):
    match case:
        case 'a group on full hosts':
            cloud.boot(LARGE, group=group)
        case 'many of a group at once':
            cloud.boot(group=group, count=3)
        case 'a guest on a full host':
            cloud.boot(LARGE, hints={'nfv:near': guest.uuid})
        case 'a guest and a group on full hosts':
            hints = {'nfv:apart': guest.uuid, 'nfv:near': guest.uuid}
            cloud.boot(LARGE, group=group, hints=hints)
        case 'an unknown uuid, many at once':
            cloud.boot(hints={'nfv:near': UNKNOWN}, count=3)
        case 'a group by its uuid':
            cloud.boot(LARGE, hints={'nfv:near': group.uuid}, count=2)


CASES = {
    'a group on full hosts': 1,
    'many of a group at once': 1,
    'a guest on a full host': 1,
    'a guest and a group on full hosts': 1,
    # Nova keeps hosts in the cells and members of groups in the API
    # database.
    'an unknown uuid, many at once': 2,
    'a group by its uuid': 2,
}


@pytest.mark.parametrize('case', CASES)
def test_a_request_makes_one_query_to_a_database(cloud, statements, case):
    group = cloud.group('soft-anti-affinity')
    guest = cloud.boot(LARGE, group=group)
    # Small ones and a large one: nobody can tell how many are where.
    for _ in range(2):
        cloud.boot(group=group, hints={'nfv:near': guest.uuid})
    cloud.boot(LARGE, hints={'nfv:near': cloud.guests[-1].uuid})
    statements.clear()
    _ask(cloud, case, group, guest)
    databases = Counter(
        'cell' if 'FROM instances' in statement else 'API'
        for statement in statements
    )
    assert len(statements) <= CASES[case]
    assert all(count == 1 for count in databases.values())


@pytest.mark.parametrize('uuid', [UNKNOWN, None])
def test_hosts_alone_take_one_query_at_most(cloud, statements, no_racks, uuid):
    group = cloud.group('soft-anti-affinity')
    cloud.boot(LARGE, group=group)
    cloud.boot(LARGE, group=group)
    assert statements == []
    cloud.boot(LARGE, hints={'nfv:near': uuid or group.uuid}, count=2)
    assert len(statements) == 1


@pytest.mark.parametrize(
    'down', ['FROM instances', 'instance_group', 'SELECT']
)
def test_guests_boot_while_a_database_is_down(cloud, statements, caplog, down):
    group = cloud.group('soft-affinity')
    member = cloud.boot(group=group)
    guest = _neighbour(cloud)
    statements.fail = down
    near = [guest.uuid, group.uuid, UNKNOWN, member.uuid]
    server = cloud.boot(hints={'nfv:near': near})
    # On the host at hand.
    assert server.host == member.host
    assert 'hosts of some instances are not known' in caplog.text
    assert 'OperationalError' in caplog.text
    assert len(statements) <= 2


def test_a_cell_that_is_down_hides_no_other(cloud, caplog):
    objects.register_all()
    broken = objects.CellMapping(
        uuid='00000000-0000-4000-8000-00000000ce11',
        name='broken',
        transport_url='none:///',
        database_connection='sqlite:////nowhere/at/all.sqlite',
        disabled=False,
    )
    neighbour = _neighbour(cloud)
    nova_context.load_cells()
    cells = nova_context.CELLS
    try:
        nova_context.CELLS = [broken, *cells]
        guest = cloud.boot(LARGE, hints={'nfv:near': neighbour.uuid})
    finally:
        nova_context.CELLS = cells
        nova_context.CELL_CACHE.pop(broken.uuid, None)
    assert rack_of(guest) == rack_of(neighbour)
    assert 'Nova cell broken cannot be read: ' in caplog.text


# Aggregates


def test_a_host_that_moves_to_another_rack_counts_there(cloud):
    neighbour = _neighbour(cloud)
    rack = rack_of(neighbour)
    other = next(name for name in 'ab' if name != rack)
    with _moved(cloud.running, neighbour.host, rack, other):
        guest = cloud.boot(LARGE, hints={'nfv:near': neighbour.uuid})
        assert rack_of(guest) == other
    guest = cloud.boot(LARGE, hints={'nfv:near': neighbour.uuid})
    assert rack_of(guest) == rack


@contextlib.contextmanager
def _moved(running, host, *racks):
    """Move a host from one rack's aggregate to the other's, and back."""

    def move(old, new):
        for aggregate in objects.AggregateList.get_all(running.context):
            if aggregate.name == f'rack {old}':
                aggregate.delete_host(host)
            elif aggregate.name == f'rack {new}':
                aggregate.add_host(host)
            running.scheduler.update_aggregates(running.context, [aggregate])

    move(*racks)
    try:
        yield
    finally:
        move(*reversed(racks))


def test_the_published_topology_knows_the_racks(running):
    domains = {host.name: host.domains for host in running.topologies()}
    assert domains['a1'] == {'rack': 'a', 'row': '1'}
    assert domains['c1'] == {'rack': 'c', 'row': '2'}
    assert process.current().published.domains() == {}
