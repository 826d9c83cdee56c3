"""What a scheduler counts for its operator, off the path of boots.

How long filters and weighers take, and which requests end without a host.
Counting is a few operations in memory, which cannot fail a request. A thread
writes the file every ten seconds: ``nfv-sched-exporter`` reads the files of
all scheduler processes of a controller. Without ``[nfv_sched]
counters_folder`` there is neither file nor thread.
"""

import bisect
from collections.abc import Callable
import functools
import json
import logging
import os
import pathlib
import tempfile
import threading
import time
from typing import Any
from typing import TypeVar

import nova.conf

from nfv_sched import conf
from nfv_sched.nova.types import RequestSpec
from nfv_sched.scheduler import cycle as scheduling_cycle
from nfv_sched.scheduler import process as scheduler_process

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)

T = TypeVar('T')

#: Upper bounds of the buckets of times, in seconds.
BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
#: More flavors than these are counted together, as MANY.
MOST_FLAVORS = 200
MANY = 'other'
#: Values of ``kind``, which are keys of the file.
FILTERS, WEIGHERS = 'filters', 'weighers'
SUFFIX = '.counters.json'

_INTERVAL = 10.0
_KEPT = 86400.0


class SchedulerCounters:
    """The counters of one process.

    ``times`` are by kind and name of a filter or weigher: the number of
    requests in each bucket, and at the end the sum of their seconds.
    ``refused`` counts requests by flavor and reason.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin again, as a process does that was forked."""
        self.times: dict[str, dict[str, list[float]]] = {
            FILTERS: {},
            WEIGHERS: {},
        }
        self.refused: dict[tuple[str, str], int] = {}
        self._flavors: set[str] = set()
        self._lock = threading.Lock()
        self._started = False

    def observe(self, kind: str, name: str, seconds: float) -> None:
        """Count the time that a filter or weigher took for a request."""
        counts = self.times[kind].get(name)
        if counts is None:
            counts = self.times[kind].setdefault(
                name, [0] * (len(BUCKETS) + 1) + [0.0]
            )
        counts[bisect.bisect_left(BUCKETS, seconds)] += 1
        counts[-1] += seconds
        if not self._started:
            self._start()

    def refuse(self, flavor: str, reason: str) -> None:
        """Count a request that ended without a host."""
        if flavor not in self._flavors:
            if len(self._flavors) >= MOST_FLAVORS:
                flavor = MANY
            self._flavors.add(flavor)
        key = flavor, reason
        self.refused[key] = self.refused.get(key, 0) + 1

    def values(self) -> dict[str, Any]:
        """What the file has, of this process."""
        published = scheduler_process.current().published
        counters = published.reader and published.reader.snapshot.counters
        return {
            'pid': os.getpid(),
            'written': time.time(),
            **{
                kind: {name: list(counts) for name, counts in found.items()}
                for kind, found in (
                    (kind, dict(by_name))
                    for kind, by_name in self.times.items()
                )
            },
            'refused': [
                [*key, count] for key, count in dict(self.refused).items()
            ],
            'drifted_hosts': len(published.drifted),
            'unpublished_hosts': len(published.unpublished),
            'tree_read_errors': counters.errors if counters else 0,
            'tree_reads_failing': counters.failing if counters else 0,
        }

    def _start(self) -> None:
        with self._lock:
            if self._started:
                return
            self._started = True
        folder = CONF.nfv_sched.counters_folder
        if folder:
            threading.Thread(
                target=self._write_always,
                args=(pathlib.Path(folder),),
                name='nfv-scheduler-counters',
                daemon=True,
            ).start()

    def _write_always(self, folder: pathlib.Path) -> None:
        path = folder / f'{os.getpid()}-{time.time_ns()}{SUFFIX}'
        logged = False
        remove_old(folder)
        while True:
            time.sleep(_INTERVAL)
            try:
                write(path, self.values())
                logged = False
            except Exception as error:
                if not logged:
                    LOG.warning('The counters are not written: %s', error)
                logged = True


def write(path: pathlib.Path, values: dict[str, Any]) -> None:
    """Replace the file atomically, so that no reader sees a part of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix='.counters.')
    try:
        with os.fdopen(handle, 'w') as file:
            json.dump(values, file)
        pathlib.Path(name).chmod(0o644)
        pathlib.Path(name).replace(path)
    except BaseException:
        pathlib.Path(name).unlink(missing_ok=True)
        raise


def remove_old(folder: pathlib.Path) -> None:
    """Remove the files of processes that ended more than a day ago."""
    try:
        for path in folder.glob(f'*{SUFFIX}'):
            if time.time() - path.stat().st_mtime > _KEPT:
                path.unlink()
    except OSError as error:
        LOG.debug('Old counters are not removed: %s', error)


_counters = SchedulerCounters()


def current() -> SchedulerCounters:
    """The counters of this process."""
    return _counters


os.register_at_fork(after_in_child=_counters.reset)


def timed(kind: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Count the time of a method of a filter or weigher.

    Its parameters are the hosts and the RequestSpec. Only requests of
    nova-scheduler count, dry runs do not.

    :param kind: FILTERS or WEIGHERS
    """

    def decorate(method: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(method)
        def measured(self: Any, hosts: Any, spec: RequestSpec) -> T:
            began = time.perf_counter()
            answer = method(self, hosts, spec)
            try:
                if scheduling_cycle.of(spec).process.serving:
                    _counters.observe(
                        kind, type(self).__name__, time.perf_counter() - began
                    )
            except Exception:
                # A boot must not fail because of a number.
                LOG.debug('A time is not counted', exc_info=True)
            return answer

        return measured

    return decorate


def refused(cycle: scheduling_cycle.RequestCycle, reason: str) -> None:
    """Count that a request ended without a host; never raises."""
    try:
        if cycle.process.serving:
            _counters.refuse(str(cycle.original.flavor.name), reason)
    except Exception:
        LOG.debug('A refusal is not counted', exc_info=True)
