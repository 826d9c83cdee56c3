"""The versions of all compute nodes: which of them changed.

Changes are detected by a few columns of all rows.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
from typing import Any

from oslo_utils import timeutils

from nfv_sched.nova import cell_databases
from nfv_sched.nova import compute_nodes
from nfv_sched.nova import failure_domains
from nfv_sched.nova import pci_devices
from nfv_sched.nova.types import CellMapping

#: Seconds for which a changed row may change again without a new time: MySQL
#: keeps whole seconds, and clocks of computes differ.
SETTLE_SECONDS = 30.0

#: Differs after a compute node changed.
Version = tuple[object, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class NodeVersion:
    """A compute node and the version of its rows.

    ``mark`` is another one after the node, one of its devices or its failure
    domains changed. Unless it is ``settled`` they may change once more and
    leave it as it is.
    """

    uuid: str
    host: str
    name: str
    mark: Version
    settled: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Scan:
    """All compute nodes by uuid, by cell.

    ``problems`` say which cells could not be read; ``complete`` is whether
    every cell answered, so that a compute node that is not here is gone.
    """

    cells: tuple[tuple[CellMapping, Mapping[str, NodeVersion]], ...]
    domains: Mapping[str, Mapping[str, str]]
    problems: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every cell answered."""
        return not self.problems

    @property
    def node_versions(self) -> dict[str, NodeVersion]:
        """The compute nodes of all cells."""
        return {
            uuid: node_version
            for _, node_versions in self.cells
            for uuid, node_version in node_versions.items()
        }


def scan(kinds: Sequence[str] = (), page: int = 500) -> Scan:
    """Scan all compute nodes, a page of rows at a time.

    :param kinds: of failure domains to read: one query for all hosts
    :raises nfv_sched.nova.cell_databases.NoDatabaseError: nova.conf names no
        API database
    """
    context = cell_databases.admin_context()
    domains = failure_domains.read_domains(context, kinds)
    cells: list[tuple[CellMapping, Mapping[str, NodeVersion]]] = []
    problems: list[str] = []
    for cell in cell_databases.cells(context):
        with cell_databases.visit(context, cell, problems) as targeted:
            node_versions = {
                node_version.uuid: node_version
                for rows in compute_nodes.node_rows(targeted, page)
                for node_version in _versions(targeted, rows, domains)
            }
            cells.append((cell, node_versions))
    return Scan(tuple(cells), domains, tuple(problems))


def _versions(
    context: Any,
    rows: Sequence[compute_nodes.NodeRow],
    domains: Mapping[str, Mapping[str, str]],
) -> Iterator[NodeVersion]:
    """The versions of a page of compute nodes."""
    devices = pci_devices.summaries(context, rows[0].id, rows[-1].id)
    now = timeutils.utcnow()
    for row in rows:
        summary = devices.get(row.id, ())
        where = tuple(sorted(domains.get(row.host, {}).items()))
        times = [
            time
            for time in (row.updated_at, row.created_at, *summary)
            if isinstance(time, datetime.datetime)
        ]
        age = (now - max(times, default=now)).total_seconds()
        yield NodeVersion(
            row.uuid,
            row.host,
            row.name,
            (row.id, row.updated_at, row.created_at, summary, where),
            age > SETTLE_SECONDS,
        )
