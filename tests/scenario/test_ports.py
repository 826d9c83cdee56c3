"""Ports of scenarios, of all kinds, on the real scheduler and Placement."""

import json

import pytest

from nfv_sched.cmd.main import main
from nfv_sched.nova import boot_ports
from nfv_sched.nova.boot_ports import Port
from nfv_sched.scenario import loader
from nfv_sched.scenario import recorder
from nfv_sched.scenario.loader import ScenarioError

MACHINE = """\
about: a card with 3 Gbit/s out and 10 in
dedicated: 0-15
cells: [{id: 0, cpus: 0-15, memory_mib: 16384}]
nics:
- {address: '0000:81:00.0', cell: 0, ids: '8086:1572', vfs: 8,
   vf_ids: '8086:154c', physnet: 'dc:a', egress_kbps: 3000000,
   ingress_kbps: 10000000}
"""
SCENARIO = """\
machines: {mine: mine.yaml}
hosts: [{machine: mine}]
flavors:
- {name: vnf, vcpus: 1, ram_mib: 512,
   extra_specs: {hw:cpu_policy: dedicated}, ports: [%s]}
steps:
- boot: {flavor: vnf, count: 5}
"""


@pytest.fixture
def outcomes(scenario, capsys):
    """The events of five instances with this port."""

    def played(port):
        scenario(MACHINE, 'mine.yaml')
        path = scenario(SCENARIO % port)
        main(['simulate', '--scenario', str(path), '-f', 'json'])
        text = capsys.readouterr().out
        return [event['event'] for event in json.loads(text)['events']]

    return played


@pytest.mark.parametrize(
    ('port', 'fitting'),
    [
        ("{physnet: 'dc:a'}", 5),
        ("{physnet: 'dc:a', egress_kbps: 1000000}", 3),
        ("{physnet: 'dc:a', egress_kbps: 1000, ingress_kbps: 5000000}", 2),
        ("{physnet: 'dc:a', vnic_type: macvtap, egress_kbps: 2000000}", 1),
        # No agent has bandwidth for it.
        ("{physnet: 'dc:a', vnic_type: vdpa, egress_kbps: 1}", 0),
        ('{vnic_type: accelerator-direct, accelerator: FPGA}', 0),
    ],
)
def test_as_many_are_placed_as_have_what_their_ports_ask(
    outcomes, port, fitting
):
    placed = ['placed'] * fitting + ['refused'] * (5 - fitting)
    assert outcomes(port) == placed


@pytest.mark.parametrize('vnic_type', boot_ports.VNIC_TYPES)
def test_every_vnic_type_is_read_and_recorded(scenario, vnic_type):
    scenario(MACHINE, 'mine.yaml')
    accelerated = vnic_type.startswith('accelerator')
    more = ', accelerator: FPGA+CUSTOM_X' if accelerated else ''
    path = scenario(SCENARIO % f'{{vnic_type: {vnic_type}{more}}}')
    [step] = loader.read(path).steps
    [port] = step.flavor.ports
    assert port == Port(
        None, vnic_type, accelerator='FPGA+CUSTOM_X' if accelerated else None
    )
    scenario(recorder.line(step), 'log.jsonl')
    again = (SCENARIO % '{}').partition('steps:')[0]
    path = scenario(f'{again}steps: [{{replay: log.jsonl}}]')
    [step] = loader.read(path).steps
    assert step.flavor.ports == (port,)


@pytest.mark.parametrize(
    ('port', 'problem'),
    [
        ('{vnic_type: accelerator-direct}', 'accelerator: is missing'),
        ('{accelerator: FPGA}', 'accelerator: is unknown'),
        ('{vnic_type: virtio}', 'vnic_type: "virtio" is not one of normal'),
        ('{egress_kbps: -1}', 'egress_kbps: must not be negative'),
        (
            '{vnic_type: accelerator-direct, accelerator: fpga}',
            'accelerator: "fpga" is not a resource class',
        ),
    ],
)
def test_ports_that_do_not_exist_are_refused(scenario, port, problem):
    scenario(MACHINE, 'mine.yaml')
    path = scenario(SCENARIO % port)
    with pytest.raises(ScenarioError) as caught:
        loader.read(path)
    [line] = str(caught.value).splitlines()
    assert line.startswith(f'{path}:5: flavors[0].ports[0].{problem}')
