"""Options that select the backend of a command: what ``Backends`` reads."""

import argparse
from typing import Any

#: The attribute of parsed arguments with the
#: ``openstack.config.cloud_region.CloudRegion`` of the program that runs the
#: command, if that has one.
CLOUD_REGION = 'cloud_region'


def add_config_file(parser: Any) -> None:
    """Add ``--config-file`` to a parser or a group of it."""
    parser.add_argument(
        '--config-file',
        action='append',
        default=[],
        metavar='PATH',
        help='nova.conf with [api_database] and [placement]; may be '
        "repeated. Default: Nova's usual places",
    )


def add_deadline(parser: Any) -> None:
    """Add ``--deadline`` to a parser or a group of it."""
    parser.add_argument(
        '--deadline',
        type=float,
        default=60.0,
        metavar='SECONDS',
        help='timeout of each request to Placement (default: 60)',
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that select the backend."""
    group = parser.add_argument_group('backend')
    add_config_file(group)
    group.add_argument(
        '--os-cloud',
        metavar='NAME',
        help='cloud of clouds.yaml whose Placement is read, unless '
        '--config-file is given; without a nova.conf, OS_CLOUD or '
        'OS_AUTH_URL and the like select it, too',
    )
    add_deadline(group)
