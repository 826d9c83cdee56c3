"""``nfv-sched capacity`` on a simulated cloud."""

import pytest

from nfv_sched.sim.guests import Flavor

HUGE = {
    'hw:cpu_policy': 'dedicated',
    'hw:mem_page_size': '1GB',
    'hw:numa_nodes': '1',
}


def by_hand(vcpus, ram, **specs):
    words = ['--vcpus', str(vcpus), '--ram', str(ram), '--disk', '1']
    for name, value in specs.items():
        words += ['--extra-spec', f'{name}={value}']
    return words


def by_host(rows):
    return {row['Host']: row['Guests'] for row in rows}


def test_every_host_counts_and_says_what_runs_out(run, guests_of):
    asked = ('capacity', *by_hand(2, 3072, **HUGE))
    rows = run(*asked)
    # 8 pages a cell hold two, 6 CPUs three.
    assert by_host(rows) == {'cmp-0': 4, 'cmp-1': 4, 'cmp-2': 4}
    assert {row['Short of first'] for row in rows} == {'pages'}
    [total] = run(*asked, '--show', 'total')
    assert total['Guests'] == 12
    assert total['Short of first'] == 'pages (3)'
    rows = run('capacity', *by_hand(4, 1024, **HUGE))
    assert by_host(rows) == {'cmp-0': 2, 'cmp-1': 2, 'cmp-2': 2}
    assert {row['Short of first'] for row in rows} == {'dedicated CPUs'}
    guests = guests_of(4, extra_specs=HUGE, ram_mib=3072)
    left = by_host(run(*asked))
    for name in left:
        assert left[name] == 4 - sum(guest.host == name for guest in guests)


def test_the_sums_of_racks_are_told(run):
    rows = run('capacity', *by_hand(2, 3072, **HUGE), '--show', 'domains')
    assert rows == [
        {'Kind': 'rack', 'Domain': 'R1', 'Guests': 8},
        {'Kind': 'rack', 'Domain': 'R2', 'Guests': 4},
    ]


def test_placement_limits_guests_that_ask_for_no_cells(run):
    rows = run('capacity', *by_hand(1, 512), '--show', 'hosts')
    # 4 shared CPUs, overcommitted 4 times, go before 32 GiB do.
    assert {row['Short of first'] for row in rows} == {'VCPU in Placement'}
    assert {row['Guests'] for row in rows} == {16}


def test_groups_limit_and_gather(run, sky, guests_of):
    asked = ('capacity', *by_hand(2, 2048, **HUGE))
    apart = sky.add_group('apart', 'anti-affinity', max_per_host=2)
    guests_of(1, group=apart)
    counts = by_host(run(*asked, '--group', apart.uuid))
    assert sorted(counts.values()) == [1, 2, 2]
    together = sky.add_group('together', 'affinity')
    [total] = run(*asked, '--group', together.uuid, '--show', 'total')
    assert total['Guests'] == 6
    # As many as one host takes: 6 dedicated CPUs on each cell.
    [guest] = guests_of(1, group=together, extra_specs=HUGE)
    rows = run(*asked, '--group', together.uuid)
    counts = by_host(rows)
    assert counts.pop(guest.host) == 5
    assert set(counts.values()) == {0}


def test_a_mixture_keeps_its_proportion_and_can_be_booted(
    run, flavors_of, guests_of
):
    flavors_of('wide', vcpus=4, memory_mb=1024, extra_specs=HUGE)
    flavors_of('tall', vcpus=1, memory_mb=4096, extra_specs=HUGE)
    words = ('capacity', '--flavor', 'wide', '--flavor', 'tall=2')
    rows = run(*words, '--show', 'total')
    counts = {row['Flavor']: row['Guests'] for row in rows}
    assert counts['wide'] * 2 in range(counts['tall'] - 2, counts['tall'] + 3)
    assert counts['wide'] >= 3
    ended = [row for row in rows if row['Short of first']]
    assert len(ended) == 1
    hosts = run(*words)
    assert sum(row['wide'] for row in hosts) == counts['wide']
    assert sum(row['tall'] for row in hosts) == counts['tall']
    guests_of(counts['wide'], vcpus=4, ram_mib=1024, extra_specs=HUGE)
    guests_of(counts['tall'], vcpus=1, ram_mib=4096, extra_specs=HUGE)


