"""Jobs fail where fewer tests of the tempest plugin ran than there are."""

import io
import pathlib
import subprocess
import sys

import pytest
import subunit

from nfv_sched_tempest import results

_TESTS = pathlib.Path(results.__file__).parent / 'tests'
_PREFIX = 'nfv_sched_tempest.tests.test_numa.'


def stream(statuses):
    """A stream as stestr writes it: each test begins and ends."""
    written = io.BytesIO()
    output = subunit.StreamResultToBytes(written)
    for name, status in statuses.items():
        for each in 'inprogress', status:
            output.status(
                test_id=f'{_PREFIX}{name}[id-1,slow]', test_status=each
            )
    output.status(
        test_id='tempest.api.compute.Other.test_more', test_status='fail'
    )
    return written.getvalue()


def run(statuses, *arguments):
    return subprocess.run(
        [sys.executable, '-m', 'nfv_sched_tempest.results', *arguments],
        input=stream(statuses),
        capture_output=True,
        check=False,
    )


@pytest.fixture
def passed():
    return dict.fromkeys(results.tests(), 'success')


def test_every_test_in_the_source_is_known():
    source = ''.join(path.read_text() for path in _TESTS.glob('test_*.py'))
    assert len(results.tests()) == source.count('idempotent_id(')
    assert 'NUMATest.test_anti_affinity' in results.tests()


def test_all_passed(passed):
    done = run(passed)
    assert done.returncode == 0
    assert done.stdout.decode().endswith(
        f'{len(passed)} of {len(passed)} tests ran as they should\n'
    )


@pytest.mark.parametrize('status', ['fail', 'skip', 'inprogress', None])
def test_one_did_not_pass(passed, status):
    name = 'NUMATest.test_resize_pins_anew'
    if status is None:
        del passed[name]
    else:
        passed[name] = status
    done = run(passed, '--may-skip', 'test_anti_affinity')
    assert done.returncode == 1
    assert f'{name}: {status or "not run"}\n' in done.stdout.decode()


def test_no_test_of_ours_ran():
    done = run({})
    assert done.returncode == 1
    assert done.stdout.count(b': not run') == len(results.tests())


def test_some_may_be_skipped_but_not_fail_or_be_left_out(passed):
    name = 'test_anti_affinity'
    for status, code in ('skip', 0), ('fail', 1), ('inprogress', 1):
        passed[f'NUMATest.{name}'] = status
        assert run(passed, '--may-skip', name).returncode == code
    del passed[f'NUMATest.{name}']
    assert run(passed, '--may-skip', name).returncode == 1


def test_a_test_that_there_is_not_cannot_be_skipped(passed):
    assert run(passed, '--may-skip', 'test_no_such').returncode == 2
