"""``nfv-sched purge``: remove everything of nfv_sched from Placement."""

import argparse
from collections.abc import Iterator

from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import Table
from nfv_sched.nova import config as nova_config
from nfv_sched.nova.redact import redact
from nfv_sched.placement import removal
from nfv_sched.placement.client import PlacementClient

_REMOVALS = (
    Column[removal.Removal]('kind', 'Kind', lambda row: row.kind),
    Column[removal.Removal]('name', 'Name', lambda row: row.name),
    Column[removal.Removal]('kept', 'Stays, since', lambda row: row.kept),
    Column[removal.Removal](
        'problem', 'Problem', lambda row: row.problem and redact(row.problem)
    ),
)


def sections(
    command: MultiTableCommand,
    parsed_args: argparse.Namespace,
    selection: Selection,
) -> Iterator[Section]:
    """Remove, or list what would be removed; yields a table."""
    del selection
    nova_config.configure(parsed_args.config_file)
    client = PlacementClient(
        nova_config.placement_adapter(), deadline=parsed_args.deadline
    )
    command.facts['removed'] = parsed_args.yes
    if not parsed_args.yes:
        command.note(['Nothing is removed without --yes'])
        found = list(removal.removable(client))
        yield Section(Table('removals', _REMOVALS, found))
        return
    removals = list(removal.purge(client))
    command.add_problems(
        f'{each.kind} {each.name}: {each.problem}'
        for each in removals
        if each.problem
    )
    yield Section(Table('removals', _REMOVALS, removals))
