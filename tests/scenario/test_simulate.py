"""``nfv-sched simulate`` from its command line."""

from collections import Counter
import dataclasses
import json
import math
from xml.etree import ElementTree as ET

import pytest

from nfv_sched.cmd import rich_console
from nfv_sched.cmd import simulate_view
from nfv_sched.cmd import topology_action
from nfv_sched.cmd.exit_codes import ExitCode
from nfv_sched.cmd.main import main
from nfv_sched.render import host_view
from nfv_sched.render import marks
from nfv_sched.render import metrics
from nfv_sched.scenario import residual_hosts
from nfv_sched.scenario.run import EventKind
from nfv_sched.sim import machine
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched.survey import nova as nova_survey
from tests.cmd import document_page
from tests.render import examples

MACHINE = """\
about: two cells of four cores
smt: {{threads: 2, stride: 8}}
dedicated: 1-3,5-7,9-11,13-15
shared: 0,4,8,12
cells:
- {{id: 0, cpus: '0-3,8-11', memory_mib: 16384, socket: 0, pages: {pages}}}
- {{id: 1, cpus: '4-7,12-15', memory_mib: 16384, socket: 1, pages: {pages}}}
nics: {nics}
"""
PLAIN = MACHINE.format(pages='{1G: 8, 2M: 1024}', nics='[]')
FAST = MACHINE.format(
    pages='{1G: 8}',
    nics="[{address: '0000:81:00.0', cell: 1, ids: '8086:1572', vfs: 4, "
    "vf_ids: '8086:154c', physnet: physnet1}]",
)

SCENARIO = """\
about: two racks
machines: {plain: plain.yaml, fast: fast.yaml}
hosts:
  - {machine: plain, name: one, domains: {rack: R1}}
  - {machine: fast, name: two, domains: {rack: R2}}
flavors:
  - {name: whole, vcpus: 12, ram_mib: 2048, extra_specs: {hw:numa_nodes: 2,
     hw:cpu_policy: dedicated, hw:mem_page_size: 2048}}
  - {name: half, vcpus: 6, ram_mib: 4096, extra_specs: &pinned {
     hw:cpu_policy: dedicated, hw:mem_page_size: 1GB}}
  - {name: small, vcpus: 2, ram_mib: 1024, extra_specs: *pinned}
  - {name: nic, vcpus: 2, ram_mib: 1024, extra_specs: *pinned,
     ports: [{physnet: physnet1, numa_policy: required}]}
groups:
  - {name: apart, policy: anti-affinity}
steps:
  # Only one has pages of 2 MiB, only two has devices.
  - boot: {flavor: whole, name: blocker}
  - boot: {flavor: nic}
  - boot: {flavor: half, name: big}
  - boot: {flavor: small, count: 3, name: pair, group: apart}
  - delete: {guests: ['[bold]lock*']}
  - lose: {rack: R2}
"""

EVENTS = [
    (1, 'blocker', 'placed', 'one', None),
    (2, 'nic', 'placed', 'two', None),
    (3, 'big', 'placed', 'two', None),
    (4, 'pair-0', 'placed', 'two', None),
    (4, 'pair-1', 'refused', None, None),
    (4, 'pair-2', 'refused', None, None),
    (5, 'blocker', 'deleted', None, 'one'),
    (6, 'nic', 'lost', None, 'two'),
    (6, 'big', 'moved', 'one', 'two'),
    (6, 'pair-0', 'moved', 'one', 'two'),
]


@pytest.fixture
def two_racks(scenario):
    scenario(PLAIN, 'plain.yaml')
    scenario(FAST, 'fast.yaml')
    return scenario(SCENARIO)


