"""Commands in processes of their own, which have imported Nova already."""

from concurrent import futures
import contextlib
import io
import multiprocessing
import os

import pytest

from nfv_sched.cmd import main


def _run(words, environment):
    os.environ.update(environment)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main.main(words)
        except SystemExit as ended:
            code = ended.code
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope='module')
def forked():
    """Run a command: its exit code, output and errors."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(
        [
            'nfv_sched.cmd.check_action',
            'nfv_sched.cmd.explain_action',
            __name__,
        ]
    )
    with futures.ProcessPoolExecutor(
        1, mp_context=context, max_tasks_per_child=1
    ) as pool:

        def typed(*words, **environment):
            return pool.submit(_run, list(words), environment).result(120)

        yield typed
