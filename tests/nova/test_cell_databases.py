"""Nova cells that cannot be read become problems."""

from nova import context as nova_context
from nova import objects
import pytest

from nfv_sched.nova import cell_databases
from nfv_sched.nova import instances

objects.register_all()


@pytest.fixture
def cell():
    return objects.CellMapping(
        uuid='00000000-0000-4000-8000-00000000ce13',
        name='east',
        transport_url='none:///',
        database_connection='sqlite://',
        disabled=False,
    )


def test_an_exception_of_the_body_is_one_problem(cell):
    problems = []
    for _ in range(2):
        with cell_databases.visit(
            nova_context.get_admin_context(), cell, problems
        ):
            raise OSError('mysql://nova:secret@host/nova is down\nmore')
    assert problems == [
        'Nova cell east cannot be read: OSError: mysql://***@host/nova is down'
    ]


def test_a_cell_without_a_name_is_named_by_its_uuid(cell):
    cell.name = None
    problems = []
    with cell_databases.visit(
        nova_context.get_admin_context(), cell, problems
    ):
        raise OSError('down')
    assert problems == [f'Nova cell {cell.uuid} cannot be read: OSError: down']


@pytest.mark.parametrize(
    ('answer', 'problem'),
    [
        (OSError('down'), 'OSError: down'),
        (
            nova_context.did_not_respond_sentinel,
            'TimeoutError: no answer within 5 s',
        ),
    ],
)
def test_cells_queried_at_once_fail_one_by_one(
    cell, answer, problem, monkeypatch, caplog
):
    other = '00000000-0000-4000-8000-00000000ce14'
    answers = {cell.uuid: answer, other: {'guest': 'host'}}
    monkeypatch.setattr(nova_context, 'load_cells', lambda: None)
    monkeypatch.setattr(nova_context, 'CELLS', [cell])
    monkeypatch.setattr(
        nova_context, 'scatter_gather_cells', lambda *_: answers
    )
    assert instances.find_hosts(['guest']) == {'guest': 'host'}
    [message] = caplog.messages
    assert message.endswith(f': Nova cell east cannot be read: {problem}')
