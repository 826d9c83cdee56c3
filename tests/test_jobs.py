"""What ``.zuul.yaml`` runs is there, and Zuul and devstack read it.

Some tests need more than this tree has, and are skipped without it:

* the package ``zuul``, for Zuul's own schemas: ``tox -e zuul``;
* ``NFV_UPSTREAM``, a folder with checkouts of ``devstack``, ``tempest`` and
  ``openstack-zuul-jobs``, for the parents of the jobs and local.conf.
"""

import configparser
import copy
import functools
import importlib.util
import os
import pathlib
import re

import pytest
import yaml

from nfv_sched_tempest import results

_ROOT = pathlib.Path(__file__).parent.parent
_UPSTREAM = os.environ.get('NFV_UPSTREAM')
#: Where the parents of our jobs are defined.
_PARENTS = ('devstack', 'tempest', 'openstack-zuul-jobs')
_DEVSTACK_JOBS = ('nfv-sched-devstack', 'nfv-sched-devstack-multinode')

needs_upstream = pytest.mark.skipif(
    not _UPSTREAM, reason='NFV_UPSTREAM names no folder of checkouts'
)


class _Loader(yaml.SafeLoader):
    """Reads the tags of Zuul, such as those of secrets, as text."""


_Loader.add_multi_constructor('!', lambda loader, tag, node: str(node.value))


def _read(path):
    # Not of strangers: it derives from the safe loader.
    return yaml.load(path.read_text(), _Loader) or []  # noqa: S506


@functools.cache
def _entries(kind, root=_ROOT):
    paths = [root / '.zuul.yaml', *sorted(root.glob('zuul.d/*.yaml'))]
    return [
        entry[kind]
        for path in paths
        if path.exists()
        for entry in _read(path)
        if kind in entry
    ]


def _ours():
    return {job['name']: job for job in _entries('job')}


def _ancestors(job):
    """The job and those of ours that it derives from, itself first."""
    while job is not None:
        yield job
        job = _ours().get(job['parent'])


def _tox_environments():
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(_ROOT / 'tox.ini')
    return tox


def test_jobs_run_tox_environments_that_exist():
    run = [
        job['vars']['tox_envlist']
        for job in _entries('job')
        if 'tox_envlist' in job.get('vars', {})
    ]
    assert len(run) >= 5
    for name in run:
        assert (
            f'testenv:{name}' in _tox_environments()
            or name == 'all'
            or re.fullmatch(r'py3\d+', name)
        ), name


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


def _supported():
    """The versions of Python by release of Nova, as the page has them."""
    page = (_ROOT / 'doc/source/releases.rst').read_text()
    rows = re.findall(
        r'^   \* - (\d+)\n     - .+\n     - .+\n     - 3\.(\d+) to 3\.(\d+)$',
        page,
        re.MULTILINE,
    )
    return {
        release: range(int(first), int(last) + 1)
        for release, first, last in rows
    }


def test_jobs_of_releases_run_on_a_python_that_is_supported():
    supported = _supported()
    assert len(supported) == 4
    checked = set()
    for job in _entries('job'):
        if match := re.fullmatch(r'nfv-sched-tox-nova(\d+).*', job['name']):
            *_, last = _ancestors(job)
            python = re.fullmatch(r'openstack-tox-py3(\d+)', last['parent'])
            assert python, f'{job["name"]} does not say its Python'
            assert int(python[1]) in supported[match[1]]
            checked.add(match[1])
    assert checked == supported.keys() - {max(supported)}


@pytest.mark.parametrize('name', _DEVSTACK_JOBS)
def test_jobs_of_devstack_install_and_run_our_tests(name):
    job = _ours()[name]
    variables = job['vars']
    assert variables['tempest_plugins'] == ['nfv-sched']
    assert 'nfv-sched' in variables['devstack_plugins']
    chosen = re.compile(variables['tempest_test_regex'])
    assert results.tests()
    for test in results.tests():
        assert chosen.search(f'nfv_sched_tempest.tests.test_numa.{test}')
    # And it fails where some of them did not run.
    assert (_ROOT / job['post-run']).exists()
    skipped = {**variables, **job.get('extra-vars', {})}['nfv_sched_may_skip']
    methods = {test.rpartition('.')[2] for test in results.tests()}
    assert set(skipped) < methods


def test_two_nodes_skip_less_than_one():
    one, two = (_ours()[name] for name in _DEVSTACK_JOBS)
    more = set(one['vars']['nfv_sched_may_skip']).difference(
        two['extra-vars']['nfv_sched_may_skip']
    )
    assert more == {'test_anti_affinity', 'test_live_migration_pins_anew'}


