"""The reports of Nova's faults, each with a test that runs against Nova.

The tests are as Nova's own: they run with Nova's base class, which changes
its process, in one of theirs.
"""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
TESTS = sorted(
    path.stem
    for path in (ROOT / 'tests' / 'upstream' / 'nova_tests').glob('test_*.py')
)
PAGES = ROOT / 'doc' / 'source' / 'upstream'


def test_nova_as_installed_behaves_as_reported():
    modules = [f'tests.upstream.nova_tests.{name}' for name in TESTS]
    ended = subprocess.run(
        [sys.executable, '-W', 'ignore', '-m', 'unittest', *modules],
        cwd=ROOT,
        # As Nova's tests run: its test base patches the process by itself.
        env={**os.environ, 'OS_NOVA_DISABLE_EVENTLET_PATCHING': 'false'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert 'Ran 8 tests' in ended.stderr


@pytest.mark.parametrize('name', TESTS)
def test_each_test_is_in_a_report(name):
    texts = [path.read_text() for path in PAGES.glob('*.rst')]
    assert sum(f'/{name}.py' in text for text in texts) == 1
