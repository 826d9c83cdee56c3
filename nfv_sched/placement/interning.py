"""Intern equal cells and pools across hosts, to keep gc pauses short.

A cloud has a few kinds of hosts. With cells and pools of their own, 5,000
hosts are half a million objects. Python's garbage collector stops all threads
during a full collection, in which it visits each object: a tenth of a second
in which the scheduler handles no request.
"""

import dataclasses

from nfv_sched.model import CellTopology
from nfv_sched.model import HostTopology
from nfv_sched.model import PoolTopology

#: Beyond this many different parts interning saves nothing.
LIMIT = 20_000


class TopologyInterner:
    """The distinct cells and pools of all hosts interned so far."""

    def __init__(self) -> None:
        self._cells: dict[object, CellTopology] = {}
        self._pools: dict[PoolTopology, PoolTopology] = {}

    def intern(self, host: HostTopology) -> HostTopology:
        """An equal host that shares equal cells and pools with others."""
        if len(self._cells) + len(self._pools) > LIMIT:
            self._cells.clear()
            self._pools.clear()
        return dataclasses.replace(
            host,
            cells=tuple(map(self._cell, host.cells)),
            pools=tuple(
                self._pools.setdefault(pool, pool) for pool in host.pools
            ),
        )

    def _cell(self, cell: CellTopology) -> CellTopology:
        # Its distances are a dict, which has no hash.
        key = (
            dataclasses.replace(cell, distances=()),  # type: ignore[arg-type]
            tuple(sorted(cell.distances.items())),
        )
        return self._cells.setdefault(key, cell)
