"""The counters of all scheduler processes of a controller.

Processes come and go, their files with them. What is exported are sums of
what was counted since the exporter began: they never decrease while it runs.
"""

import collections
from collections.abc import Iterator
from collections.abc import Mapping
import itertools
import json
import logging
import pathlib
import time
from typing import Any

from prometheus_client.core import CounterMetricFamily
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.core import Metric

from nfv_sched.exporter.families import PREFIX
from nfv_sched.scheduler import counters

LOG = logging.getLogger(__name__)

#: Seconds after which a process that writes nothing counts as ended.
ALIVE = 60.0

#: A counter: what it counts and its labels, and for times the bucket.
_Key = tuple[str, ...]

_GAUGES = {
    'drifted_hosts': 'Hosts that a scheduler decides on their report alone, '
    'since their published topology describes other hardware.',
    'unpublished_hosts': 'Hosts without a usable published topology, as far '
    'as a scheduler was asked for them.',
    'tree_reads_failing': "Reads of the schedulers' topology that failed "
    'since the last one that succeeded.',
}
_REFUSED, _ERRORS = 'refused', 'tree_read_errors'


class SchedulerFiles:
    """Reads the files of a folder at each scrape.

    :param folder: ``[nfv_sched] counters_folder`` of the schedulers
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._sums: collections.Counter[_Key] = collections.Counter()
        self._last: dict[str, Mapping[_Key, float]] | None = None
        self._problems: dict[str, str] = {}

    def families(self) -> Iterator[Metric]:
        """The metrics of the schedulers."""
        read = dict(self._read())
        first = self._last is None
        last = self._last or {}
        self._last = {}
        for name, values in read.items():
            found = dict(_counts(values))
            # What was counted before the exporter began is no news.
            before = last.get(name, found if first else {})
            for key, value in found.items():
                self._sums[key] += max(0, value - before.get(key, 0))  # type: ignore[assignment]
            self._last[name] = found
        alive = [
            values
            for values in read.values()
            if time.time() - values['written'] < ALIVE
        ]
        processes = GaugeMetricFamily(
            f'{PREFIX}_scheduler_processes',
            'Scheduler processes that have had a request.',
        )
        processes.add_metric([], len(alive))
        yield processes
        for name, text in _GAUGES.items():
            gauge = GaugeMetricFamily(f'{PREFIX}_scheduler_{name}', text)
            gauge.add_metric(
                [], max((values[name] for values in alive), default=0)
            )
            yield gauge
        yield self._times(counters.FILTERS, 'filter')
        yield self._times(counters.WEIGHERS, 'weigher')
        refused = CounterMetricFamily(
            f'{PREFIX}_refused_requests',
            'Requests that ended without a host, by what most hosts lacked.',
            labels=['flavor_name', 'reason'],
        )
        errors = CounterMetricFamily(
            f'{PREFIX}_scheduler_tree_read_errors',
            "Reads of the schedulers' topology that failed.",
            value=self._sums[_ERRORS,],
        )
        for (kind, *labels), count in sorted(self._sums.items()):
            if kind == _REFUSED:
                refused.add_metric(labels, count)
        yield from (refused, errors)

    def _times(self, kind: str, label: str) -> Metric:
        family = HistogramMetricFamily(
            f'{PREFIX}_{label}_seconds',
            f'Time of a {label} for a request.',
            labels=[label],
        )
        bounds = [*map(str, counters.BUCKETS), '+Inf']
        for name in sorted({key[1] for key in self._sums if key[0] == kind}):
            counts = [
                self._sums[kind, name, str(place)]
                for place in range(len(bounds))
            ]
            total = itertools.accumulate(counts)
            family.add_metric(
                [name],
                list(zip(bounds, total, strict=True)),
                self._sums[kind, name, 'sum'],
            )
        return family

    def _read(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The files that can be read, by name."""
        for path in sorted(self._folder.glob(f'*{counters.SUFFIX}')):
            try:
                values = json.loads(path.read_text())
                dict(_counts(values))
                [values[name] + 0 for name in ('written', *_GAUGES)]
            except (OSError, ValueError, LookupError, TypeError) as error:
                text = f'{type(error).__name__}: {error}'
                if self._problems.get(path.name) != text:
                    LOG.warning('%s is not read: %s', path, text)
                self._problems[path.name] = text
            else:
                yield path.name, values


def _counts(values: Mapping[str, Any]) -> Iterator[tuple[_Key, float]]:
    """The counters of a file.

    :raises Exception: whatever a malformed file makes of it
    """
    for kind in (counters.FILTERS, counters.WEIGHERS):
        for name, times in dict(values[kind]).items():
            *counts, seconds = times
            for place, count in enumerate(counts):
                yield (kind, name, str(place)), float(count)
            yield (kind, name, 'sum'), float(seconds)
    for flavor, reason, count in values[_REFUSED]:
        yield (_REFUSED, flavor, reason), float(count)
    yield (_ERRORS,), float(values[_ERRORS])
