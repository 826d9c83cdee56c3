"""The subcommands of ``nfv-sched``, of which only the one that runs is loaded.

Most commands import Nova, which takes seconds. The list of all commands needs
their names, and the first lines of their docstrings.
"""

import ast
from collections.abc import Iterator
import functools
from importlib import metadata
from importlib import util
import pathlib
from typing import Any

from cliff import command
from cliff import commandmanager


class CommandManager(commandmanager.CommandManager):  # type: ignore[misc]
    """Finds the commands of an entry-point group, and loads them on use."""

    def load_commands(self, namespace: str) -> None:
        """Find the commands of a group.

        The method of cliff loads all of them, from its release 4.8 on.

        :param namespace: the entry-point group
        """
        self.group_list.append(namespace)
        for entry_point in metadata.entry_points(group=namespace):
            # Of two words, as cliff reads names.
            name = entry_point.name.replace('_', ' ')
            self.commands[name] = entry_point

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """The name of each command, and what shows its description.

        cliff iterates to list commands only. A command that runs is looked
        up by its name.
        """
        for name, entry_point in self.commands.items():
            yield name, _listed(name, entry_point)


def _listed(name: str, entry_point: Any) -> Any:
    """An entry point of a class with the same description."""
    description = _description(entry_point.value)
    if description is None:
        return entry_point
    members = {'_description': description, 'take_action': _never}
    listed = type(name, (command.Command,), members)
    return commandmanager.EntryPointWrapper(name, listed)


def _never(self: object, parsed_args: object) -> None:
    raise NotImplementedError


@functools.cache
def _description(target: str) -> str | None:
    """The docstring of a class whose module is not imported.

    None without its source.

    :param target: ``module:class``
    """
    module, _, name = target.partition(':')
    spec = util.find_spec(module)
    if spec is None or spec.origin is None:
        return None
    try:
        tree = ast.parse(pathlib.Path(spec.origin).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return ast.get_docstring(node)
    return None
