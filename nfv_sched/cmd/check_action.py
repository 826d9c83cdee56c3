"""``nfv-sched check``: check the deployment."""

import argparse
from collections.abc import Iterator
import dataclasses
import datetime
import functools
import logging
import pathlib
from typing import Any

from nfv_sched.checking import allocations
from nfv_sched.checking import CheckInput
from nfv_sched.checking import Part
from nfv_sched.checking import placement
from nfv_sched.checking import run
from nfv_sched.checking import worst
from nfv_sched.checking.allocations import Allocations
from nfv_sched.checking.own_hosts import Requests
from nfv_sched.checking.publisher import PublisherStatus
from nfv_sched.checking.result import verdict
from nfv_sched.checking.tables import CHECKS
from nfv_sched.checking.tables import DIFFERENCES
from nfv_sched.checking.tables import FINDINGS
from nfv_sched.cmd import backends
from nfv_sched.cmd.check import CheckCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.dryrun import own_host_filters
from nfv_sched.dryrun.tables import Table
from nfv_sched.nova import compute_nodes
from nfv_sched.nova import instances
from nfv_sched.nova import scheduler_start
from nfv_sched.nova import stored_requests
from nfv_sched.nova.cell_databases import NoDatabaseError
from nfv_sched.nova.config import CONF
from nfv_sched.nova.redact import describe_error
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement import api
from nfv_sched.placement import parallel
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import NotFound
from nfv_sched.publishing import status
from nfv_sched.survey import placement as placement_survey
from nfv_sched.survey.values import Source
from nfv_sched.survey.values import Survey

LOG = logging.getLogger(__name__)


# Reads of allocations.
_AT_ONCE = 4
# Of databases that could not be read.
_NOTHING = Survey(
    Source.NOVA, datetime.datetime.fromtimestamp(0, datetime.UTC), ()
)
_PLACEMENT_ONLY = (
    "Only Placement is read: what needs nova.conf and Nova's databases is not "
    'checked'
)


def sections(
    command: CheckCommand,
    parsed_args: argparse.Namespace,
    selection: Selection,
) -> Iterator[Section]:
    """Run all checks and yield the tables of results."""
    facts = _check_input(parsed_args)
    if facts.survey.source is Source.PLACEMENT:
        command.note([_PLACEMENT_ONLY])
    results = run(facts)
    command.code = int(worst(results))
    command.facts |= {
        'source': facts.survey.source.name.lower(),
        'verdict': verdict(worst(results)).lower(),
    }
    findings = [
        (named.name, finding)
        for named in results
        for finding in named.result.findings
    ]
    if selection.wants('checks'):
        yield Section(Table('checks', CHECKS, results))
    if selection.wants('findings', overview=bool(findings)):
        yield Section(Table('findings', FINDINGS, findings), 'Findings')
    if selection.wants('differences', overview=False):
        differences = [
            each for named in results for each in named.result.differences
        ]
        yield Section(Table('differences', DIFFERENCES, differences))


def _check_input(parsed: argparse.Namespace) -> CheckInput:
    """The facts; with Placement or the databases down, those of the other.

    :raises Exception: whatever Placement raises where nothing else is read
    """
    source = backends.Backends(parsed)
    options = placement.config(parsed.placement_config_file)
    client = source.placement()
    if not source.databases:
        return CheckInput(
            source.survey(), options=options, **_of_placement(client)
        )
    unread: dict[Part, str] = {}
    facts: dict[str, Any] = {'survey': _NOTHING}
    for part, read in (
        (Part.PLACEMENT, functools.partial(_of_placement, client)),
        (Part.DATABASES, functools.partial(_of_databases, source)),
    ):
        try:
            facts |= read()
        except (backends.NoBackendError, NoDatabaseError):
            raise
        except Exception as error:
            # Whatever a service or a database that is down raises.
            LOG.debug('%s cannot be read', part.value, exc_info=True)
            unread[part] = describe_error(error)
    if Part.DATABASES not in unread:
        facts['requests'] = _requests(facts['survey'])
    if not unread:
        facts['allocations'] = _allocations(client, facts['survey'])
    return CheckInput(
        **facts,
        unread=unread,
        conf=CONF,
        options=options,
        publisher=_publisher(),
        start_problem=scheduler_start.problem(),
    )


def _of_placement(client: PlacementClient) -> dict[str, Any]:
    view = placement_survey.view_of(client)
    trees, bad = {}, {}
    for held in view.trees.values():
        if held.host is not None:
            trees[held.host.uuid] = held.host
        else:
            bad[held.listed.name] = f'{type(held.error).__name__}'
    for uuid in view.truncated:
        bad[uuid] = "missing from Placement's answer"
    versions = client.get('/').get('versions', ())
    return {'trees': trees, 'bad': bad, 'versions': versions}


def _of_databases(source: backends.Backends) -> dict[str, Any]:
    return {
        'survey': source.survey(),
        'kinds': backends.failure_domain_kinds(),
        'aggregates': compute_nodes.CloudReader().aggregates(),
    }


def _requests(survey: Survey) -> Requests:
    """What the instances asked for."""
    uuids = [
        instance.uuid
        for host in survey.hosts
        for instance in host.residents or ()
    ]
    try:
        stored = stored_requests.read_guests(uuids)
    except Exception as error:
        # Whatever a database that is down raises.
        return Requests(problem=describe_error(error))
    requests = Requests(
        stored.guests,
        stored.problems,
        CONF.compute.packing_host_numa_cells_allocation_strategy,
    )
    try:
        rejections = own_host_filters.rejections(Pipeline(), survey.hosts)
    except Exception as error:
        # Also a filter that nova.conf misspells.
        return dataclasses.replace(requests, unfiltered=describe_error(error))
    return dataclasses.replace(requests, rejections=rejections)


def _allocations(client: PlacementClient, survey: Survey) -> Allocations:
    """What Placement has allocated of the compute nodes, read in parallel."""

    def read(uuid: str) -> tuple[str, dict[str, dict[str, int]]]:
        try:
            return uuid, api.allocations_of(client, uuid)
        except NotFound:
            return uuid, {}

    uuids = [host.topology.uuid for host in survey.hosts]
    try:
        amounts = dict(parallel.results(read, uuids, _AT_ONCE))
        consumers = allocations.consumers_elsewhere(survey.hosts, amounts)
        hosts, booting = instances.scheduled_or_booting(consumers)
    except Exception as error:
        # Whatever a service or a database that is down raises.
        return Allocations(problem=describe_error(error))
    return Allocations(amounts, hosts, booting)


def _publisher() -> PublisherStatus:
    """The status of the publisher on this machine."""
    path = CONF.nfv_sched_publisher.status_file
    if not path:
        return PublisherStatus()
    try:
        published = status.read(pathlib.Path(path))
    except (OSError, ValueError) as error:
        return PublisherStatus(path, problem=str(error))
    if published is None:
        return PublisherStatus(
            path, problem='does not exist: no publisher has run on this host'
        )
    failed = int(published.counts.get('failed', 0))
    skipped = int(published.counts.get('skipped', 0))
    return PublisherStatus(
        path,
        age=published.age,
        interval=published.interval,
        leads=published.leads,
        failed=failed + skipped,
        metrics_problem=published.metrics_problem,
    )
