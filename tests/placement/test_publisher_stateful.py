"""Publishing, kills, faults, readers and other clients in any order.

A complete tree that a reader sees describes its host at some time; after a
pass without disturbances all trees are up to date; providers of other clients
are never changed.
"""

import contextlib
import dataclasses
import pathlib
import shutil
import tempfile
import uuid

from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import stateful
from hypothesis import strategies as st
import pytest
import requests

from nfv_sched.placement import api
from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import PlacementError
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.publisher import publish_supplement
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.placement.removal import prune
from nfv_sched_testing.placement_fixtures import adapter_of
from nfv_sched_testing.placement_fixtures import placement_app
from nfv_sched_testing.placement_fixtures import WSGIAdapter
from tests.placement.examples import bare
from tests.placement.examples import both
from tests.placement.examples import host
from tests.placement.examples import reported
from tests.placement.examples import supplement
from tests.placement.examples import with_guest
from tests.placement.killed import Killed

KINDS = ('big', 'tall', 'small', 'bare', 'busy', 'renamed')
FAULTS = ('killed', 'answer lost', 500, 507, 401, 'reset', 'timeout')


class FaultyWSGI(WSGIAdapter):
    """The call number ``at`` of the next client fails."""

    at = 0
    fault = None

    def send(self, request, **kwargs):
        self.at -= 1
        if self.at or self.fault is None:
            return super().send(request, **kwargs)
        match self.fault:
            case 'killed':
                raise Killed
            case 'answer lost':
                super().send(request, **kwargs)
                raise Killed
            case 'reset':
                raise requests.ConnectionError('Connection reset by peer')
            case 'timeout':
                # The server has executed the request.
                super().send(request, **kwargs)
                raise requests.Timeout('timed out')
        answer = requests.Response()
        answer.status_code = self.fault
        answer.reason = 'No space left on device'
        answer._content = b'<html>Internal error</html>'
        answer.url, answer.request = request.url, request
        return answer


def variant(number, kind):
    """A few shapes that differ in cells, pools, usage and name."""
    name = 'renamed' if kind == 'renamed' else None
    topology = reported(
        number,
        name=name and f'{name}{number}',
        cells=2 if kind in ('big', 'tall') else 1,
        pools=0 if kind == 'bare' else 1,
    )
    if kind == 'tall':
        # Both cells at once: a mixture of old and new is neither.
        topology = dataclasses.replace(
            topology,
            cells=tuple(
                dataclasses.replace(cell, memory_mib=1024)
                for cell in topology.cells
            ),
        )
    return with_guest(topology) if kind == 'busy' else topology


