"""The status file is written, read, and checked."""

import dataclasses
import json

import pytest

from nfv_sched.publishing import status
from nfv_sched.publishing.pass_report import PassReport


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'publisher.json'


def test_what_is_written_is_read(path):
    assert status.read(path) is None
    begun = status.Status('cells', 60)
    done = begun.after(PassReport('full', hosts=3, finished=True), 12.5)
    for state in (begun, done, dataclasses.replace(done, leads=False)):
        status.write(path, state)
        assert status.read(path) == state


def test_the_keys_of_counts_stay_for_programs_that_read_them(path):
    report = PassReport('full', incomplete=3, finished=True)
    status.write(path, status.Status('cells', 60).after(report, 1.0))
    counts = json.loads(path.read_text())['counts']
    assert counts['torn'] == 3
    assert 'incomplete' not in counts


@pytest.mark.parametrize(
    ('changes', 'wrong'),
    [
        ({'source': None}, 'source'),
        ({'interval': '60'}, 'interval'),
        ({'passed': 'yesterday'}, 'passed'),
        ({'full': []}, 'full'),
        ({'leads': None}, 'leads'),
        ({'counts': None}, 'counts'),
        ({'counts': {'failed': None}}, 'counts.failed'),
        ({'counts': {'skipped': '1'}}, 'counts.skipped'),
    ],
)
def test_values_of_wrong_types_are_refused(path, changes, wrong):
    values = dataclasses.asdict(status.Status('cells', 60.0, 1.0, 1.0))
    path.write_text(json.dumps({**values, **changes}))
    with pytest.raises(ValueError, match=f'wrong type of {wrong}'):
        status.read(path)


@pytest.mark.parametrize('text', ['[]', '{}', '{"source": "cells"}'])
def test_another_file_is_refused(path, text):
    path.write_text(text)
    with pytest.raises(ValueError, match='is not the status of a publisher'):
        status.read(path)
