"""What the documentation shows can be played."""

import json
import pathlib
import textwrap

from nfv_sched.scenario import loader

DOCS = pathlib.Path(__file__).parents[2] / 'doc' / 'source'


def test_the_scenario_of_the_docs():
    scenario = loader.read(DOCS / 'scenarios' / 'rack.yaml')
    assert len(scenario.hosts) == 6
    assert len(scenario.steps) == 5


def test_the_recorded_requests_of_the_docs(scenario):
    text = (DOCS / 'scenarios.rst').read_text()
    blocks = text.split('\n\n')
    [block] = [part for part in blocks if part.lstrip().startswith('{"at"')]
    lines = textwrap.dedent(block).splitlines()
    assert [list(json.loads(line))[-1] for line in lines] == [
        'boot',
        'boot',
        'delete',
    ]
    scenario('\n'.join(lines), 'log.jsonl')
    path = scenario(
        'hosts: [{machine: turin-nps4}]\nsteps: [{replay: log.jsonl}]'
    )
    assert len(loader.read(path).steps) == 3
