"""``nfv-sched publish``: host topology from Nova's cells to Placement."""

import argparse
from collections.abc import Iterator
import logging
import pathlib
import sys

from nfv_sched import conf
from nfv_sched import sysfs
from nfv_sched.cmd import rich_console
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.cmd.publish import PublishCommand
from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import Table
from nfv_sched.nova import config as nova_config
from nfv_sched.nova import failure_domains
from nfv_sched.nova import node_topologies
from nfv_sched.nova.config import CONF
from nfv_sched.nova.redact import redact
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.diff import Call
from nfv_sched.placement.publisher import HostPublishReport
from nfv_sched.placement.publisher import preview
from nfv_sched.placement.publisher import PublishReport
from nfv_sched.placement.publisher import Round
from nfv_sched.placement.removal import prune
from nfv_sched.publishing.progress import ProgressLog
from nfv_sched.publishing.sysfs import publish_machine

LOG = logging.getLogger(__name__)

conf.register_opts(CONF)


_SYSFS = pathlib.Path('/sys')


def sections(
    command: PublishCommand,
    parsed_args: argparse.Namespace,
    selection: Selection,
) -> Iterator[Section]:
    """Publish, or plan the writes; yields a table."""
    del selection
    nova_config.configure(parsed_args.config_file)
    client = PlacementClient(
        nova_config.placement_adapter(), deadline=parsed_args.deadline
    )
    if parsed_args.source == 'sysfs':
        if parsed_args.dry_run or parsed_args.prune:
            raise ValueError(
                '--source sysfs cannot be combined with --dry-run or --prune'
            )
        yield _publish_sysfs(command, client)
        return
    nodes = node_topologies.read_all(
        failure_domains.domain_keys(CONF.nfv_sched.failure_domains)
    )
    for problem in command.add_problems(nodes.problems):
        LOG.error('Not published: %s', problem)
    if parsed_args.dry_run:
        report = preview(client, nodes.hosts)
    else:
        report = _publish(
            client,
            nodes,
            parsed_args.concurrency or CONF.nfv_sched_publisher.concurrency,
            parsed_args.deadline,
        )
    for host in report.hosts:
        command.note(host.omitted)
    command.failed = bool(nodes.problems or report.count('failed'))
    if parsed_args.prune and not parsed_args.dry_run:
        _prune(command, client, nodes)
    if parsed_args.dry_run:
        yield Section(Table('writes', _WRITES, list(_writes(report))))
    else:
        yield Section(Table('hosts', _HOSTS, report.hosts))


def _publish_sysfs(
    command: PublishCommand, client: PlacementClient
) -> Section:
    name, uuid = nova_config.local_node()
    machine = sysfs.read(_SYSFS)
    command.note(f'Not published: {text}' for text in machine.problems)
    dedicated = nova_config.local_dedicated_cpus()
    host = publish_machine(client, machine, name, uuid, dedicated)
    command.failed = host.error is not None
    return Section(Table('hosts', _HOSTS, [host]))


def _prune(
    command: PublishCommand,
    client: PlacementClient,
    nodes: node_topologies.CloudTopology,
) -> None:
    if not nodes.complete:
        LOG.error('No tree is removed: not every Nova cell answered')
        return
    for name, problem in prune(client, nodes.names).items():
        if problem is None:
            LOG.warning('Removed the orphaned tree %s', name)
        else:
            command.failed = True
            LOG.error('The orphaned tree %s is not removed: %s', name, problem)


_HOSTS = (
    Column[HostPublishReport]('host', 'Host', lambda row: row.name),
    Column[HostPublishReport]('outcome', 'Outcome', lambda row: row.outcome),
    Column[HostPublishReport]('writes', 'Writes', lambda row: len(row.calls)),
    Column[HostPublishReport]('clamped', 'Clamped', lambda row: row.clamped),
    Column[HostPublishReport](
        'error', 'Error', lambda row: row.error and redact(row.error)
    ),
)


def _publish(
    client: PlacementClient,
    nodes: node_topologies.CloudTopology,
    concurrency: int,
    patience: float,
) -> PublishReport:
    """Publish all hosts; a terminal shows the progress, others a log line.

    :param patience: seconds in which a lost connection is made again
    """
    total = len(nodes.hosts)
    log = ProgressLog(total)
    done = 0
    with rich_console.bar('Hosts') as show:

        def advance(host: HostPublishReport) -> None:
            nonlocal done
            del host
            done += 1
            show(done, total)
            if not sys.stderr.isatty():
                log.advance()

        current = Round(
            client, nodes.names, concurrency=concurrency, patience=patience
        )
        return current.publish(nodes.hosts, advance)


_HostWrite = tuple[HostPublishReport, Call | None]
_WRITES = (
    Column[_HostWrite]('host', 'Host', lambda row: row[0].name),
    Column[_HostWrite]('kind', '', lambda row: row[1] and row[1].kind.value),
    Column[_HostWrite]('method', '', lambda row: row[1] and row[1].method),
    Column[_HostWrite]('path', '', lambda row: row[1] and row[1].path),
    Column[_HostWrite]('provider', '', lambda row: row[1] and row[1].name),
    Column[_HostWrite](
        'error', '', lambda row: None if row[1] else redact(row[0].error)
    ),
    Column[_HostWrite](
        '', 'Write', lambda row: str(row[1] or redact(f'none: {row[0].error}'))
    ),
)


def _writes(report: PublishReport) -> Iterator[_HostWrite]:
    """The planned writes of each host; None where it cannot be published."""
    for host in report.hosts:
        if host.error is not None:
            yield host, None
        for call in host.calls:
            yield host, call
