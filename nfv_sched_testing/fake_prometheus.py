"""What answers like a Prometheus, with series that a test gives."""

import contextlib
import json

from nfv_sched_testing.served import listening


@contextlib.contextmanager
def answering(answer):
    """Answer all requests; yields a URL, and the environ of each.

    :param answer: returns a status line and a body, and maybe headers, for an
        environ
    """
    asked = []

    def application(environ, start_response):
        asked.append(environ)
        status, body, *more = answer(environ)
        headers = [('Content-Type', 'application/json')]
        start_response(status, [*headers, *(more[0] if more else ())])
        return [body.encode()]

    with listening(application) as url:
        yield url, asked


def matrix(*series):
    """The answer to a query over a period."""
    data = {'resultType': 'matrix', 'result': list(series)}
    return '200 OK', json.dumps({'status': 'success', 'data': data})


def series(values, **labels):
    """One line: pairs of seconds and texts."""
    return {'metric': labels, 'values': values}
