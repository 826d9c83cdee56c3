"""Whatever extra specs Nova's API accepts, the filter agrees with the claim.

Keys and values are generated from Nova's own validators, so what the API
lets through and its claim takes cannot be called malformed here.
"""

import functools
import logging
import re

from hypothesis import assume
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from nova import exception
from nova import objects
from nova.api.validation.extra_specs import hw
from nova.api.validation.extra_specs import pci_passthrough
from nova.api.validation.extra_specs import validators
from nova.pci import request as pci_request
from nova.scheduler import filters as scheduler_filters
from nova.virt import hardware
from oslo_serialization import jsonutils
import pytest

from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import scheduling
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples

pytestmark = pytest.mark.usefixtures('no_placement')

ALIASES = {
    'a': {'product_id': '154c', 'device_type': 'type-VF'},
    'b': {'product_id': '1572', 'device_type': 'type-PF'},
    'c': {'product_id': '0435', 'numa_policy': 'preferred'},
    'd': {'vendor_id': '8086', 'device_type': 'type-VF'},
}
#: Names without a number, and those with one for each guest NUMA node.
VALIDATORS = {
    validator.name: validator
    for validator in (
        *hw.register(),
        *pci_passthrough.register(),
    )
}
#: Larger numbers take Nova's parser gigabytes to expand.
_MOST = 16
#: What such values look like in flavors; random ones seldom mean anything.
_SENSIBLE = {
    'hw:numa_nodes': ('1', '1', '2', '2', '3'),
    'hw:mem_page_size': ('small', 'large', 'any', '2048', '1GB', '4', '0'),
    'hw:cpu_dedicated_mask': ('0-1', '^0', '0', '0-2,^1'),
    'hw:cpu_realtime_mask': ('^0', '0-1', '1'),
    'hw:numa_cpus.{num}': ('0', '0-1', '1', '2', '2-3', '^0'),
    'hw:numa_mem.{num}': ('256', '512', '1024', '1536'),
    'pci_passthrough:alias': ('a:0', 'a:1', 'a:0,a:1', 'b:1', 'c:2', 'd:0'),
}


@functools.cache
def values(name):
    """Values that the validator of ``name`` accepts."""
    value = VALIDATORS[name].value
    if value['type'] is bool:
        return st.sampled_from(('true', 'false', 'yes', '0'))
    if value['type'] is int:
        least, most = value.get('min', 0), value.get('max', _MOST)
        drawn = st.integers(least, most).map(str)
    elif 'enum' in value:
        return st.sampled_from(value['enum'])
    elif 'pattern' in value:
        drawn = st.from_regex(
            re.compile(value['pattern'], re.ASCII), fullmatch=True
        ).filter(_small)
    else:
        drawn = st.text(max_size=4)
    if name in _SENSIBLE:
        return st.one_of(*[st.sampled_from(_SENSIBLE[name])] * 3, drawn)
    return drawn


def _small(text):
    return len(text) < _MOST and all(
        int(number) < _MOST for number in re.findall(r'\d+', text)
    )


NAMES = st.lists(st.sampled_from(sorted(VALIDATORS)), max_size=6, unique=True)


@st.composite
def extra_specs(draw):
    """Extra specs that Nova's API accepts, key by key."""
    specs = {}
    names = list(draw(NAMES))
    for extra in ('hw:cpu_policy', 'hw:numa_nodes', 'pci_passthrough:alias'):
        if extra not in names and draw(strategies.YES_OR_NO):
            names.append(extra)
    for name in names:
        if '{num}' in name:
            for number in range(draw(strategies.between(1, 3))):
                key = name.replace('{num}', str(number))
                specs[key] = draw(values(name))
        else:
            specs[name] = draw(values(name))
    for key, value in specs.items():
        try:
            validators.validate(key, value)
        except exception.ValidationError:
            assume(False)
    return specs


@functools.lru_cache(maxsize=1)
def image():
    return objects.ImageMeta(properties=objects.ImageMetaProps())


@st.composite
def requests(draw):
    """What nova-api makes of a flavor that it accepts."""
    flavor = objects.Flavor(
        vcpus=draw(st.integers(1, 6)),
        memory_mb=draw(st.sampled_from((256, 512, 1024, 2048))),
        root_gb=1,
        ephemeral_gb=0,
        swap=0,
        extra_specs=draw(extra_specs()),
    )
    try:
        topology = hardware.numa_get_constraints(flavor, image())
        policy = hardware.get_pci_numa_policy_constraint(flavor, image())
        devices = pci_request.get_pci_requests_from_flavor(flavor, policy)
    except (exception.NovaException, ValueError):
        # The API answers with an error.
        assume(False)
    return flavor, topology, devices


@pytest.fixture
def aliases(nova_options):
    nova_options.set_override(
        'alias',
        [
            jsonutils.dumps({'name': name, **alias})
            for name, alias in ALIASES.items()
        ],
        'pci',
    )
    pci_request.get_alias_from_config.cache_clear()


@given(scene=strategies.scenes(), wanted=requests())
@settings(max_examples=examples(1500))
def _agree(caplog, scene, wanted):
    flavor, scene.spec.numa_topology, scene.spec.pci_requests = wanted
    spec = scheduling.request(scene, flavor=flavor)
    caplog.clear()
    kept = scheduler_filters.HostFilterHandler().get_filtered_objects(
        [NUMAFitFilter()], [scheduling.host_state(scene)], spec
    )
    assert bool(kept) == nova_oracle.succeeds(scene)
    assert not [
        record
        for record in caplog.records
        if record.levelno > logging.WARNING
        and record.name.startswith('nfv_sched')
    ]


@pytest.mark.usefixtures('aliases')
def test_what_the_api_accepts_is_decided_as_the_claim_does(caplog):
    _agree(caplog)
