"""Processes that are started, watched, killed and stopped by their pids."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

_PATIENCE = 120.0
_GRACE = 15.0
_TAIL = 30


class ProcessDied(Exception):
    """A service that should run does not; the text has its last words."""


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody uses at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(('127.0.0.1', 0))
        return [one.getsockname()[1] for one in sockets]


def answers(port: int) -> bool:
    """Whether somebody accepts connections."""
    with socket.socket() as one:
        one.settimeout(1.0)
        return one.connect_ex(('127.0.0.1', port)) == 0


def speaks_http(url: str) -> bool:
    """Whether a server gives any HTTP answer, errors included."""
    try:
        with urllib.request.urlopen(url, timeout=10):  # noqa: S310 - loopback
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _environment() -> Mapping[str, str]:
    """This process's, without what tells Nova how to run in tests."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('OS_')
    }


class Processes:
    """All processes of one stack; the last one started is stopped first.

    Each has a session of its own: what it has started goes with it.
    """

    def __init__(self, logs: pathlib.Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] = {},
    ) -> None:
        """Start a process; what it prints goes to ``NAME.log``."""
        with self.log(name).open('ab') as output:
            self._running[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**_environment(), **environment},
                # Where Erlang writes what it knew when it was killed.
                cwd=self._logs,
                start_new_session=True,
            )

    def log(self, name: str) -> pathlib.Path:
        """Where a process's output goes."""
        return self._logs / f'{name}.log'

    def wait(self, name: str, ready: Callable[[], bool]) -> None:
        """Wait until a process is ready.

        :raises ProcessDied: it ended, or is not ready in two minutes
        """
        end = time.monotonic() + _PATIENCE
        while not ready():
            if self._running[name].poll() is not None:
                raise ProcessDied(f'{name} ended:\n{self.tail(name)}')
            if time.monotonic() > end:
                raise ProcessDied(f'{name} is not ready:\n{self.tail(name)}')
            time.sleep(0.1)

    def tail(self, name: str) -> str:
        """The last lines of a process's output."""
        lines = self.log(name).read_text(errors='replace').splitlines()
        return '\n'.join(lines[-_TAIL:])

    def kill(self, name: str) -> None:
        """End a process at once, with all that it has started."""
        process = self._running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process."""
        self._running[name].send_signal(number)

    def stop(self, name: str) -> None:
        """Ask a process to end, and end it if it takes too long."""
        process = self._running[name]
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        self.kill(name)

    def running(self) -> list[str]:
        """Processes that were started and not ended by us."""
        return list(self._running)

    def dead(self) -> list[str]:
        """Processes that ended by themselves."""
        return [
            name
            for name, process in self._running.items()
            if process.poll() is not None
        ]

    def stop_all(self) -> None:
        """Stop all, in the reverse order of their start."""
        for name in reversed(list(self._running)):
            self.stop(name)
