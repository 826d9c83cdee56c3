"""Long reads do not start full collections, and leave nothing frozen."""

import gc

import pytest

from nfv_sched.placement.gc_pauses import defer_full_collections

ITEMS = 20_000


@pytest.fixture
def full():
    """The full collections, which are due often."""
    generations = []

    def note(phase, info):
        if phase == 'start' and info['generation'] == 2:
            generations.append(info)

    before = gc.get_threshold()
    gc.collect()
    # Nothing that is there already: a quarter of it makes one due.
    gc.freeze()
    gc.collect()
    gc.unfreeze()
    gc.set_threshold(50, 2, 2)
    gc.callbacks.append(note)
    yield generations
    gc.callbacks.remove(note)
    gc.set_threshold(*before)


def _keep(items):
    """Make an object that stays of each item."""
    return [[item] for item in items]


def test_a_read_without_it_is_stopped_by_full_collections(full):
    _keep(range(ITEMS))
    assert full


def test_items_are_kept_and_no_full_collection_is_made(full):
    assert _keep(defer_full_collections(range(ITEMS))) == _keep(range(ITEMS))
    before = len(full)
    kept = _keep(defer_full_collections(range(ITEMS)))
    assert len(full) == before
    assert len(kept) == ITEMS
    assert gc.get_freeze_count() == 0


def test_a_read_that_fails_leaves_nothing_frozen():
    def fail():
        yield from range(ITEMS)
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        _keep(defer_full_collections(fail()))
    assert gc.get_freeze_count() == 0


def test_what_was_frozen_before_stays_frozen():
    gc.freeze()
    frozen = gc.get_freeze_count()
    _keep(defer_full_collections(range(ITEMS)))
    assert gc.get_freeze_count() >= frozen - 1000
    gc.unfreeze()
