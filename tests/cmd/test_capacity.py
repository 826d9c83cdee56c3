"""``nfv-sched capacity`` on a simulated cloud."""

import collections
import itertools

from nova import exception
from nova import objects
from nova.scheduler import utils as scheduler_utils
import oslo_messaging as messaging
import pytest

from nfv_sched.nova import releases
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched_testing.clouds import HUGE
from tests.cmd.arguments import by_hand


def by_host(found):
    return {row['host']: row['instances'] for row in found['hosts']}


def by_flavor(found):
    return {row['flavor']: row['instances'] for row in found['total']}


def test_every_host_counts_and_says_what_runs_out(run, guests_of):
    command = ('capacity', *by_hand(2, 3072, **HUGE))
    rows = run(*command)
    # 8 pages a cell hold two, 6 CPUs three.
    assert by_host(rows) == {'cmp-0': 4, 'cmp-1': 4, 'cmp-2': 4}
    assert {row['short_of'] for row in rows['hosts']} == {'pages'}
    [total] = rows['total']
    assert (total['instances'], total['hosts_taking_any']) == (12, 3)
    assert total['short_of'] == [{'condition': 'pages', 'hosts': 3}]
    rows = run('capacity', *by_hand(4, 1024, **HUGE))
    assert by_host(rows) == {'cmp-0': 2, 'cmp-1': 2, 'cmp-2': 2}
    assert {row['short_of'] for row in rows['hosts']} == {'dedicated CPUs'}
    guests = guests_of(4, extra_specs=HUGE, ram_mib=3072)
    left = by_host(run(*command))
    for name in left:
        assert left[name] == 4 - sum(guest.host == name for guest in guests)


def test_the_sums_of_racks_are_told(run):
    found = run('capacity', *by_hand(2, 3072, **HUGE), '--show', 'domains')
    assert [
        (row['kind'], row['domain'], row['instances'])
        for row in found['domains']
    ] == [('rack', 'R1', 8), ('rack', 'R2', 4)]
    assert found.keys().isdisjoint({'total', 'hosts'})


def test_placement_limits_guests_that_ask_for_no_cells(run):
    rows = run('capacity', *by_hand(1, 512))['hosts']
    # 4 shared CPUs, overcommitted 4 times, go before 32 GiB do.
    assert {row['short_of'] for row in rows} == {'VCPU'}
    assert {row['instances'] for row in rows} == {16}


def test_groups_limit_and_gather(run, cloud, guests_of):
    command = ('capacity', *by_hand(2, 2048, **HUGE))
    apart = cloud.add_group('apart', 'anti-affinity', max_per_host=2)
    guests_of(1, group=apart)
    counts = by_host(run(*command, '--group', apart.uuid))
    assert sorted(counts.values()) == [1, 2, 2]
    together = cloud.add_group('together', 'affinity')
    [total] = run(*command, '--group', together.uuid)['total']
    assert total['instances'] == 6
    # As many as one host takes: 6 dedicated CPUs on each cell.
    [guest] = guests_of(1, group=together, extra_specs=HUGE)
    rows = run(*command, '--group', together.uuid)
    counts = by_host(rows)
    assert counts.pop(guest.host) == 5
    assert set(counts.values()) == {0}


def test_a_mixture_keeps_its_proportion_and_can_be_booted(
    run, flavors_of, guests_of
):
    flavors_of('wide', vcpus=4, memory_mb=1024, extra_specs=HUGE)
    flavors_of('tall', vcpus=1, memory_mb=4096, extra_specs=HUGE)
    words = ('capacity', '--flavor', 'wide', '--flavor', 'tall=2')
    found = run(*words)
    counts = by_flavor(found)
    assert counts['wide'] * 2 in range(counts['tall'] - 2, counts['tall'] + 3)
    assert counts['wide'] >= 3
    [ended] = [row for row in found['total'] if row['short_of']]
    assert sum(short['hosts'] for short in ended['short_of']) == 3
    for places in (found['hosts'], found['domains']):
        for name in counts:
            placed = sum(row['by_flavor'][name] for row in places)
            assert placed == counts[name]
        assert all(
            row['instances'] == sum(row['by_flavor'].values())
            for row in places
        )
    text = run(*words, '-f', 'table')
    for words in ('In all', 'By failure domain', 'By host', '| wide | tall |'):
        assert words in text
    guests_of(counts['wide'], vcpus=4, ram_mib=1024, extra_specs=HUGE)
    guests_of(counts['tall'], vcpus=1, ram_mib=4096, extra_specs=HUGE)


