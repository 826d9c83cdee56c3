"""Options of commands that read the decision journal."""

import argparse
import pathlib


def add_journal(parser: argparse.ArgumentParser) -> None:
    """Add ``--journal``."""
    parser.add_argument(
        '--journal',
        type=pathlib.Path,
        action='append',
        default=[],
        metavar='FOLDER',
        help='folder with a decision journal; may be repeated, with copies '
        "of other controllers' folders. Default: [nfv_sched] journal_folder "
        'of nova.conf',
    )
