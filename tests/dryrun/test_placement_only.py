"""Hosts are explained from Placement alone, tree by tree."""

import pytest

from nfv_sched.dryrun.placement_only import explain_from_trees
from nfv_sched.model import Guest
from nfv_sched.model import HostTopology
from nfv_sched.nova.scheduler_pipeline import PlacementQuery
from nfv_sched.survey.values import HostSurvey
from nfv_sched_testing.provider_trees import Amount
from nfv_sched_testing.provider_trees import create
from nfv_sched_testing.provider_trees import create_shared

RACK = '5f0a3a3c-1f7d-4c55-8f0a-8a52cf6b3d11'


@pytest.fixture
def hosts(client):
    """Two hosts with a card each, which draw from one pool of disk."""
    create_shared(client, 'nfs', RACK, DISK_GB=Amount(100))
    found = []
    for name, memory in (('one', 1024), ('two', 4096)):
        root = create(
            client,
            name,
            None,
            (),
            [RACK],
            VCPU=Amount(8),
            MEMORY_MB=Amount(memory),
        )
        create(client, f'{name}_card', root, VGPU=Amount(4, 1))
        found.append(HostSurvey(name, HostTopology(name, root)))
    return found


def explain(client, hosts, query):
    asked = PlacementQuery((query,))
    return explain_from_trees(Guest(), asked, hosts, client, detailed=10)


def test_children_and_shared_providers_count(client, hosts):
    query = 'resources=VCPU:1,MEMORY_MB:2048,VGPU:1,DISK_GB:20'
    explanation = explain(client, hosts, query)
    texts = {finding.host: finding.text for finding in explanation.findings}
    assert texts == {
        'two': 'fits',
        'one': '1024 of 2048 MEMORY_MB in Placement; everything else fits',
    }
    explanation = explain(client, hosts, query.replace('VGPU:1', 'VGPU:4'))
    assert [
        (condition.name, condition.hosts)
        for condition in explanation.conditions
    ] == [('MEMORY_MB', 1), ('VGPU', 1)]
    texts = {finding.host: finding.text for finding in explanation.findings}
    assert texts['two'] == (
        '3 of 4 VGPU in Placement on two_card; everything else fits'
    )
    assert '3 of 4 VGPU in Placement on one_card' in texts['one']


def test_where_placement_stops_answering_the_reason_is_unknown(
    client, wsgi, hosts
):
    left = iter(range(1))

    def stop(*_):
        if next(left, None) is None:
            raise OSError('gone')

    wsgi.before = stop
    explanation = explain(client, hosts, 'resources=VCPU:99')
    assert [c.name for c in explanation.conditions] == ['candidates']
    for finding in explanation.findings:
        assert 'the reason is unknown' in finding.text
        assert not finding.all
