"""The real Placement in this process, empty for each test."""

from collections.abc import Iterator
import pathlib
import shutil

import pytest

from nfv_sched.placement.client import PlacementClient
from nfv_sched_testing.placement_fixtures import adapter_of
from nfv_sched_testing.placement_fixtures import make_database
from nfv_sched_testing.placement_fixtures import placement_app
from nfv_sched_testing.placement_fixtures import WSGIAdapter


@pytest.fixture(scope='session')
def template(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An empty database, to be copied."""
    database = tmp_path_factory.mktemp('placement') / 'template.db'
    make_database(database)
    return database


@pytest.fixture
def wsgi(
    template: pathlib.Path, tmp_path: pathlib.Path
) -> Iterator[WSGIAdapter]:
    """Placement, with the calls that it gets."""
    database = tmp_path / 'placement.db'
    shutil.copy(template, database)
    with placement_app(database) as app:
        yield WSGIAdapter(app)


@pytest.fixture
def client(wsgi: WSGIAdapter) -> PlacementClient:
    """A client of it."""
    return PlacementClient(adapter_of(wsgi))
