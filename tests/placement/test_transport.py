"""The internals of requests and urllib3 that deadlines depend on."""

import configparser
import pathlib

import pytest
import requests
import requests.adapters
from urllib3.connection import HTTPConnection
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.poolmanager import PoolManager
from urllib3.poolmanager import ProxyManager

from nfv_sched.placement import transport

_SETUP = pathlib.Path(__file__).parents[2] / 'setup.cfg'

INTERNALS = {
    'HTTPConnection': (
        HTTPConnection('host'),
        ('connect', 'putrequest', 'getresponse', 'sock', 'timeout'),
    ),
    'HTTPSConnection': (
        HTTPSConnection('host'),
        ('connect', 'putrequest', 'getresponse', 'sock', 'timeout'),
    ),
    'HTTPConnectionPool': (HTTPConnectionPool, ('ConnectionCls',)),
    'HTTPSConnectionPool': (HTTPSConnectionPool, ('ConnectionCls',)),
    'PoolManager': (PoolManager(), ('pool_classes_by_scheme', 'clear')),
    'ProxyManager': (
        ProxyManager('http://proxy'),
        ('pool_classes_by_scheme', 'clear'),
    ),
    'HTTPAdapter': (
        requests.adapters.HTTPAdapter(),
        ('poolmanager', 'proxy_manager_for'),
    ),
}


@pytest.mark.parametrize('name', INTERNALS)
def test_the_internals_that_deadlines_depend_on_exist(name):
    thing, attributes = INTERNALS[name]
    missing = [each for each in attributes if not hasattr(thing, each)]
    assert not missing, (
        f'{name} no longer has {", ".join(missing)}: without it no deadline '
        'ends a request; adapt nfv_sched/placement/transport.py and the cap '
        'of urllib3 in setup.cfg'
    )


@pytest.mark.parametrize(
    ('scheme', 'kind'),
    [('http', transport._HTTP), ('https', transport._HTTPS)],
)
def test_all_connections_of_a_session_have_deadlines(scheme, kind):
    session = requests.Session()
    transport.apply_deadlines(session)
    adapter = session.get_adapter(f'{scheme}://placement')
    for manager in (
        adapter.poolmanager,
        adapter.proxy_manager_for('http://proxy:3128'),
    ):
        pool = manager.connection_from_host('placement', 80, scheme)
        assert isinstance(pool._new_conn(), kind)


def test_setup_cfg_caps_urllib3():
    setup = configparser.ConfigParser()
    setup.read(_SETUP)
    [line] = [
        line
        for line in setup['options']['install_requires'].split()
        if line.startswith('urllib3')
    ]
    assert line.endswith(',<3')
