"""Hints for messages about unknown names."""

from collections.abc import Iterable
import difflib

_MOST_LISTED = 12


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar to ``name``, if any."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower()[:200], by_lower, 1)
    return by_lower[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for a message about an unknown name.

    It has the closest known name; without one, all names if they are few.
    """
    names = sorted(known)
    if close := closest(name, names):
        return f'; did you mean {close}?'
    if 0 < len(names) <= _MOST_LISTED:
        return f'; known: {", ".join(names)}'
    return ''
