"""What pictures show, against what was surveyed."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st
import pytest

from nfv_sched.model import cpu_list
from nfv_sched.render import device_view
from nfv_sched.render import formatting
from nfv_sched.render import host_view
from nfv_sched.render import marks
from nfv_sched.render import metrics
from nfv_sched.render import svg
from nfv_sched.survey import SurveyedInstance
from tests.render import examples


def owners_of(view, cell):
    return [owner for core in view.cells[cell].cores for owner in core.owners]


def test_every_cpu_has_the_owner_that_it_has():
    host = examples.busy_host()
    view = host_view.host_view(host)
    [upf, vrouter, web] = view.guests
    assert (upf.mark, vrouter.mark, web.mark) == ('a', 'b', '')
    by_cpu = {
        cpu: owner
        for core in view.cells[0].cores
        for cpu, owner in zip(core.cpus, core.owners, strict=True)
    }
    assert len(by_cpu) == 24
    for cpu in range(5):
        assert by_cpu[cpu] == 'b'
        # The other thread of a core that "isolate" took.
        assert by_cpu[cpu + 24] == marks.BLOCKED
    assert [by_cpu[cpu] for cpu in (5, 29, 6, 30)] == ['a'] * 4
    # Pinned by nobody that the survey lists: a guest on its way.
    assert by_cpu[7] == marks.UNKNOWN_OWNER
    assert by_cpu[31] == marks.FREE
    assert [by_cpu[cpu] for cpu in (10, 11, 34, 35)] == [marks.SHARED] * 4
    assert owners_of(view, 0).count(marks.FREE) == view.cells[0].free == 5


def without_dedicated(host, *cpus):
    """The host after CPUs of the first NUMA node were given to its system."""
    first, *others = host.state.cells
    first = first.evolve(
        dedicated_cpus=first.dedicated_cpus - set(cpus),
        siblings=tuple(core - set(cpus) for core in first.siblings),
    )
    state = host.state.evolve(cells=(first, *others))
    return dataclasses.replace(host, state=state)


def test_instances_on_cpus_that_are_not_dedicated_are_marked():
    view = host_view.host_view(without_dedicated(examples.busy_host(), 5, 29))
    by_cpu = {
        cpu: owner
        for core in view.cells[0].cores
        for cpu, owner in zip(core.cpus, core.owners, strict=True)
    }
    assert [by_cpu[cpu] for cpu in (5, 29, 6, 30)] == [*'^^', *'aa']
    assert marks.OUTSIDE in view.marks
    assert 'pinned, not dedicated' in svg.drawing(view)
    assert set('^') <= set(svg.drawing(view))


def test_cpus_of_two_instances_are_marked_wherever_they_are():
    host = examples.busy_host()
    upf = next(
        guest
        for guest in host.residents
        if any(5 in cell.host_cpus for cell in guest.cells)
    )
    both = dataclasses.replace(upf, uuid='other', name='other')
    host = dataclasses.replace(host, residents=(*host.residents, both))
    for shown in (host, without_dedicated(host, 5, 29)):
        owners = owners_of(host_view.host_view(shown), 0)
        assert owners.count(marks.CONFLICT) == 4
        assert marks.OUTSIDE not in owners


def test_every_device_has_the_owner_that_it_has():
    view = host_view.host_view(examples.busy_host())
    functions, port = view.cells[0].pools
    assert ''.join(functions.owners) == 'bba' + '.' * 13
    assert (functions.free, functions.total) == (13, 16)
    assert (functions.address, functions.label) == ('0000:3b:00.0', 'physnet1')
    assert (functions.link_mbps, port.link_mbps) == (25000, None)
    # Its virtual functions are in use.
    assert port.owners == (marks.BLOCKED,)
    [card] = view.pools
    assert (card.label, card.kind) == ('10de:1eb8', 'PCI')


def test_placement_alone_gives_counts_and_says_so():
    view = host_view.host_view(examples.counted_host())
    assert view.guests is None
    assert 'instances are not known' in view.remarks
    first, second = view.cells
    assert first.cores is None
    assert first.broken_cores is None
    assert (first.free, second.free) == (0, 15)
    assert [pages.free for pages in first.pages] == [2097152, 1024, 0]
    assert first.pages[2].reserved == 4
    assert (second.l3, second.offline) == ((2, 3), 2)
    [pool] = first.pools
    assert pool.link_mbps == 25000
    assert (pool.free, pool.total, pool.owners) == (12, 16, None)


def test_more_guests_than_letters():
    host = examples.busy_host()
    crowd = tuple(
        SurveyedInstance(
            examples.guest_uuid(number),
            f'guest-{number:03}',
            'small',
            (examples.resident_cell(0, 0, (number,)),),
        )
        for number in range(len(marks.MARKS) + 2)
    )
    view = host_view.host_view(dataclasses.replace(host, residents=crowd))
    seen_marks = [guest.mark for guest in view.guests]
    assert len(set(seen_marks)) == len(marks.MARKS) + 1
    assert seen_marks[-2:] == ['*', '*']
    specials = {
        marks.FREE,
        marks.SHARED,
        marks.BLOCKED,
        marks.UNKNOWN_OWNER,
        '*',
    }
    assert not specials & set(marks.MARKS)


def test_names_of_guests_do_nothing_to_a_terminal():
    view = host_view.host_view(examples.busy_host())
    name = view.guests[0].name
    assert name.startswith('</title><script>')
    assert name.isprintable()
    assert formatting.printable('größer 東京') == 'größer 東京'


@given(st.sets(st.integers(0, 300)))
def test_ranges_name_exactly_their_cpus(cpus):
    numbers = set()
    for part in filter(None, cpu_list.ranges(cpus).split(',')):
        first, _, last = part.partition('-')
        numbers.update(range(int(first), int(last or first) + 1))
    assert numbers == cpus


@pytest.mark.parametrize(
    ('mib', 'text'),
    [
        (512, '512 MiB'),
        (2048, '2 GiB'),
        (2049, '2049 MiB'),
        (191488, '187 GiB'),
    ],
)
def test_memory_is_written_as_people_say_it(mib, text):
    assert formatting.memory_name(mib) == text


@pytest.mark.parametrize(
    ('mbps', 'text'),
    [(None, ''), (100, '100M'), (2500, '2.5G'), (100000, '100G')],
)
def test_links_are_written_as_people_say_it(mbps, text):
    assert formatting.link_name(mbps) == text


def test_nothing_is_fragmented_on_an_empty_or_a_full_host():
    assert metrics.fragmentation([20, 20], [20, 20]) == 0
    assert metrics.fragmentation([0, 0], [20, 20]) == 0
    assert metrics.fragmentation([20, 0], [20, 20]) == 0
    assert metrics.fragmentation([], []) == 0


def test_fragmentation_by_hand():
    # Together on one cell 4 CPUs would hold guests of 1, 2, 3 and 4 CPUs: 4,
    # 2, 1 and 1 of them. On two cells of 2 free each it is 4, 2, 0 and 0.
    assert metrics.fragmentation([2, 2], [4, 4]) == 0.5


CELLS = st.lists(
    st.integers(0, 24).flatmap(
        lambda size: st.tuples(st.integers(0, size), st.just(size))
    ),
    min_size=1,
    max_size=8,
)


@given(CELLS)
def test_fragmentation_is_a_share_and_gathering_ends_it(cells):
    free = [count for count, _ in cells]
    sizes = [size for _, size in cells]
    assert 0 <= metrics.fragmentation(free, sizes) <= 1
    together = metrics.consolidated(sum(free), sizes)
    assert sum(together) == sum(free)
    ordered = sorted(sizes, reverse=True)
    assert metrics.fragmentation(together, ordered) == 0


def cell(free, pages, count=8, dedicated=20, usable=28):
    [cell, _] = host_view.host_view(examples.counted_host()).cells
    return dataclasses.replace(
        cell,
        free=free,
        dedicated=dedicated,
        pages=(
            host_view.PagesView(4, 1000, 0, 0),
            host_view.PagesView(examples.G1, usable, 0, usable - pages),
        ),
        pools=(device_view.PoolView(None, 'VF', 'net', count, count),),
    )


@pytest.mark.parametrize(
    ('cell', 'devices'),
    [
        (cell(4, 10), 0),
        (cell(0, 10), 8),
        (cell(4, 0), 8),
        (cell(-1, -1), 8),
        # What it never had is not asked of it.
        (cell(0, 10, dedicated=0), 0),
        (cell(4, 0, usable=0), 0),
    ],
)
def test_devices_are_stranded_where_nothing_can_run_beside_them(cell, devices):
    assert metrics.stranded(cell) == devices
