"""The plugin of the OpenStack client, as python-openstackclient finds it.

See "Plugins" in the documentation of python-openstackclient. There is no API
of our own: the version is that of the commands.
"""

import argparse
from typing import Any

DEFAULT_API_VERSION = '1'
API_VERSION_OPTION = 'os_nfv_api_version'
API_NAME = 'nfv'
API_VERSIONS = ('1',)


def make_client(instance: Any) -> Any:
    """The connection of the client, which has all that the commands use."""
    return instance.sdk_connection


def build_option_parser(
    parser: argparse.ArgumentParser,
) -> argparse.ArgumentParser:
    """Add no option: there is one version."""
    return parser
