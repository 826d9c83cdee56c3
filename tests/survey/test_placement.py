"""The survey of Placement alone, and of databases with Placement."""

import dataclasses

from keystoneauth1 import session
import nova.conf
import pytest

from nfv_sched.cmd import backend_options
from nfv_sched.cmd import backends
from nfv_sched.model import FunctionTopology
from nfv_sched.model import HostTopology
from nfv_sched.nova import config as nova_config
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import publish
from nfv_sched.sim import machine
from nfv_sched.survey import nova as nova_survey
from nfv_sched.survey import placement as placement_survey
from nfv_sched.survey import Source
from nfv_sched_testing.served import cloud_named
from nfv_sched_testing.served import placement_of

CONF = nova.conf.CONF
DISTANCES = {0: {1: 21}, 1: {0: 21}}


def far(topology: HostTopology) -> HostTopology:
    """The Dell machine with facts that only sysfs has."""
    return dataclasses.replace(
        topology,
        cells=tuple(
            dataclasses.replace(
                cell,
                distances=DISTANCES[cell.id],
                l3=frozenset((cell.id,)),
                offline_cpus=1,
            )
            for cell in topology.cells
        ),
        functions=(FunctionTopology('0000:3b:00.0', 64, 25000),),
    )


@pytest.fixture(scope='module')
def published(populated):
    client = PlacementClient(populated.placement)
    hosts = [
        far(topology) if topology.name.startswith('dell') else topology
        for topology in populated.topologies()
    ]
    publish(client, hosts)
    return {topology.name: topology for topology in hosts}


def test_placement_alone_has_hardware_and_usage(populated, published):
    survey = placement_survey.read(PlacementClient(populated.placement))
    assert survey.source is Source.PLACEMENT
    assert {host.topology.name: host.topology for host in survey.hosts} == (
        published
    )
    assert any(host.topology.usage.dedicated_cpus for host in survey.hosts)
    for host in survey.hosts:
        assert (host.state, host.residents, host.devices) == (None, None, None)
        assert host.enabled is None
    assert any('instance' in text for text in survey.unknown)


def test_an_incomplete_tree_is_a_problem(populated, published):
    client = PlacementClient(populated.placement)
    [root] = [
        provider
        for provider in client.get('/resource_providers')['resource_providers']
        if provider['name'] == 'dell-2x6230r-64vf:nfv:numa0'
    ]
    path = f'/resource_providers/{root["uuid"]}/inventories/NUMA_MEMORY_MB'
    inventory = client.get(path)
    client.put(path, {**inventory, 'total': inventory['total'] + 1})
    try:
        survey = placement_survey.read(client)
    finally:
        publish(client, list(published.values()))
    assert {host.host for host in survey.hosts} == {
        'epyc7451-4node',
        'opteron-sparse-ids',
    }
    [problem] = survey.problems
    assert 'dell-2x6230r-64vf' in problem
    assert 'Incomplete' in problem


def test_distances_are_added_where_tree_and_report_agree(populated, published):
    trees = {topology.uuid: topology for topology in published.values()}
    read = nova_survey.read()
    assert any('distances' in text for text in read.unknown)
    survey = nova_survey.with_published(read, trees)
    assert not survey.unknown
    dell = next(host for host in survey.hosts if host.host.startswith('dell'))
    assert {
        cell.id: dict(cell.distances) for cell in dell.topology.cells
    } == DISTANCES
    uuid = dell.topology.uuid
    drifted = dataclasses.replace(trees[uuid], cells=trees[uuid].cells[:1])
    survey = nova_survey.with_published(read, {uuid: drifted})
    dell = next(host for host in survey.hosts if host.host.startswith('dell'))
    assert not any(cell.distances for cell in dell.topology.cells)


def test_only_the_trees_of_wanted_hosts_are_read(populated, published):
    client = PlacementClient(populated.placement)
    uuid = min(topology.uuid for topology in published.values())
    view = placement_survey.view_of(client, [uuid])
    assert [held.host.uuid for held in view.trees.values()] == [uuid]
    everything = placement_survey.view_of(client)
    assert len(everything.trees) == len(published)


def options(parser, *words):
    backend_options.add_arguments(parser)
    return parser.parse_args(list(words))


def test_clouds_yaml_leads_to_placement(
    populated, published, parser, tmp_path, monkeypatch
):
    application = placement_of(populated)
    with cloud_named('lab', application, tmp_path, monkeypatch):
        source = backends.Backends(options(parser, '--os-cloud', 'lab'))
        assert not source.databases
        survey = source.survey()
    assert len(survey.hosts) == len(published)
    with pytest.raises(backends.NoBackendError, match='capacity needs'):
        source.require_databases('capacity needs to know each CPU')


def test_an_unknown_cloud_is_an_error(parser):
    source = backends.Backends(options(parser, '--os-cloud', 'nowhere'))
    with pytest.raises(backends.NoBackendError, match='nowhere'):
        source.survey()


def test_nova_conf_leads_to_the_databases(
    populated, published, parser, monkeypatch
):
    files = []
    monkeypatch.setattr(nova_config, 'configure', files.append)
    monkeypatch.setattr(
        nova_config, 'placement_adapter', lambda: populated.placement
    )
    source = backends.Backends(options(parser, '--config-file', 'a'))
    assert files == [['a']]
    assert source.databases
    assert source.survey().source is Source.NOVA
    dell = next(
        host
        for host in source.survey_with_distances().hosts
        if host.host.startswith('dell')
    )
    first = dell.topology.cells[0]
    assert first.distances == {1: 21}
    assert (first.l3, first.offline_cpus) == ({0}, 1)
    [function] = dell.topology.functions
    assert function.link_mbps == 25000


def test_without_any_source_the_error_names_the_options(parser, monkeypatch):
    monkeypatch.setattr(nova_config, 'configure', lambda files: None)
    for name in backends._VARIABLES:
        monkeypatch.delenv(name, raising=False)
    was = CONF.api_database.connection
    CONF.set_override('connection', None, 'api_database')
    try:
        with pytest.raises(backends.NoBackendError, match='--os-cloud'):
            backends.Backends(options(parser))
    finally:
        CONF.set_override('connection', was, 'api_database')


class Down:
    """An adapter of a Placement that does not answer."""

    def __init__(self):
        self.session = session.Session()

    def request(self, *_, **__):
        raise OSError('no route')


def test_a_survey_without_placement_has_no_distances(
    populated, parser, monkeypatch, caplog
):
    monkeypatch.setattr(nova_config, 'configure', lambda files: None)
    monkeypatch.setattr(nova_config, 'placement_adapter', Down)
    source = backends.Backends(options(parser))
    assert len(source.survey_with_distances().hosts) == 3
    assert 'no route' in caplog.text


def test_the_example_machine_has_the_expected_devices():
    assert len(machine.load('dell-2x6230r-64vf').cells) == len(DISTANCES)