def in_turn(cloud, group, *flavors):
    """How many of each the scheduler places until one finds no host."""
    placed = dict.fromkeys((flavor.name for flavor in flavors), 0)
    guests = []
    for flavor in itertools.cycle(flavors):
        [guest] = cloud.boot(flavor, group=group)
        if not guest.booted:
            break
        guests.append(guest)
        placed[flavor.name] += 1
    for guest in guests:
        cloud.delete(guest)
    return placed


@pytest.fixture
def two_kinds(flavors_of):
    flavors_of('paged', vcpus=2, memory_mb=2048, extra_specs=HUGE)
    specs = {'hw:cpu_policy': 'dedicated'}
    flavors_of('wide', vcpus=4, memory_mb=1024, extra_specs=specs)
    return (
        SimulatedFlavor('paged', 2, 2048, 1, HUGE),
        SimulatedFlavor('wide', 4, 1024, 1, specs),
    )


# Of 6 dedicated CPUs on each node of a host, the two flavors take 2 and 4 in
# turn. From Nova 34 on, claims fill the node without devices first. Up to Nova
# 33, each takes the node with the most free CPUs: 2 are left on both for the
# fourth guest, which asks for 4.
ON_ONE_HOST = 4 if releases.claims_sort_by_devices(None) else 3


@pytest.mark.parametrize(
    ('policy', 'limit', 'in_all'),
    [
        ('anti-affinity', None, 3),
        ('anti-affinity', 2, 6),
        ('affinity', None, ON_ONE_HOST),
    ],
)
def test_a_group_counts_the_members_of_all_flavors(
    run, cloud, two_kinds, policy, limit, in_all
):
    group = cloud.add_group('group', policy, max_per_host=limit)
    words = ('--flavor', 'paged', '--flavor', 'wide', '--group', group.uuid)
    found = run('capacity', *words)
    counts = by_flavor(found)
    assert sum(counts.values()) == in_all
    assert counts == in_turn(cloud, group, *two_kinds)
    hosts = found['hosts']
    if policy == 'affinity':
        assert len(hosts) == 1
    else:
        assert {row['instances'] for row in hosts} == {limit or 1}
        shortages = [row['short_of'] for row in found['total']]
        assert [] in shortages
        assert [{'condition': 'server group', 'hosts': 3}] in shortages


def test_an_affinity_group_of_several_flavors_goes_to_the_best_host(
    run, cloud, flavors_of, guests_of
):
    flavors_of('paged', 'small', vcpus=2, memory_mb=2048, extra_specs=HUGE)
    group = cloud.add_group('together', 'affinity')
    guests_of(2, vcpus=6, ram_mib=1024, extra_specs=HUGE)
    counts = by_host(run('capacity', '--flavor', 'paged'))
    assert len(set(counts.values())) > 1
    words = ('--flavor', 'paged', '--flavor', 'small', '--group', group.uuid)
    [row] = run('capacity', *words)['hosts']
    assert counts[row['host']] == max(counts.values())
    assert row['by_flavor'] == {'paged': 3, 'small': 3}
    [member] = guests_of(1, group=group, extra_specs=HUGE)
    [row] = run('capacity', *words)['hosts']
    assert row['host'] == member.host
    assert row['instances'] == counts[member.host] - 1


def test_an_affinity_group_has_one_host_in_each_domain(run, cloud):
    group = cloud.add_group('together', 'affinity')
    command = ('capacity', *by_hand(2, 3072, **HUGE), '--group', group.uuid)
    found = run(*command)
    assert [row['instances'] for row in found['total']] == [4]
    assert [row['instances'] for row in found['domains']] == [4, 4]


def test_a_cell_that_cannot_be_read_is_one_problem(
    run, flavors_of, guests_of, second_cell
):
    flavors_of('one', 'other', extra_specs=HUGE)
    [guest] = guests_of(1, extra_specs=HUGE)
    words = ('--after-loss', f'host={guest.host}')
    found = run('capacity', *words, code=1)
    [row] = found['instances']
    assert row['uuid'] == guest.uuid
    [problem] = found['problems']
    assert problem.startswith(second_cell)
    # Neither its hosts are there to go to, nor guests that were lost.
    assert run.err.count(second_cell) == 1
    for words in (
        ('--flavor', 'one'),
        ('--flavor', 'one', '--flavor', 'other'),
    ):
        assert len(run('capacity', *words, code=1)['hosts']) == 3
        assert run.err.count(second_cell) == 1


