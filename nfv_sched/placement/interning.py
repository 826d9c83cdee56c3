"""Equal parts of many topologies, once.

A cloud has a few kinds of hosts. Held once for each host, the cells and pools
of 5,000 are half a million objects, and each full round of Python's garbage
collector, which stops all threads, looks at every one of them: a tenth of a
second in which no request of the scheduler goes on.
"""

import dataclasses

from nfv_sched.model import CellTopology
from nfv_sched.model import HostTopology
from nfv_sched.model import PoolTopology

#: Beyond so many different parts nothing is gained by keeping them.
LIMIT = 20_000


class TopologyInterner:
    """The parts that were seen so far."""

    def __init__(self) -> None:
        self._cells: dict[object, CellTopology] = {}
        self._pools: dict[PoolTopology, PoolTopology] = {}

    def of(self, host: HostTopology) -> HostTopology:
        """An equal host, made of parts that equal hosts have in common."""
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