def test_a_scenario_is_played(two_racks, tmp_path, capsys):
    plot, page, log = (tmp_path / name for name in ('p.svg', 'p.html', 'log'))
    options = ['--plot', plot, '--report', page, '--record', log]
    code = main(['simulate', *map(str, ['--scenario', two_racks, *options])])
    said = capsys.readouterr()
    assert code == ExitCode.NO
    assert said.err == ''
    for text in (
        'two racks',
        'lose rack R2',
        'delete [bold]lock*',
        'pair-1  small',
        'server group',
        'nic  nic',
        'two (lost)',
        '2 hosts, 1 of them lost; 2 instances at the end, 3 without a host',
    ):
        assert text in said.out
    assert max(map(len, said.out.splitlines())) <= 120
    picture = ET.parse(plot).getroot()  # noqa: S314 - our own
    kinds = Counter(element.get('class') for element in picture.iter())
    # Each with its entry in the legend.
    resources = ('CPUs', '1G', '2M', 'devices')
    assert kinds['series'] == 2 * len(resources)
    assert kinds['failed'] == 1 + 3
    assert kinds['step'] == 6
    assert 'rack R1' in page.read_text()
    # What was recorded has the same end.
    two_racks.write_text(
        SCENARIO[: SCENARIO.index('flavors:')] + 'steps: [{replay: log}]'
    )
    code = main(['simulate', '--scenario', str(two_racks), '-f', 'json'])
    assert code == ExitCode.NO
    found = json.loads(capsys.readouterr().out)
    columns = ('step', 'instance', 'event', 'host', 'host_before')
    assert [
        tuple(row[column] for column in columns) for row in found['events']
    ] == EVENTS
    assert [row['lost'] for row in found['hosts']] == [False, True]
    rejections = {row['instance']: row for row in found['rejections']}
    assert rejections.keys() == {'pair-1', 'nic'}
    conditions = rejections['pair-1']['conditions']
    assert [
        (row['condition'], row['hosts'], row['nearest_host'])
        for row in conditions
    ] == [('PCPU', 1, 'one'), ('server group', 1, 'two')]


def test_the_page_has_the_keys_of_the_document(scenario, capsys):
    scenario(PLAIN, 'plain.yaml')
    path = scenario("""\
        machines: {plain: plain.yaml}
        hosts: [{machine: plain, domains: {rack: R1}}]
        flavors:
          - {name: odd, vcpus: 3, ram_mib: 512, extra_specs: {
             hw:numa_nodes: 2}}
          - {name: tall, vcpus: 1, ram_mib: 16384, extra_specs: {
             hw:mem_page_size: 1GB}}
        steps: [{boot: {flavor: odd}}, {boot: {flavor: tall}}]
        """)
    words = ['simulate', '--scenario', str(path), '-f', 'json']
    assert main(words) == ExitCode.NO
    found = json.loads(capsys.readouterr().out)
    document_page.check_documents('simulate', found)


def test_what_is_counted_is_what_is_there(two_racks):
    played = simulate_view.simulate(two_racks, rich_console.plain())
    run = played.run
    assert run.lost == ['two']
    assert all(
        0 <= share <= 1
        for event in run.events
        for share in event.used.values()
    )
    [survivor] = [host for host in played.survey.hosts if host.host == 'one']
    fates = {event.instance: event.kind for event in run.events}
    assert {guest.name for guest in survivor.residents} == {
        name
        for name, fate in fates.items()
        if fate in (EventKind.PLACED, EventKind.MOVED)
    }
    figures = metrics.host_metrics(host_view.host_view(survivor))
    used = run.events[-1].used
    share = (figures.cpus - figures.free_cpus) / figures.cpus
    assert used['dedicated CPUs'] == share
    free, usable = figures.pages[examples.G1]
    assert used['pages of 1G'] == (usable - free) / usable
    assert [why.instance.name for why in run.whys] == ['pair-1', 'nic']


def test_what_nova_itself_refuses_is_told(scenario, capsys):
    scenario(PLAIN, 'plain.yaml')
    path = scenario("""\
        machines: {plain: plain.yaml}
        hosts: [{machine: plain}]
        flavors:
          - {name: odd, vcpus: 3, ram_mib: 512, extra_specs: {
             hw:numa_nodes: 2}}
        steps: [{boot: {flavor: odd, count: 2}}]
        """)
    assert main(['simulate', '--scenario', str(path)]) == ExitCode.NO
    said = capsys.readouterr().out
    assert 'Refused by Nova' in said
    assert 'cannot be evenly distributed' in said


@pytest.mark.parametrize(
    ('filters', 'fate', 'stages'),
    [
        ('ComputeFilter', EventKind.CLAIM_FAILED, []),
        (
            'ComputeFilter,HugePagesFilter',
            EventKind.REFUSED,
            ['HugePagesFilter'],
        ),
    ],
)
def test_a_scenario_names_its_filters(scenario, filters, fate, stages):
    """No page of 2 MiB is there: only the filter for pages sees it."""
    scenario(FAST, 'fast.yaml')
    path = scenario(f"""\
        machines: {{fast: fast.yaml}}
        options: {{filter_scheduler.enabled_filters: '{filters}'}}
        hosts: [{{machine: fast}}]
        flavors:
          - {{name: small, vcpus: 2, ram_mib: 512, extra_specs: {{
             hw:mem_page_size: 2048}}}}
        steps: [{{boot: {{flavor: small}}}}]
        """)
    run = simulate_view.simulate(path, rich_console.plain()).run
    assert [event.kind for event in run.events] == [fate]
    assert [
        condition.stage
        for why in run.whys
        for condition in why.explanation.conditions
    ] == stages


