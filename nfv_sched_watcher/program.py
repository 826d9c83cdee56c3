"""Running ``nfv-sched plan``."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import json
import subprocess
from typing import Any

#: The exit code where an instance finds no host.
_NO = 3


class ProgramError(Exception):
    """There is no plan; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """The program ``nfv-sched``.

    :param command: its name, or its path
    :param config_files: nova.conf and its like
    :param timeout: seconds for a plan
    """

    command: str
    config_files: Sequence[str] = ()
    timeout: int = 600

    def plan(self, words: Sequence[str]) -> Mapping[str, Any]:
        """The document of a plan.

        :param words: what to plan, with options
        :raises ProgramError: the program fails, or has read only a part
        """
        argv = [self.command, 'plan', *words, '--format', 'json']
        for path in self.config_files:
            argv += ['--config-file', path]
        try:
            ended = subprocess.run(  # noqa: S603 - no shell
                argv,
                capture_output=True,
                text=True,
                timeout=self.timeout,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProgramError(f'{self.command}: {error}') from error
        if ended.returncode not in (0, _NO):
            raise ProgramError(
                f'{self.command} ended with {ended.returncode}: '
                f'{ended.stderr.strip()}'
            )
        try:
            found: Mapping[str, Any] = json.loads(ended.stdout)
        except ValueError as error:
            raise ProgramError(
                f'{self.command} printed no document: {ended.stderr.strip()}'
            ) from error
        return found


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """One step, and the places of those that it waits for in the list."""

    uuid: str
    name: str
    live: bool
    source: str
    destination: str
    after: tuple[int, ...]


def moves(document: Mapping[str, Any]) -> list[Move]:
    """The steps of a plan in their order, without boots.

    What waits for a boot waits for what that waits for.
    """
    found: list[Move] = []
    # By the number of the step, what has to be done with it.
    places: dict[int, tuple[int, ...]] = {}
    for step in document['steps']:
        after = tuple(
            sorted({place for each in step['after'] for place in places[each]})
        )
        if step['uuid'] is None:
            places[step['step']] = after
            continue
        places[step['step']] = (len(found),)
        found.append(
            Move(
                step['uuid'],
                step['name'],
                step['method'] == 'live migration',
                step['source'],
                step['destination'],
                after,
            )
        )
    return found
