"""Users that may do no more than the documentation says suffice."""

import json

import pytest

from nfv_sched_testing import privileges
from tests.stack import configuration
from tests.stack import plane as planes
from tests.stack import virt
from tests.stack.configuration import PASSWORD


@pytest.fixture(scope='module')
def user(plane):
    """Make a user of MariaDB, and one of Placement, with a nova.conf."""

    def make(name, tables):
        plane.sql(f"create user {name} identified by '{PASSWORD}'")
        for database, statements in privileges.grants(tables, name).items():
            plane.sql(f'use {database}', *statements)
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
    return user('nfv_operator', privileges.documented('operator.rst'))


@pytest.fixture(scope='module')
def publisher(user):
    return user('nfv_publisher', privileges.documented('publisher.rst'))


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


@pytest.mark.parametrize('command', privileges.COMMANDS)
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
    tables = privileges.documented(page)
    tables[privileges.CELL].remove('compute_nodes')
    conf = user(name, tables)
    if page == 'publisher.rst':
        words = ('publish',)
    else:
        words = ('topology', plane.hosts[0])
    with pytest.raises(planes.Failed, match='compute_nodes'):
        plane.run('nfv-sched', *words, f'--config-file={conf}')
