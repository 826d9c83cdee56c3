"""Hints that nothing reads are named."""

from nova.scheduler.filters import affinity_filter
from nova.scheduler.filters import json_filter

from nfv_sched.nova import hints
from nfv_sched.weighers import affinity

CLASSES = {
    each.__name__: each
    for module in (affinity_filter, json_filter, affinity)
    for each in vars(module).values()
    if isinstance(each, type)
}


class Foreign:
    """A filter of another package."""


def test_every_reader_exists():
    readers = {name for names in hints.READERS.values() for name in names}
    assert readers <= CLASSES.keys()


def test_a_hint_that_an_enabled_filter_reads_is_no_problem():
    for name, readers in hints.READERS.items():
        assert hints.unread([name], [CLASSES[each] for each in readers]) == []
        [problem] = hints.unread([name], [])
        assert f'Only {readers[0]} reads the hint {name}, and' in problem
    assert hints.unread(['group'], []) == []


def test_a_hint_that_nothing_reads_has_a_similar_name():
    assert hints.unread(['nfv:nera', 'colour'], []) == [
        'No filter or weigher reads the hint colour',
        'No filter or weigher reads the hint nfv:nera (did you mean '
        'nfv:near?)',
    ]


def test_what_other_packages_read_is_not_known():
    [problem] = hints.unread(['colour'], [Foreign])
    assert problem.endswith('reads the hint colour, unless Foreign does')
