from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import pathlib
import shutil
from typing import Any

import pytest

from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.removal import prune
from nfv_sched_testing.placement_fixtures import adapter_of
from nfv_sched_testing.placement_fixtures import make_database
from nfv_sched_testing.placement_fixtures import placement_app
from nfv_sched_testing.placement_fixtures import WSGIAdapter
from tests.placement.examples import host


@pytest.fixture(scope='session')
def template(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    database = tmp_path_factory.mktemp('placement') / 'template.db'
    make_database(database)
    return database


@pytest.fixture(scope='session')
def named(template: pathlib.Path) -> pathlib.Path:
    """A database with the classes and traits of the example host."""
    database = template.with_name('named.db')
    shutil.copy(template, database)
    with placement_app(database) as app:
        client = PlacementClient(adapter_of(WSGIAdapter(app)))
        publish(client, [host()])
        prune(client, [])
    return database


@pytest.fixture
def placement(
    named: pathlib.Path, tmp_path: pathlib.Path
) -> Iterator[Callable[..., WSGIAdapter]]:
    """Call this once, with options of Placement's group [placement]."""
    with contextlib.ExitStack() as stack:

        def start(origin: pathlib.Path = named, **options: Any) -> WSGIAdapter:
            database = tmp_path / 'placement.db'
            shutil.copy(origin, database)
            app = stack.enter_context(placement_app(database, **options))
            return WSGIAdapter(app)

        yield start


@pytest.fixture
def wsgi(placement: Callable[..., WSGIAdapter]) -> WSGIAdapter:
    return placement()


@pytest.fixture
def roles() -> str:
    """The roles of the client's user; a test may set them."""
    return 'service'


@pytest.fixture
def client(wsgi: WSGIAdapter, roles: str) -> PlacementClient:
    return PlacementClient(adapter_of(wsgi, roles), deadline=30)
