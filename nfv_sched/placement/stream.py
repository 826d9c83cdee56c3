"""Large JSON answers, entry by entry.

One call that parses tens of megabytes keeps all other threads of the process
waiting for as long as it takes, since it never lets go of the interpreter; so
does the end of what it returned. Requests of the scheduler are such threads.
"""

from collections.abc import Iterator
import json
from typing import Any

#: Bytes that are decoded at once, far less than a millisecond's work.
CHUNK = 2**18

#: Characters of one value, far more than any that Placement gives: each try
#: to read one begins anew.
_MOST = 4 * CHUNK

#: What may follow a value.
_AFTER = frozenset(',:]} \t\n\r')
_SPACE = ' \t\n\r'


class _Text:
    """UTF-8 text that is decoded as far as it is needed."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._next = 0
        self._decoder = json.JSONDecoder()
        self._left = ''
        self._at = 0

    def peek(self) -> str:
        """The next character that is no blank; raise ValueError."""
        while True:
            while self._at < len(self._left):
                char = self._left[self._at]
                if char not in _SPACE:
                    return char
                self._at += 1
            self._more()

    def take(self, wanted: str) -> str:
        """The next character, one of ``wanted``; raise ValueError."""
        char = self.peek()
        if char not in wanted:
            raise ValueError(f'{char!r} where one of {wanted!r} must be')
        self._at += 1
        return char

    def value(self) -> Any:
        """The next value; raise ValueError."""
        self.peek()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._left, self._at)
            except ValueError:
                if len(self._left) - self._at > _MOST:
                    raise
                self._more()
                continue
            # A number may go on in the next chunk, with a point or digits.
            after = self._left[end : end + 1]
            if after not in _AFTER and self._next < len(self._raw):
                self._more()
                continue
            self._at = end
            return found

    def _more(self) -> None:
        if self._next >= len(self._raw):
            raise ValueError('the text ends too early, or is no JSON')
        end = min(self._next + CHUNK, len(self._raw))
        # Not in the middle of a character.
        while end < len(self._raw) and self._raw[end] & 0xC0 == 0x80:
            end += 1
        chunk = self._raw[self._next : end].decode()
        self._left = self._left[self._at :] + chunk
        self._at = 0
        self._next = end


def entries(raw: bytes, name: str) -> Iterator[tuple[str, Any]]:
    """Keys and values of the object ``name`` in the object ``raw``.

    Raise ValueError, perhaps in the middle, for what is no JSON or no object,
    or where there is no such name.
    """
    text = _Text(raw)
    for _ in _at(text, name):
        for key in _keys(text):
            yield key, text.value()


def elements(raw: bytes, name: str) -> Iterator[Any]:
    """Elements of the list ``name`` in the object ``raw``.

    Raise ValueError as :func:`entries` does.
    """
    text = _Text(raw)
    for _ in _at(text, name):
        yield from _elements(text)


def _at(text: _Text, name: str) -> Iterator[None]:
    """Stop once, where the value of ``name`` begins, to be read."""
    seen = False
    for key in _keys(text):
        if key == name and not seen:
            seen = True
            yield
        elif text.peek() == '[':
            for _ in _elements(text):
                pass
        else:
            text.value()
    if not seen:
        raise ValueError(f'no {name}')


def _keys(text: _Text) -> Iterator[str]:
    """The keys of an object; whoever takes one reads its value."""
    text.take('{')
    if text.peek() == '}':
        text.take('}')
        return
    while True:
        key = text.value()
        if not isinstance(key, str):
            raise ValueError(f'{type(key).__name__} for a key')  # noqa: TRY004
        text.take(':')
        yield key
        if text.take(',}') == '}':
            return


def _elements(text: _Text) -> Iterator[Any]:
    text.take('[')
    if text.peek() == ']':
        text.take(']')
        return
    while True:
        yield text.value()
        if text.take(',]') == ']':
            return
