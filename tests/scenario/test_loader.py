"""Scenario files, right and wrong."""

import pathlib
import time

import pytest

from nfv_sched.scenario import loader
from nfv_sched.scenario import recorder
from nfv_sched.scenario import source
from nfv_sched.scenario.loader import ScenarioError
from nfv_sched.scenario.values import BootStep
from nfv_sched.scenario.values import DeleteStep
from nfv_sched.scenario.values import LoseStep
from nfv_sched.scenario.values import MixStep
from nfv_sched.sim import documents
from nfv_sched.sim import machine
from nfv_sched.sim import settings

GOOD = """\
about: all that a scenario may say
scheduler: stock
options:
  filter_scheduler.host_subset_size: 3
  filter_scheduler.ram_weight_multiplier: 1.5
  filter_scheduler.track_instance_changes: false
  filter_scheduler.enabled_filters: [ComputeFilter]
  cpu_allocation_ratio: '2'
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
    loaded = loader.read(good)
    assert loaded.scheduler is settings.STOCK
    assert loaded.options == {
        'filter_scheduler.host_subset_size': 3,
        'filter_scheduler.ram_weight_multiplier': 1.5,
        'filter_scheduler.track_instance_changes': False,
        'filter_scheduler.enabled_filters': ['ComputeFilter'],
        'cpu_allocation_ratio': '2',
    }
    assert loaded.kinds == ('rack', 'row')
    assert loaded.aliases[-1]['name'] == 'gpu'
    assert [host.name for host in loaded.hosts] == ['cmp-01', 'cmp-02', 'mine']
    assert loaded.hosts[0].machine == machine.load('epyc7451-4node')
    assert loaded.hosts[2].domains == {'rack': 'R2', 'row': 'A'}
    vm, huge, mix, gone, old, delete, lost, lose = loaded.steps
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
NO_STEPS = 'steps: []\n'

WRONG = [
    ('hosts: {', '1: not YAML: expected the node content'),
    ('\n  - \t}', '2: not YAML'),
    ('about: \x07', '1: not YAML: special characters are not allowed'),
    ('', '1: must be a mapping, not empty'),
    ('- x', '1: must be a mapping, not a list'),
    (NO_STEPS, '1: hosts: is missing'),
    (f'hosts: []\n{NO_STEPS}', '1: hosts: must not be empty'),
    (
        f'{HOSTS}{NO_STEPS}stpes: []',
        '3: stpes: is unknown; did you mean steps?',
    ),
    (f'{HOSTS}{NO_STEPS}{NO_STEPS}', '3: steps: is there twice'),
    (f'{HOSTS}{NO_STEPS}[x]: 1', '3: a key must be text'),
    (f'{HOSTS}{NO_STEPS}about: 1.10', '3: about: must be text, not 1.1; '),
    (
        f'{HOSTS}{NO_STEPS}about: !!python/object/apply:os.abort []',
        '3: about: the tag !!python/object/apply:os.abort is not supported',
    ),
    (f'{HOSTS}steps: &x [*x]', '2: steps[0]: an alias must not contain'),
    (
        f'{NO_STEPS}hosts:\n'
        '  - {machine: epyc7451-4node}\n  - {machine: cray-1}',
        '4: hosts[1].machine: there is no machine cray-1; known: dell-2x62',
    ),
    (
        f'{NO_STEPS}hosts:\n  - {{machine: epyc7541-4node}}',
        '3: hosts[0].machine: there is no machine epyc7541-4node; '
        'did you mean epyc7451-4node?',
    ),
    (
        f'{NO_STEPS}hosts:\n  - machine: epyc7451-4node\n    cuont: 3',
        '4: hosts[0].cuont: is unknown; did you mean count?',
    ),
    (
        f'{NO_STEPS}hosts:\n  - machine: epyc7451-4node\n    count: 0',
        '4: hosts[0].count: must be at least 1',
    ),
    (
        f'{NO_STEPS}hosts:\n'
        '- {machine: epyc7451-4node}\n- {machine: epyc7451-4node}',
        '4: hosts[1]: there is a host epyc7451-4node already',
    ),
    (
        f'{NO_STEPS}machines:\n  x: nowhere.yaml\n{HOSTS}',
        '3: machines.x: nowhere.yaml: No such file',
    ),
    (
        f'{HOSTS}{NO_STEPS}flavors:\n - name: x\n   vcpus: 1\n'
        '   ram_mib: 1\n   extra_specs:\n    hw:cpu_polcy: dedicated',
        '8: flavors[0].extra_specs.hw:cpu_polcy: nova-api knows no ',
    ),
    (
        f'{HOSTS}steps:\n- boot:\n   flavor: {{name: x, vcpus: 1, '
        'ram_mib: 1, extra_specs: {hw:cpu_policy: pinned}}',
        '4: steps[0].boot.flavor.extra_specs.hw:cpu_policy: ',
    ),
    (
        f'{HOSTS}{NO_STEPS}flavors:\n - name: x\n   vcpus: two\n   ram_mib: 1',
        '5: flavors[0].vcpus: must be a whole number, not "two"',
    ),
    (
        f'{HOSTS}{NO_STEPS}flavors:\n - name: x\n   vcpus: true\n'
        '   ram_mib: 1',
        '5: flavors[0].vcpus: must be a whole number, not true',
    ),
    (
        f'{HOSTS}{NO_STEPS}flavors:\n - name: x\n   vcpus: 2\n'
        '   ram_mib: 1\n   extra_specs:\n     hw:numa_nodes: yes',
        '8: flavors[0].extra_specs.hw:numa_nodes: must be text or a whole '
        'number, not true; write text in quotes',
    ),
    (
        f'{HOSTS}{NO_STEPS}groups:\n - {{name: x, policy: antiaffinity}}',
        '4: groups[0].policy: "antiaffinity" is not one of affinity, anti-'
        'affinity, soft-affinity, soft-anti-affinity; did you mean anti-',
    ),
    (
        f'{HOSTS}{NO_STEPS}scheduler: nova',
        '3: scheduler: "nova" is not one of nfv_sched, stock',
    ),
    (
        f'{HOSTS}options:\n  filter_scheduler.subset: 1\n{NO_STEPS}',
        '3: options.filter_scheduler.subset: Nova has no such option; did '
        'you mean filter_scheduler.host_subset_size?',
    ),
    (
        f'{HOSTS}options:\n  ram_weight_multiplier: 1\n{NO_STEPS}',
        '3: options.ram_weight_multiplier: Nova has no such option; did you '
        'mean filter_scheduler.ram_weight_multiplier?',
    ),
    (
        f'{HOSTS}options:\n  filter_scheduler.host_subset_size: many\n'
        f'{NO_STEPS}',
        '3: options.filter_scheduler.host_subset_size: must be a whole '
        'number, not "many"',
    ),
    (
        f'{HOSTS}options:\n  filter_scheduler.host_subset_size: [1]\n'
        f'{NO_STEPS}',
        '3: options.filter_scheduler.host_subset_size: takes one value, not',
    ),
    (
        f'{HOSTS}options:\n  filter_scheduler.host_subset_size: {{}}\n'
        f'{NO_STEPS}',
        '3: options.filter_scheduler.host_subset_size: must be text, a '
        'number, true or false or a list, not a mapping',
    ),
    (
        f'{HOSTS}steps:\n- boot: {{flavor: free5gc}}\n'
        '- boot:\n    count: 3\n    flavor: unheard-of',
        '6: steps[1].boot.flavor: there is no flavor unheard-of',
    ),
    (
        f'{HOSTS}steps:\n- boot: {{flavor: fre5gc}}',
        '3: steps[0].boot.flavor: there is no flavor fre5gc; did you mean '
        'free5gc?',
    ),
    (
        f'{HOSTS}steps:\n- boot: {{flavor: free5gc, group: x}}',
        '3: steps[0].boot.group: there is no group x',
    ),
    (
        f'{HOSTS}groups: [{{name: ran, policy: affinity}}]\n'
        'steps:\n- boot: {flavor: free5gc, group: rann}',
        '4: steps[0].boot.group: there is no group rann; did you mean ran?',
    ),
    (
        f'{HOSTS}steps:\n- explode: {{}}',
        '3: steps[0].explode: is unknown; known: boot, delete, drain, lose, ',
    ),
    (
        f'{HOSTS}steps:\n- {{}}',
        '3: steps[0]: must have exactly one of boot, mix, delete, lose, ',
    ),
    (
        f'{HOSTS}steps:\n- boot: {{flavor: free5gc}}\n  lose: {{host: x}}',
        '3: steps[0]: must have exactly one of boot, mix, delete, lose, ',
    ),
    (
        f'{HOSTS}steps:\n- lose: {{rack: R1}}',
        '3: steps[0].lose.rack: is unknown; known: host',
    ),
    (
        f'{HOSTS}steps:\n- lose: {{host: cmp-*}}',
        '3: steps[0].lose.host: no host matches cmp-*',
    ),
    (
        f'{HOSTS}steps:\n- lose: {{host: epyc7451-node}}',
        '3: steps[0].lose.host: no host matches epyc7451-node; did you mean '
        'epyc7451-4node?',
    ),
    (
        'hosts: [{machine: epyc7451-4node, domains: {rack: R1}}]\n'
        'steps:\n- lose: {rack: r1}',
        '3: steps[0].lose.rack: no host is in rack r1; did you mean R1?',
    ),
    (
        f'{HOSTS}steps:\n- mix: {{flavors: {{free5gc: 0}}, count: 1}}',
        '3: steps[0].mix.flavors: one of them needs a weight above 0',
    ),
    (
        f'{HOSTS}steps:\n- mix: {{flavors: {{x: 1}}, count: 1}}',
        '3: steps[0].mix.flavors.x: there is no flavor x',
    ),
    (
        f'{HOSTS}steps:\n- replay: nothing.jsonl',
        '3: steps[0].replay: there is no file',
    ),
    (
        f'{NO_STEPS}hosts: [{{survey: nothing.json}}]',
        '2: hosts[0].survey:',
    ),
]


@pytest.mark.parametrize(('text', 'complaint'), WRONG)
def test_an_error_names_file_line_and_entry(scenario, text, complaint):
    path = scenario(text)
    with pytest.raises(ScenarioError) as caught:
        loader.read(path)
    [line] = str(caught.value).splitlines()
    assert line.startswith(f'{path}:{complaint}')


ALL_WRONG = """\
about: 5
scheduler: stok
options: {cpu_allocation_ration: 2, filter_scheduler.host_subset_size: few}
machines: {mine: mine.yaml}
hosts:
  - {machine: mine, count: 2}
  - {machine: epyc, domain: {rack: R1}}
  - {machine: epyc}