def test_hints_are_explained(scenario, capsys):
    scenario(PLAIN, 'plain.yaml')
    path = scenario("""\
        machines: {plain: plain.yaml}
        options: {filter_scheduler.enabled_filters:
          'DifferentHostFilter,NUMAFitFilter'}
        hosts: [{machine: plain, name: one}]
        flavors: [{name: small, vcpus: 2, ram_mib: 512}]
        steps:
          - boot: {flavor: small, name: first}
          - boot: {flavor: small, hints: {different_host: [first]}}
        """)
    assert main(['simulate', '--scenario', str(path)]) == ExitCode.NO
    said = ' '.join(capsys.readouterr().out.split())
    assert 'hint 1/1 one: the hint different_host=' in said


def test_guests_that_fit_only_one_by_one_are_explained(scenario, capsys):
    scenario(PLAIN, 'plain.yaml')
    path = scenario("""\
        machines: {plain: plain.yaml}
        hosts: [{machine: plain, count: 2}]
        flavors:
          - {name: half, vcpus: 6, ram_mib: 512, extra_specs: {
             hw:cpu_policy: dedicated}}
        steps: [{boot: {flavor: half, count: 6, together: true}}]
        """)
    assert main(['simulate', '--scenario', str(path)]) == ExitCode.NO
    said = capsys.readouterr().out
    assert '2 hosts accept one such instance; the request is for 6' in said
    assert 'nearest miss' not in said


def test_options_name_the_weighers():
    options = {
        'filter_scheduler.weight_classes': (
            'nova.scheduler.weights.ram.RAMWeigher'
        )
    }
    with simulated_cloud(options=options) as cloud:
        weighers = cloud.scheduler.host_manager.weighers
        assert [type(weigher).__name__ for weigher in weighers] == [
            'RAMWeigher'
        ]


@pytest.mark.parametrize('option', ['--plot', '--report', '--record'])
def test_what_cannot_be_written_is_told_first(two_racks, option, capsys):
    words = ['simulate', '--scenario', str(two_racks), option]
    missing = two_racks.parent / 'missing'
    for path in (missing / 'file', two_racks.parent):
        with pytest.raises(SystemExit) as error:
            main([*words, str(path)])
        assert error.value.code == 2
    assert f'{option}: {missing} is not a directory' in capsys.readouterr().err


def test_a_host_is_drained_as_planned(scenario, tmp_path, capsys):
    """What finds no other host stays, and the record has the same end."""
    scenario(PLAIN, 'plain.yaml')
    scenario(FAST, 'fast.yaml')
    path = scenario(
        SCENARIO[: SCENARIO.index('steps:')]
        + """\
steps:
  - boot: {flavor: half, name: first, count: 2}
  - boot: {flavor: nic, name: nic}
  - boot: {flavor: small, name: other, count: 2}
  - delete: {guests: ['first*'], count: 1}
  - drain: {rack: R2}
  - boot: {flavor: small, name: late, count: 9}
"""
    )
    log = tmp_path / 'log'
    words = ['simulate', '--scenario', str(path), '-f', 'json']
    assert main([*words, '--record', str(log)]) == ExitCode.NO
    found = json.loads(capsys.readouterr().out)
    events = [
        (each['instance'], each['event'], each['host'], each['host_before'])
        for each in found['events']
        if each['step'] == 5
    ]
    there = {
        each['instance']
        for each in found['events']
        if (each['event'], each['host']) == ('placed', 'two')
        and each['step'] < 4
        and each['instance'] != 'first-0'
    }
    assert 'nic' in there
    assert sorted(events) == sorted(
        ('nic', 'stayed', 'two', None)
        if name == 'nic'
        else (name, 'moved', 'one', 'two')
        for name in there
    )
    assert len(there) > 1
    drained = found['steps'][4]
    assert (drained['action'], drained['moved'], drained['stayed']) == (
        'drain rack R2',
        len(there) - 1,
        1,
    )
    [stayed] = [each for each in found['events'] if each['event'] == 'stayed']
    assert 'no host' in stayed['error']
    # Nothing boots on what is drained.
    assert {each['host'] for each in found['events'] if each['step'] == 6} <= {
        'one',
        None,
    }
    path.write_text(
        SCENARIO[: SCENARIO.index('flavors:')] + 'steps: [{replay: log}]'
    )
    assert main(words) == ExitCode.NO
    again = json.loads(capsys.readouterr().out)
    assert [(each['instance'], each['host']) for each in again['events']] == [
        (each['instance'], each['host']) for each in found['events']
    ]


