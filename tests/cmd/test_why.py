"""``nfv-sched why`` on a simulated cloud."""

import dataclasses
import time

import pytest

from nfv_sched.cmd import why_tables
from nfv_sched.cmd.exit_codes import ExitCode
from nfv_sched.journal import record
from nfv_sched.journal.files import JournalWriter
from nfv_sched.journal.files import SUFFIX
from nfv_sched.nova import config as nova_config
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched_testing.clouds import HUGE
from nfv_sched_testing.decision_journals import recording
from tests.cmd.document_page import check_documents
from tests.cmd.test_start import started

OPTIONS = {
    'nfv_sched.scatter_weight_multiplier': 0.1,
    'filter_scheduler.ram_weight_multiplier': 0.5,
}


@pytest.fixture
def recorded(tmp_path):
    folder = tmp_path / 'decisions'
    folder.mkdir()
    with settings.override(OPTIONS), recording(folder) as journal:
        yield journal


@pytest.fixture
def placed(recorded, guests_of):
    """An instance, and the folder that says why it is on its host."""
    [guest] = guests_of(1, extra_specs=HUGE)
    recorded.journal.flush()
    return guest, str(recorded.folder)


def test_a_decision(run, placed):
    guest, folder = placed
    found = run('why', guest.uuid, '--journal', folder)
    [decision] = found['decisions']
    assert (found['server'], found['decision_count']) == (guest.uuid, 1)
    assert decision['host'] == guest.host
    assert decision['ending'] == 'host selected'
    assert decision['rank'] == 1
    real = [cell.id for cell in guest.instance.numa_topology.cells]
    assert decision['numa_nodes'] == real
    first, second, third = found['hosts']
    assert first['selected']
    assert first['host'] == guest.host
    assert decision['runner_up'] == second['host']
    margin = first['total'] - second['total']
    assert decision['margin'] == pytest.approx(margin, abs=1e-5)
    assert found['filters'][-1]['filter'] == 'NUMAFitFilter'
    assert found['filters'][-1]['hosts_after'] == 3
    parts = [
        weight['contribution']
        for weight in found['weights']
        if weight['host'] == third['host']
    ]
    assert sum(parts) == pytest.approx(third['total'], abs=1e-4)
    changes = {
        each['without']: each['host'] != guest.host
        for each in found['counterfactuals']
    }
    assert {'ScatterWeigher', 'FragmentationWeigher'} <= changes.keys()
    assert [each['changes'] for each in found['counterfactuals']] == list(
        changes.values()
    )


def test_a_decision_for_people(run, placed):
    guest, folder = placed
    text = run('why', guest.uuid, '--journal', folder, '-f', 'table')
    assert f'{guest.host} was selected, number 1 of 3 by weight' in text
    assert f'{guest.host} *' in text
    assert 'Without one weigher' in text
    assert 'What rejected hosts lacked' not in text


def test_a_server_is_found_by_name(run, placed):
    guest, folder = placed
    found = run('why', 'tenant', '--journal', folder)
    assert found['server'] == guest.uuid
    run('why', 'nothing', '--journal', folder, code=ExitCode.ERROR)
    assert 'no servers are named nothing' in run.err


def test_a_deleted_server_is_found_by_name(run, cloud, recorded):
    [guest] = cloud.boot(
        SimulatedFlavor('brief', 2, 1024, 1, extra_specs=HUGE), name='brief'
    )
    cloud.delete(guest)
    recorded.journal.flush()
    words = ('why', 'brief', '--journal', str(recorded.folder))
    assert run(*words)['server'] == guest.uuid


def test_names_of_several_servers(run, placed, guests_of):
    guest, folder = placed
    [other] = guests_of(1, extra_specs=HUGE)
    run('why', 'tenant', '--journal', folder, code=ExitCode.ERROR)
    assert guest.uuid in run.err
    assert other.uuid in run.err


def test_a_refusal(run, cloud, recorded):
    flavor = SimulatedFlavor('big', 2, 9 * 1024, 1, extra_specs=HUGE)
    [guest] = cloud.boot(flavor)
    assert not guest.booted
    recorded.journal.flush()
    words = ('why', guest.uuid, '--journal', str(recorded.folder))
    found = run(*words)
    [decision] = found['decisions']
    assert (decision['ending'], decision['host']) == ('rejected', None)
    assert found['conditions'] == [
        {'decision': 1, 'condition': 'pages', 'hosts': 3}
    ]
    assert 'of 9 free pages of 1 GiB' in decision['nearest_miss']
    text = run(*words, '-f', 'table')
    assert 'No host was left by the filters of nfv_sched' in text
    assert 'What rejected hosts lacked' in text


def written(folder, *records):
    folder.mkdir(exist_ok=True)
    JournalWriter(folder, 1).append(list(map(record.encode, records)))
    return str(folder)


UUID = '00000000-0000-4000-8000-000000000001'


def decision(**values):
    return record.DecisionRecord(
        **{
            'time': time.time(),
            'scheduler': 'ctl-1',
            'pid': 7,
            'instance': UUID,
            'flavor': 'vnf',
            'purpose': record.RequestKind.BOOT,
            'instances': 1,
            'ending': record.Ending.SELECTED,
            'node': 'cmp-1',
            **values,
        }
    )