def test_hosts_that_placement_does_not_offer_at_once_are_told(run, flavors_of):
    flavors_of('one', 'other', extra_specs=HUGE)
    with settings.override({'scheduler.max_placement_results': 1}):
        for words in (
            ('--flavor', 'one'),
            ('--flavor', 'one', '--flavor', 'other'),
        ):
            [note] = run('capacity', *words)['notes']
            assert note.startswith('Placement has ')
            assert run.err.count('WARNING: Placement has ') == 1
            assert 'Not read' not in run.err


def test_after_the_loss_of_a_rack_guests_have_a_place_or_not(
    run, cloud, guests_of
):
    guests = guests_of(4, extra_specs=HUGE, ram_mib=3072, name='g')
    lost = {g.uuid for g in guests if g.host in ('cmp-0', 'cmp-1')}
    found = run('capacity', '--after-loss', 'rack=R1')
    assert found['lost_hosts'] == ['cmp-0', 'cmp-1']
    rows = found['instances']
    assert {row['uuid'] for row in rows} == lost
    assert {row['fits_on'] for row in rows} <= {'cmp-2'}
    assert all(row['fits_on'] for row in rows)
    guests += guests_of(8, extra_specs=HUGE, ram_mib=3072, name='g')
    found = run('capacity', '--after-loss', 'host=cmp-2', code=3)
    rows = found['instances']
    assert len(rows) == 4
    assert {row['fits_on'] for row in rows} == {None}
    assert {row['short_of'] for row in rows} == {'pages'}
    assert found['total'] == [
        {
            'instances': 4,
            'fit_elsewhere': 0,
            'do_not_fit': 4,
            'short_of': [{'condition': 'pages', 'instances': 4}],
        }
    ]


def test_guests_of_a_lost_host_do_not_share_the_last_place(run, guests_of):
    # 9 of 12 places are taken: one too many wherever they are.
    guests = guests_of(9, extra_specs=HUGE, ram_mib=3072)
    lost = guests[0].host
    there = sum(guest.host == lost for guest in guests)
    rows = run('capacity', '--after-loss', f'host={lost}', code=3)['instances']
    fits = [bool(row['fits_on']) for row in rows]
    assert sorted(fits) == [False] + [True] * (there - 1)


def test_groups_hold_after_a_loss(run, cloud, guests_of):
    group = cloud.add_group('apart', 'anti-affinity')
    guests = guests_of(3, group=group)
    assert len({guest.host for guest in guests}) == 3
    found = run('capacity', '--after-loss', 'host=cmp-1', code=3)
    [row] = found['instances']
    assert (row['fits_on'], row['short_of']) == (None, 'server group')


def test_members_that_have_a_place_count_after_a_loss(run, cloud, guests_of):
    group = cloud.add_group('apart', 'anti-affinity')
    first, second = guests_of(2, group=group)
    words = [
        word
        for guest in (first, second)
        for word in ('--after-loss', f'host={guest.host}')
    ]
    rows = run('capacity', *words, code=3)['instances']
    # There is one host left for both.
    assert [bool(row['fits_on']) for row in rows] == [False, True]
    assert rows[0]['short_of'] == 'server group'


def evacuate(cloud, guest):
    """Schedule as nova-conductor's rebuild_instance does for evacuations."""
    spec = objects.RequestSpec.get_by_instance_uuid(cloud.context, guest.uuid)
    spec.ignore_hosts = [guest.host]
    spec.reset_forced_destinations()
    spec.requested_resources = []
    scheduler_utils.setup_instance_group(cloud.context, spec)
    cloud.scheduler.select_destinations(
        cloud.context,
        spec_obj=spec,
        instance_uuids=[guest.uuid],
        return_objects=True,
    )


def test_an_affinity_group_is_not_evacuated(run, cloud, guests_of):
    group = cloud.add_group('together', 'affinity')
    first, second = guests_of(2, group=group, extra_specs=HUGE)
    assert first.host == second.host
    # Nova looks for a host on which members are, and leaves out the only one.
    with pytest.raises(messaging.ExpectedException) as raised:
        evacuate(cloud, first)
    assert raised.value.exc_info[0] is exception.NoValidHost
    words = ('--after-loss', f'host={first.host}')
    rows = run('capacity', *words, code=3)['instances']
    assert {row['uuid'] for row in rows} == {first.uuid, second.uuid}
    assert {row['fits_on'] for row in rows} == {None}
    assert {row['short_of'] for row in rows} == {'server group'}


