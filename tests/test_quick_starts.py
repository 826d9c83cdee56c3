"""The quick starts set what the table of recommended options says."""

import importlib.util
import os
import pathlib
import subprocess
import sys

from oslo_config import cfg
import pytest
import yaml

from nfv_sched import conf
from tests.devstack import ini

_ETC = pathlib.Path(__file__).parents[1] / 'etc'
_QUICK = _ETC / 'quick-starts'
_ROLE = _ETC / 'ansible' / 'roles' / 'nfv_sched'
_PLAYBOOK = _ETC / 'ansible' / 'site.yml'

_SCHEDULER = conf.OptionReader.SCHEDULER
_CONDUCTOR = conf.OptionReader.CONDUCTOR


def plain(sections):
    """Options by section and name, their values as in :mod:`ini`."""
    return {
        (section, name): [ini.plain(value) for value in values]
        for section, options in sections.items()
        for name, values in options.items()
    }


def expected(*readers, options=conf.RECOMMENDED):
    """What services have to be told."""
    return {
        (option.group, option.name): [
            ini.plain(value)
            # Of a list only available_filters stands on several lines.
            for value in (
                option.value
                if option.name == 'available_filters'
                else [option.text]
            )
        ]
        for option in options
        if not set(readers).isdisjoint(option.readers)
    }


def placement():
    options = conf.PLACEMENT_RECOMMENDED
    return expected(conf.OptionReader.PLACEMENT, options=options)


def of_text(text, tmp_path):
    path = tmp_path / 'options.conf'
    path.write_text(text)
    return plain(ini.read(path))


def helm(name):
    """As helm-toolkit.utils.to_oslo_conf writes the values of a chart."""
    values = yaml.safe_load((_QUICK / 'openstack-helm' / name).read_text())
    [sections] = values['conf'].values()

    def lines(value):
        if not isinstance(value, dict):
            return [value]
        if value['type'] == 'multistring':
            return value['values']
        return [','.join(value['values'])]

    return plain(
        {
            section: {name: lines(value) for name, value in options.items()}
            for section, options in sections.items()
        }
    )


def test_the_table_is_what_install_has():
    example = plain(ini.read(_ETC / 'nova.conf.example'))
    assert example == expected(_SCHEDULER, _CONDUCTOR)


@pytest.mark.parametrize(
    ('file', 'readers'),
    [
        ('nova-scheduler.conf', (_SCHEDULER,)),
        ('nova-conductor.conf', (_CONDUCTOR,)),
        ('nova-super-conductor.conf', (_CONDUCTOR,)),
    ],
)
def test_kolla_ansible(file, readers):
    path = _QUICK / 'kolla-ansible' / 'nova' / file
    assert plain(ini.read(path)) == expected(*readers)


def test_placement_of_kolla_ansible():
    path = _QUICK / 'kolla-ansible' / 'placement.conf'
    assert plain(ini.read(path)) == placement()


def test_openstack_ansible():
    """By the templates of the role os_nova, and its overrides."""
    path = _QUICK / 'openstack-ansible' / 'user_variables.yml'
    values = yaml.safe_load(path.read_text())
    # A mapping without values is a line for each of its keys.
    found = plain(
        {
            section: {
                name: list(value) if isinstance(value, dict) else [value]
                for name, value in options.items()
            }
            for section, options in values['nova_nova_conf_overrides'].items()
        }
    )
    filters = ','.join(values['nova_scheduler_default_filters'])
    found['filter_scheduler', 'enabled_filters'] = [ini.plain(filters)]
    assert found == expected(_SCHEDULER, _CONDUCTOR)
    attempts = values['nova_scheduler_max_attempts']
    assert found['scheduler', 'max_attempts'] == [attempts]
    of_placement = values['placement_placement_conf_overrides']
    assert (
        plain(
            {
                section: {name: [value] for name, value in options.items()}
                for section, options in of_placement.items()
            }
        )
        == placement()
    )


def test_openstack_helm():
    assert helm('nova.yaml') == expected(_SCHEDULER, _CONDUCTOR)
    assert helm('placement.yaml') == placement()


