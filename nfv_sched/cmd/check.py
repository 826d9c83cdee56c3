"""``nfv-sched check``: is everything set up right."""

import argparse
from collections.abc import Iterator
import logging
import pathlib

import nova.conf
from oslo_upgradecheck import upgradecheck

from nfv_sched.checking import CheckInput
from nfv_sched.checking import NamedResult
from nfv_sched.checking import placement
from nfv_sched.checking import run
from nfv_sched.checking import worst
from nfv_sched.checking.publisher import PublisherStatus
from nfv_sched.cmd import backends
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import TableData
from nfv_sched.nova import compute_nodes
from nfv_sched.publishing import status
from nfv_sched.survey import placement as placement_survey

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF

#: Not one of the codes of a check.
_ERROR = 255

_COLUMNS = ('Check', 'Verdict', 'What was found', 'Fix')


class CheckCommand(MultiTableCommand):
    """Check the set-up of schedulers, hosts and Placement.

    Run it with the nova.conf of a nova-scheduler. The exit code is 0 if all
    is well, 1 with a warning, 2 with a failure, 255 if it could not check, as
    of nova-status upgrade check. Nothing is written.
    """

    _code = upgradecheck.Code.SUCCESS

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--placement-config-file',
            action='append',
            default=[],
            metavar='PATH',
            help='placement.conf, to check its options, too',
        )
        backends.add_arguments(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        try:
            super().run(parsed_args)
        except BrokenPipeError:
            # Nobody reads on: no error of the check.
            raise
        except Exception as error:
            # As cliff says it, whose code 1 is that of a warning here.
            debug = self.app.options.debug
            self.app.LOG.error(error, exc_info=debug)  # noqa: TRY400
            return _ERROR
        return int(self._code)

    def sections(
        self, parsed_args: argparse.Namespace
    ) -> Iterator[tuple[str, TableData]]:
        """Check."""
        verdicts = run(_check_input(parsed_args))
        self._code = worst(verdicts)
        yield '', (_COLUMNS, list(map(_row, verdicts)))


def _row(verdict: NamedResult) -> tuple[str, ...]:
    result = verdict.result
    name = upgradecheck.UPGRADE_CHECK_MSG_MAP[result.code]
    return verdict.name, str(name), result.details or '', result.fix


def _check_input(parsed: argparse.Namespace) -> CheckInput:
    source = backends.Backends(parsed)
    options = placement.config(parsed.placement_config_file)
    client = source.placement()
    survey = source.survey()
    view = placement_survey.view_of(client)
    trees, bad = {}, {}
    for held in view.trees.values():
        if held.host is not None:
            trees[held.host.uuid] = held.host
        else:
            bad[held.listed.name] = f'{type(held.error).__name__}'
    for uuid in view.truncated:
        bad[uuid] = 'left out of the answer of Placement'
    aggregates: list[tuple[str, dict[str, str]]] = []
    if source.databases:
        aggregates = compute_nodes.CloudReader().aggregates()
    else:
        LOG.warning(
            "Placement alone is read: what nova.conf and Nova's databases "
            'tell is not checked'
        )
    return CheckInput(
        survey,
        trees,
        bad,
        client.get('/').get('versions', ()),
        conf=CONF if source.databases else None,
        options=options,
        kinds=backends.failure_domain_kinds() if source.databases else (),
        aggregates=aggregates,
        publisher=_publisher() if source.databases else PublisherStatus(),
    )


def _publisher() -> PublisherStatus:
    """What the publisher of this machine says of itself."""
    path = CONF.nfv_sched_publisher.status_file
    if not path:
        return PublisherStatus()
    try:
        found = status.read(pathlib.Path(path))
    except (OSError, ValueError) as error:
        return PublisherStatus(path, wrong=str(error))
    if found is None:
        return PublisherStatus(
            path, wrong='is not there: no publisher ran here'
        )
    failed = int(found.counts.get('failed', 0))
    skipped = int(found.counts.get('skipped', 0))
    return PublisherStatus(
        path,
        age=found.age,
        interval=found.interval,
        leads=found.leads,
        failed=failed + skipped,
    )