def test_the_newest_of_several_controllers_or_all(run, tmp_path):
    one = written(tmp_path / '1', decision(time=1000.0))
    two = written(
        tmp_path / '2',
        decision(
            time=2000.0, scheduler='ctl-2', purpose=record.RequestKind.MOVE
        ),
    )
    words = ('why', UUID.upper(), '--journal', one, '--journal', two)
    found = run(*words)
    assert found['decision_count'] == 2
    [newest] = found['decisions']
    assert newest['scheduler'] == 'ctl-2'
    assert newest['time'] == '1970-01-01T00:33:20Z'
    every = run(*words, '--all')['decisions']
    assert [(e['decision'], e['scheduler']) for e in every] == [
        (1, 'ctl-2'),
        (2, 'ctl-1'),
    ]


def test_no_decision_is_an_error(run, tmp_path):
    folder = written(tmp_path / '1', decision())
    other = UUID.replace('1', '2')
    run('why', other, '--journal', folder, code=ExitCode.ERROR)
    assert 'no decision on server' in run.err


def test_without_a_journal_it_says_how_to_name_one(run):
    run('why', UUID, code=ExitCode.ERROR)
    assert 'give --journal' in run.err


def test_the_journal_of_nova_conf_is_read(run, tmp_path):
    folder = written(tmp_path / '1', decision())
    with settings.override({'nfv_sched.journal_folder': folder}):
        assert run('why', UUID)['decision_count'] == 1


def test_nova_conf_is_read_once(run, placed, monkeypatch):
    """oslo.config refuses to register Nova's options after that."""
    guest, folder = placed
    read = []
    monkeypatch.setattr(nova_config, 'configure', read.append)
    with settings.override({'nfv_sched.journal_folder': folder}):
        for words in (('why', guest.uuid), ('why', 'tenant'), ('shadow',)):
            run(*words)
            assert len(read) == 1
            read.clear()


def test_what_cannot_be_read_is_a_problem(run, tmp_path):
    folder = written(tmp_path / '1', decision(weighed=2))
    (tmp_path / '1' / f'9-9{SUFFIX}').write_text(f'{UUID}\n')
    missing = str(tmp_path / 'missing')
    words = ('why', UUID, '--journal', folder, '--journal', missing)
    found = run(*words, code=ExitCode.ERROR)
    assert found['problems'] == [f'{missing} is no folder']
    assert found['notes'] == ['1 malformed line of the journal']
    assert found['decisions']


@pytest.mark.parametrize(
    ('values', 'text'),
    [
        ({'claims': 3, 'rank': 3}, 'refused the claims of 2 hosts before'),
        ({'claims': 1, 'rank': 3, 'subset_size': 5}, 'host_subset_size'),
        ({'instances': 4}, 'for 4 instances'),
        ({'weighed': None}, 'no weigher was asked'),
        ({'dropped': 9}, '9 decisions of this scheduler process'),
        (
            {'shadow': record.ShadowJudgement(1, None, 'cmp-2')},
            'shadow mode',
        ),
    ],
)
def test_notes(run, tmp_path, values, text):
    folder = written(tmp_path / '1', decision(**values))
    notes = run('why', UUID, '--journal', folder)['notes']
    assert [note for note in notes if text in note]


@pytest.mark.parametrize(
    ('ending', 'text'),
    [
        (record.Ending.PLACEMENT, 'Placement refused the claims of 5 hosts'),
        (record.Ending.OTHER_FILTERS, 'filters that run after'),
    ],
)
def test_endings(run, tmp_path, ending, text):
    folder = written(
        tmp_path / '1', decision(ending=ending, node=None, claims=5)
    )
    assert text in run('why', UUID, '--journal', folder, '-f', 'table')


def test_filters_of_others_are_between_ours():
    counts = tuple(
        record.FilterCount(*entry)
        for entry in [('HugePagesFilter', 9, 7), ('NUMAFitFilter', 5, 4)]
    )
    found = decision(filters=counts, weighed=2)
    assert [
        dataclasses.astuple(entry) for entry in why_tables.filter_counts(found)
    ] == [
        ('HugePagesFilter', 9, 7),
        ('other filters', 7, 5),
        ('NUMAFitFilter', 5, 4),
        ('other filters', 4, 2),
    ]


def test_the_page_on_documents(run, cloud, recorded, guests_of):
    [guest] = guests_of(1, extra_specs=HUGE)
    flavor = SimulatedFlavor('big', 2, 9 * 1024, 1, extra_specs=HUGE)
    [refused] = cloud.boot(flavor)
    recorded.journal.flush()
    check_documents(
        'why',
        *(
            run('why', each.uuid, '--journal', str(recorded.folder))
            for each in (guest, refused)
        ),
    )


def test_nova_is_not_needed_for_a_uuid(tmp_path):
    """As on an operator's machine with copies of the journals."""
    folder = written(tmp_path / '1', decision(weighed=2))
    [line], errors, loaded = started(
        'why', UUID, '--journal', folder, '-f', 'value'
    )
    assert 'cmp-1' in line
    assert errors == ''
    for package in ('nova', 'sqlalchemy', 'keystoneauth1'):
        assert f"'{package}'" not in loaded
