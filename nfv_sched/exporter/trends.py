"""The metrics of the last days, read from a Prometheus."""

from collections.abc import Iterator
import dataclasses
import json
import time
from typing import Any

import urllib3

from nfv_sched.render.trend_plot import Trend
from nfv_sched.render.trend_plot import TrendSeries

#: Points of each line.
POINTS = 240
#: Lines of each plot.
_MOST_LINES = 5
#: Seconds for an answer.
_TIMEOUT = 15.0
_CLOUD = 'kind="all"'


class NoTrendError(Exception):
    """Prometheus does not answer; the text says what it did."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Query:
    """A plot; ``expressions`` have the name of each line, or its label."""

    title: str
    expressions: tuple[tuple[str, str], ...]
    unit: str = ''


def _used(name: str, more: str = '') -> str:
    """The share of an amount that is not free, in percent."""
    by = 'sum by (size_kib, type)'
    return (
        f'100 * (1 - {by} ({name}_free{{{_CLOUD}{more}}}) / '
        f'{by} ({name}{{{_CLOUD}{more}}}))'
    )


_QUERIES = (
    _Query(
        'Instances that fit, by flavor',
        (
            (
                f'topk({_MOST_LINES}, max by (flavor_name) '
                f'(nfv_sched_capacity_instances{{{_CLOUD}, shape=""}}))',
                '{flavor_name}',
            ),
        ),
    ),
    _Query(
        'In use',
        (
            (_used('nfv_sched_dedicated_cpus'), 'dedicated CPUs'),
            (
                _used('nfv_sched_pages', ', size_kib="1048576"'),
                'pages of 1 GiB',
            ),
            (_used('nfv_sched_pages', ', size_kib="2048"'), 'pages of 2 MiB'),
            (_used('nfv_sched_devices'), 'devices: {type}'),
        ),
        '%',
    ),
    _Query(
        'Refused requests in the hour before',
        (
            (
                f'topk({_MOST_LINES}, sum by (reason) '
                '(increase(nfv_sched_refused_requests_total[1h])))',
                '{reason}',
            ),
        ),
    ),
)


def read(url: str, days: float, now: float | None = None) -> list[Trend]:
    """The trends that a Prometheus has; those without data are left out.

    :param url: of Prometheus, which may have a user and a password
    :param days: how far to go back
    :raises NoTrendError: it does not answer as Prometheus does
    """
    end = time.time() if now is None else now
    begin = end - days * 86400
    source = _Source(url, begin, end)
    return [trend for query in _QUERIES if (trend := source.trend(query))]


class _Source:
    """The API of a Prometheus for one period."""

    def __init__(self, url: str, begin: float, end: float) -> None:
        try:
            parsed = urllib3.util.parse_url(url)
        except urllib3.exceptions.HTTPError as error:
            raise NoTrendError(f'--prometheus: {error}') from error
        if parsed.scheme not in ('http', 'https') or not parsed.host:
            raise NoTrendError('--prometheus needs an http or https URL')
        self._url = parsed._replace(auth=None).url.rstrip('/')
        self._headers = (
            urllib3.util.make_headers(basic_auth=parsed.auth)
            if parsed.auth
            else {}
        )
        self._pool = urllib3.PoolManager(timeout=_TIMEOUT)
        self._begin, self._end = begin, end
        self._step = max(1.0, (end - begin) / POINTS)

    def trend(self, query: _Query) -> Trend | None:
        """The plot of a query; None without any data."""
        series = tuple(
            line
            for expression, name in query.expressions
            for line in self._lines(expression, name)
        )
        if not series:
            return None
        best = sorted(series, key=lambda line: -line.points[-1][1])
        return Trend(
            query.title,
            tuple(best[:_MOST_LINES]),
            self._begin,
            self._end,
            self._step,
            query.unit,
        )

    def _lines(self, expression: str, name: str) -> Iterator[TrendSeries]:
        for found in self._get(expression):
            labels = found['metric']
            points = tuple(
                (float(when), float(value))
                for when, value in found['values']
                if value not in ('NaN', '+Inf', '-Inf')
            )
            if points:
                # Labels are texts of tenants: no format strings.
                text = name
                for label, value in labels.items():
                    text = text.replace(f'{{{label}}}', str(value))
                yield TrendSeries(text, points)

    def _get(self, expression: str) -> list[Any]:
        try:
            answer = self._pool.request(
                'GET',
                f'{self._url}/api/v1/query_range',
                fields={
                    'query': expression,
                    'start': f'{self._begin:.0f}',
                    'end': f'{self._end:.0f}',
                    'step': f'{self._step:.0f}',
                },
                headers=self._headers,
                # Here: urllib3 before 2.5.0 ignores what a pool says of them.
                retries=False,
                redirect=False,
            )
            data = json.loads(answer.data)
            if data['status'] != 'success':
                raise NoTrendError(
                    f'{self._url} answers {answer.status}: '
                    f'{data.get("error", "")}'
                )
            found: list[Any] = data['data']['result']
        except urllib3.exceptions.HTTPError as error:
            raise NoTrendError(
                f'{self._url} does not answer: {error}'
            ) from error
        except (ValueError, LookupError, TypeError) as error:
            raise NoTrendError(
                f'{self._url} does not answer as Prometheus does: '
                f'HTTP {answer.status}'
            ) from error
        return found
