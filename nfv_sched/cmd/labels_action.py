"""``nfv-sched labels``: the labels of NUMA nodes for nova.conf."""

import argparse
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import TextIO

from nfv_sched import sysfs
from nfv_sched.cmd import backends
from nfv_sched.cmd.exit_codes import ExitCode
from nfv_sched.cmd.multi_table import document_text
from nfv_sched.cmd.multi_table import DOCUMENTS
from nfv_sched.cmd.problems import show_problems
from nfv_sched.cmd.topology_action import matcher
from nfv_sched.cmd.topology_action import select_hosts
from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import document
from nfv_sched.dryrun.tables import Table
from nfv_sched.nova import node_labels
from nfv_sched.survey import HostSurvey

_LOCAL = 'this host'


@dataclasses.dataclass(frozen=True, slots=True)
class HostKind:
    """What decides the labels of a host.

    ``physnets`` are the physical networks that its nova.conf declares
    already; None where that is not known.
    """

    nodes: tuple[int, ...]
    physnets: tuple[str, ...] | None = None


def print_labels(
    parsed_args: argparse.Namespace, stdout: TextIO, stderr: TextIO
) -> int:
    """Print the labels.

    :returns: the exit code
    """
    problems: Sequence[str] = ()
    if parsed_args.local:
        if parsed_args.hosts:
            raise ValueError('--local cannot be combined with HOST')
        nodes = tuple(node.id for node in sysfs.read().nodes)
        hosts = {HostKind(nodes): [_LOCAL]}
    else:
        survey = select_hosts(
            backends.Backends(parsed_args).survey(matcher(parsed_args.hosts)),
            parsed_args.hosts,
        )
        hosts, problems = _by_kind(survey.hosts), survey.problems
    if parsed_args.format in DOCUMENTS:
        data = document(
            'labels',
            {},
            [Table('kinds', _KINDS, list(hosts.items()))],
            problems=problems,
        )
        stdout.write(document_text(data, parsed_args.format))
    else:
        _write_ini(hosts, stdout)
    show_problems(problems, stderr)
    return ExitCode.ERROR if problems else ExitCode.OK


def _by_kind(hosts: Iterable[HostSurvey]) -> dict[HostKind, list[str]]:
    """The hosts of each kind."""
    kinds: dict[HostKind, list[str]] = {}
    for host in hosts:
        cells = host.topology.cells
        kind = HostKind(
            tuple(sorted(cell.id for cell in cells)),
            tuple(sorted({name for cell in cells for name in cell.physnets})),
        )
        kinds.setdefault(kind, []).append(host.host)
    return kinds


def _sections(kind: HostKind) -> dict[str, dict[str, str]]:
    """The options of nova.conf by section; empty for one NUMA node."""
    labels = node_labels.nodes_of_labels(kind.nodes)
    if not labels:
        return {}
    physnets = ','.join((*(kind.physnets or ()), *labels))
    return {
        'neutron': {'physnets': physnets},
        **{
            f'neutron_physnet_{label}': {
                'numa_nodes': ','.join(map(str, nodes))
            }
            for label, nodes in labels.items()
        },
    }


def _about(kind: HostKind, hosts: Sequence[str]) -> Iterator[str]:
    """Comments: the hosts of the kind, and what happens to their physnets."""
    nodes = ', '.join(map(str, kind.nodes)) or 'not reported'
    yield f'{", ".join(hosts)}: NUMA nodes {nodes}'
    if len(kind.nodes) < 2:
        yield 'no labels: there are no NUMA nodes to choose from'
    elif kind.physnets is None:
        yield 'keep the physical networks that physnets already has'
    elif kind.physnets:
        yield 'physnets keeps the physical networks that are declared already'


def _write_ini(
    kinds: Mapping[HostKind, Sequence[str]], stream: TextIO
) -> None:
    for place, (kind, hosts) in enumerate(kinds.items()):
        if place:
            print(file=stream)
        for line in _about(kind, hosts):
            print(f'# {line}', file=stream)
        for section, options in _sections(kind).items():
            print(f'\n[{section}]', file=stream)
            for name, value in options.items():
                print(f'{name} = {value}', file=stream)


_HostsOfKind = tuple[HostKind, Sequence[str]]
_KINDS = (
    Column[_HostsOfKind]('hosts', 'Hosts', lambda row: list(row[1])),
    Column[_HostsOfKind](
        'numa_nodes', 'NUMA nodes', lambda row: list(row[0].nodes)
    ),
    Column[_HostsOfKind](
        'physnets',
        'Physical networks',
        lambda row: None if row[0].physnets is None else list(row[0].physnets),
    ),
    Column[_HostsOfKind](
        'nova_conf', 'Options', lambda row: _sections(row[0])
    ),
)