def test_after_the_loss_of_a_rack_guests_have_a_place_or_not(
    run, sky, guests_of
):
    guests = guests_of(4, extra_specs=HUGE, ram_mib=3072, name='g')
    lost = {g.uuid for g in guests if g.host in ('cmp-0', 'cmp-1')}
    rows = run('capacity', '--after-loss', 'rack=R1')
    assert {row['UUID'] for row in rows} == lost
    assert {row['Fits on'] for row in rows} <= {'cmp-2'}
    assert all(row['Fits on'] for row in rows)
    guests += guests_of(8, extra_specs=HUGE, ram_mib=3072, name='g')
    rows = run('capacity', '--after-loss', 'host=cmp-2')
    assert len(rows) == 4
    assert {row['Fits on'] for row in rows} == {''}
    assert {row['Short of'] for row in rows} == {'pages'}
    rows = run('capacity', '--after-loss', 'host=cmp-2', '--show', 'total')
    [total] = rows
    assert (total['Guests'], total['Fit elsewhere']) == (4, 0)
    assert total['Do not fit'] == 4


def test_guests_of_a_lost_host_do_not_share_the_last_place(run, guests_of):
    # 9 of 12 places are taken: one too many wherever they are.
    guests = guests_of(9, extra_specs=HUGE, ram_mib=3072)
    lost = guests[0].host
    there = sum(guest.host == lost for guest in guests)
    rows = run('capacity', '--after-loss', f'host={lost}')
    found = [bool(row['Fits on']) for row in rows]
    assert sorted(found) == [False] + [True] * (there - 1)


def test_groups_hold_after_a_loss(run, sky, guests_of):
    group = sky.add_group('apart', 'anti-affinity')
    guests = guests_of(3, group=group)
    assert len({guest.host for guest in guests}) == 3
    [row] = run('capacity', '--after-loss', 'host=cmp-1')
    assert (row['Fits on'], row['Short of']) == ('', 'server group')


def test_a_mixture_of_which_nothing_fits_says_why(run, flavors_of):
    flavors_of('tall', memory_mb=9216, extra_specs=HUGE)
    flavors_of('small', extra_specs=HUGE)
    words = ('capacity', '--flavor', 'tall=2', '--flavor', 'small')
    rows = run(*words, '--show', 'total')
    assert rows == [
        {'Flavor': 'tall', 'Guests': 0, 'Short of first': 'pages'},
        {'Flavor': 'small', 'Guests': 0, 'Short of first': ''},
    ]
    assert run(*words) == []


def test_an_unknown_domain_is_told(run):
    run('capacity', '--after-loss', 'rack=R9', code=1)
    assert 'no host is rack=R9' in run.err


def test_a_guest_whose_request_is_not_stored_is_told(run, sky, guests_of):
    [guest] = sky.boot(Flavor('odd', 1, 512, 1), name='odd')
    try:
        rows = run('capacity', '--after-loss', f'host={guest.host}')
    finally:
        sky.delete(guest)
    [row] = rows
    assert 'no request' in row['Short of']


@pytest.mark.parametrize('word', ['a=0', 'a=x'])
def test_wrong_weights_are_refused(run, word):
    with pytest.raises(SystemExit):
        run('capacity', '--flavor', word)


def test_the_table_has_all_three(run):
    text = run('capacity', *by_hand(2, 3072, **HUGE), '-f', 'table')
    for words in ('In all', 'By failure domain', 'By host', 'R1', 'cmp-2'):
        assert words in text
