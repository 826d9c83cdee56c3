"""Accelerators that Placement allocates, in a survey and on a map."""

import dataclasses
import uuid

import pytest

from nfv_sched.cmd.topology_action import rendered
from nfv_sched.model import FunctionTopology
from nfv_sched.placement import api
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.publisher import publish_supplement
from nfv_sched.render import host_view
from nfv_sched.survey import export
from nfv_sched.survey import placement as placement_survey
from nfv_sched.survey import SurveyedAccelerator
from nfv_sched.survey.accelerators import with_accelerators
from nfv_sched_testing import providers
from tests.placement.examples import host
from tests.placement.examples import reported
from tests.placement.examples import supplement

CARD = FunctionTopology('0000:84:00.0', 16, None, 'pci0000:80', 1)
MANAGED = 'COMPUTE_MANAGED_PCI_DEVICE'


def provider(client, name, parent=None, inventory=None, traits=()):
    """Create a provider; returns its uuid."""
    return providers.create(
        client,
        name,
        parent,
        inventories={
            resource_class: {'total': total}
            for resource_class, total in (inventory or {}).items()
        },
        traits=traits,
        provider_uuid=host().uuid if parent is None else None,
    )


@pytest.fixture
def survey(client):
    publish(client, [reported()])
    extra = supplement()
    publish_supplement(
        client,
        dataclasses.replace(extra, functions=(*extra.functions, CARD)),
    )
    root = provider(client, 'cmp-1')
    gpu = provider(client, 'cmp-1_pci_0000_84_00_0', root, {'VGPU': 8})
    provider(client, 'cmp-1_0000:0c:00.0', root, {'FPGA': 1})
    provider(client, 'cmp-1_0000:3b:00.0', root, {'PGPU': 1}, [MANAGED])
    provider(client, 'cmp-1_empty_0000_85_00_0', root)
    provider(client, 'cmp-1:NIC Switch agent:ens1', root, {'VGPU': 1})
    client.put(
        f'/allocations/{uuid.uuid4()}',
        {
            'allocations': {gpu: {'resources': {'VGPU': 3}}},
            'project_id': 'p',
            'user_id': 'u',
            'consumer_generation': None,
            'consumer_type': 'INSTANCE',
        },
    )
    return with_accelerators(placement_survey.read(client), client)


FPGA = SurveyedAccelerator('0000:0c:00.0', 'FPGA', 1, 0)
VGPU = SurveyedAccelerator('0000:84:00.0', 'VGPU', 8, 3, 1, 'pci0000:80')


def test_cards_of_the_compute_node_are_listed_where_they_are(survey):
    [found] = survey.hosts
    assert found.accelerators == (FPGA, VGPU)
    [document] = export.document(survey)['hosts']
    assert document['accelerators'][1] == dataclasses.asdict(VGPU)


def test_a_map_shows_them_on_their_node(survey):
    [found] = survey.hosts
    view = host_view.host_view(found)
    [card] = [
        pool for pool in view.cells[1].pools if pool.kind == 'accelerator'
    ]
    assert (card.address, card.label) == ('0000:84:00.0', 'VGPU')
    assert (card.free, card.total, card.pcie_root) == (5, 8, 'pci0000:80')
    assert [pool.label for pool in view.pools][-1:] == ['FPGA']
    drawn = rendered(survey, 'table')
    assert 'VGPU accelerator pci0000:80 5/8 free' in drawn
    assert 'VGPU accelerator' in rendered(survey, 'html')


def test_a_survey_without_them_does_not_know(client):
    publish(client, [reported()])
    [found] = placement_survey.read(client).hosts
    assert found.accelerators is None
    assert host_view.host_view(found)


def test_a_placement_without_the_trait_has_no_managed_devices(
    client, monkeypatch
):
    provider(client, 'cmp-1', None)
    monkeypatch.setattr(api, '_MANAGED_PCI', 'CUSTOM_NO_SUCH_TRAIT')
    found = api.unmanaged_providers(client)
    assert [listed.name for listed in found] == ['cmp-1']
