"""``nfv-sched labels``: the labels of NUMA nodes for nova.conf."""

import argparse

from cliff import command

from nfv_sched.cmd import backend_options
from nfv_sched.cmd.multi_table import DOCUMENTS
from nfv_sched.cmd.topology import add_hosts

_FORMATS = ('ini', *DOCUMENTS)


class LabelsCommand(command.Command):  # type: ignore[misc]
    """Print the labels of NUMA nodes for the nova.conf of compute nodes.

    By these labels a scheduler with [nfv_sched] choose_nodes tells a
    nova-compute which NUMA nodes an instance gets. Hosts of one kind, with
    the same NUMA nodes and physical networks, have the same settings. Add
    them to nova.conf on each host of the kind, and restart its nova-compute.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser of the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        add_hosts(parser)
        parser.add_argument(
            '--local',
            action='store_true',
            help='read the NUMA nodes of this host from its sysfs, and no '
            'other backend',
        )
        parser.add_argument(
            '-f',
            '--format',
            choices=_FORMATS,
            default='ini',
            help='ini: sections of nova.conf; json and yaml: the same as a '
            'mapping of sections to options, for Ansible (default: ini)',
        )
        backend_options.add_arguments(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Print the labels.

        :returns: the exit code
        """
        from nfv_sched.cmd import labels_action

        return labels_action.print_labels(
            parsed_args, self.app.stdout, self.app.stderr
        )
