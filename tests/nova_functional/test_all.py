"""The modules of Nova's functional tests in which guests are scheduled.

``NFV_MODULES`` names others, separated by commas.
"""

import os
from typing import Any

import tests.nova_functional  # noqa: F401 - before anything of Nova

_MODULES = (
    'nova.tests.functional.libvirt.test_numa_servers',
    'nova.tests.functional.libvirt.test_pci_sriov_servers',
    'nova.tests.functional.libvirt.test_pci_in_placement',
    'nova.tests.functional.libvirt.test_numa_live_migration',
    'nova.tests.functional.libvirt.test_rt_servers',
    'nova.tests.functional.libvirt.test_power_manage',
    'nova.tests.functional.test_server_group',
)


def load_tests(loader: Any, tests: Any, pattern: str) -> Any:
    """Nova's tests instead of any of this file."""
    named = os.environ.get('NFV_MODULES')
    suite = loader.suiteClass()
    for module in named.split(',') if named else _MODULES:
        suite.addTests(loader.loadTestsFromName(module))
    return suite
