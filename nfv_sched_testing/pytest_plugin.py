"""Nova's objects and options, once for all tests."""

import gc
import logging
import os
import shutil

# Nova 31 and 32 patch the standard library for eventlet when some of their
# modules are imported, as their services do; processes of tests hang then.
os.environ.setdefault('OS_NOVA_DISABLE_EVENTLET_PATCHING', 'true')


from importlib import metadata

if metadata.version('nova').startswith('32.'):
    # Before anything of oslo.service, of which it chooses a backend.
    from nova import monkey_patch

    monkey_patch.patch()

from hypothesis import HealthCheck
from hypothesis import settings
from nova import objects
import nova.conf
from nova.db import migration
from nova.pci import request as pci_request
from oslo_config import fixture as config_fixture
from placement import deploy
import pytest

from nfv_sched.scheduler import process
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched_testing import in_memory
from nfv_sched_testing import json_schemas
from nfv_sched_testing.fault_server import serve  # noqa: F401 - a fixture

in_memory.use()
json_schemas.check_once()

objects.register_all()
# Nova tells at length what it tries, millions of times here.
logging.getLogger('nova').setLevel(logging.CRITICAL)

settings.register_profile(
    'ci',
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
settings.load_profile('ci')


#: The files that take longest, the slowest first.
_SLOWEST = (
    'tests/cmd/test_demo_serve.py',
    'tests/deploy/test_postgresql.py',
    'tests/placement/test_publisher_http.py',
    'tests/publishing/test_units.py',
    'tests/placement/test_publisher_killed.py',
    'tests/placement/test_first_publication.py',
    'tests/deploy/test_units_in_systemd.py',
    'tests/publishing/test_cmd_publisher.py',
    'tests/scenario/test_simulate.py',
    'tests/placement/test_publisher.py',
    'tests/cmd/test_start.py',
    'tests/survey/test_apis.py',
    'tests/test_quick_starts.py',
    'tests/scheduler/test_decision_journal.py',
    'tests/scheduler/test_shadow.py',
    'tests/weighers/test_racks.py',
    'tests/publishing/test_cells.py',
    'tests/cmd/test_explain.py',
    'tests/cmd/test_plan.py',
    'benchmarks/tests/test_memo.py',
    'tests/cmd/test_capacity.py',
    'tests/cmd/test_process.py',
    'tests/explain/test_provider_tree.py',
    'tests/render/test_page.py',
    'tests/placement/test_client.py',
    'tests/cmd/test_unreachable.py',
    'tests/cmd/test_documents.py',
    'tests/capacity/test_exact.py',
    'tests/explain/test_suggestions.py',
    'benchmarks/tests/test_shards.py',
)


def pytest_collection_modifyitems(items):
    """Run the slowest files first.

    A process takes a file at a time: a slow one among the last would leave
    the other processes without work.
    """
    rank = {path: place for place, path in enumerate(_SLOWEST)}
    items.sort(
        key=lambda item: rank.get(item.nodeid.split('::')[0], len(rank))
    )


def pytest_collection_finish():
    """Spare collections of garbage all that lives until the end.

    That is 600,000 objects of modules and of tests.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope='session', autouse=True)
def migrated_once(tmp_path_factory):
    """Copy the databases of the first simulated cloud for all later ones.

    The migrations of Nova and Placement take most of the time in which a
    cloud is created.
    """
    migrate, update = migration.db_sync, deploy.update_database
    folder = tmp_path_factory.mktemp('migrated')

    def copy_or_create(name, url, create):
        path = url.removeprefix('sqlite:///')
        migrated = folder / name
        if migrated.exists():
            shutil.copy(migrated, path)
        else:
            create()
            shutil.copy(path, migrated)

    def nova_database(database):
        group = {'api': 'api_database', 'main': 'database'}[database]
        url = nova.conf.CONF[group].connection
        copy_or_create(database, url, lambda: migrate(database=database))

    def placement_database(conf):
        if conf.placement_database.sync_on_startup:
            url = conf.placement_database.connection
            copy_or_create('placement', url, lambda: update(conf))
        else:
            update(conf)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migration, 'db_sync', nova_database)
        patch.setattr(deploy, 'update_database', placement_database)
        yield


@pytest.fixture(autouse=True)
def nova_options():
    """Nova's options at their defaults; overrides end with the test."""
    nova.conf.CONF([], project='nova', default_config_files=[])
    # What Nova makes of [pci] alias outlives the option.
    pci_request.get_alias_from_config.cache_clear()
    with config_fixture.Config(nova.conf.CONF):
        yield nova.conf.CONF
    pci_request.get_alias_from_config.cache_clear()


@pytest.fixture(autouse=True)
def scheduler_process():
    """A scheduler process that starts with the test."""
    with process.replaced(process.SchedulerProcess()) as fresh:
        yield fresh


@pytest.fixture
def no_placement(scheduler_process):
    """Filters that decide on what nova-compute reported alone."""
    with process.replaced(
        process.SchedulerProcess(PublishedTopology(reader=None))
    ):
        yield
