"""A simulated cloud for commands that run in other processes.

They read Nova's databases, which are SQLite files, through a nova.conf, and
Placement and Nova's API over HTTP. What is written is readable by its owner
only.
"""

from collections.abc import Iterator
import contextlib
import os
import pathlib
import secrets
import shutil
import signal
import threading
from typing import Any

import yaml  # type: ignore[import-untyped]

from nfv_sched.sim import databases
from nfv_sched.sim import flavors
from nfv_sched.sim import nova_api
from nfv_sched.sim import placement
from nfv_sched.sim import settings
from nfv_sched.sim.cloud import Cloud

#: The cloud's name in clouds.yaml.
NAME = 'demo'
_DATABASES = 'databases'
_JOURNAL = 'journal'
_NOVA_CONF = 'nova.conf'
_CLOUDS = 'clouds.yaml'

_YEARS = 10**8
#: Between looks whether a signal has come.
_LOOK_SECONDS = 0.2


class BadFolderError(Exception):
    """The files of a cloud cannot be in a folder; the text says why."""


class ServedFolder:
    """The folder with the files of a served cloud.

    ``databases`` is the folder of its databases, ``journal`` that of its
    decisions.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path.absolute()
        self.databases = self.path / _DATABASES
        self.journal = self.databases / _JOURNAL
        self.nova_conf = self.path / _NOVA_CONF
        self.clouds = self.path / _CLOUDS

    @contextlib.contextmanager
    def prepared(self) -> Iterator[None]:
        """Create the folder, and remove at the end what the cloud put there.

        Files of others stay, and the folder with them.

        :raises BadFolderError: the folder cannot be used
        """
        created = self._create()
        before = os.umask(0o077)
        try:
            self.databases.mkdir()
            self.journal.mkdir()
            yield
        finally:
            os.umask(before)
            self.nova_conf.unlink(missing_ok=True)
            self.clouds.unlink(missing_ok=True)
            shutil.rmtree(self.databases, ignore_errors=True)
            if created and not self.left:
                self.path.rmdir()

    @property
    def left(self) -> list[str]:
        """The names of files in the folder."""
        return sorted(path.name for path in self.path.iterdir())

    def _create(self) -> bool:
        """Create the folder; whether it was missing."""
        text = str(self.path)
        # In the URLs of databases the path ends at a question mark.
        if not text.isprintable() or '?' in text:
            raise BadFolderError(
                f'{text!r} has a character that the URL of a database cannot '
                'have'
            )
        try:
            self.path.mkdir(mode=0o700)
        except FileExistsError:
            if not self.path.is_dir():
                raise BadFolderError(f'{text} is not a directory') from None
            if self.path.stat().st_uid != os.geteuid():
                raise BadFolderError(
                    f'{text} belongs to another user'
                ) from None
            if any(self.path.iterdir()):
                raise BadFolderError(
                    f'{text} is not empty: name a new or an empty directory'
                ) from None
            return False
        except OSError as error:
            raise BadFolderError(
                f'{text} cannot be created: {error.strerror}'
            ) from error
        return True


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def signalled() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; they raise nothing.

    An exception that they raise in the middle of a request is caught by some
    part of Nova now and then, and lost.
    """
    ended = threading.Event()

    def end(number: int, frame: object) -> None:
        del number, frame
        ended.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield ended
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def serve(server: placement.HttpServer, ended: threading.Event) -> None:
    """Answer requests until an event is set, after the present request."""
    server.timeout = _LOOK_SECONDS
    while not ended.is_set():
        server.handle_request()


@contextlib.contextmanager
def served(
    cloud: Cloud, folder: ServedFolder
) -> Iterator[placement.HttpServer]:
    """Write the configuration of a cloud's clients.

    Only clients with the token of these files get an answer. Nova's API needs
    :func:`nfv_sched.sim.nova_api.complete` before.

    :returns: the server of Placement and Nova's API, which has yet to be run
    """
    token = secrets.token_hex()
    both = nova_api.beside(cloud.application, nova_api.application())
    application = placement.with_token(both, token)
    for flavor in flavors.flavors().values():
        cloud.add_flavor(flavor)
    with (
        nova_api.without_neutron(),
        placement.http_server(application) as server,
    ):
        options = {
            'transport_url': 'fake:/',
            'state_path': str(folder.databases),
            # Without heartbeats services would be down after this time.
            'service_down_time': _YEARS,
            **databases.options(folder.databases),
            **_placement_options(server.url, token),
            'pci.alias': settings.CONF.pci.alias,
            'workarounds.disable_fallback_pcpu_query': True,
            **settings.profile_options(cloud.profile),
            'nfv_sched.journal_folder': str(folder.journal),
        }
        folder.nova_conf.write_text(settings.nova_conf(options), 'utf-8')
        clouds = {'clouds': {NAME: _cloud_entry(server.url, token)}}
        folder.clouds.write_text(yaml.safe_dump(clouds), 'utf-8')
        yield server


def _placement_options(url: str, token: str) -> dict[str, Any]:
    return {
        'placement.auth_type': 'admin_token',
        'placement.endpoint': url,
        'placement.endpoint_override': url,
        'placement.token': token,
    }


def _cloud_entry(url: str, token: str) -> dict[str, Any]:
    return {
        'auth_type': 'admin_token',
        'auth': {'endpoint': url, 'token': token},
    }
