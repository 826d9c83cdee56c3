"""Users of PostgreSQL that may do no more than the pages say suffices.

On MariaDB ``tests/stack/test_privileges.py`` does the same. The cloud is a
served demo, whose databases are copied.
"""

import contextlib
import json
import re
import subprocess
import sys

from nova.db.api import models as api_models
from nova.db.main import models as main_models
import pytest
import requests
import sqlalchemy as sa

from nfv_sched_testing import privileges
from nfv_sched_testing.patience import PATIENCE
from nfv_sched_testing.placement_server import postgresql
from tests.cmd.forked import forked  # noqa: F401 - a fixture
from tests.cmd.test_demo_serve import demo  # noqa: F401 - a fixture
from tests.cmd.test_demo_serve import exporter_of
from tests.exporter import prometheus

_ADMINISTRATOR = 'nova'
_CELL0 = '00000000-0000-0000-0000-000000000000'
_FLAVOR = 'anuket-HS.4xlarge'
_HOST = 'r1-dell-00'
NOVA_MANAGE = (
    *(sys.executable, '-W', 'ignore', '-c'),
    'from nova.cmd import manage; manage.main()',
)
_CELL0_DATABASE, _CELL1_DATABASE = privileges.CELLS


class Server:
    """A PostgreSQL with Nova's databases."""

    def __init__(self, url):
        self._url = sa.make_url(url)

    def template(self, database):
        """What cell mappings have: for the user of the nova.conf in use."""
        folder = self._url.query['host']
        return (
            f'{{scheme}}://{{username}}:{{password}}@/{database}?host={folder}'
        )

    def url(self, database, user=_ADMINISTRATOR):
        """The URL of a database; no password is asked for."""
        return self.template(database).format(
            scheme=self._url.drivername,
            username=user,
            password='none',  # noqa: S106 - a dummy
        )

    @contextlib.contextmanager
    def connected(self, database):
        engine = sa.create_engine(self.url(database))
        with engine.connect().execution_options(
            isolation_level='AUTOCOMMIT'
        ) as connection:
            yield connection
        engine.dispose()

    def execute(self, database, *statements):
        with self.connected(database) as connection:
            for each in statements:
                connection.execute(sa.text(each))

    def fill(self, database, models, path):
        """Copy the rows of all tables from an SQLite file."""
        source = sa.create_engine(f'sqlite:///{path}')
        with source.connect() as old, self.connected(database) as new:
            for table in models.BASE.metadata.sorted_tables:
                rows = old.execute(sa.select(table)).mappings().all()
                if rows:
                    new.execute(sa.insert(table), [dict(row) for row in rows])
        source.dispose()


def write_conf(server, demo, user):  # noqa: F811
    """A nova.conf as the demo's, with the databases of a user."""
    path = demo.folder.with_name(f'{user}.conf')
    text = demo.nova_conf.read_text()
    for name in (privileges.API, _CELL1_DATABASE):
        text, count = re.subn(
            rf'(?m)^(connection *= *)sqlite:///.*/{name}\.sqlite$',
            lambda match, name=name: match[1] + server.url(name, user),
            text,
        )
        assert count == 1
    path.write_text(text)
    return path


@pytest.fixture(scope='module')
def server(demo):  # noqa: F811
    """Nova's databases of the demo; cell0 is empty."""
    with postgresql(_ADMINISTRATOR) as url:
        made = Server(url)
        conf = write_conf(made, demo, _ADMINISTRATOR)
        for name, words in (
            (privileges.API, ('api_db', 'sync')),
            (_CELL1_DATABASE, ('db', 'sync', '--local_cell')),
        ):
            made.execute('postgres', f'create database {name}')
            subprocess.run(
                [*NOVA_MANAGE, f'--config-file={conf}', *words],
                check=True,
                stderr=subprocess.PIPE,
            )
        made.execute(
            'postgres',
            f'create database {_CELL0_DATABASE} template {_CELL1_DATABASE}',
        )
        folder = demo.folder / 'databases'
        for name, models in (
            (privileges.API, api_models),
            (_CELL1_DATABASE, main_models),
        ):
            made.fill(name, models, folder / f'{name}.sqlite')
        mapping = api_models.CellMapping.__table__
        with made.connected(privileges.API) as connection:
            connection.execute(
                sa.update(mapping).values(
                    database_connection=made.template(_CELL1_DATABASE)
                )
            )
            connection.execute(
                sa.insert(mapping).values(
                    id=1000,
                    uuid=_CELL0,
                    name='cell0',
                    transport_url='none:///',
                    database_connection=made.template(_CELL0_DATABASE),
                    disabled=False,
                )
            )
        yield made


