"""A client of Placement's HTTP API: deadlines, errors and JSON."""

from collections import deque
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import logging
import time
from typing import Any
from typing import TypeVar

from keystoneauth1 import exceptions as ksa_errors
import requests

from nfv_sched.placement import stream
from nfv_sched.placement import transport
from nfv_sched.placement.errors import BadAnswer
from nfv_sched.placement.errors import Conflict
from nfv_sched.placement.errors import DeadlineExceeded
from nfv_sched.placement.errors import NotFound
from nfv_sched.placement.errors import Refused
from nfv_sched.placement.errors import Unavailable
from nfv_sched.placement.transport import Deadline

T = TypeVar('T')

LOG = logging.getLogger(__name__)

#: Consumer types (1.38) and re-parenting (1.37): Placement of Zed or later.
MICROVERSION = '1.39'
#: placement.errors: the codes that mean "read again, then retry".
_CONFLICTS = {'placement.concurrent_update', 'placement.duplicate_name'}
_TEXT = 300


class PlacementClient:
    """A thin client over a keystoneauth1 ``adapter`` for Placement.

    Every request ends within ``deadline`` seconds, and all requests inside
    a ``with client.within(seconds)`` block end within that time. For this the
    adapter's session is changed, see
    :func:`nfv_sched.placement.transport.apply_deadlines`. Requests are not
    retried. All methods raise
    :class:`~nfv_sched.placement.errors.PlacementError`, and several threads
    may call them at the same time.

    ``may_reshape`` is False once Placement has refused ``POST /reshaper`` to
    this user.
    """

    def __init__(self, adapter: Any, *, deadline: float = 20.0) -> None:
        self._adapter = adapter
        self._seconds = deadline
        self.may_reshape = True
        transport.apply_deadlines(adapter.session.session)

    def within(self, seconds: float) -> Deadline:
        """One deadline for all the requests of a ``with`` block."""
        return Deadline(seconds)

    def get(self, path: str, **params: str) -> dict[str, Any]:
        """The JSON object at ``path``."""
        return self._object('GET', path, params=params)

    def entries(
        self, path: str, name: str, /, **params: str
    ) -> Iterator[tuple[str, Any]]:
        """Keys and values of the object ``name`` in the object at ``path``.

        They are decoded one by one, so that other threads can run meanwhile.
        """
        return self._stream(stream.entries, path, name, params)

    def elements(
        self, path: str, name: str, /, **params: str
    ) -> Iterator[Any]:
        """Elements of the list ``name`` in the object at ``path``.

        They are decoded one by one, so that other threads can run meanwhile.
        """
        return self._stream(stream.elements, path, name, params)

    def _stream(
        self,
        read: Callable[[deque[bytes], str], Iterator[T]],
        path: str,
        name: str,
        params: Mapping[str, str],
    ) -> Iterator[T]:
        chunks: deque[bytes] = deque()
        self._send('GET', path, params, None, chunks)
        try:
            yield from read(chunks, name)
        except (ValueError, RecursionError) as error:
            raise BadAnswer(f'GET {path}: {error}') from error

    def put(
        self, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """PUT ``body``; returns the answer's JSON object or an empty one."""
        return self._object('PUT', path, body=body)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST ``body``; returns the answer's JSON object or an empty one."""
        return self._object('POST', path, body=body)

    def delete(self, path: str) -> None:
        """DELETE ``path``."""
        self._object('DELETE', path)

    def _object(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        response = self._send(method, path, params or {}, body)
        if not response.content and method != 'GET':
            return {}
        answer = _json(response, method, path)
        if not isinstance(answer, dict):
            raise BadAnswer(f'{method} {path}: {type(answer).__name__}')
        return answer

    def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: Mapping[str, Any] | None,
        chunks: deque[bytes] | None = None,
    ) -> requests.Response:
        """The answer; if ``chunks`` is given, the body is put there."""
        more: dict[str, Any] = {'params': params}
        if body is not None:
            more['json'] = body
        if chunks is not None:
            more['stream'] = True
        started = time.monotonic()
        with contextlib.ExitStack() as stack:
            deadline = transport.current()
            if deadline is None:
                deadline = stack.enter_context(Deadline(self._seconds))
            try:
                response = self._request(deadline.left(), method, path, **more)
                size = _read(response, chunks)
                # A truncated answer of unknown length looks complete.
                deadline.left()
            except (
                ksa_errors.ClientException,
                requests.RequestException,
                OSError,
                # From http.client and urllib3, if the head is not HTTP.
                ValueError,
            ) as error:
                if deadline.expired:
                    raise DeadlineExceeded(
                        f'{method} {path}: no answer within '
                        f'{deadline.seconds:g} s'
                    ) from error
                raise Unavailable(f'{method} {path}: {error}') from error
        LOG.debug(
            '%s %s: %s, %d bytes in %.3f s',
            method,
            path,
            response.status_code,
            size,
            time.monotonic() - started,
        )
        _check(response, method, path)
        return response

    def _request(
        self, timeout: float, method: str, path: str, **more: Any
    ) -> requests.Response:
        answer: requests.Response = self._adapter.request(
            path,
            method,
            headers={
                'OpenStack-API-Version': f'placement {MICROVERSION}',
                'Accept': 'application/json',
            },
            raise_exc=False,
            # keystoneauth would log megabytes, and sleep between retries
            # past any deadline.
            log=False,
            connect_retries=0,
            status_code_retries=0,
            timeout=timeout,
            **more,
        )
        return answer


def _read(response: requests.Response, chunks: deque[bytes] | None) -> int:
    """Read the body, that of a 200 into ``chunks`` if given; its bytes."""
    if chunks is None or response.status_code != 200:
        return len(response.content)
    chunks.extend(response.iter_content(stream.CHUNK))
    return sum(map(len, chunks))


def _json(response: requests.Response, method: str, path: str) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        # urllib3 raises by itself from its release 2 on.
        if getattr(response.raw, 'length_remaining', None):
            raise Unavailable(f'{method} {path}: the answer is cut') from error
        raise BadAnswer(f'{method} {path}: not JSON: {error}') from error


def _check(response: requests.Response, method: str, path: str) -> None:
    """Raise the error for the answer's status, if it is not 2xx."""
    status = response.status_code
    if 200 <= status < 300:
        return
    code, detail = _reason(response)
    text = f'{method} {path}: {status} {detail[:_TEXT]}'
    if status >= 500:
        raise Unavailable(text)
    if status == 404:
        raise NotFound(status, code, text)
    if status == 409 and code in _CONFLICTS:
        raise Conflict(status, code, text)
    if status >= 400:
        raise Refused(status, code, text)
    raise BadAnswer(text)


def _reason(response: requests.Response) -> tuple[str, str]:
    """Code and detail of the first error, as in the API-SIG guideline."""
    try:
        error = response.json()['errors'][0]
        return str(error.get('code', '')), str(error.get('detail', ''))
    except (
        ValueError,
        RecursionError,
        LookupError,
        TypeError,
        AttributeError,
    ):
        return '', response.reason or ''
