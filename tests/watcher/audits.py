"""Audits in a process of their own, beside that of Nova."""

from importlib import util
import json
import pathlib
import subprocess
import sys

import pytest

_ROOT = pathlib.Path(__file__).parents[2]
_STRATEGIES = ('consolidate', 'defragment', 'drain', 'prepare_loss', 'room')

#: It cannot be imported beside Nova: both define options of the same names.
requires_watcher = pytest.mark.skipif(
    util.find_spec('watcher') is None,
    reason="Watcher is not installed: pip install '.[watcher]'",
)


def audits_of(folder, command, nova_conf, wanted):
    """What comes of audits, and the log.

    :param wanted: strategies, parameters and scopes
    """
    conf = folder / 'watcher.conf'
    conf.write_text(
        '[DEFAULT]\ntransport_url = fake:/\n'
        f'[database]\nconnection = sqlite:///{folder}/watcher.sqlite\n'
        + ''.join(
            f'[watcher_strategies.nfv_sched_{name}]\n'
            f'command = {command}\nconfig_files = {nova_conf}\n'
            for name in _STRATEGIES
        )
    )
    ended = subprocess.run(
        [
            sys.executable, '-W', 'ignore', '-m', 'tests.watcher.audit',
            str(conf),
            json.dumps(
                [
                    {'strategy': f'nfv_sched_{name}', 'parameters': given,
                     'scope': list(scope)}
                    for name, given, *scope in wanted
                ]
            ),
        ],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout), ended.stderr


def migrations(actions):
    return [
        (
            each['migration_type'],
            each['resource_id'],
            each['resource_name'],
            each['source_node'],
            each['destination_node'],
        )
        for each in actions
        if each['type'] == 'migrate'
    ]
