"""A real Chromium without a window, over its debugging pipe.

Nothing but the standard library: messages are JSON, ended by a null byte,
on file descriptors 3 and 4.
"""

import base64
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from nfv_sched_testing.patience import PATIENCE

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')

KEYS = {
    'Tab': (9, 'Tab', ''),
    'Enter': (13, 'Enter', '\r'),
    ' ': (32, 'Space', ' '),
    'ArrowLeft': (37, 'ArrowLeft', ''),
    'ArrowUp': (38, 'ArrowUp', ''),
    'ArrowRight': (39, 'ArrowRight', ''),
    'ArrowDown': (40, 'ArrowDown', ''),
    'Home': (36, 'Home', ''),
    'End': (35, 'End', ''),
}


def executable():
    """The path of a browser, None without one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One tab; ``events`` are all that the browser told of it."""

    def __init__(self, browser, session):
        self._browser = browser
        self._session = session
        self.events = []
        for domain in ('Page', 'Runtime', 'Log', 'Network', 'Accessibility'):
            self.call(f'{domain}.enable')

    def call(self, method, **params):
        return self._browser.call(method, params, self._session, self.events)

    def open(self, path):
        self.call('Page.navigate', url=pathlib.Path(path).as_uri())
        self._browser.wait_for('Page.loadEventFired', self.events)

    def evaluate(self, script):
        answer = self.call(
            'Runtime.evaluate', expression=script, returnByValue=True
        )
        assert 'exceptionDetails' not in answer, answer
        return answer['result'].get('value')

    def until(self, condition):
        """Wait until a script's value is true."""
        end = time.monotonic() + PATIENCE
        while not self.evaluate(condition):
            assert time.monotonic() < end, condition
            time.sleep(0.02)

    def press(self, *keys):
        for key in keys:
            number, code, text = KEYS[key]
            event = {
                'key': key,
                'code': code,
                'windowsVirtualKeyCode': number,
            }
            if text:
                event['text'] = text
            self.call('Input.dispatchKeyEvent', type='keyDown', **event)
            self.call('Input.dispatchKeyEvent', type='keyUp', **event)

    def look(self, width=1200, height=900, scheme='light'):
        self.call(
            'Emulation.setDeviceMetricsOverride',
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.call(
            'Emulation.setEmulatedMedia',
            features=[{'name': 'prefers-color-scheme', 'value': scheme}],
        )

    def screenshot(self):
        answer = self.call(
            'Page.captureScreenshot', captureBeyondViewport=True
        )
        return base64.b64decode(answer['data'])

    def accessible(self):
        """Role and name of everything that a screen reader would read."""
        nodes = self.call('Accessibility.getFullAXTree')['nodes']
        return [
            (node['role']['value'], node.get('name', {}).get('value', ''))
            for node in nodes
            if not node['ignored']
        ]

    def complaints(self):
        """Errors and warnings of the console, and exceptions."""
        errors = []
        for event in self.events:
            params = event['params']
            match event['method']:
                case 'Runtime.exceptionThrown':
                    errors.append(params['exceptionDetails']['text'])
                case 'Log.entryAdded':
                    errors.append(params['entry']['text'])
                case 'Runtime.consoleAPICalled':
                    errors.append(str(params['args']))
        return errors

    def requests(self):
        """Every address that was asked for."""
        return [
            event['params']['request']['url']
            for event in self.events
            if event['method'] == 'Network.requestWillBeSent'
        ]


class Browser:
    def __init__(self, read, write):
        self._read = read
        self._write = write
        self._buffer = b''
        self._number = 0

    def page(self):
        """Open a tab that shares nothing with others."""
        target = self.call(
            'Target.createTarget',
            {
                'url': 'about:blank',
                **self.call('Target.createBrowserContext', {}),
            },
        )
        answer = self.call(
            'Target.attachToTarget',
            {'targetId': target['targetId'], 'flatten': True},
        )
        return Page(self, answer['sessionId'])

    def call(self, method, params, session=None, events=None):
        self._number += 1
        message = {'id': self._number, 'method': method, 'params': params}
        if session:
            message['sessionId'] = session
        os.write(self._write, json.dumps(message).encode() + b'\0')
        while True:
            answer = self._next()
            if answer.get('id') == self._number:
                assert 'error' not in answer, (method, answer['error'])
                return answer['result']
            if events is not None and 'method' in answer:
                events.append(answer)

    def wait_for(self, method, events):
        while not any(event['method'] == method for event in events):
            events.append(self._next())

    def _next(self):
        while b'\0' not in self._buffer:
            data = os.read(self._read, 1 << 20)
            if not data:
                raise EOFError('the browser has gone')
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b'\0')
        return json.loads(message)


@contextlib.contextmanager
def running(path):
    """Run a browser with a profile of its own."""
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    ends = to_read, from_write

    def wire():
        # The ends may have the numbers 3 and 4 already, or each other's.
        high = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in ends]
        os.dup2(high[0], 3)
        os.dup2(high[1], 4)

    # Its helpers may write a last time while they die.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                path,
                '--headless=new',
                '--no-sandbox',
                '--disable-gpu',
                '--hide-scrollbars',
                '--disable-dev-shm-usage',
                '--disable-background-networking',
                '--no-first-run',
                f'--user-data-dir={profile}',
                '--remote-debugging-pipe',
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            start_new_session=True,
            preexec_fn=wire,  # noqa: PLW1509 - takes no locks
        )
        os.close(to_read)
        os.close(from_write)
        try:
            yield Browser(from_read, to_write)
        finally:
            os.close(to_write)
            os.close(from_read)
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(PATIENCE)
