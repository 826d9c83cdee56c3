"""Batches of random pairs, counted in several processes."""

import collections
from collections.abc import Callable
from collections.abc import Iterable
import logging
import multiprocessing
from typing import Any

import nova.conf
from rich.console import Console
from rich.progress import Progress


def prepare() -> None:
    """Prepare a process in which pairs are compared."""
    logging.disable(logging.CRITICAL)
    nova.conf.CONF([], project='nova', default_config_files=[])


def count(
    console: Console,
    batch: Callable[[Any], collections.Counter[str]],
    work: Iterable[Any],
    pairs: int,
    jobs: int,
    prepare: Callable[[], None] = prepare,
) -> collections.Counter[str]:
    """The sum of the counts of all batches.

    :param batch: counts one item of ``work``, at least its ``pairs``
    :param pairs: how many there are in all
    :param prepare: prepares each process
    """
    total: collections.Counter[str] = collections.Counter()
    with (
        Progress(console=console) as progress,
        multiprocessing.Pool(jobs, prepare) as pool,
    ):
        task = progress.add_task('pairs', total=pairs)
        for counts in pool.imap_unordered(batch, work):
            total.update(counts)
            progress.advance(task, counts['pairs'])
    return total
