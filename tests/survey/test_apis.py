"""The survey of Placement and Nova's API, without Nova's databases."""

import contextlib
from http import HTTPStatus
import re

from keystoneauth1 import adapter
from keystoneauth1 import session
from keystoneauth1.token_endpoint import Token
from nova import objects
import nova.conf
import pytest

from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.removal import prune
from nfv_sched.sim import boot_request
from nfv_sched.sim import nova_api
from nfv_sched.survey import apis
from nfv_sched.survey import nova as nova_survey
from nfv_sched.survey import placement as placement_survey
from nfv_sched.survey import Source
from nfv_sched_testing.served import both_apis
from nfv_sched_testing.served import listening

CONF = nova.conf.CONF

PINNED = {'hw:cpu_policy': 'dedicated', 'hw:mem_page_size': '1GB'}
ISOLATED = {'hw:cpu_policy': 'dedicated', 'hw:cpu_thread_policy': 'isolate'}
#: What takes CPUs in other numbers than its own vCPUs, and floating ones.
SPECS = (
    PINNED | {'hw:emulator_threads_policy': 'isolate'},
    ISOLATED,
    ISOLATED | {'hw:emulator_threads_policy': 'isolate'},
    PINNED | {'hw:numa_nodes': '2', 'hw:cpu_thread_policy': 'require'},
    {
        'hw:cpu_policy': 'mixed',
        'hw:cpu_dedicated_mask': '^0',
        'hw:mem_page_size': '1GB',
    },
    {'hw:numa_nodes': '2'},
    {'hw:mem_page_size': 'small'},
    {},
)


@pytest.fixture
def booted(populated):
    """Boot instances that end with the test."""
    guests = []

    def boot(extra_specs):
        flavor = boot_request.SimulatedFlavor(
            'mine', 4, 4096, 1, dict(extra_specs)
        )
        [guest] = populated.boot(flavor)
        assert guest.booted, guest.error
        guests.append(guest)
        nova_api.complete(populated)
        return guest

    yield boot
    for guest in guests:
        populated.delete(guest)


def publish_all(cloud):
    publish(PlacementClient(cloud.placement), cloud.topologies())


@pytest.fixture
def trees(populated):
    """The survey of Placement, in which all hosts are published."""
    publish_all(populated)
    yield lambda: placement_survey.read(PlacementClient(populated.placement))
    prune(PlacementClient(populated.placement), [])


@pytest.fixture
def api(populated):
    with both_apis(populated) as url:
        yield client_of(url)


def client_of(url):
    return adapter.Adapter(
        session.Session(auth=Token(url, 'admin')),
        service_type='compute',
        endpoint_override=url,
    )


@contextlib.contextmanager
def answering(populated, answers):
    """Nova's API, which gives other answers for some paths."""
    real = nova_api.application()

    def application(environ, start_response):
        for pattern, status in answers.items():
            if re.search(pattern, environ['PATH_INFO']):
                line = f'{status.value} {status.phrase}'
                start_response(line, [('Content-Type', 'application/json')])
                return [b'{}']
        return real(environ, start_response)

    nova_api.complete(populated)
    with (
        nova_api.without_neutron(),
        listening(application) as url,
    ):
        yield client_of(url)


def by_name(survey):
    return {host.topology.name: host for host in survey.hosts}


def test_usage_is_what_nova_compute_counts(populated, trees, api, booted):
    for extra_specs in SPECS:
        booted(extra_specs)
    # What is published stays as it was before.
    found = apis.add_instances(trees(), api)
    assert found.source is Source.APIS
    known = by_name(nova_survey.read())
    assert by_name(found).keys() == known.keys()
    for name, host in by_name(found).items():
        counted = known[name].topology.usage
        assert apis.mirrored(host.topology.usage) == apis.mirrored(counted)
        assert host.published_usage == by_name(trees())[name].topology.usage
    assert any(
        host.published_usage != host.topology.usage for host in found.hosts
    )


