"""``nfv-sched why``: why an instance is on its host, or has none."""

import argparse
from collections.abc import Iterator
import uuid

from nfv_sched.cmd import journals
from nfv_sched.cmd import why_tables as tables
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.journal.files import JournalReader
from nfv_sched.journal.record import DecisionRecord
from nfv_sched.journal.record import Ending


class NoDecisionError(Exception):
    """The journal has no decision on an instance."""


def sections(
    command: MultiTableCommand,
    parsed_args: argparse.Namespace,
    selection: Selection,
) -> Iterator[Section]:
    """Read the decisions."""
    server = _parsed(parsed_args.server)
    configured = False
    if server is None:
        server, configured = _named(parsed_args)
    reader = journals.reader_of(parsed_args, configured=configured)
    found = reader.of_instance(server)
    journals.report_problems(command, reader)
    if not found:
        raise NoDecisionError(_missing(server, reader))
    command.facts |= {'server': server, 'decision_count': len(found)}
    if not parsed_args.all:
        found = found[:1]
    for record in found:
        command.note(notes(record))
    numbered = [tables.Numbered(*entry) for entry in enumerate(found, 1)]
    yield from _tables(selection, numbered)


def _tables(
    selection: Selection, found: list[tables.Numbered]
) -> Iterator[Section]:
    several = len(found) > 1
    heading = (
        f'{len(found)} decisions' if several else headline(found[0].record)
    )
    for table, title, people in (
        (tables.decisions(found), heading, True),
        (tables.filters(found), 'Hosts that the filters left', True),
        (tables.hosts(found), 'Best hosts, and parts of their totals', True),
        (tables.weights(found), 'Weights', False),
        (tables.counterfactuals(found), 'Without one weigher', True),
        (tables.conditions(found), 'What rejected hosts lacked', True),
    ):
        if not selection.wants(table.key, overview=people):
            continue
        if table.rows or not selection.overview:
            yield Section(table, title)


def headline(record: DecisionRecord) -> str:
    """A decision in one line."""
    if record.ending is Ending.SELECTED:
        place = ''
        if record.rank is not None:
            place = f', number {record.rank} of {record.weighed} by weight'
        return f'{record.node} was selected{place}'
    if record.ending is Ending.REJECTED:
        nearest = (
            f'; the nearest is {record.nearest}' if record.nearest else ''
        )
        return f'No host was left by the filters of nfv_sched{nearest}'
    if record.ending is Ending.PLACEMENT:
        return f'Placement refused the claims of {record.claims} hosts'
    return (
        'No host was left by filters that run after those of nfv_sched, or '
        'Placement refused all claims'
    )


def notes(record: DecisionRecord) -> Iterator[str]:
    """What else to know about a decision."""
    if record.shadow is not None:
        yield (
            'The filters and weighers were in shadow mode: Nova decided '
            'without them'
        )
    elif record.ending is Ending.SELECTED and record.weighed is None:
        yield 'Only one host was left: no weigher was asked'
    if record.claims > 1:
        yield (
            f'Placement refused the claims of {record.claims - 1} hosts before'
        )
    elif record.rank not in (None, 1):
        yield (
            f'Nova selects one of the {record.subset_size} best hosts at '
            'random: [filter_scheduler] host_subset_size'
        )
    if record.instances > 1:
        yield (
            f'The request was for {record.instances} instances: if one of '
            'them finds no host, none is placed'
        )
    if record.dropped:
        yield (
            f'{record.dropped} decisions of this scheduler process before '
            'this one were not recorded'
        )


def _missing(server: str, reader: JournalReader) -> str:
    folders = ', '.join(map(str, reader.folders))
    return (
        f'no decision on server {server} is in the journal of {folders} '
        f'({reader.files} files): it may be older, of another controller, '
        'or of an instance that asks neither for a NUMA topology nor for '
        'devices'
    )


def _parsed(text: str) -> str | None:
    """A UUID in its usual form; None if it is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _named(parsed_args: argparse.Namespace) -> tuple[str, bool]:
    """The UUID of the server of a name, and whether nova.conf is read.

    :raises NoDecisionError: no server has that name, or several have it
    """
    from nfv_sched.cmd import backends
    from nfv_sched.cmd import server_names
    from nfv_sched.nova.boot_request import BadRequestError

    source = backends.Backends(parsed_args)
    try:
        found = server_names.uuid_of(source, parsed_args.server)
    except BadRequestError as error:
        raise NoDecisionError(str(error)) from error
    return found, source.configured