def test_an_error_is_told_without_a_traceback(two_racks, capsys):
    two_racks.write_text(SCENARIO.replace('lose: {rack:', 'lose: {rak:'))
    assert main(['simulate', '--scenario', str(two_racks)]) == 1
    said = capsys.readouterr()
    assert 'Traceback' not in said.err
    pipeline = SCENARIO.splitlines().index('  - lose: {rack: R2}') + 1
    assert f'{two_racks}:{pipeline}: steps[5].lose' in said.err


def huge(cell):
    return {pool.size_kib: pool.free for pool in cell.pages[1:]}


def test_what_is_left_of_surveyed_hosts_is_simulated(scenario):
    survey = examples.survey()
    scenario(topology_action.rendered(survey, 'json'), 'cloud.json')
    path = scenario('hosts: [{survey: cloud.json}]\nsteps: []')
    # The other host is disabled.
    [host] = simulate_view.simulate(path, rich_console.plain()).survey.hosts
    assert host.topology.domains == {'rack': 'R1'}
    busy = survey.hosts[0]
    assert host.host == busy.host
    before, after = map(host_view.host_view, (busy, host))
    for was, is_ in zip(before.cells, after.cells, strict=True):
        assert is_.free == is_.dedicated == was.free
        # Nova lets four floating guest CPUs share one.
        assert is_.shared == was.shared - math.ceil(was.shared_used / 4)
        assert is_.socket == was.socket
        assert is_.networks == was.networks
        assert is_.memory_mib == was.memory_mib - was.memory_used_mib
        assert huge(is_) == huge(was)
        assert sum(pool.free for pool in is_.pools) == sum(
            pool.free for pool in was.pools
        )
        # Free threads stay with the cores that they are of.
        free = [
            Counter(core.owners.count(marks.FREE) for core in cell.cores)
            for cell in (was, is_)
        ]
        assert free[0] - Counter([0] * 99) == free[1] - Counter([0] * 99)


HALF_KEPT = PLAIN.replace('2M: 1024}', '2M: 1024}, reserved_pages: {1G: 4}')


SMALL = {'hw:mem_page_size': 'small'}
HUGE = {'hw:mem_page_size': '1GB'}


@pytest.mark.parametrize(
    ('ram_mib', 'specs', 'count', 'next_', 'option'),
    [
        # Four on each of the four shared CPUs, or as many as an option says.
        (64, {}, 8, [(64, {})] * 9, {}),
        (64, {}, 16, [(64, {})], {}),
        (64, {}, 4, [(64, {})] * 5, {'cpu_allocation_ratio': 2.0}),
        # Of 6 GiB in small pages on each cell, whatever the host keeps.
        (3072, SMALL, 3, [(3072, SMALL)] * 2, {}),
        # More memory than there is in small pages: Placement says no.
        (4096, {}, 7, [(3072, HUGE)] * 2, {}),
    ],
)
def test_what_floating_guests_of_a_survey_hold_is_not_there(
    scenario, ram_mib, specs, count, next_, option
):
    def flavor(ram_mib, specs):
        specs = {'hw:numa_nodes': '1', **specs}
        return SimulatedFlavor('f', 1, ram_mib, 1, extra_specs=specs)

    with simulated_cloud(options=option) as cloud:
        cloud.add_host('busy', machine.parse('busy', HALF_KEPT))
        for _ in range(count):
            assert cloud.boot(flavor(ram_mib, specs))[0].booted
        survey = topology_action.rendered(nova_survey.read(), 'json')
        placed = [cloud.boot(flavor(*request))[0].booted for request in next_]
        assert placed == [True] * (len(next_) - 1) + [False]
    scenario(survey, 'cloud.json')
    what_if = {
        'hosts': [{'survey': 'cloud.json'}],
        'options': {name: str(value) for name, value in option.items()},
        'steps': [
            {'boot': {'flavor': dataclasses.asdict(flavor(*request))}}
            for request in next_
        ],
    }
    run = simulate_view.simulate(
        scenario(json.dumps(what_if)), rich_console.plain()
    ).run
    assert [event.kind is EventKind.PLACED for event in run.events] == placed


def test_a_survey_without_cpu_numbers_cannot_be_simulated(tmp_path):
    path = tmp_path / 'counts.json'
    path.write_text(topology_action.rendered(examples.counts(), 'json'))
    with pytest.raises(
        residual_hosts.SurveyDataError, match='cmp-3: CPU numbers are not'
    ):
        list(residual_hosts.hosts_of(path, ['*'], 1.0))
    path.write_text('{}')
    with pytest.raises(residual_hosts.SurveyDataError, match='version 1'):
        list(residual_hosts.hosts_of(path, ['*'], 1.0))
