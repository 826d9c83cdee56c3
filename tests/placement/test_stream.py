"""Streamed entries are those that the json module decodes."""

from collections import deque
import json

from hypothesis import given
from hypothesis import strategies as st
import pytest

from nfv_sched.placement import stream

_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(), inner)
    ),
    max_leaves=8,
)


def _chunks(raw, size=stream.CHUNK):
    return deque(
        raw[start : start + size] for start in range(0, len(raw), size)
    )


@given(
    before=st.dictionaries(st.text(), _values, max_size=3),
    wanted=st.dictionaries(st.text(), _values, max_size=5),
    after=st.dictionaries(st.text(), _values, max_size=3),
    chunk=st.integers(1, 40),
    received=st.integers(1, 40),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
)
def test_entries_and_elements_equal_those_of_json(
    before, wanted, after, chunk, received, ascii_only, indent
):
    for other in (before, after):
        other.pop('wanted', None)
    everything = {**before, 'wanted': wanted, **after}
    raw = json.dumps(everything, ensure_ascii=ascii_only, indent=indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, 'CHUNK', chunk)
        entries = list(
            stream.entries(
                _chunks(raw.encode('utf-8', 'replace'), received), 'wanted'
            )
        )
        everything['wanted'] = list(wanted.values())
        raw_list = json.dumps(everything, indent=indent).encode()
        assert list(
            stream.elements(_chunks(raw_list, received), 'wanted')
        ) == list(wanted.values())
    if '\\ud' in raw or '?' in raw:
        # Half a character may have been replaced.
        assert len(entries) >= len(dict(entries))
    else:
        assert entries == list(wanted.items())


@pytest.mark.parametrize(
    'raw',
    [
        b'',
        b'[]',
        b'null',
        b'{}',
        b'{"other": {}}',
        b'{"wanted": []}',
        b'{"wanted": 1}',
        b'{"wanted": {"a": 1',
        b'{"wanted": {"a" 1}}',
        b'{"wanted": {1: 1}}',
        b'{"wanted": {"a": 1}',
        b'{"wanted": {"a": 1,}}',
        b'{"other": [1, "wanted": {}}',
        b'\xff\xfe',
        b'{"wanted": {"a": "\xff"}}',
        b'<html>',
    ],
)
def test_malformed_json_and_wrong_types_are_refused(raw):
    with pytest.raises(ValueError, match=r'.'):
        list(stream.entries(_chunks(raw), 'wanted'))


def test_a_value_above_the_limit_is_not_read_to_its_end(monkeypatch):
    chunks = []
    real = stream._Text._read_chunk

    def more(text):
        chunks.append(text)
        real(text)

    monkeypatch.setattr(stream._Text, '_read_chunk', more)
    raw = b'{"all": {"one": "' + b'x' * (20 * stream.CHUNK) + b'"}}'
    with pytest.raises(ValueError, match='Unterminated string'):
        list(stream.entries(_chunks(raw), 'all'))
    assert len(chunks) <= 6


def test_the_text_is_let_go_of_as_it_is_decoded():
    value = 'x' * (stream.CHUNK // 2)
    raw = json.dumps({'all': dict.fromkeys(map(str, range(20)), value)})
    chunks = _chunks(raw.encode())
    first = len(chunks)
    left = [len(chunks) for _ in stream.entries(chunks, 'all')]
    assert left[0] > first - 3
    assert left == sorted(left, reverse=True)
    assert not chunks
