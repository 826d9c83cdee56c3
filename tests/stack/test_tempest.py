"""Our tempest plugin, run by tempest against this control plane.

With the options that the devstack plugin writes for the hosts' hardware, and
judged by what judges the job of devstack.
"""

import io
import os
import pathlib
import subprocess
import sys

import pytest

from nfv_sched.model.cpu_list import ranges
from nfv_sched_tempest import results
from tests.devstack.plugin import BASH
from tests.devstack.plugin import Devstack
from tests.stack import configuration
from tests.stack import virt
from tests.stack.configuration import PASSWORD
from tests.sysfs import trees

pytest.importorskip('tempest', reason='tempest is not installed')

pytestmark = pytest.mark.skipif(not BASH, reason='there is no bash')

_TEMPEST = str(pathlib.Path(sys.executable).parent / 'tempest')
_STESTR = str(pathlib.Path(sys.executable).parent / 'stestr')


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
        'compute-feature-enabled': {'resize': True, 'live_migration': True},
        'oslo_concurrency': {'lock_path': plane.root / 'tempest-locks'},
    }


def _hardware(root, machine):
    """Write what the hosts' kernel would show in sysfs."""
    system = 'devices/system'
    everything = ranges(cpu for cell in machine.cells for cpu in cell.cpus)
    files = {
        f'{system}/cpu/present': everything,
        f'{system}/cpu/online': everything,
        f'{system}/node/online': f'0-{len(machine.cells) - 1}',
    }
    for cell in machine.cells:
        at = f'{system}/node/node{cell.id}'
        files[f'{at}/cpulist'] = ranges(cell.cpus)
        files[f'{at}/meminfo'] = (
            f'Node {cell.id} MemTotal: {cell.memory_mib << 10} kB'
        )
        for size, number in cell.pages.items():
            pool = f'{at}/hugepages/hugepages-{size}kB'
            files[f'{pool}/nr_hugepages'] = number
            files[f'{pool}/free_hugepages'] = number
    return trees.write(root, files)


def test_the_plugin(plane, guests, flavors):
    folder = plane.root / 'tempest'
    # Not in the home of whoever runs it, where it would stay.
    workspaces = ['--workspace-path', str(plane.root / 'workspaces.yaml')]
    subprocess.run([_TEMPEST, 'init', str(folder), *workspaces], check=True)
    devstack = Devstack(
        folder / 'etc', 'tempest', _hardware(plane.root / 'sys', virt.MACHINE)
    )
    configuration.write(
        devstack.tempest_conf, _configuration(plane, guests, flavors)
    )
    devstack.phase('stack', 'test-config', NFV_SCHED_TEMPEST_ALIAS='vf')
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('OS_')
    }
    done = subprocess.run(
        [_TEMPEST, 'run', '--regex', 'nfv_sched_tempest', '--serial'],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout + done.stderr
    stream = subprocess.run(
        [_STESTR, 'last', '--subunit'],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    # Nothing was skipped, either.
    assert (
        list(results.problems(results.outcomes(io.BytesIO(stream)), ())) == []
    )
    guests.delete_all()
