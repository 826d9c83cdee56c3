"""The decision journals that the command line or nova.conf names."""

import argparse
import pathlib

from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.journal.files import JournalReader


class NoJournalError(Exception):
    """No decision journal is named; the text says how to name one."""


def reader_of(
    parsed_args: argparse.Namespace, *, configured: bool = False
) -> JournalReader:
    """A reader of the journals that are named.

    :param configured: whether nova.conf has been read

    :raises NoJournalError: none is named
    """
    if parsed_args.journal:
        return JournalReader(parsed_args.journal)
    from nfv_sched import conf
    from nfv_sched.nova import config as nova_config

    if not configured:
        nova_config.configure(parsed_args.config_file)
    conf.register_opts(nova_config.CONF)
    folder = nova_config.CONF.nfv_sched.journal_folder
    if not folder:
        raise NoJournalError(
            'nova.conf names no [nfv_sched] journal_folder: give --journal'
        )
    return JournalReader([pathlib.Path(folder)])


def report_problems(command: MultiTableCommand, reader: JournalReader) -> None:
    """Show what could not be read; a command does it once all is read."""
    command.problem(reader.problems)
    if reader.malformed:
        plural = '' if reader.malformed == 1 else 's'
        command.note(
            [f'{reader.malformed} malformed line{plural} of the journal']
        )
