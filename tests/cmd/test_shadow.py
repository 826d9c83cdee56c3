"""``nfv-sched shadow`` on a simulated cloud, with the rows of real events.

tests/stack has it with Nova's own.
"""

import time

from nova import context as nova_context
from nova import exception
from nova import objects
import pytest

from nfv_sched.cmd.exit_codes import ExitCode
from nfv_sched.journal import record
from nfv_sched.journal.files import JournalWriter
from nfv_sched_testing.clouds import HUGE
from tests.cmd.document_page import check_documents

REJECTION = 'NUMA node 1 has 1 of 2 free pages of 1 GiB'


@pytest.fixture
def history(cloud, guests_of):
    """An instance that was built on a host, and perhaps failed there."""

    def build(*hosts, failed=False):
        [guest] = guests_of(1, extra_specs=HUGE)
        context = nova_context.get_admin_context()
        context.db_connection = cloud.cell_context.db_connection
        objects.InstanceAction.action_start(
            context, guest.uuid, 'create', want_result=False
        )
        for host in hosts:
            for method in ('event_start', 'event_finish_with_failure'):
                values = {'host': host} if method == 'event_start' else {}
                getattr(objects.InstanceActionEvent, method)(
                    context,
                    guest.uuid,
                    'compute__do_build_and_run_instance',
                    want_result=False,
                    **values,
                )
        if failed:
            error = exception.ComputeResourcesUnavailable(reason='pages')
            objects.InstanceFault(
                context,
                instance_uuid=guest.uuid,
                code=500,
                message=str(error),
                details='',
                host=hosts[-1],
            ).create()
        return guest.uuid, context.request_id

    return build


@pytest.fixture
def journal(tmp_path):
    """Writes decisions in shadow mode; its folder."""
    writer = JournalWriter(tmp_path, 1)

    def write(instance, rejects=None, node='cmp-0', **values):
        uuid, request_id = instance
        shadow = record.ShadowJudgement(2, rejects, node)
        found = {
            'time': time.time() - 1,
            'scheduler': 'ctl-1',
            'pid': 7,
            'instance': uuid,
            'flavor': 'vnf',
            'purpose': record.RequestKind.BOOT,
            'instances': 1,
            'ending': record.Ending.SELECTED,
            'request_id': request_id,
            'service_host': 'cmp-0',
            'node': 'cmp-0',
            'shadow': shadow,
            **values,
        }
        writer.append([record.encode(record.DecisionRecord(**found))])

    write.words = ('shadow', '--journal', str(tmp_path))
    return write


def counts(found):
    return {
        row['agreement']: row['decisions']
        for row in found['summary']
        if row['decisions']
    }


def test_a_false_acceptance_of_nova_is_found(run, journal, history):
    journal(history('cmp-0', failed=True), REJECTION, 'cmp-1')
    journal(history('cmp-0', 'cmp-1'), REJECTION, 'cmp-1')
    journal(history('cmp-0'))
    found = run(*journal.words)
    assert counts(found) == {
        'false acceptance of Nova': 2,
        'agree: accepted': 1,
    }
    first, second = found['decisions']
    assert first['rejection'] == REJECTION
    assert 'Insufficient compute resources' in first['claim_failure']
    assert second['claim_failure'] == 'then built on cmp-1'
    assert (first['host'], first['shadow_host']) == ('cmp-0', 'cmp-1')
    assert len(run(*journal.words, '--all')['decisions']) == 3
    text = run(*journal.words, '-f', 'table')
    assert '3 decisions in shadow mode; nfv_sched would have placed 2' in text


def test_a_false_rejection_is_a_no(run, journal, history):
    journal(history('cmp-0'), REJECTION, None)
    found = run(*journal.words, code=ExitCode.NO)
    assert counts(found) == {'false rejection of nfv_sched': 1}


def test_instances_that_are_placed_elsewhere_are_shown(run, journal, history):
    journal(history('cmp-0'), node='cmp-2')
    found = run(*journal.words)
    [row] = found['decisions']
    assert (row['elsewhere'], row['agreement']) == (True, 'agree: accepted')
    assert found['summary'][0]['elsewhere'] == 1


def test_nothing_in_shadow_mode(run, journal, history):
    journal(history('cmp-0'), shadow=None)
    found = run(*journal.words)
    assert found['decision_count'] == 0
    assert found['notes'] == [
        'The journal has no decision that was made in shadow mode'
    ]


def test_a_cell_that_cannot_be_read_is_a_problem(
    run, journal, history, second_cell
):
    journal(history('cmp-0'))
    found = run(*journal.words, code=ExitCode.ERROR)
    [problem] = found['problems']
    assert problem.startswith(second_cell)
    assert counts(found) == {'agree: accepted': 1}


def test_the_page_on_documents(run, journal, history):
    journal(history('cmp-0', failed=True), REJECTION, None)
    journal(history('cmp-0'), ending=record.Ending.OTHER_FILTERS, node=None)
    check_documents('shadow', run(*journal.words))
