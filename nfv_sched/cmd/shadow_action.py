"""``nfv-sched shadow``: what shadow mode has found."""

import argparse
import collections
from collections.abc import Iterator
from collections.abc import Sequence

from nfv_sched.cmd import backends
from nfv_sched.cmd import journals
from nfv_sched.cmd import why_tables
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import Table
from nfv_sched.journal.agreement import Agreement
from nfv_sched.journal.agreement import compare
from nfv_sched.journal.agreement import ComparedDecision
from nfv_sched.nova import cell_databases
from nfv_sched.nova import instance_histories

SUMMARY = 'summary'
DECISIONS = 'decisions'

_MEANINGS = {
    Agreement.ACCEPTED: 'nfv_sched accepts the host, and the claim succeeded',
    Agreement.NO_HOST: 'neither finds a host, or Placement refused all claims',
    Agreement.FALSE_ACCEPTANCE: 'nfv_sched rejects the host, and the claim '
    'failed',
    Agreement.FALSE_REJECTION: 'nfv_sched rejects the host, and the claim '
    'succeeded',
    Agreement.MISSED: 'nfv_sched accepts the host, and the claim failed',
    Agreement.ONLY_NOVA_REJECTS: 'Nova found no host, and nfv_sched accepts '
    'some',
    Agreement.UNKNOWN: 'what became of the claim is not stored',
}
_AGREED = (Agreement.ACCEPTED, Agreement.NO_HOST)


def sections(
    command: MultiTableCommand,
    parsed_args: argparse.Namespace,
    selection: Selection,
) -> Iterator[Section]:
    """Compare."""
    source = backends.Backends(parsed_args)
    source.require_databases('what became of instances is compared')
    reader = journals.reader_of(parsed_args, configured=True)
    records = sorted(
        (found for found in reader.records() if found.shadow is not None),
        key=lambda found: found.time,
    )
    journals.report_problems(command, reader)
    problems: list[str] = []
    histories = instance_histories.histories(
        cell_databases.admin_context(),
        {record.instance for record in records},
        problems,
    )
    command.problem(problems)
    compared = list(compare(records, histories))
    command.facts['decision_count'] = len(compared)
    command.answer_is_no = any(
        each.agreement is Agreement.FALSE_REJECTION for each in compared
    )
    if not compared:
        command.note(
            ['The journal has no decision that was made in shadow mode']
        )
    if selection.wants(SUMMARY):
        yield Section(summary(compared), _headline(compared))
    if selection.wants(DECISIONS):
        shown = [
            each
            for each in compared
            if parsed_args.all
            or each.agreement not in _AGREED
            or each.elsewhere
        ]
        yield Section(
            decisions(shown),
            'Decisions' if parsed_args.all else 'Decisions that differ',
        )


def _headline(compared: Sequence[ComparedDecision]) -> str:
    elsewhere = sum(each.elsewhere for each in compared)
    return (
        f'{len(compared)} decisions in shadow mode; nfv_sched would have '
        f'placed {elsewhere} of the instances elsewhere, or nowhere'
    )


_SummaryRow = tuple[Agreement, int, int]


def summary(compared: Sequence[ComparedDecision]) -> Table[_SummaryRow]:
    """The numbers of decisions by agreement."""
    counts = collections.Counter(each.agreement for each in compared)
    elsewhere = collections.Counter(
        each.agreement for each in compared if each.elsewhere
    )
    return Table(
        SUMMARY,
        (
            Column('agreement', 'Agreement', lambda row: row[0].value),
            Column('decisions', 'Decisions', lambda row: row[1]),
            Column('elsewhere', 'Placed elsewhere', lambda row: row[2]),
            Column('meaning', 'Meaning', lambda row: _MEANINGS[row[0]]),
        ),
        [
            (agreement, counts[agreement], elsewhere[agreement])
            for agreement in Agreement
        ],
    )


_DECISION = (
    Column[ComparedDecision](
        'time', 'Time', lambda row: why_tables.shown_time(row.record.time)
    ),
    Column[ComparedDecision]('uuid', 'UUID', lambda row: row.record.instance),
    Column[ComparedDecision](
        'flavor', 'Flavor', lambda row: row.record.flavor
    ),
    Column[ComparedDecision](
        'agreement', 'Agreement', lambda row: row.agreement.value
    ),
    Column[ComparedDecision](
        'host', "Nova's host", lambda row: row.record.node
    ),
    Column[ComparedDecision](
        'shadow_host',
        'Host of nfv_sched',
        lambda row: row.record.shadow and row.record.shadow.node,
    ),
    Column[ComparedDecision]('elsewhere', '', lambda row: row.elsewhere),
    Column[ComparedDecision](
        'accepted_hosts',
        'Accepted hosts',
        lambda row: row.record.shadow and row.record.shadow.accepted,
    ),
    Column[ComparedDecision]('claim', 'Claim', lambda row: row.claim.value),
    Column[ComparedDecision]('claim_failure', '', lambda row: row.why or None),
    Column[ComparedDecision](
        'rejection',
        'Why nfv_sched rejects it',
        lambda row: row.record.shadow and row.record.shadow.rejects_selected,
    ),
)


def decisions(
    compared: Sequence[ComparedDecision],
) -> Table[ComparedDecision]:
    """Single decisions."""
    return Table(DECISIONS, _DECISION, compared)
