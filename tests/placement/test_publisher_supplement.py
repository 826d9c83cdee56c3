"""Two publishers own different parts of one tree."""

import contextlib
import dataclasses
import itertools

import pytest

from nfv_sched.model import CellTopology
from nfv_sched.model import HostTopology
from nfv_sched.placement import api
from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.codec import IncompleteTree
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.publisher import publish_supplement
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.placement.removal import prune
from nfv_sched_testing.placement_fixtures import adapter_of
from tests.placement.examples import both
from tests.placement.examples import host
from tests.placement.examples import read
from tests.placement.examples import reported
from tests.placement.examples import supplement
from tests.placement.examples import with_guest


def test_neither_publisher_changes_the_part_of_the_other(client, wsgi):
    publish(client, [reported()])
    report = publish_supplement(client, supplement())
    assert (report.outcome, report.error) == ('written', None)
    assert read(client, reported()) == both(reported(), supplement())
    wsgi.calls.clear()
    assert publish(client, [reported()]).writes == 0
    assert publish_supplement(client, supplement()).outcome == 'unchanged'
    assert wsgi.writes == []
    # A guest, another cell, another name, fewer pools: all of Nova's part.
    for new in (
        with_guest(reported()),
        reported(cells=1, pools=1),
        reported(name='renamed'),
        reported(),
    ):
        assert publish(client, [new]).hosts[0].error is None
        assert read(client, new) == both(new, supplement())
    for extra in (supplement(speed=100000), supplement(far=31), supplement()):
        wsgi.calls.clear()
        assert publish_supplement(client, extra).error is None
        assert read(client, reported()) == both(reported(), extra)
        root = schema.root_uuid(host().uuid)
        mine = schema.supplement_uuid(root)
        writes = [c for c in wsgi.writes if 'resource_providers' in c[1]]
        assert writes == [
            ('PUT', f'/resource_providers/{mine}/traits'),
            ('PUT', f'/resource_providers/{mine}/inventories'),
            ('PUT', f'/resource_providers/{root}/inventories'),
        ]


def test_a_supplement_needs_a_published_tree(client, wsgi):
    report = publish_supplement(client, supplement())
    assert 'not published yet' in report.error
    assert [c for c in wsgi.writes if 'resource_providers' in c[1]] == []
    publish(client, [reported()])
    assert publish_supplement(client, supplement()).error is None
    assert read(client, reported()) == both(reported(), supplement())


def test_a_host_with_both_parts_is_published_at_once(client):
    everything = both(reported(), supplement())
    publish(client, [everything])
    assert read(client, everything) == everything
    assert publish(client, [everything]).writes == 0
    assert publish(client, [reported()]).writes == 0
    extra = supplement()
    listed = dataclasses.replace(extra, cells=extra.cells[:2])
    assert publish_supplement(client, listed).outcome == 'unchanged'


def test_a_published_supplement_is_removed_if_sysfs_adds_nothing(client):
    publish(client, [both(reported(), supplement())])
    nothing = HostTopology('host0', host().uuid, (CellTopology(0),))
    assert publish_supplement(client, nothing).outcome == 'written'
    assert read(client, reported()) == reported()
    assert publish_supplement(client, nothing).outcome == 'unchanged'


def test_the_supplement_is_removed_with_the_tree(client):
    publish(client, [both(reported(), supplement())])
    assert prune(client, []) == {'host0:nfv': None}
    assert client.get('/resource_providers')['resource_providers'] == []


def test_a_change_of_the_supplement_moves_the_root(client):
    publish(client, [reported()])
    root = schema.root_uuid(host().uuid)
    reader = TopologyReader(lambda: client)
    assert reader.refresh()
    before = api.roots(client)[root].generation
    publish_supplement(client, supplement())
    assert api.roots(client)[root].generation > before
    assert reader.refresh()
    assert reader.snapshot.get(host().uuid) == both(reported(), supplement())


def test_a_foreign_change_of_the_supplement_makes_the_tree_incomplete(client):
    publish(client, [both(reported(), supplement())])
    mine = schema.supplement_uuid(schema.root_uuid(host().uuid))
    generation, traits = api.traits(client, mine)
    client.put(
        f'/resource_providers/{mine}/traits',
        {
            'resource_provider_generation': generation,
            'traits': sorted(traits - {'CUSTOM_NFV_DISTANCE_0_1_21'}),
        },
    )
    with pytest.raises(IncompleteTree, match='sysfs'):
        read(client, host())
    # The publisher that reads Nova's databases does not repair it.
    assert publish(client, [reported()]).writes == 0
    report = publish_supplement(client, supplement())
    assert (report.error, report.incomplete) == (None, True)
    assert read(client, host()) == both(reported(), supplement())


def _calls(client, wsgi, work):
    wsgi.calls.clear()
    work(client)
    return len(wsgi.calls)


@pytest.mark.parametrize('first', ['reported', 'supplement'])
def test_any_interleaving_ends_complete_and_is_incomplete_until_then(
    client, wsgi, first
):
    """One publisher writes between any two calls of the other."""
    old, new = reported(cells=1, pools=1), reported(cells=1, pools=0)
    old_extra, new_extra = supplement(), supplement(speed=10, far=40)
    seen = [
        both(topology, x)
        for topology in (old, new)
        for x in (old_extra, new_extra)
    ]
    works = {
        'reported': lambda c: publish(c, [new]),
        'supplement': lambda c: publish_supplement(c, new_extra),
    }
    outer = works.pop(first)
    (inner,) = works.values()
    other = PlacementClient(adapter_of(wsgi))

    def restore():
        publish(client, [old])
        publish_supplement(client, old_extra)

    restore()
    # Every fourth call, from the first or from the second one on.
    for count in itertools.count(int(first == 'supplement'), 4):
        calls = 0

        def interfere(method, path):
            nonlocal calls
            calls += 1
            wsgi.before = None
            if wsgi.calls and wsgi.calls[-1][0] != 'GET':
                with contextlib.suppress(IncompleteTree):
                    assert read(other, old) in seen
            if calls == count:  # noqa: B023 - used within the round
                inner(other)
            wsgi.before = interfere

        wsgi.before = interfere
        outer(client)
        wsgi.before = None
        if count > calls:
            break
        if not count:
            # After the pass, not within it.
            inner(other)
        assert read(client, new) == both(new, new_extra)
        restore()
    assert count > 10