def test_instances_are_where_their_claims_put_them(
    populated, trees, api, booted
):
    booted(SPECS[3])
    found = by_name(apis.add_instances(trees(), api))
    known = by_name(nova_survey.read())
    seen = 0
    for name, host in found.items():
        mine = {instance.uuid: instance for instance in host.residents}
        others = {each.uuid: each for each in known[name].residents}
        assert mine.keys() == others.keys()
        for uuid, instance in mine.items():
            cells = others[uuid].cells
            assert [
                (cell.host_cell, cell.pinning, cell.memory_mib)
                for cell in instance.cells
            ] == [
                (cell.host_cell, cell.pinning, cell.memory_mib)
                for cell in cells
            ]
            seen += len(cells)
        assert host.enabled is True
        assert host.availability_zone == known[name].availability_zone
    assert seen > len(found)


def test_instances_of_other_hosts_are_not_read(populated, trees, api):
    whole = by_name(apis.add_instances(trees(), api))
    name = 'epyc7451-4node'
    read = []
    one = apis.add_instances(
        trees(),
        api,
        wanted=lambda host, node: node == name,
        tell=lambda done, total: read.append(total),
    )
    assert by_name(one)[name] == whole[name]
    assert set(read) == {len(whole[name].residents)}
    assert 0 < len(read) < sum(len(each.residents) for each in whole.values())
    published = by_name(trees())
    for other in by_name(one).keys() - {name}:
        assert by_name(one)[other] == published[other]


def test_lists_come_in_pages(populated, trees, api, monkeypatch):
    whole = apis.add_instances(trees(), api)
    CONF.set_override('max_limit', 2, 'api')
    try:
        pieces = apis.add_instances(trees(), api)
    finally:
        CONF.clear_override('max_limit', 'api')
    assert pieces.hosts == whole.hosts
    assert sum(len(host.residents) for host in whole.hosts) > 2 * 2


def test_a_server_that_is_gone_meanwhile_is_left_out(populated, trees):
    gone = populated.guests[0].uuid
    answers = {f'/servers/{gone}/topology': HTTPStatus.NOT_FOUND}
    with answering(populated, answers) as client:
        found = apis.add_instances(trees(), client)
    seen = {guest.uuid for host in found.hosts for guest in host.residents}
    assert seen == {guest.uuid for guest in populated.guests} - {gone}


@pytest.mark.parametrize(
    'path', ['^/servers/detail', '^/os-services', '/topology$']
)
def test_an_api_that_refuses_is_named(populated, trees, path):
    with (
        answering(populated, {path: HTTPStatus.FORBIDDEN}) as client,
        pytest.raises(apis.APIError, match='Forbidden'),
    ):
        apis.add_instances(trees(), client)


def test_an_api_that_answers_rubbish_is_named(populated, trees):
    with (
        answering(populated, {'^/os-services': HTTPStatus.OK}) as client,
        pytest.raises(apis.APIError, match='KeyError'),
    ):
        apis.add_instances(trees(), client)


def test_a_tenant_is_not_told_where_instances_are(
    populated, trees, monkeypatch
):
    """The services and servers of all projects are for administrators."""
    with (
        both_apis(populated, roles=['member', 'reader']) as url,
        pytest.raises(apis.APIError, match='Forbidden'),
    ):
        apis.add_instances(trees(), client_of(url))


def test_a_migration_holds_what_nobody_tells(populated, trees, api):
    guest = populated.guests[0]
    here = guest.instance.node
    other = next(name for name in populated.computes if name != here)
    migration = objects.Migration(
        populated.cell_context,
        instance_uuid=guest.uuid,
        source_compute=other,
        source_node=other,
        dest_compute=here,
        dest_node=here,
        dest_compute_id=1,
        migration_type='migration',
        status='finished',
    )
    migration.create()
    try:
        found = by_name(apis.add_instances(trees(), api))
        migration.status = 'confirmed'
        migration.save()
        after = by_name(apis.add_instances(trees(), api))
    finally:
        migration.status = 'error'
        migration.save()
    [held] = found[other].migrating.values()
    assert (held.uuid, held.name) == (guest.uuid, guest.instance.display_name)
    assert not found[here].migrating
    assert not after[other].migrating


def test_a_service_that_is_disabled_is_not_usable(populated, trees, api):
    service = objects.Service.get_by_compute_host(
        populated.cell_context, 'epyc7451-4node'
    )
    service.disabled = True
    service.save()
    try:
        found = by_name(apis.add_instances(trees(), api))
    finally:
        service.disabled = False
        service.save()
    assert [host.enabled for host in found.values()] == [
        name != 'epyc7451-4node' for name in found
    ]
