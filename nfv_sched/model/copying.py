"""Copies of model values, whether plain or read lazily."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
import dataclasses
import functools
from typing import Any
from typing import cast
from typing import ClassVar
from typing import Self


class Copyable:
    """Base of frozen dataclasses that may have lazily read subclasses.

    ``dataclasses.replace`` calls the class of a value with every field, which
    a lazy class does not accept. Such a class names the plain one as
    ``plain_type``, and its copies are of that class.
    """

    __slots__ = ()
    plain_type: ClassVar[type[Any] | None] = None

    def evolve(self, **changes: Any) -> Self:
        """A plain copy with some fields replaced.

        :raises TypeError: there is no such field
        """
        kind: Any = self.plain_type or type(self)
        for name in _field_names(kind):
            if name not in changes:
                changes[name] = getattr(self, name)
        return cast('Self', kind(**changes))

    def plain(self) -> Self:
        """A plain and immutable copy, all nested values included."""
        kind: Any = self.plain_type or type(self)
        return self.evolve(
            **{
                name: _plain(getattr(self, name))
                for name in _field_names(kind)
            }
        )

    def values(self, convert: Callable[[Any], Any]) -> tuple[Any, ...]:
        """All fields in order, each converted."""
        kind: Any = self.plain_type or type(self)
        return tuple(
            convert(getattr(self, name)) for name in _field_names(kind)
        )


def _plain(value: Any) -> Any:
    if isinstance(value, Copyable):
        return value.plain()
    if isinstance(value, AbstractSet):
        return frozenset(value)
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    if isinstance(value, Mapping):
        return dict(value)
    return value


@functools.cache
def _field_names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))
