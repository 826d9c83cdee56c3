"""Files that options name and commands write at their end."""

import argparse
import os
import pathlib


def output_file(text: str) -> pathlib.Path:
    """A file that can be written; it is an ``argparse`` type.

    A command that works for minutes is not to fail when it writes its answer.

    :raises argparse.ArgumentTypeError: it cannot be written
    """
    path = pathlib.Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f'{path.parent} is not a directory')
    if path.is_dir():
        raise argparse.ArgumentTypeError(f'{path} is a directory')
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f'{path} cannot be written')
    return path