flavors:
  - {name: small, vcpus: 0, ram_mib: 1.5}
groups:
  - {name: pair, policy: anti_affinity}
steps:
  - boot: {flavor: small, group: pair}
  - boot: {flavor: smal, group: pare}
  - mix: {flavors: {small: -1, other: 1}}
  - replay: log.jsonl
  - lose: {rack: R1}
  - delete: {}
extra: 1
"""


def test_all_errors_are_reported_at_once(scenario):
    machine_file = scenario(MACHINE.replace('memory_mib', 'ram'), 'mine.yaml')
    log = scenario('{"boot": {}}\n{"delete": [], "x": 1}\n', 'log.jsonl')
    path = scenario(ALL_WRONG)
    with pytest.raises(ScenarioError) as caught:
        loader.read(path)
    problems = [
        (problem.source, problem.line, problem.path)
        for problem in caught.value.problems
    ]
    name = str(path)
    assert problems == [
        (name, 1, 'about'),
        (name, 2, 'scheduler'),
        (name, 3, 'options.cpu_allocation_ration'),
        (name, 3, 'options.filter_scheduler.host_subset_size'),
        (name, 7, 'hosts[1].domain'),
        (name, 8, 'hosts[2].machine'),
        (name, 10, 'flavors[0].vcpus'),
        (name, 10, 'flavors[0].ram_mib'),
        (name, 12, 'groups[0].policy'),
        # What names invalid entries is not reported for that.
        (name, 15, 'steps[1].boot.flavor'),
        (name, 15, 'steps[1].boot.group'),
        (name, 16, 'steps[2].mix.flavors.small'),
        # Which racks there are is not known, so that losing one is right.
        (name, 19, 'steps[5].delete.guests'),
        (name, 20, 'extra'),
        (str(machine_file), 3, 'cells[0].memory_mib'),
        (str(machine_file), 3, 'cells[0].ram'),
        (str(log), 1, 'boot.flavor'),
        (str(log), 2, 'x'),
        (str(log), 2, 'delete'),
    ]


def test_messages_have_no_words_of_python_or_of_the_schema(scenario):
    scenario(MACHINE.replace('memory_mib', 'ram'), 'mine.yaml')
    scenario('{"boot": {}}\n[]\n', 'log.jsonl')
    texts = [text for text, _ in WRONG] + [ALL_WRONG]
    for text in texts:
        with pytest.raises(ScenarioError) as caught:
            loader.read(scenario(text))
        for problem in caught.value.problems:
            for word in (
                *('None', 'True', 'False', 'dict', 'int ', 'str ', "('", "['"),
                *('schema', 'property', 'properties', 'instance', 'valid'),
            ):
                assert word not in problem.text


def test_nothing_in_a_file_can_exhaust_memory_or_the_stack(scenario):
    rows = ['a0: &a0 [x]'] + [
        f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 9)}]' for n in range(1, 20)
    ]
    with pytest.raises(ScenarioError, match='more than 10000 entries'):
        loader.read(scenario('\n'.join(rows)))
    with pytest.raises(ScenarioError, match=r'yaml:1: .* nested too deeply'):
        loader.read(scenario('[' * 5000 + ']' * 5000))


_HOSTS = 'hosts: [{machine: turin-nps4}]\n'
_STEPS = 'steps: [{boot: {flavor: {name: f, vcpus: 2, ram_mib: 1024}}}]\n'


def _step(text):
    return f'{_HOSTS}steps:\n- {text}\n'


def _flavor(**values):
    entry = {'name': 'f', 'vcpus': 2, 'ram_mib': 1024, **values}
    inner = ', '.join(f'{key}: {value}' for key, value in entry.items())
    return _step(f'boot: {{flavor: {{{inner}}}}}')


HOSTILE = {
    'instances': (
        _step('boot: {count: 1000000000, flavor: anuket-HS.large}'),
        ':3: steps[0].boot.count: must be at most 100000',
    ),
    'instances of a mix': (
        _step('mix: {count: 1000000000, flavors: {anuket-HS.large: 1}}'),
        ':3: steps[0].mix.count: must be at most 100000',
    ),
    'instances in all': (
        _HOSTS
        + 'steps:\n'
        + '- mix: {count: 60000, flavors: {anuket-HS.large: 1}}\n' * 700,
        ':4: steps[1]: more than 100000 instances in all',
    ),
    'weights': (
        _step(f'mix: {{flavors: {{anuket-HS.large: {10**20}}}}}'),
        ':3: steps[0].mix.flavors.anuket-HS.large: must be at most 1000000',
    ),
    'hosts': (
        f'hosts: [{{machine: turin-nps4, count: 1000000000}}]\n{_STEPS}',
        ':1: hosts[0].count: must be at most 10000',
    ),
    'hosts in all': (
        'hosts:\n' + '- {machine: turin-nps4, count: 10000}\n' * 900 + _STEPS,
        ':3: hosts[1]: more than 10000 hosts in all',
    ),
    'CPUs': (
        _flavor(vcpus=10**8),
        ':3: steps[0].boot.flavor.vcpus: must be at most 4096',
    ),
    'beyond SQLite': (
        _flavor(ram_mib=2**63),
        ':3: steps[0].boot.flavor.ram_mib: must be at most 2147483647',
    ),
    'a disk beyond SQLite': (
        _flavor(disk_gib=2**63),
        ':3: steps[0].boot.flavor.disk_gib: must be at most 2147483647',
    ),
    'a group beyond SQLite': (
        _step(
            'boot: {flavor: anuket-HS.large, group: {name: g, policy: '
            f'anti-affinity, max_per_host: {2**63}}}}}'
        ),
        ':3: steps[0].boot.group.max_per_host: must be at most 2147483647',
    ),
    'digits': (
        _flavor(vcpus='9' * 30000),
        ':3: steps[0].boot.flavor.vcpus: a number of more than 40 digits',
    ),
    'minutes': (
        _flavor(vcpus=':'.join(['59'] * 10000)),
        ':3: steps[0].boot.flavor.vcpus: a number of more than 40 digits',
    ),
    'infinity': (
        f'{_HOSTS}{_STEPS}options: {{cpu_allocation_ratio: 1.0e+400}}\n',
        ':3: options.cpu_allocation_ratio: 1.0e+400 is no finite number',
    ),
    'no number': (
        f'{_HOSTS}{_STEPS}options: {{cpu_allocation_ratio: .nan}}\n',
        ':3: options.cpu_allocation_ratio: .nan is no finite number',
    ),
    'names': (
        _flavor(name='f' * 300),
        ':3: steps[0].boot.flavor.name: must have at most 255 characters',
    ),
    'merges': (
        'a0: &a0 {k: 1}\n'
        + ''.join(
            f'a{n}: &a{n} {{<<: [{", ".join([f"*a{n - 1}"] * 9)}]}}\n'
            for n in range(1, 20)
        ),
        ':1: has more than 10000 entries',
    ),
    'itself': ('a: &a [*a]\n', ':1: a[0]: an alias must not contain itself'),
    'bytes': (f'about: {"x" * 50000}\n', ': has more than 50000 bytes'),
    'unknown keys': (
        _HOSTS + _STEPS + ''.join(f'k{n}: 1\n' for n in range(4900)),
        ':3: k0: is unknown',
    ),
    'unknown names': (
        _HOSTS
        + 'steps:\n'
        + ''.join(f'- boot: {{flavor: vrouter{n}}}\n' for n in range(1500)),
        ':3: steps[0].boot.flavor: there is no flavor vrouter0',
    ),
}


@pytest.mark.parametrize('case', HOSTILE)
def test_hostile_files_are_refused_at_once_with_their_place(case, scenario):
    text, problem = HOSTILE[case]
    path = scenario(text)
    begin = time.process_time()
    with pytest.raises(ScenarioError) as caught:
        loader.read(path)
    # A second where the processor is not shared.
    assert time.process_time() - begin < 3
    assert str(caught.value).startswith(f'{path}{problem}')
    assert len(caught.value.problems) <= documents.MOST_PROBLEMS


def test_hostile_machines_are_refused_with_their_place(scenario):
    cell = "- {id: 0, cpus: '0-3', memory_mib: 16384}\n"
    for text, problem in (
        (f'dedicated: 0-999999\ncells:\n{cell}', ':2: dedicated: '),
        (
            f'dedicated: {"0-9999," * 200}\ncells:\n{cell}',
            ':2: dedicated: must have at most 1000 characters',
        ),
        (f'cells:\n{cell * 1000}', ':2: cells: must have at most 64'),
        (
            'cells:\n- {id: 0, cpus: 0-3, memory_mib: 9999999999}\n',
            ':3: cells[0].memory_mib: must be at most 2147483647',
        ),
    ):
        scenario(f'about: x\n{text}', 'mine.yaml')
        path = scenario(
            f'machines: {{m: mine.yaml}}\nhosts: [{{machine: m}}]\n{_STEPS}'
        )
        with pytest.raises(ScenarioError) as caught:
            loader.read(path)
        place = path.with_name('mine.yaml')
        assert str(caught.value).startswith(f'{place}{problem}')


def test_hostile_replays_are_refused_with_their_place(scenario):
    many = '{"boot": {"flavor": "nope"}}\n' * 2000
    long = f'{{"boot": {{"flavor": "free5g", "count": {"9" * 5000}}}}}\n'
    log = scenario(long + many, 'log.jsonl')
    path = scenario(_step('replay: log.jsonl'))
    with pytest.raises(ScenarioError) as caught:
        loader.read(path)
    first, second, *more = caught.value.problems
    assert str(first).startswith(f'{log}:1: not JSON: Exceeds the limit')
    assert str(second).startswith(f'{log}:2: boot.flavor: there is no flavor')
    assert len(more) <= documents.MOST_PROBLEMS
    with pytest.raises(ScenarioError, match='there is no file /dev/zero'):
        loader.read(scenario(_step('replay: /dev/zero')))
    with pytest.raises(ScenarioError, match='more than 50000 bytes'):
        source.read(pathlib.Path('/dev/zero'))


def test_dates_and_numbers_as_keys_are_text(scenario):
    path = scenario(
        'hosts: [{machine: epyc7451-4node, name: 2026-01-01}]\n'
        'flavors: [{name: x, vcpus: 1.0, ram_mib: 1, extra_specs: {1: 2}}]\n'
        'steps: [{boot: {flavor: x}}]'
    )
    loaded = loader.read(path)
    assert loaded.hosts[0].name == '2026-01-01'
    assert loaded.steps[0].flavor.extra_specs == {'1': '2'}
    assert type(loaded.steps[0].flavor.vcpus) is int


@pytest.mark.parametrize(
    ('line', 'complaint'),
    [
        ('{"boot": ', 'column 10: not JSON: Expecting value'),
        ('[]', 'must be a mapping, not a list'),
        ('{}', 'must have exactly one of boot, mix, delete, lose, drain'),
        ('{"boot": {}}', 'boot.flavor: is missing'),
        ('{"boot": {"flavor": "x"}}', 'boot.flavor: there is no flavor x'),
        (
            '{"boot": {"flavor": "free5g"}}',
            'boot.flavor: there is no flavor free5g; did you mean free5gc?',
        ),
        (
            '{"at": 5, "boot": {"flavor": "free5gc"}}',
            'at: must be text, not 5',
        ),
        (
            '{"delete": {"guests": "vm"}}',
            'delete.guests: must be a list, not "vm"',
        ),
        (
            '{"delete": {"guests": ["vm"], "guests": []}}',
            'guests: is there twice',
        ),
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


@pytest.mark.parametrize('name', ['what-if.yaml', 'log.jsonl'])
def test_a_file_that_is_not_text_is_an_error(scenario, name):
    path = scenario(f'{HOSTS}steps: [{{replay: log.jsonl}}]')
    path.with_name(name).write_bytes(b'\xff\xfe')
    with pytest.raises(ScenarioError, match=f'{name}:1: is not UTF-8 text'):
        loader.read(path)


def test_the_schema_lists_the_profiles():
    assert source._schema()['properties']['scheduler']['enum'] == list(
        loader._PROFILES
    )


def test_a_scenario_that_is_not_there(tmp_path):
    with pytest.raises(ScenarioError, match='No such file'):
        loader.read(tmp_path / 'nowhere.yaml')


def test_requests_are_read_as_they_were_written(good, scenario):
    steps = [
        step
        for step in loader.read(good).steps
        if not isinstance(step, MixStep)
    ]
    scenario(''.join(map(recorder.line, steps)), 'again.jsonl')
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
        for step in steps
    ]


def _fields(boot):
    return {name: getattr(boot, name) for name in boot.__slots__}


def _plain(flavor):
    fields = {name: getattr(flavor, name) for name in flavor.__slots__}
    return type(flavor)(**{**fields, 'about': ''})


def keywords(schema):
    """All keywords of a schema and of those in it."""
    for key, value in schema.items():
        if key in ('properties', 'patternProperties', '$defs'):
            yield key
            for below in value.values():
                yield from keywords(below)
        else:
            yield key
            for below in value if isinstance(value, list) else [value]:
                if isinstance(below, dict):
                    yield from keywords(below)


@pytest.mark.parametrize(
    'schema', [source._schema(), machine._validator().schema]
)
def test_every_keyword_of_the_schemas_has_a_text(schema):
    without = {'$schema', '$ref', '$defs', 'title', 'description'}
    structure = {'properties', 'patternProperties', 'items', 'if', 'then'}
    handled = {'required', 'additionalProperties', *documents._TEXTS}
    assert set(keywords(schema)) <= without | structure | handled | {'else'}
    documents.Validator.check_schema(schema)