@pytest.fixture(scope='module')
def user(server, demo):  # noqa: F811
    """Make a user who may read tables; its nova.conf."""

    def make(name, tables):
        server.execute('postgres', f'create role {name} login')
        for database, statements in privileges.grants(tables, name).items():
            server.execute(database, *statements)
        return str(write_conf(server, demo, name))

    return make


@pytest.fixture(scope='module')
def operator(user):
    return user('nfv_operator', privileges.documented('operator.rst'))


@pytest.fixture(scope='module')
def publisher(user):
    return user('nfv_publisher', privileges.documented('publisher.rst'))


def words_of(command, demo):  # noqa: F811
    """A command with names of the demo's cloud."""
    return (
        command.replace('GUEST', demo.server)
        .replace('HOST', _HOST)
        .replace('vnf', _FLAVOR)
        .split()
    )


def untimed(document):
    """A document without when it was taken."""
    read = json.loads(document)
    read.pop('taken', None)
    return read


def test_the_publisher_publishes(publisher, demo, forked):  # noqa: F811
    code, out, err = forked(
        'publish', '-f', 'json', '--config-file', publisher
    )
    assert code == 0, err
    found = json.loads(out)
    assert len(found['hosts']) > 1
    assert found['problems'] == []


@pytest.mark.parametrize('command', privileges.COMMANDS)
def test_an_operator_reads_as_the_owner_does(
    command,
    operator,
    demo,  # noqa: F811
    forked,  # noqa: F811
):
    words = (*words_of(command, demo), '-f', 'json', '--config-file')
    code, out, err = forked(*words, operator)
    # The demo has SQLite, and the same rows.
    other, expected, _ = forked(*words, str(demo.nova_conf))
    assert (code, untimed(out)) == (other, untimed(expected))
    assert code in {0, 3}, err
    assert 'denied' not in out + err


def test_an_operator_reports(operator, demo, forked, tmp_path):  # noqa: F811
    path = tmp_path / 'cloud.html'
    code, _, err = forked(
        *('report', '--output', str(path), '--config-file', operator)
    )
    assert (code, err) == (0, '')
    assert demo.server in path.read_text()


def test_the_exporter_needs_no_more_than_an_operator(operator, demo):  # noqa: F811
    address = f'127.0.0.1:{prometheus.free_port()}'

    def metrics():
        with contextlib.suppress(requests.ConnectionError):
            text = requests.get(
                f'http://{address}/metrics', timeout=PATIENCE
            ).text
            if 'nfv_sched_exporter_passes_total 1.0' in text:
                return text
        return None

    with exporter_of(demo, address, '--config-file', operator):
        text = prometheus.until(metrics)
    assert 'nfv_sched_exporter_errors_total 0.0' in text
    assert 'nfv_sched_exporter_problems 0.0' in text
    assert 'nfv_sched_capacity_instances{' in text


@pytest.mark.parametrize(
    ('page', 'name', 'command'),
    [
        ('operator.rst', 'nfv_needy', 'topology HOST'),
        ('publisher.rst', 'nfv_needier', 'publish'),
    ],
)
def test_less_is_not_sufficient(
    page,
    name,
    command,
    user,
    demo,  # noqa: F811
    forked,  # noqa: F811
):
    """Without one table a command fails, and says which it lacks."""
    tables = privileges.documented(page)
    tables[privileges.CELL].remove('compute_nodes')
    conf = user(name, tables)
    code, out, err = forked(*words_of(command, demo), '--config-file', conf)
    assert code not in {0, 3}
    assert 'permission denied for table compute_nodes' in out + err
