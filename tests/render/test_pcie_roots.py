"""PCIe roots in pictures and in data."""

import dataclasses

import pytest

from nfv_sched.model import FunctionTopology
from nfv_sched.render import host_view
from nfv_sched.render import svg
from nfv_sched.render import terminal
from nfv_sched.survey import export
from tests.render import examples


@pytest.fixture(params=[examples.busy_host, examples.counted_host])
def host(request):
    survey = request.param()
    functions = (
        FunctionTopology('0000:3b:00.0', 64, 25000, 'pci0000:3a'),
        FunctionTopology('0000:d8:00.0', pcie_root='pci0000:d7'),
    )
    return dataclasses.replace(
        survey,
        topology=dataclasses.replace(survey.topology, functions=functions),
    )


def test_a_picture_shows_the_root_of_a_card(host):
    view = host_view.host_view(host)
    pool = view.cells[0].pools[0]
    assert pool.pcie_root == 'pci0000:3a'
    assert list(terminal.kind_of(pool))[-2:] == ['25G', 'pci0000:3a']
    assert 'pci0000:3a' in svg.hosts([view], examples.TAKEN, 'Placement')


def test_data_has_the_root_of_each_function(host):
    survey = dataclasses.replace(examples.survey(), hosts=(host,))
    [document] = export.document(survey)['hosts']
    assert [
        (function['address'], function['pcie_root'])
        for function in document['functions']
    ] == [('0000:3b:00.0', 'pci0000:3a'), ('0000:d8:00.0', 'pci0000:d7')]
