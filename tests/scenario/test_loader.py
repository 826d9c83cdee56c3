"""Scenario files, right and wrong."""

import pytest

from nfv_sched.scenario import loader
from nfv_sched.scenario import recorder
from nfv_sched.scenario.values import BootStep
from nfv_sched.scenario.values import DeleteStep
from nfv_sched.scenario.values import LoseStep
from nfv_sched.scenario.values import MixStep
from nfv_sched.scenario.yaml_source import ScenarioError
from nfv_sched.sim import machine
from nfv_sched.sim import settings

GOOD = """\
about: all that a scenario may say
scheduler: stock
options: {filter_scheduler.host_subset_size: 3}
machines: {mine: mine.yaml}
aliases:
  - {name: gpu, vendor_id: 10de, product_id: 1eb8}
hosts:
  - {machine: epyc7451-4node, count: 2, name: cmp, domains: {rack: R1}}
  - {machine: mine, domains: {rack: R2, row: A}}
flavors:
  - name: small
    vcpus: 2
    ram_mib: 2048
    extra_specs: {hw:cpu_policy: dedicated, hw:numa_nodes: 1}
    ports: [{physnet: physnet1, numa_policy: required}]
groups:
  - {name: pair, policy: anti-affinity, max_per_host: 2}
steps:
  - boot: {flavor: small, count: 3, name: vm, group: pair, together: true}
  - boot:
      flavor: {name: huge, vcpus: 100, ram_mib: 1024}
      image: {hw_cpu_policy: dedicated}
      hints: {'nfv:near': [vm-0, pair], query: '[1]'}
  - mix: {flavors: {small: 3, free5gc: 1}, count: 8, seed: 2}
  - delete: {guests: ['vm-*'], count: 1}
  - replay: log.jsonl
  - lose: {row: A}
"""

MACHINE = """\
about: one cell
dedicated: 1-3
cells: [{id: 0, cpus: 0-3, memory_mib: 4096}]
"""

LOG = """\
{"at": "2026-03-01T10:00:00Z", "boot": {"flavor": "huge", "name": "old"}}

{"delete": {"guests": ["old"]}}
{"lose": {"host": "cmp-01"}}
"""


@pytest.fixture
def good(scenario):
    scenario(MACHINE, 'mine.yaml')
    scenario(LOG, 'log.jsonl')
    return scenario(GOOD)


def test_all_that_a_scenario_may_say(good):
    found = loader.read(good)
    assert found.scheduler is settings.STOCK
    assert found.options == {'filter_scheduler.host_subset_size': '3'}
    assert found.kinds == ('rack', 'row')
    assert found.aliases[-1]['name'] == 'gpu'
    assert [host.name for host in found.hosts] == ['cmp-01', 'cmp-02', 'mine']
    assert found.hosts[0].machine == machine.load('epyc7451-4node')
    assert found.hosts[2].domains == {'rack': 'R2', 'row': 'A'}
    vm, huge, mix, gone, old, delete, lost, lose = found.steps
    assert isinstance(vm, BootStep)
    assert (vm.name, vm.count, vm.together) == ('vm', 3, True)
    assert vm.flavor.extra_specs['hw:numa_nodes'] == '1'
    assert vm.flavor.ports[0].numa_policy == 'required'
    assert (vm.group.policy, vm.group.max_per_host) == ('anti-affinity', 2)
    assert huge.flavor.vcpus == 100
    assert huge.image == {'hw_cpu_policy': 'dedicated'}
    assert huge.hints == {'nfv:near': ['vm-0', 'pair'], 'query': ['[1]']}
    assert isinstance(mix, MixStep)
    assert [weight for _, weight in mix.boots] == [3, 1]
    assert gone == DeleteStep(('vm-*',), 1)
    assert (old.name, old.flavor) == ('old', huge.flavor)
    assert delete == DeleteStep(('old',))
    assert lost == LoseStep('host', 'cmp-01')
    assert lose == LoseStep('row', 'A')


HOSTS = 'hosts: [{machine: epyc7451-4node}]\n'

