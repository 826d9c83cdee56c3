"""One definition of a column for programs and for people."""

import dataclasses

import pytest

from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import document
from nfv_sched.dryrun.tables import SCHEMA_VERSION
from nfv_sched.dryrun.tables import Table


@dataclasses.dataclass
class Pod:
    name: str
    free: int | None
    hosts: tuple[str, ...] = ()


COLUMNS = (
    Column[Pod]('pod', 'Pod', lambda row: row.name),
    Column[Pod](
        'free_cpus',
        'Free CPUs',
        lambda row: row.free,
        lambda row: f'{row.free}!',
    ),
    Column[Pod]('hosts', 'Hosts', lambda row: list(row.hosts)),
    Column[Pod]('host_count', '', lambda row: len(row.hosts)),
    Column[Pod]('', 'Length', lambda row: len(row.name)),
)
TABLE = Table(
    'pods',
    COLUMNS,
    [Pod('east', 4, ('a', 'b')), Pod('w', None), Pod('north', 1)],
)


def test_programs_and_people_see_their_columns():
    assert TABLE.records()[0] == {
        'pod': 'east',
        'free_cpus': 4,
        'hosts': ['a', 'b'],
        'host_count': 2,
    }
    assert TABLE.headings == ('Pod', 'Free CPUs', 'Hosts', 'Length')
    assert TABLE.cells()[0] == ('east', '4!', 'a, b', 4)
    assert TABLE.records()[1]['free_cpus'] is None


@pytest.mark.parametrize('name', ['free_cpus', 'Free CPUs', ' free cpus '])
def test_columns_are_found_by_key_and_heading(name):
    assert TABLE.only([name]).columns == (COLUMNS[1],)
    assert TABLE.only(['']).columns == ()


def test_rows_are_ordered_by_values_not_texts():
    def names(*keys, **options):
        return [row.name for row in TABLE.ordered(keys, **options).rows]

    assert names('Free CPUs') == ['north', 'east', 'w']
    assert names('free_cpus', descending=True) == ['w', 'east', 'north']
    assert names('host_count', 'pod') == ['north', 'w', 'east']
    assert names('nothing') == ['east', 'w', 'north']


def test_a_document_has_its_tables_by_key():
    found = document(
        'pods', {'source': 'nova'}, [TABLE.having([])], ['a note'], ['broken']
    )
    assert found == {
        'schema_version': SCHEMA_VERSION,
        'command': 'pods',
        'source': 'nova',
        'pods': [],
        'notes': ['a note'],
        'problems': ['broken'],
    }
