"""Decode large JSON answers entry by entry.

A single call that parses tens of megabytes never releases the interpreter
lock, so that all other threads of the process wait for it; freeing its result
takes as long, and freeing the text some milliseconds. The scheduler handles
requests in such threads.

ijson does the same with its C backend (yajl2_c), but takes three times the CPU
time for an answer of 50 MB (5,000 hosts), and other threads wait longer.
"""

import codecs
from collections import deque
from collections.abc import Iterator
import json
from typing import Any

#: Bytes decoded at once, which takes far less than a millisecond.
CHUNK = 2**18

#: The limit of one value in characters, far above Placement's values. A value
#: that ends in a later chunk is parsed again from its start with each chunk.
_MAX_VALUE = 4 * CHUNK

#: What may follow a value.
_AFTER = frozenset(',:]} \t\n\r')
_SPACE = ' \t\n\r'


class _Text:
    """JSON in UTF-8 that is decoded chunk by chunk, as it is needed.

    Chunks are removed from ``raw`` as they are decoded.
    """

    def __init__(self, raw: deque[bytes]) -> None:
        self._raw = raw
        self._characters = codecs.getincrementaldecoder('utf-8')()
        self._decoder = json.JSONDecoder()
        self._text = ''
        self._position = 0

    def peek(self) -> str:
        """The next character that is not a blank.

        :raises ValueError: the text ends
        """
        while True:
            while self._position < len(self._text):
                char = self._text[self._position]
                if char not in _SPACE:
                    return char
                self._position += 1
            self._read_chunk()

    def take(self, expected: str) -> str:
        """Consume the next character that is not a blank.

        :raises ValueError: it is not one of ``expected``
        """
        char = self.peek()
        if char not in expected:
            raise ValueError(f'{char!r} instead of one of {expected!r}')
        self._position += 1
        return char

    def value(self) -> Any:
        """Consume and decode the next value.

        :raises ValueError: it is malformed or too long
        """
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(
                    self._text, self._position
                )
            except ValueError:
                if len(self._text) - self._position > _MAX_VALUE:
                    raise
                self._read_chunk()
                continue
            # The next chunk may begin with more digits of the same number.
            after = self._text[end : end + 1]
            if after not in _AFTER and self._raw:
                self._read_chunk()
                continue
            self._position = end
            return value

    def _read_chunk(self) -> None:
        if not self._raw:
            raise ValueError('the text is incomplete or not JSON')
        chunks = [self._text[self._position :]]
        size = 0
        # A server may send a few bytes at a time.
        while self._raw and size < CHUNK:
            raw = self._raw.popleft()
            size += len(raw)
            chunks.append(self._characters.decode(raw, final=not self._raw))
        self._text = ''.join(chunks)
        self._position = 0


def entries(raw: deque[bytes], name: str) -> Iterator[tuple[str, Any]]:
    """Keys and values of the object ``name`` in the object ``raw``.

    :param raw: the text in chunks of up to :data:`CHUNK` bytes, which are
        removed
    :raises ValueError: ``raw`` is malformed, or has no object ``name``;
        possibly after some entries
    """
    text = _Text(raw)
    for _ in _value_of(text, name):
        for key in _keys(text):
            yield key, text.value()


def elements(raw: deque[bytes], name: str) -> Iterator[Any]:
    """Elements of the list ``name`` in the object ``raw``.

    :param raw: as in :func:`entries`
    :raises ValueError: ``raw`` is malformed, or has no list ``name``;
        possibly after some elements
    """
    text = _Text(raw)
    for _ in _value_of(text, name):
        yield from _elements(text)


def _value_of(text: _Text, name: str) -> Iterator[None]:
    """Yield once where the value of ``name`` begins; the caller reads it."""
    found = False
    for key in _keys(text):
        if key == name and not found:
            found = True
            yield
        elif text.peek() == '[':
            for _ in _elements(text):
                pass
        else:
            text.value()
    if not found:
        raise ValueError(f'no {name}')


def _keys(text: _Text) -> Iterator[str]:
    """The keys of an object; the caller reads the value of each."""
    text.take('{')
    if text.peek() == '}':
        text.take('}')
        return
    while True:
        key = text.value()
        if not isinstance(key, str):
            raise ValueError(f'the key is {type(key).__name__}')  # noqa: TRY004
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
