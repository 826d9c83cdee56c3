"""``nfv-sched complete``: completion of commands and options in shells."""

import argparse
from importlib import resources

from cliff import command

#: The scripts of shells. They are part of the package, so that they are
#: printed without importing all commands, and Nova.
SCRIPTS = {'bash': 'nfv-sched.bash', 'zsh': '_nfv-sched'}
FOLDER = 'completion'


class CompleteCommand(command.Command):  # type: ignore[misc]
    """Print the script that completes commands and options in a shell."""

    def get_epilog(self) -> str:
        """Nothing: cliff reads all installed packages to name that of ours."""
        return ''

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--shell',
            choices=sorted(SCRIPTS),
            default='bash',
            help='the shell (default: bash)',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Print the script."""
        folder = resources.files('nfv_sched.cmd').joinpath(FOLDER)
        script = folder.joinpath(SCRIPTS[parsed_args.shell])
        self.app.stdout.write(script.read_text('utf-8'))