def test_an_affinity_group_is_evacuated_to_its_members_elsewhere(
    run, cloud, guests_of
):
    group = cloud.add_group('together', 'affinity')
    [member] = guests_of(1, group=group, extra_specs=HUGE)
    guests = guests_of(3, extra_specs=HUGE)
    other = next(guest for guest in guests if guest.host != member.host)
    objects.InstanceGroup.add_members(cloud.context, group.uuid, [other.uuid])
    rows = run('capacity', '--after-loss', f'host={member.host}')['instances']
    [host] = [row['fits_on'] for row in rows if row['uuid'] == member.uuid]
    assert host == other.host


def test_a_mixture_of_which_nothing_fits_says_why(run, flavors_of):
    flavors_of('tall', memory_mb=9216, extra_specs=HUGE)
    flavors_of('small', extra_specs=HUGE)
    words = ('capacity', '--flavor', 'tall=2', '--flavor', 'small')
    found = run(*words)
    assert by_flavor(found) == {'tall': 0, 'small': 0}
    assert [row['short_of'] for row in found['total']] == [
        [{'condition': 'pages', 'hosts': 3}],
        [],
    ]
    assert found['hosts'] == []


def test_an_unknown_domain_is_told(run):
    run('capacity', '--after-loss', 'rack=R9', code=1)
    assert 'there is no host in rack R9; known: R1, R2\n' in run.err
    run('capacity', '--after-loss', 'rakc=R1', code=1)
    assert 'no host has a rakc; did you mean rack?' in run.err


def test_a_guest_whose_request_is_not_stored_is_told(run, cloud, guests_of):
    [guest] = cloud.boot(SimulatedFlavor('odd', 1, 512, 1), name='odd')
    try:
        words = ('--after-loss', f'host={guest.host}')
        [row] = run('capacity', *words, code=3)['instances']
    finally:
        cloud.delete(guest)
    assert 'no request' in row['short_of']


@pytest.mark.parametrize(
    ('words', 'names'),
    [
        (('--flavor', 'a', '--group', 'g'), '--flavor, --group'),
        (('--vcpus', '2'), '--vcpus'),
        (('--availability-zone', 'z'), '--availability-zone'),
        (('--hint', 'a=b', '--port', 'physnet1'), '--port, --hint'),
        (('--fail-below', '0'), '--fail-below'),
    ],
)
def test_guests_that_are_lost_are_asked_nothing(run, capsys, words, names):
    with pytest.raises(SystemExit) as raised:
        run('capacity', '--after-loss', 'rack=R1', *words)
    assert raised.value.code == 2
    said = capsys.readouterr().err
    assert f'not allowed with --after-loss: {names};' in said


EVIL = 'evil\x1b]0;pwned\x07\x1b[31mred\nline\u202e'


def test_names_of_tenants_do_not_reach_the_terminal_raw(run, guests_of):
    guests = guests_of(5, name=EVIL, vcpus=6, extra_specs=HUGE)
    # Of two on one host there is room for one on the others.
    [full, *_] = (
        host
        for host, count in collections.Counter(
            guest.host for guest in guests
        ).items()
        if count == 2
    )
    lost = ('capacity', '--after-loss', f'host={full}')
    stuck = ('explain', *by_hand(6, 1024, **HUGE), '--show', 'suggestions')
    for words, code in ((lost, 3), (stuck, 0)):
        for form in ('table', 'csv', 'value'):
            text = run(*words, '-f', form, code=code)
            assert 'evil\N{REPLACEMENT CHARACTER}' in text
            assert not set(text) & set('\x1b\x07\u202e')
        for form in ('json', 'yaml'):
            text = run(*words, '-f', form, code=code)
            assert '\x1b' not in text
    rows = run(*lost, code=3)['instances']
    assert {row['name'] for row in rows} == {EVIL}


@pytest.mark.parametrize('word', ['a=0', 'a=x'])
def test_wrong_weights_are_refused(run, word):
    assert run('capacity', '--flavor', word, code=1) == ''
    assert 'is no positive number' in run.err


def test_the_table_has_all_three(run):
    text = run('capacity', *by_hand(2, 3072, **HUGE), '-f', 'table')
    for words in ('In all', 'By failure domain', 'By host', 'R1', 'cmp-2'):
        assert words in text
