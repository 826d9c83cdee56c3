"""Users that may do no more than the documentation says suffice."""

import json
import pathlib
import re

import pytest

from tests.stack import configuration
from tests.stack import plane as planes
from tests.stack import virt
from tests.stack.configuration import PASSWORD

_DOCS = pathlib.Path(__file__).parents[2] / 'doc' / 'source'
_CELLS = ('nova_cell0', 'nova_cell1')
_DATABASE = 'nova_api'


def documented(page):
    """Tables by database, as a page lists them below "Least privilege"."""
    text = (_DOCS / page).read_text().partition('Least privilege\n')[2]
    rows = re.findall(
        r'^ {7}\* - ``(nova_\w+)``\n {9}- ((?:.+\n)+?)(?=\n| {7}\*)',
        text,
        re.MULTILINE,
    )
    found = {name: re.findall('``(\\w+)``', cell) for name, cell in rows}
    assert set(found) == {_DATABASE, 'nova_cell1'}
    return found


@pytest.fixture(scope='module')
def user(plane):
    """Make a user of MariaDB, and one of Placement, with a nova.conf."""

    def make(name, tables):
        grants = [
            f'grant select on {database}.{table} to {name}'
            for key, names in tables.items()
            for database in ([key] if key == _DATABASE else _CELLS)
            for table in names
        ]
        plane.sql(f"create user {name} identified by '{PASSWORD}'", *grants)
        plane.create_user(name, ('service',))
        return configuration.write(
            plane.nova_conf.with_name(f'{name}.conf'),
            configuration.merge(
                configuration.nova(plane.root, plane.ports, virt.MACHINE),
                configuration.nova_databases(plane.ports, name),
                configuration.OURS,
                {
                    'DEFAULT': {'transport_url': 'fake:/'},
                    'placement': configuration.credentials(plane.ports, name),
                },
            ),
        )

    return make


@pytest.fixture(scope='module')
def operator(user):
    return user('nfv_operator', documented('operator.rst'))


@pytest.fixture(scope='module')
def publisher(user):
    return user('nfv_publisher', documented('publisher.rst'))


@pytest.fixture(scope='module')
def guest(plane, guests, flavors):
    group = plane.cloud.compute.create_server_group(
        name='privileges', policy='anti-affinity'
    )
    made = guests.boot(
        'guest', flavors.vnf, scheduler_hints={'group': group.id}
    )
    assert made.status == 'ACTIVE', made.fault
    yield made
    guests.delete_all()


def test_the_publisher_publishes(plane, publisher):
    found = json.loads(
        plane.run(
            'nfv-sched', 'publish', f'--config-file={publisher}', '-f', 'json'
        )
    )
    assert len(found['hosts']) == len(plane.hosts)
    assert found['problems'] == []


COMMANDS = [
    'check',
    'explain --flavor vnf',
    'explain --server GUEST',
    'capacity --flavor vnf',
    'capacity --server GUEST',
    'capacity --after-loss host=HOST',
    'labels',
    'topology HOST',
    'plan drain HOST',
    'plan room --flavor vnf --count 1',
    'plan survive host=HOST',
    'purge',
]


@pytest.mark.parametrize('command', COMMANDS)
def test_an_operator_reads(plane, operator, guest, command):
    words = (
        command.replace('GUEST', guest.id)
        .replace('HOST', guest.compute_host)
        .split()
    )
    # Nothing of it was refused: that would be a problem, with another code.
    plane.run('nfv-sched', *words, f'--config-file={operator}')


def test_an_operator_reports(plane, operator, guest, tmp_path):
    path = tmp_path / 'cloud.html'
    plane.run(
        *('nfv-sched', 'report', f'--output={path}'),
        f'--config-file={operator}',
    )
    assert guest.id in path.read_text()


@pytest.mark.parametrize(
    ('page', 'name'),
    [('operator.rst', 'nfv_needy'), ('publisher.rst', 'nfv_needier')],
)
def test_less_is_not_sufficient(plane, user, page, name):
    """Without one table a command fails, and says which it lacks."""
    tables = documented(page)
    tables['nova_cell1'].remove('compute_nodes')
    conf = user(name, tables)
    if page == 'publisher.rst':
        words = ('publish',)
    else:
        words = ('topology', plane.hosts[0])
    with pytest.raises(planes.Failed, match='compute_nodes'):
        plane.run('nfv-sched', *words, f'--config-file={conf}')