WRONG = [
    ('hosts: {', '1: not YAML'),
    ('', '1: must be a mapping'),
    ('steps: []', '1: hosts: is missing'),
    ('hosts: []\nsteps: []', '1: hosts: there are none'),
    (f'{HOSTS}steps: []\nstpes: []', '3: stpes: is unknown'),
    (f'{HOSTS}steps: []\nsteps: []', '3: steps: is there twice'),
    (
        'hosts:\n  - {machine: epyc7451-4node}\n  - {machine: cray-1}',
        '3: hosts[1].machine: machine cray-1: no such machine',
    ),
    (
        'hosts:\n  - machine: epyc7451-4node\n    cuont: 3',
        '3: hosts[0].cuont: is unknown',
    ),
    (
        'hosts:\n  - machine: epyc7451-4node\n    count: 0',
        '3: hosts[0].count: must be at least 1',
    ),
    (
        'hosts:\n- {machine: epyc7451-4node}\n- {machine: epyc7451-4node}',
        '3: hosts[1]: there is a host epyc7451-4node already',
    ),
    (
        f'machines:\n  x: nowhere.yaml\n{HOSTS}',
        '2: machines.x: nowhere.yaml: No such file',
    ),
    (
        f'{HOSTS}flavors:\n - name: x\n   vcpus: two\n   ram_mib: 1',
        "4: flavors[0].vcpus: 'two' is not int",
    ),
    (
        f'{HOSTS}flavors:\n - name: x\n   vcpus: 2\n   ram_mib: 1\n'
        '   extra_specs:\n     hw:numa_nodes: true',
        '7: flavors[0].extra_specs.hw:numa_nodes: True is not a string',
    ),
    (
        f'{HOSTS}groups:\n - {{name: x, policy: antiaffinity}}',
        "3: groups[0].policy: 'antiaffinity' is none of",
    ),
    (
        f'{HOSTS}options:\n  filter_scheduler.subset: 1\nsteps: []',
        '3: options.filter_scheduler.subset: no such option',
    ),
    (
        f'{HOSTS}options:\n  filter_scheduler.host_subset_size: many\n'
        'steps: []',
        '3: options.filter_scheduler.host_subset_size:',
    ),
    (
        f'{HOSTS}steps:\n- boot: {{flavor: free5gc}}\n'
        '- boot:\n    count: 3\n    flavor: unheard-of',
        '6: steps[1].boot.flavor: there is no flavor unheard-of',
    ),
    (
        f'{HOSTS}steps:\n- boot: {{flavor: free5gc, group: x}}',
        '3: steps[0].boot.group: there is no group x',
    ),
    (
        f'{HOSTS}steps:\n- explode: {{}}',
        '3: steps[0]: must be one of boot, mix, delete, lose',
    ),
    (
        f'{HOSTS}steps:\n- lose: {{rack: R1}}',
        '3: steps[0].lose: must name one of host',
    ),
    (
        f'{HOSTS}steps:\n- lose: {{host: cmp-*}}',
        '3: steps[0].lose.host: no host is in cmp-*',
    ),
    (
        f'{HOSTS}steps:\n- mix: {{flavors: {{free5gc: 0}}, count: 1}}',
        '3: steps[0].mix.flavors: there are none',
    ),
    (
        f'{HOSTS}steps:\n- mix: {{flavors: {{x: 1}}, count: 1}}',
        '3: steps[0].mix.flavors.x: there is no such flavor',
    ),
    (
        f'{HOSTS}steps:\n- replay: nothing.jsonl',
        '3: steps[0].replay: there is no file',
    ),
    (
        'hosts: [{survey: nothing.json}]',
        '1: hosts[0].survey:',
    ),
]


@pytest.mark.parametrize(('text', 'complaint'), WRONG)
def test_an_error_names_file_line_and_entry(scenario, text, complaint):
    path = scenario(text)
    with pytest.raises(ScenarioError) as caught:
        loader.read(path)
    assert str(caught.value).startswith(f'{path}:{complaint}')


@pytest.mark.parametrize(
    ('line', 'complaint'),
    [
        ('{"boot": ', 'column 10: not JSON: Expecting value'),
        ('[]', 'must be a mapping'),
        ('{"boot": {}}', 'boot.flavor: is missing'),
        ('{"boot": {"flavor": "x"}}', 'boot.flavor: there is no flavor x'),
        ('{"at": 5, "boot": {}}', 'at: 5 is not str'),
        ('{"delete": {"guests": "vm"}}', "delete.guests: 'vm' is not list"),
    ],
)
def test_an_error_in_a_log_names_file_line_and_entry(
    scenario, line, complaint
):
    log = scenario(f'\n{line}\n', 'log.jsonl')
    path = scenario(f'{HOSTS}steps: [{{replay: log.jsonl}}]')
    with pytest.raises(ScenarioError) as caught:
        loader.read(path)
    assert str(caught.value) == f'{log}:2: {complaint}'


def test_a_scenario_that_is_not_there(tmp_path):
    with pytest.raises(ScenarioError, match='No such file'):
        loader.read(tmp_path / 'nowhere.yaml')


def test_requests_are_read_as_they_were_written(good, scenario):
    asked = [
        step
        for step in loader.read(good).steps
        if not isinstance(step, MixStep)
    ]
    scenario(''.join(map(recorder.line, asked)), 'again.jsonl')
    hosts = GOOD[GOOD.index('hosts:') : GOOD.index('flavors:')]
    again = scenario(
        f'machines: {{mine: mine.yaml}}\n{hosts}'
        'steps: [{replay: again.jsonl}]',
        'again.yaml',
    )
    assert list(loader.read(again).steps) == [
        step
        if not isinstance(step, BootStep)
        else BootStep(**{**_fields(step), 'flavor': _plain(step.flavor)})
        for step in asked
    ]


def _fields(boot):
    return {name: getattr(boot, name) for name in boot.__slots__}


def _plain(flavor):
    fields = {name: getattr(flavor, name) for name in flavor.__slots__}
    return type(flavor)(**{**fields, 'about': ''})
