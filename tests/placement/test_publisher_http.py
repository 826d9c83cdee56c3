"""Faults over HTTP at any call of a pass, on two databases.

The server executes the request or not, and the answer is faulty: the next
pass repairs the tree, and no reader takes an incomplete tree for complete.
"""

import contextlib
import dataclasses
import itertools
import os
import time
import urllib.parse

import pytest
import requests.adapters

from nfv_sched.model import HostUsage
from nfv_sched.placement.errors import PlacementError
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.publisher import publish_supplement
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.placement.removal import prune
from nfv_sched_testing import budgets
from nfv_sched_testing import fault_server
from nfv_sched_testing.fault_server import serve  # noqa: F401 - a fixture
from nfv_sched_testing.placement_server import postgresql
from nfv_sched_testing.placement_server import running
from tests.placement.examples import bare
from tests.placement.examples import both
from tests.placement.examples import host
from tests.placement.examples import read
from tests.placement.examples import reported
from tests.placement.examples import supplement
from tests.placement.examples import with_guest
from tests.placement.http import client_of
from tests.placement.http import session_of
from tests.placement.killed import Killed

#: One of this many calls of a pass is faulty, and each fault begins at another
#: call; all of them take ten minutes.
EVERY = int(os.environ.get('NFV_SPOIL_EVERY', budgets.every()))
#: Seconds that a call may take; a pass takes longer.
DEADLINE = 0.5


def reset(connection):
    fault_server.request_of(connection)
    connection.setsockopt(
        fault_server.socket.SOL_SOCKET,
        fault_server.socket.SO_LINGER,
        b'\1\0\0\0\0\0\0\0',
    )
    connection.close()


FAULTS = {
    'error': fault_server.whole(b'{}', '500 Internal Server Error'),
    'disk full': fault_server.whole(
        b'{"errors": [{"detail": "database or disk is full"}]}',
        '503 Service Unavailable',
    ),
    'hangs': fault_server.hang,
    'drips': fault_server.drip_body,
    'drips headers': fault_server.drip_headers,
    'reset': reset,
    'token expired': fault_server.whole(
        b'{"error": {"code": 401}}', '401 Unauthorized'
    ),
    'invalid': fault_server.whole(b'<html>502 Bad Gateway</html>'),
}


class Faulty(requests.adapters.HTTPAdapter):
    """At call number ``at`` another server answers.

    :param url: of that server; None kills the client instead
    :param done: whether the real one has done what was asked before
    """

    def __init__(self, url, at, *, done):
        super().__init__()
        self.url, self.at, self.done = url, at, done
        self.count = 0

    def send(self, request, **kwargs):
        self.count += 1
        if self.count != self.at:
            return super().send(request, **kwargs)
        if self.done:
            super().send(request, **kwargs)
        if self.url is None:
            raise Killed
        wanted = urllib.parse.urlsplit(request.url)
        bad = urllib.parse.urlsplit(self.url)
        request.url = wanted._replace(netloc=bad.netloc).geturl()
        return super().send(request, **kwargs)


def old(number):
    return with_guest(host(number, cells=1, pools=1))


def new(number):
    return dataclasses.replace(
        host(number, cells=1, pools=0, usage=HostUsage(shared_cpus={0: 3})),
        domains={'rack': 'r7'},
    )


def plain(number):
    return reported(number, cells=1, pools=1)


def full(number):
    return both(plain(number), supplement(number))


# The preparation, the work, the trees that may be seen, the final one last.
WORK = {
    'a new host': (
        lambda client, number: None,
        lambda client, number: publish(client, [old(number)]),
        (old,),
    ),
    'a changed host': (
        lambda client, number: publish(client, [old(number)]),
        lambda client, number: publish(client, [new(number)]),
        (old, new),
    ),
    'what sysfs adds': (
        lambda client, number: publish(client, [plain(number)]),
        lambda client, number: publish_supplement(client, supplement(number)),
        (plain, full),
    ),
    'a host that is gone': (
        lambda client, number: publish(client, [old(number)]),
        lambda client, number: prune(client, []),
        (old, None),
    ),
}


@pytest.fixture(params=['sqlite', 'postgresql'], scope='module')
def server(request, tmp_path_factory):
    if request.param == 'sqlite':
        folder = tmp_path_factory.mktemp('http')
        with running(f'sqlite:///{folder}/placement.db') as url:
            yield url
    else:
        with postgresql() as database, running(database) as url:
            yield url


@pytest.fixture
def quiet(server):
    """The server without any tree."""
    client = client_of(server)
    prune(client, [])
    yield server
    prune(client, [])


@pytest.mark.parametrize('concurrency', [4, 10])
def test_several_hosts_are_published_at_the_same_time(quiet, concurrency):
    """All are new, and so is the kind of consumer that mirrors usage."""
    client = client_of(quiet)
    topologies = [old(number) for number in range(12)]
    report = publish(client, topologies, concurrency=concurrency)
    outcomes = [(host.outcome, host.conflicts) for host in report.hosts]
    assert outcomes == [('written', 0)] * 12
    for topology in topologies:
        assert read(client, topology) == topology
    again = publish(client, topologies, concurrency=concurrency)
    assert again.writes == 0


@pytest.mark.parametrize('work', WORK)
def test_a_tree_is_repaired_after_a_kill_at_any_call(work, quiet):
    calls = itertools.count(1 + list(WORK).index(work) % EVERY, EVERY)
    assert _calls_survived(WORK[work], None, calls, quiet) > 4


@pytest.mark.parametrize('fault', FAULTS)
def test_a_tree_is_repaired_after_a_fault_at_any_call(fault, quiet, serve):  # noqa: F811
    calls = itertools.count(1 + list(FAULTS).index(fault) % EVERY, EVERY)
    bad = serve(FAULTS[fault]).url
    assert _calls_survived(WORK['a changed host'], bad, calls, quiet) > 4


def _calls_survived(work, bad, calls, url):
    """Do the work with a fault at one call after the other."""
    before, run, allowed = work
    client = client_of(url)
    for number in calls:
        before(client, number)
        session = session_of(url)
        faulty = Faulty(bad, number, done=number % 2 == 0)
        session.session.mount('http://', faulty)
        started = time.monotonic()
        with contextlib.suppress(PlacementError, Killed):
            run(client_of(url, session, DEADLINE), number)
        assert time.monotonic() - started < 10 * DEADLINE
        uuid = host(number).uuid
        seen = [state(number) for state in allowed if state]
        reader = TopologyReader(lambda: client)
        assert reader.refresh()
        if topology := reader.snapshot.get(uuid):
            assert bare(topology) in map(bare, seen), number
        # The next pass repairs the tree, whatever state the fault left.
        run(client, number)
        assert reader.refresh()
        reader._rounds = 0
        assert reader.refresh()
        end = allowed[-1]
        assert reader.snapshot.get(uuid) == (end(number) if end else None)
        assert not reader.snapshot.bad
        prune(client, [])
        if faulty.count < number:
            return number
    raise AssertionError('a pass has an end')
