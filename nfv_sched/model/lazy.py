"""Attributes computed on first use and kept."""

from collections.abc import Callable
from typing import Any
from typing import cast
from typing import Generic
from typing import TypeVar

_T = TypeVar('_T')


class Lazy(Generic[_T]):
    """Like functools.cached_property without its lock (until Python 3.12).

    The value replaces the descriptor in the instance's ``__dict__``, also of
    frozen dataclasses. Two threads may compute it twice, with the same result.

    :param make: makes the value from the instance, or from what the
        instance's ``__dict__`` holds as ``source`` if that is given
    """

    def __init__(
        self, make: Callable[[Any], _T], source: str | None = None
    ) -> None:
        self._make = make
        self._source = source
        self._name = ''
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn under which name the value is kept."""
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> _T:
        """Compute the value; later accesses do not get here."""
        if instance is None:
            return cast('_T', self)
        own = instance.__dict__
        source = own[self._source] if self._source else instance
        value = own[self._name] = self._make(source)
        return value
