"""What the documentation shows can be played."""

import json
import pathlib
import textwrap

from nfv_sched.scenario import loader

DOCS = pathlib.Path(__file__).parents[2] / 'doc' / 'source'


def test_the_scenario_of_the_docs():
    found = loader.read(DOCS / 'scenarios' / 'rack.yaml')
    assert len(found.hosts) == 6
    assert len(found.steps) == 5


def test_the_recorded_requests_of_the_docs(scenario):
    text = (DOCS / 'scenarios.rst').read_text()
    [block] = [
        part
        for part in text.split('::\n\n')
        if part.lstrip().startswith('{"at"')
    ]
    lines = textwrap.dedent(block.split('\n\n')[0]).splitlines()
    assert [list(json.loads(pipeline))[-1] for pipeline in lines] == [
        'boot',
        'boot',
        'delete',
    ]
    scenario('\n'.join(lines), 'log.jsonl')
    path = scenario(
        'hosts: [{machine: turin-nps4}]\nsteps: [{replay: log.jsonl}]'
    )
    assert len(loader.read(path).steps) == 3