def test_zuul_takes_the_jobs():
    configloader = pytest.importorskip(
        'zuul.configloader', reason='zuul is not installed: tox -e zuul'
    )
    jobs = _entries('job')
    assert jobs
    for job in jobs:
        configloader.JobParser.schema(job)
    schema = configloader.ProjectParser(None).schema
    for project in _entries('project'):
        schema(project)
    wrong = {**jobs[0], 'tempest_plugins': ['nfv-sched']}
    with pytest.raises(Exception, match='extra keys'):
        configloader.JobParser.schema(wrong)


@functools.cache
def _upstream_jobs():
    """Variants of each job of the repositories of the parents."""
    jobs = {}
    for name in _PARENTS:
        found = _entries('job', pathlib.Path(_UPSTREAM) / name)
        assert found, f'{name} has no jobs'
        for job in found:
            jobs.setdefault(job['name'], []).append(job)
    return jobs


@needs_upstream
def test_the_parents_of_the_jobs_exist():
    known = _upstream_jobs()
    checked = 0
    for job in _ours().values():
        *_, last = _ancestors(job)
        assert last['parent'] in known, job['name']
        checked += 1
    assert checked == len(_ours())
    [project] = _entries('project')
    for pipeline in project.values():
        for entry in pipeline['jobs']:
            for name in [entry] if isinstance(entry, str) else entry:
                assert name in known or name in _ours(), name


@needs_upstream
@pytest.mark.parametrize(
    'name', [name for name in _ours() if re.search('py3|nova', name)]
)
def test_jobs_run_on_the_python_of_their_parents(name):
    *_, last = _ancestors(_ours()[name])
    version = re.search(r'py3(\d+)', last['parent'])[1]
    assert {
        job['vars']['python_version']
        for job in _upstream_jobs()[last['parent']]
    } == {f'3.{version}'}


def _merged(*parts):
    """Variables as Zuul merges those of a job with its parents'."""
    merged = {}
    for part in parts:
        for name, value in part.items():
            old = merged.get(name)
            both = isinstance(old, dict) and isinstance(value, dict)
            merged[name] = copy.deepcopy(
                _merged(old, value) if both else value
            )
    return merged


def _lineage(job):
    """The jobs from the first parent that is known to this one."""
    found = [job]
    while variants := _upstream_jobs().get(found[0].get('parent')):
        found.insert(0, variants[0])
    return found


@needs_upstream
@pytest.mark.parametrize('name', _DEVSTACK_JOBS)
def test_local_conf_is_what_devstack_reads(name, tmp_path):
    """As the role write-devstack-local-conf writes it on the controller."""
    path = (
        pathlib.Path(_UPSTREAM) / 'devstack/roles/write-devstack-local-conf'
    ) / 'library/devstack_local_conf.py'
    spec = importlib.util.spec_from_file_location('devstack_local_conf', path)
    role = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(role)
    lineage = _lineage(_ours()[name])
    assert 'devstack-base' in {job['name'] for job in lineage}
    variables = _merged(*(job.get('vars', {}) for job in lineage))
    written = role.LocalConf(
        variables['devstack_localrc'],
        variables['devstack_local_conf'],
        None,
        variables['devstack_services'],
        variables['devstack_plugins'],
        str(tmp_path),
        {},
        None,
        variables['tempest_plugins'],
    )
    written.write(tmp_path / 'local.conf')
    lines = (tmp_path / 'local.conf').read_text().splitlines()
    assert 'enable_service tempest' in lines
    assert 'enable_service n-sch' in lines
    assert 'enable_service placement-api' in lines
    assert any(
        re.fullmatch(r'TEMPEST_PLUGINS="\S*nfv-sched"', line) for line in lines
    )
    # After every assignment, since the plugin's settings read them.
    *_, plugin = (
        place
        for place, line in enumerate(lines)
        if line.startswith('enable_plugin')
    )
    assert any(line.startswith('enable_plugin nfv-sched ') for line in lines)
    assert 'NFV_SCHED_HUGE_PAGES="512"' in lines[:plugin]
    assert 'initial_cpu_allocation_ratio = 16.0' in lines[plugin:]
    assert written.warnings == []


@needs_upstream
def test_the_second_node_is_prepared_like_the_first():
    lineage = _lineage(_ours()['nfv-sched-devstack-multinode'])
    subnode = _merged(
        *(job.get('group-vars', {}).get('subnode', {}) for job in lineage)
    )
    services = subnode['devstack_services']
    assert services['n-cpu']
    assert not services.get('n-sch')
    assert not services['tempest']
    assert subnode['devstack_localrc']['NFV_SCHED_HUGE_PAGES'] == 512
    # Of the variables of all nodes.
    assert 'devstack_plugins' not in subnode
