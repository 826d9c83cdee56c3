"""A publisher that is killed at any call of a pass, and started again.

The tree is complete in the end, and no reader takes an incomplete tree for
complete.
"""

import dataclasses
import itertools
import sqlite3

import pytest

from nfv_sched.model import HostUsage
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.publisher import publish_supplement
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.placement.removal import prune
from nfv_sched_testing import budgets
from nfv_sched_testing.placement_fixtures import adapter_of
from tests.placement.examples import bare
from tests.placement.examples import host
from tests.placement.examples import reported
from tests.placement.examples import supplement
from tests.placement.examples import with_guest
from tests.placement.killed import Killed
from tests.placement.killed import KillingWSGI

OLD = with_guest(host(cells=1, pools=1))
NEW = dataclasses.replace(
    host(cells=1, pools=0, usage=HostUsage(shared_cpus={0: 3})),
    domains={'rack': 'r7'},
)
TWO = host(pools=0)
TWICE = dataclasses.replace(
    TWO,
    cells=tuple(
        dataclasses.replace(cell, memory_mib=2 * cell.memory_mib)
        for cell in TWO.cells
    ),
)
AGAIN = host(5, name='host0', cells=1, pools=1)
PLAIN = reported(cells=1, pools=1)


SEVERAL = [reported(number, cells=1, pools=0) for number in range(3)]
BUSY = [
    dataclasses.replace(topology, usage=HostUsage(shared_cpus={0: 3}))
    for topology in SEVERAL
]


def publishes(*topologies, concurrency=1):
    return lambda client: publish(client, topologies, concurrency=concurrency)


# The trees before, the work, the complete trees that a reader may see, and
# the trees at the end.
WORK = {
    'a new host': ([], publishes(OLD), [OLD], [OLD]),
    'a changed host': ([OLD], publishes(NEW), [OLD, NEW], [NEW]),
    'two cells at once': ([TWO], publishes(TWICE), [TWO, TWICE], [TWICE]),
    'a renamed host': (
        [NEW],
        publishes(dataclasses.replace(NEW, name='renamed')),
        # Names are only in the digest of names, which is in the root.
        [NEW, dataclasses.replace(NEW, name='renamed')],
        [dataclasses.replace(NEW, name='renamed')],
    ),
    'a host that came back': ([OLD], publishes(AGAIN), [OLD, AGAIN], [AGAIN]),
    'several hosts at the same time': (
        SEVERAL[:1],
        publishes(*BUSY, concurrency=3),
        SEVERAL,
        BUSY,
    ),
    'a host that is gone': ([OLD], lambda c: prune(c, []), [OLD], []),
    'what sysfs adds': (
        [PLAIN],
        lambda c: publish_supplement(c, supplement()),
        None,
        None,
    ),
}


@pytest.fixture
def restored(wsgi, tmp_path):
    """Call this to restore the first state of the database."""
    database, kept = tmp_path / 'placement.db', tmp_path / 'kept.db'

    def copy(source, target):
        with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
            old.backup(new)

    copies = []

    def restore():
        if copies:
            copy(kept, database)
        else:
            copy(database, kept)
            copies.append(kept)

    return restore


@pytest.mark.parametrize(
    ('work', 'roles'),
    [
        *((work, 'service') for work in WORK),
        # Where several inventories are written at the end, which that role
        # may do in several calls only.
        ('a new host', 'admin'),
        ('a changed host', 'admin'),
        ('two cells at once', 'admin'),
    ],
)
def test_a_tree_is_repaired_after_any_kill(
    wsgi, client, restored, work, roles
):
    """Placement allows one call for all inventories to the role service."""
    before, run, allowed, expected = WORK[work]
    publish(client, before)
    if expected is None:
        extra = supplement()
        cells = {cell.id: cell for cell in extra.cells}
        full = dataclasses.replace(
            PLAIN,
            cells=tuple(
                dataclasses.replace(
                    cells[cell.id],
                    **{
                        name: getattr(cell, name)
                        for name in cell.__slots__
                        if name not in ('distances', 'l3', 'offline_cpus')
                    },
                )
                for cell in PLAIN.cells
            ),
            functions=extra.functions,
        )
        allowed, expected = [PLAIN, full], [full]
    restored()
    killing = KillingWSGI(wsgi.app)
    # Most calls of an administrator are those of the role service.
    apart = 3 if roles == 'admin' and not budgets.EXHAUSTIVE else 1
    for at in itertools.count(1, apart):
        # A lost request leaves what the call before it left.
        killing.arm(at)
        try:
            run(PlacementClient(adapter_of(killing, roles)))
        except Killed:
            pass
        else:
            break
        if killing.calls[-1][0] == 'GET' and at > 1 and len(expected) < 2:
            # The state is that after the call before, in a single thread.
            continue
        reader = TopologyReader(lambda: client)
        assert reader.refresh()
        for topology in reader.snapshot.hosts.values():
            assert bare(topology) in map(bare, allowed), at
        run(client)
        # Its root has moved: otherwise the reader would not read it again.
        assert reader.refresh()
        assert _hosts(reader, bare) == list(map(bare, expected)), at
        # Usage is read when all trees are.
        reader._rounds = 0
        assert reader.refresh()
        assert _hosts(reader) == expected, at
        assert not reader.snapshot.bad
        restored()
    assert at > 5
    run(client)
    assert _is_quiet(client, run)


def _hosts(reader, change=lambda topology: topology):
    hosts = map(change, reader.snapshot.hosts.values())
    return sorted(hosts, key=lambda topology: topology.name)


def _is_quiet(client, run):
    """Running it once more writes nothing."""
    report = run(client)
    if isinstance(report, tuple):
        return report == ()
    return not getattr(report, 'writes', len(getattr(report, 'calls', ())))
