"""Results of checks as tables."""

import dataclasses

from nfv_sched.checking.result import Finding
from nfv_sched.checking.run import NamedResult
from nfv_sched.dryrun.tables import Column
from nfv_sched.fit import gap
from nfv_sched.fit.drift import Difference

CHECKS = (
    Column[NamedResult]('check', 'Check', lambda row: row.name),
    Column[NamedResult](
        'verdict',
        'Verdict',
        lambda row: row.result.verdict.lower(),
        lambda row: row.result.verdict,
    ),
    Column[NamedResult](
        'details', 'What was found', lambda row: row.result.details or None
    ),
    Column[NamedResult]('subjects', '', lambda row: list(row.result.subjects)),
    Column[NamedResult]('values', '', lambda row: row.result.values),
    Column[NamedResult]('fix', 'Fix', lambda row: row.result.fix or None),
)

#: A finding with the name of its check.
NamedFinding = tuple[str, Finding]
FINDINGS = (
    Column[NamedFinding]('check', 'Check', lambda row: row[0]),
    Column[NamedFinding](
        'verdict',
        'Verdict',
        lambda row: row[1].verdict.lower(),
        lambda row: row[1].verdict,
    ),
    Column[NamedFinding]('host', '', lambda row: row[1].host),
    Column[NamedFinding](
        'instances',
        '',
        lambda row: list(map(dataclasses.asdict, row[1].instances)),
    ),
    Column[NamedFinding]('problem', '', lambda row: row[1].problem),
    Column[NamedFinding]('kind', '', lambda row: row[1].subject.kind.value),
    Column[NamedFinding]('names', '', lambda row: list(row[1].subject.names)),
    Column[NamedFinding]('where', '', lambda row: row[1].place or None),
    Column[NamedFinding]('numa_node', '', lambda row: row[1].where.numa_node),
    Column[NamedFinding]('cpus', '', lambda row: sorted(row[1].where.cpus)),
    Column[NamedFinding](
        'page_size_kib', '', lambda row: row[1].where.page_size_kib
    ),
    Column[NamedFinding](
        'devices', '', lambda row: list(row[1].where.devices)
    ),
    Column[NamedFinding](
        'instance_numa_nodes',
        '',
        lambda row: list(row[1].where.instance_nodes),
    ),
    Column[NamedFinding](
        'pci_request', '', lambda row: row[1].where.pci_request or None
    ),
    Column[NamedFinding]('provider', '', lambda row: row[1].where.provider),
    Column[NamedFinding]('found_on', '', lambda row: row[1].found_on),
    Column[NamedFinding]('reported', '', lambda row: row[1].facts.reported),
    Column[NamedFinding]('held', '', lambda row: row[1].facts.held),
    Column[NamedFinding](
        'resources', '', lambda row: dict(row[1].facts.resources)
    ),
    Column[NamedFinding](
        'shortages',
        '',
        lambda row: [
            {
                'condition': gap.resource_name(reason.resource),
                'numa_node': reason.cell,
                'asked': reason.asked,
                'available': reason.available,
                'text': reason.text,
            }
            for reason in row[1].facts.shortages
        ],
    ),
    Column[NamedFinding]('filter', '', lambda row: row[1].facts.filter),
    Column[NamedFinding]('key', '', lambda row: row[1].facts.key),
    Column[NamedFinding]('value', '', lambda row: row[1].facts.value),
    Column[NamedFinding]('cause', '', lambda row: row[1].cause or None),
    Column[NamedFinding]('', 'What was found', lambda row: row[1].text),
    Column[NamedFinding]('fix', 'Fix', lambda row: row[1].fix),
)

#: A host, and a difference of its report and its tree.
NamedDifference = tuple[str, Difference]
DIFFERENCES = (
    Column[NamedDifference]('host', 'Host', lambda row: row[0]),
    Column[NamedDifference]('fact', '', lambda row: row[1].fact),
    Column[NamedDifference](
        'numa_node', 'NUMA node', lambda row: row[1].numa_node
    ),
    Column[NamedDifference](
        'page_size_kib', '', lambda row: row[1].page_size_kib
    ),
    Column[NamedDifference]('physnet', '', lambda row: row[1].physnet),
    Column[NamedDifference]('vendor_id', '', lambda row: row[1].vendor_id),
    Column[NamedDifference]('product_id', '', lambda row: row[1].product_id),
    Column[NamedDifference]('reported', '', lambda row: row[1].reported),
    Column[NamedDifference]('published', '', lambda row: row[1].published),
    Column[NamedDifference]('', 'Difference', lambda row: str(row[1])),
)
