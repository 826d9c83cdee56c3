"""What ``.zuul.yaml`` runs is there."""

import configparser
import pathlib

import yaml

_ROOT = pathlib.Path(__file__).parent.parent


def _entries(kind):
    read = yaml.safe_load((_ROOT / '.zuul.yaml').read_text())
    return [entry[kind] for entry in read if kind in entry]


def test_jobs_run_tox_environments_that_exist():
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(_ROOT / 'tox.ini')
    run = [
        job['vars']['tox_envlist']
        for job in _entries('job')
        if 'tox_envlist' in job.get('vars', {})
    ]
    assert len(run) >= 5
    for name in run:
        assert f'testenv:{name}' in tox or name == 'all', name


def test_our_jobs_of_the_project_are_defined():
    defined = {job['name'] for job in _entries('job')}
    [project] = _entries('project')
    named = {
        name
        for pipeline in project.values()
        for job in pipeline['jobs']
        for name in ([job] if isinstance(job, str) else job)
        if name.startswith('nfv-sched-')
    }
    assert named
    assert named <= defined
