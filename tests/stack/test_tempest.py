"""Our tempest plugin, run by tempest against this control plane."""

import os
import pathlib
import subprocess
import sys

import pytest

from tests.stack import configuration
from tests.stack.configuration import PASSWORD

pytest.importorskip('tempest', reason='tempest is not installed')

_TEMPEST = str(pathlib.Path(sys.executable).parent / 'tempest')


def _configuration(plane, guests, flavors):
    cloud = plane.cloud
    return {
        'auth': {
            'use_dynamic_credentials': True,
            'create_isolated_networks': False,
            'admin_username': 'admin',
            'admin_password': PASSWORD,
            'admin_project_name': 'admin',
            'admin_domain_name': 'Default',
        },
        'identity': {
            'uri_v3': f'{plane.ports.url("keystone")}/v3',
            'region': 'RegionOne',
        },
        'service_available': {
            'neutron': False,
            'cinder': False,
            'swift': False,
            'glance': True,
            'nova': True,
        },
        'validation': {'run_validation': False},
        'compute': {
            'image_ref': cloud.image.find_image('tiny').id,
            'flavor_ref': flavors.vnf.id,
            'flavor_ref_alt': flavors.large.id,
            'min_compute_nodes': len(plane.hosts),
            'max_microversion': 'latest',
            'build_timeout': 120,
        },
        'compute-feature-enabled': {'resize': True},
        'nfv_sched': {'page_size': '1GB', 'cells': 2, 'alias': 'vf'},
        'oslo_concurrency': {'lock_path': plane.root / 'tempest-locks'},
    }


def test_the_plugin(plane, guests, flavors):
    folder = plane.root / 'tempest'
    # Not in the home of whoever runs it, where it would stay.
    workspaces = ['--workspace-path', str(plane.root / 'workspaces.yaml')]
    subprocess.run([_TEMPEST, 'init', str(folder), *workspaces], check=True)
    configuration.write(
        folder / 'etc' / 'tempest.conf',
        _configuration(plane, guests, flavors),
    )
    done = subprocess.run(
        [_TEMPEST, 'run', '--regex', 'nfv_sched_tempest', '--serial'],
        cwd=folder,
        env={
            name: value
            for name, value in os.environ.items()
            if not name.startswith('OS_')
        },
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert ' - Passed: 7' in done.stdout
    guests.delete_all()
