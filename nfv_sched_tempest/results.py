"""Whether every test of this plugin ran: for jobs that would pass without.

    stestr last --subunit | python -m nfv_sched_tempest.results

Reads a stream of subunit from standard input. Every test has to have passed,
but for those that ``--may-skip`` names, which may also be skipped: a cloud of
one compute node has no other host. Exits with 1 if one did not.
"""

import argparse
import ast
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
import pathlib
import sys
from typing import Any
from typing import BinaryIO

import subunit
import testtools

_TESTS = pathlib.Path(__file__).parent / 'tests'
_PASSED = 'success'
_SKIPPED = 'skip'
_MISSING = 'not run'


def tests() -> list[str]:
    """The names of all tests, as ``Class.method``."""
    return [
        f'{group.name}.{item.name}'
        for path in sorted(_TESTS.glob('test_*.py'))
        for group in ast.parse(path.read_text()).body
        if isinstance(group, ast.ClassDef)
        for item in group.body
        if isinstance(item, ast.FunctionDef) and item.name.startswith('test')
    ]


class _Outcomes(testtools.StreamResult):  # type: ignore[misc]
    """The last status of each test by its id."""

    def __init__(self) -> None:
        super().__init__()
        self.by_id: dict[str, str] = {}

    def status(
        self,
        test_id: str | None = None,
        test_status: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if test_id and test_status:
            self.by_id[test_id] = test_status


def outcomes(stream: BinaryIO) -> dict[str, str]:
    """The status of each of our tests that ran, by ``Class.method``."""
    result = _Outcomes()
    subunit.ByteStreamToStreamResult(stream, non_subunit_name='stdout').run(
        result
    )
    return {
        '.'.join(test_id.partition('[')[0].split('.')[-2:]): status
        for test_id, status in result.by_id.items()
        if test_id.startswith(f'{__package__}.')
    }


def problems(
    found: Mapping[str, str], may_skip: Collection[str]
) -> Iterator[str]:
    """Why the results are not sufficient, a line for each test.

    :param may_skip: names of methods
    """
    for name in tests():
        status = found.get(name, _MISSING)
        allowed = [_PASSED]
        if name.rpartition('.')[2] in may_skip:
            allowed.append(_SKIPPED)
        if status not in allowed:
            yield f'{name}: {status}'


def main() -> None:
    """Read the stream; exit with 1 if a test is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--may-skip', nargs='*', default=[])
    may_skip = parser.parse_args().may_skip
    if unknown := set(may_skip) - {
        name.rpartition('.')[2] for name in tests()
    }:
        parser.error(f'there is no test {", ".join(sorted(unknown))}')
    found = list(problems(outcomes(sys.stdin.buffer), may_skip))
    total = len(tests())
    sys.stdout.write(
        ''.join(f'{line}\n' for line in found)
        + f'{total - len(found)} of {total} tests ran as they should\n'
    )
    sys.exit(bool(found))


if __name__ == '__main__':
    main()
