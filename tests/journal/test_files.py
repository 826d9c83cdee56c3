"""Files of a decision journal: bounded, and read whatever is in them."""

import dataclasses
import os

from hypothesis import given
from hypothesis import strategies as st
import pytest

from nfv_sched.journal import record
from nfv_sched.journal.files import JournalReader
from nfv_sched.journal.files import JournalWriter
from nfv_sched.journal.files import SUFFIX

MIB = 1 << 20

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.integers(0, 10**6)
WEIGHTS = st.builds(record.AppliedWeight, st.text(), FLOATS, FLOATS)
RECORDS = st.builds(
    record.DecisionRecord,
    time=FLOATS,
    scheduler=st.text(),
    pid=NUMBERS,
    instance=st.uuids().map(str),
    flavor=st.text(),
    purpose=st.sampled_from(record.RequestKind),
    instances=NUMBERS,
    ending=st.sampled_from(record.Ending),
    request_id=st.none() | st.text(),
    filters=st.lists(
        st.builds(record.FilterCount, st.text(), NUMBERS, NUMBERS), max_size=3
    ).map(tuple),
    weighed=st.none() | NUMBERS,
    service_host=st.none() | st.text(),
    node=st.none() | st.text(),
    rank=st.none() | NUMBERS,
    claims=NUMBERS,
    subset_size=NUMBERS,
    numa_nodes=st.none() | st.lists(NUMBERS, max_size=3).map(tuple),
    chosen=st.booleans(),
    best=st.lists(
        st.builds(
            record.RankedHost,
            st.text(),
            FLOATS,
            FLOATS,
            st.lists(WEIGHTS, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    without=st.lists(
        st.builds(record.Counterfactual, st.none() | st.text(), st.text()),
        max_size=2,
    ).map(tuple),
    conditions=st.lists(st.tuples(st.text(), NUMBERS), max_size=2).map(tuple),
    nearest=st.text(),
    shadow=st.none()
    | st.builds(
        record.ShadowJudgement,
        NUMBERS,
        st.none() | st.text(),
        st.none() | st.text(),
    ),
    dropped=NUMBERS,
)


def some_record(instance='one', time=1.0):
    return record.DecisionRecord(
        time=time,
        scheduler='controller',
        pid=1,
        instance=instance,
        flavor='vnf',
        purpose=record.RequestKind.BOOT,
        instances=1,
        ending=record.Ending.SELECTED,
        node='cmp-0',
    )


@given(RECORDS)
def test_a_record_is_read_as_it_was_written(written):
    line = record.encode(written)
    assert '\n' not in line
    assert record.decode(line) == written


@pytest.mark.parametrize(
    'line',
    [
        '',
        '{}',
        '[]',
        'null',
        '7',
        '{"version":1}',
        '\x00',
        '[' * 100000,
        record.encode(some_record()).replace('"version":1', '"version":2'),
        record.encode(some_record()).replace('"pid":1', '"pid":"x"'),
        record.encode(some_record()).replace('"best":[]', '"best":[[1]]'),
        record.encode(some_record()).replace('boot', 'rest'),
        record.encode(some_record())[:-10],
    ],
)
def test_what_is_no_record_is_said_to_be_none(line):
    with pytest.raises(record.MalformedRecordError):
        record.decode(line)


def test_keys_of_a_later_release_are_ignored():
    line = record.encode(some_record())
    assert record.decode(line[:-1] + ',"more":1}') == some_record()


def test_malformed_lines_are_counted_and_left_out(tmp_path):
    line = record.encode(some_record()).encode()
    (tmp_path / f'1-1{SUFFIX}').write_bytes(
        line + b'\n\xff\xfe\n' + b'[]\n' + line[:50] + b'\n' + line + b'\n'
    )
    (tmp_path / f'2-1{SUFFIX}').write_bytes(os.urandom(5000).hex().encode())
    (tmp_path / 'other.txt').write_text('no journal')
    reader = JournalReader([tmp_path])
    assert list(reader.records()) == [some_record()] * 2
    assert (reader.files, reader.malformed) == (2, 4)
    assert reader.problems == []


def test_a_line_without_end_is_read_in_parts(tmp_path):
    with (tmp_path / f'1-1{SUFFIX}').open('wb') as file:
        file.write(b'x' * (3 * MIB))
        file.write(b'\n' + record.encode(some_record()).encode() + b'\n')
    reader = JournalReader([tmp_path])
    assert list(reader.records()) == [some_record()]
    assert reader.malformed


def test_folders_and_files_that_cannot_be_read_are_problems(tmp_path):
    (tmp_path / f'1-1{SUFFIX}').mkdir()
    reader = JournalReader([tmp_path / 'missing', tmp_path])
    assert list(reader.records()) == []
    assert len(reader.problems) == 2


def test_the_newest_decision_on_an_instance_is_first(tmp_path):
    """Of several controllers."""
    for number, times in enumerate([(3.0, 1.0), (2.0,)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        JournalWriter(folder, 1).append(
            [record.encode(some_record(time=time)) for time in times]
            + [record.encode(some_record('other', 9.0))]
        )
    reader = JournalReader([tmp_path / '0', tmp_path / '1'])
    found = reader.of_instance('one')
    assert [entry.time for entry in found] == [3.0, 2.0, 1.0]


def test_a_folder_is_bounded(tmp_path):
    """Also that of processes that have ended."""
    long = dataclasses.replace(some_record(), flavor='x' * 5000)
    for process in range(5):
        writer = JournalWriter(tmp_path, 1)
        for number in range(100):
            time = process * 100.0 + number
            line = record.encode(dataclasses.replace(long, time=time))
            writer.append([line])
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert MIB / 2 < size <= MIB * 1.1
    times = sorted(r.time for r in JournalReader([tmp_path]).records())
    # The newest ones, without a gap.
    assert times == [float(t) for t in range(500 - len(times), 500)]


def test_a_file_that_was_removed_is_made_again(tmp_path):
    writer = JournalWriter(tmp_path, 1)
    line = record.encode(some_record())
    writer.append([line])
    for path in tmp_path.iterdir():
        path.unlink()
    writer.append([line, line])
    assert len(list(JournalReader([tmp_path]).records())) == 2


def test_a_full_disk_spoils_no_later_line(tmp_path, monkeypatch):
    writer = JournalWriter(tmp_path, 1)
    line = record.encode(some_record())
    write = os.write
    with monkeypatch.context() as full:
        # As write(2) does when the disk has room for a part.
        full.setattr(os, 'write', lambda file, data: write(file, data[:20]))
        with pytest.raises(OSError, match='in part'):
            writer.append([line])
    writer.append([line])
    reader = JournalReader([tmp_path])
    assert list(reader.records()) == [some_record()]
    assert reader.malformed == 1
