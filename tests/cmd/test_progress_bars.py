"""Texts on a terminal while a progress bar is shown."""

import os
import pty
import re
import subprocess
import sys

_SHOWN = """
import logging, sys
from nfv_sched.cmd import main, rich_console
app = main.Main()
app.options, _ = app.parser.parse_known_args([])
app.configure_logging()
with rich_console.bar('hosts') as tell:
    tell(1, 2)
    logging.getLogger('nfv_sched.cmd').warning('beside the bar')
    tell(2, 2)
"""
#: What a terminal does not show.
_CONTROL = re.compile('\x1b\\[[0-9;?]*[A-Za-z]')


def test_texts_are_above_the_bar():
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, '-c', _SHOWN],
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, 'TERM': 'xterm', 'COLUMNS': '80'},
    ) as process:
        os.close(theirs)
        shown = b''
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:
                # The other end is closed.
                break
        os.close(ours)
    assert process.returncode == 0
    lines = re.split('[\r\n]+', _CONTROL.sub('', shown.decode()))
    assert any('━' in line for line in lines)
    assert lines.count('WARNING: beside the bar') == 1
