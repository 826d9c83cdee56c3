"""Work on several things at the same time, in threads."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from concurrent import futures
from typing import TypeVar

T = TypeVar('T')
R = TypeVar('R')

#: The most hosts at the same time: a session keeps this many connections.
MAX_CONCURRENCY = 10


def results(
    work: Callable[[T], R], items: Iterable[T], workers: int
) -> Iterator[R]:
    """The results of ``work`` for all items, in the order they are ready.

    An exception of ``work``, or one in the caller, ends all: no further item
    is begun, and those that were begun are awaited. One worker works in the
    caller's thread, in the order of the items.
    """
    if workers == 1:
        yield from map(work, items)
        return
    with futures.ThreadPoolExecutor(workers, 'nfv-publish') as pool:
        pending = [pool.submit(work, item) for item in items]
        try:
            for future in futures.as_completed(pending):
                yield future.result()
        finally:
            for future in pending:
                future.cancel()
