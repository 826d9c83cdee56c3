"""What commands read where Nova's databases are out of reach."""

import argparse

from nfv_sched.cmd import guest_requests
from nfv_sched.cmd import rich_console
from nfv_sched.cmd.backends import Backends
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.nova import boot_request
from nfv_sched.nova import config as nova_config
from nfv_sched.nova.types import RequestSpec
from nfv_sched.survey.values import Survey


def configure(parsed: argparse.Namespace, source: Backends) -> None:
    """Let Nova's objects work without nova.conf.

    :raises nfv_sched.cmd.backends.NoBackendError: a zone is named
    """
    if parsed.availability_zone:
        source.require_databases('zones are those of aggregates of Nova')
    if not parsed.config_file:
        # Otherwise its [pci] alias counts.
        boot_request.init_without_conf()


def read(
    command: MultiTableCommand,
    parsed: argparse.Namespace,
    source: Backends,
    flavor: str | None,
) -> tuple[Survey, RequestSpec]:
    """All hosts, and the request that the options describe.

    :param flavor: its name or id; None for one that the options describe
    :raises nfv_sched.nova.boot_request.BadRequestError: Nova would refuse it
    :raises nfv_sched.cmd.backends.NoBackendError: the credentials are invalid
    :raises nfv_sched.placement.errors.PlacementError: no answer
    """
    known = guest_requests.flavor_of(parsed, flavor, source)
    request = guest_requests.boot_request_of(parsed, known, source)
    spec = boot_request.request_spec(nova_config.admin_context(), request)
    with rich_console.bar('instances') as tell:
        survey = source.survey_with_instances(tell)
    command.facts['source'] = survey.source.name.lower()
    command.problem(survey.problems)
    return survey, spec