def test_rhoso(tmp_path):
    path = _QUICK / 'rhoso' / 'control-plane.yaml'
    _, plane = yaml.safe_load_all(path.read_text())
    nova = plane['spec']['nova']['template']
    text = nova['schedulerServiceTemplate']['customServiceConfig']
    assert of_text(text, tmp_path) == expected(_SCHEDULER)
    assert nova['cellTemplates'].keys() == {'cell0', 'cell1'}
    for cell in nova['cellTemplates'].values():
        text = cell['conductorServiceTemplate']['customServiceConfig']
        assert of_text(text, tmp_path) == expected(_CONDUCTOR)
    text = plane['spec']['placement']['template']['customServiceConfig']
    assert of_text(text, tmp_path) == placement()


@pytest.mark.parametrize('file', ['nova.conf', 'placement.conf'])
def test_the_role_has_the_text_of_install(file):
    example = (_ETC / f'{file}.example').read_text()
    assert (_ROLE / 'files' / file).read_text() == example


needs_ansible = pytest.mark.skipif(
    importlib.util.find_spec('ansible') is None
    or sys.prefix == sys.base_prefix,
    reason='needs ansible-core in a virtual environment',
)


@pytest.fixture
def play(tmp_path):
    """Play the role on this machine; returns the finished process."""
    variables = {
        'ansible_connection': 'local',
        'ansible_become': False,
        'ansible_python_interpreter': sys.executable,
        # It is installed there already: nothing is downloaded.
        'nfv_sched_virtualenv': sys.prefix,
        'nfv_sched_nova_conf_dir': str(tmp_path / 'nova.conf.d'),
        'nfv_sched_placement_conf_dir': str(tmp_path / 'placement.conf.d'),
        'nfv_sched_owner': os.getuid(),
        'nfv_sched_group': os.getgid(),
        'nfv_sched_services': [],
    }

    def run(**more):
        inventory = tmp_path / 'inventory.yml'
        hosts = {'localhost': {**variables, **more}}
        inventory.write_text(
            yaml.safe_dump({'nova_scheduler': {'hosts': hosts}})
        )
        return subprocess.run(
            [
                pathlib.Path(sys.executable).with_name('ansible-playbook'),
                '-i',
                inventory,
                _PLAYBOOK,
            ],
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                'ANSIBLE_LOCALHOST_WARNING': '0',
                'ANSIBLE_HOME': str(tmp_path / 'ansible'),
            },
        )

    return run


def recap(done):
    """The numbers of the last line of a play."""
    [line] = [
        line
        for line in done.stdout.splitlines()
        if line.startswith('localhost')
    ]
    return {
        name: int(number)
        for name, _, number in (
            word.partition('=') for word in line.split() if '=' in word
        )
    }


@needs_ansible
def test_the_role_writes_what_services_read(play, tmp_path):
    first = play(nfv_sched_check=False)
    assert first.returncode == 0, first.stdout + first.stderr
    assert recap(first)['changed'] == 4
    again = play(nfv_sched_check=False)
    assert again.returncode == 0
    assert recap(again)['changed'] == 0
    options = cfg.ConfigOpts()
    options.register_opt(cfg.ListOpt('enabled_filters'), 'filter_scheduler')
    options.register_opt(
        cfg.MultiStrOpt('available_filters'), 'filter_scheduler'
    )
    folder = str(tmp_path / 'nova.conf.d')
    options(['--config-dir', folder], default_config_files=[])
    group = options.filter_scheduler
    assert set(conf.OUR_FILTERS) < set(group.enabled_filters)
    assert 'nfv_sched.filters.all_filters' in group.available_filters


@needs_ansible
def test_the_role_fails_where_the_check_does(play):
    missing = ['--config-file', '/nowhere/nova.conf']
    done = play(nfv_sched_check_arguments=missing)
    assert done.returncode != 0
    assert 'Check the set-up' in done.stdout
    assert recap(done)['failed'] == 1