class Publishing(stateful.RuleBasedStateMachine):
    database: pathlib.Path

    def __init__(self):
        super().__init__()
        self.stack = contextlib.ExitStack()
        folder = pathlib.Path(
            self.stack.enter_context(tempfile.TemporaryDirectory())
        )
        shutil.copy(self.database, folder / 'placement.db')
        app = self.stack.enter_context(placement_app(folder / 'placement.db'))
        self.wsgi = FaultyWSGI(app)
        self.roles, self.concurrency = 'service', 1
        self.client = self._connect()
        self.reader = TopologyReader(lambda: self.client)
        self.hosts = {}
        self.speeds = {}
        # The complete topologies that a reader may see, by host.
        self.allowed = {}
        self.foreign = {}

    def teardown(self):
        self.stack.close()

    def _connect(self):
        return PlacementClient(adapter_of(self.wsgi, self.roles))

    # Placement allows one call for all inventories to the role service.
    @stateful.initialize(
        roles=st.sampled_from(['service', 'admin']),
        concurrency=st.sampled_from([1, 3]),
    )
    def there_are_hosts(self, roles='service', concurrency=1):
        self.roles, self.concurrency = roles, concurrency
        self.client = self._connect()
        for number in range(2):
            self.host_is_added_or_changed(number, 'big')
        self.publisher_passes()

    def _allow(self, number):
        """Allow the wanted topology from now on, with any supplement."""
        wanted = bare(self.hosts[number])
        may = self.allowed.setdefault(wanted.uuid, [])
        for candidate in (
            wanted,
            *(both(wanted, self._extra(number, s)) for s in (0, 1)),
        ):
            if candidate not in may:
                may.append(candidate)

    def _extra(self, number, speed):
        extra = supplement(number, speed=25000 + speed)
        return dataclasses.replace(extra, name=host(number).name)

    @stateful.rule(
        number=st.integers(0, 2),
        kind=st.sampled_from(KINDS),
    )
    def host_is_added_or_changed(self, number, kind):
        self.hosts[number] = variant(number, kind)
        self._allow(number)

    @stateful.precondition(lambda self: self.hosts)
    @stateful.rule(data=st.data())
    def host_goes(self, data):
        number = data.draw(st.sampled_from(sorted(self.hosts)))
        del self.hosts[number]
        self.speeds.pop(number, None)

    def _pass(self, client):
        topologies = list(self.hosts.values())
        prune(client, [topology.uuid for topology in topologies])
        return publish(client, topologies, concurrency=self.concurrency)

    @stateful.rule()
    def publisher_passes(self):
        report = self._pass(self.client)
        assert report.count('failed') == 0
        self._check_right()

    @stateful.rule(
        number=st.integers(0, 2),
        kind=st.sampled_from(KINDS),
        at=st.integers(1, 30),
        fault=st.sampled_from(FAULTS),
    )
    def publisher_fails_at_a_change(self, number, kind, at, fault):
        self.hosts[number] = variant(number, kind)
        self._allow(number)
        self.wsgi.at, self.wsgi.fault = at, fault
        # A 401 fails one host, all other faults fail the pass.
        with contextlib.suppress(Killed, PlacementError):
            self._pass(self._connect())
        self.wsgi.fault = None
        self.reader_looks()

    @stateful.precondition(lambda self: self.hosts)
    @stateful.rule(
        data=st.data(),
        speed=st.integers(0, 1),
        at=st.integers(0, 14),
        fault=st.sampled_from(FAULTS),
    )
    def compute_adds_its_sysfs(self, data, speed, at, fault):
        number = data.draw(st.sampled_from(sorted(self.hosts)))
        client = self._connect()
        extra = self._extra(number, speed)
        self.wsgi.at, self.wsgi.fault = at, fault if at else None
        with contextlib.suppress(Killed, PlacementError):
            publish_supplement(client, extra)
        self.wsgi.fault = None
        self.speeds[number] = speed
        self.reader_looks()

    @stateful.precondition(lambda self: self.hosts)
    @stateful.rule(
        data=st.data(),
        where=st.sampled_from(['root', 'cell']),
        what=st.sampled_from(['traits', 'inventories']),
    )
    def stranger_deletes(self, data, where, what):
        number = data.draw(st.sampled_from(sorted(self.hosts)))
        root = schema.root_uuid(self.hosts[number].uuid)
        uuid_ = root if where == 'root' else schema.cell_uuid(root, 0)
        with contextlib.suppress(PlacementError):
            self.client.delete(f'/resource_providers/{uuid_}/{what}')

    @stateful.precondition(lambda self: len(self.foreign) < 2)
    @stateful.rule(number=st.integers(0, 2))
    def stranger_makes_a_provider(self, number):
        provider = str(uuid.uuid4())
        self.client.post(
            '/resource_providers',
            {'uuid': provider, 'name': f'host{number}{provider}'},
        )
        self.client.put(
            f'/resource_providers/{provider}/inventories',
            {
                'resource_provider_generation': 0,
                'inventories': {'VCPU': {'total': 8}},
            },
        )
        self.foreign[provider] = api.inventories(self.client, provider)

    @stateful.rule()
    def reader_looks(self):
        assert self.reader.refresh()
        for topology in self.reader.snapshot.hosts.values():
            assert bare(topology) in self.allowed.get(topology.uuid, []), (
                topology
            )

    @stateful.invariant()
    def strangers_are_left_alone(self):
        for provider, before in self.foreign.items():
            assert api.inventories(self.client, provider) == before

    def _check_right(self):
        """After supplements are repaired, all trees are as they should be."""
        for number, speed in self.speeds.items():
            report = publish_supplement(
                self.client, self._extra(number, speed)
            )
            assert report.error is None
        reader = TopologyReader(lambda: self.client)
        assert reader.refresh()
        assert not reader.snapshot.bad
        wanted = {}
        for number, topology in self.hosts.items():
            extra = self._extra(number, self.speeds.get(number, 0))
            wanted[topology.uuid] = (
                both(topology, extra) if number in self.speeds else topology
            )
        assert dict(reader.snapshot.hosts) == wanted
        assert self._pass(self.client).writes == 0


@pytest.mark.usefixtures('named')
def test_any_order_of_events(named):
    Publishing.database = named
    stateful.run_state_machine_as_test(
        Publishing,
        settings=settings(
            max_examples=8,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.usefixtures('named')
def test_no_reader_sees_old_hardware_by_a_new_name(named):
    Publishing.database = named
    state = Publishing()
    try:
        state.there_are_hosts()
        state.publisher_fails_at_a_change(
            at=30, fault='killed', kind='renamed', number=0
        )
        # Fails between the rename and the first change below the root.
        state.publisher_fails_at_a_change(
            at=17, fault=401, kind='bare', number=0
        )
    finally:
        state.teardown()
