"""Extra specs are validated as nova-api does."""

from nova.api.validation.extra_specs import validators
import pytest

from nfv_sched.nova import extra_spec_validation
from nfv_sched.sim import flavors


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('hw:cpu_polcy', 'dedicated', 'did you mean hw:cpu_policy?'),
        ('hw:cpu_policy', 'pinned', 'pinned'),
        ('hw:mem_page_size', '3 cubits', '3 cubits'),
        ('nfv:placement', 'somewhere', 'somewhere'),
    ],
)
def test_what_nova_api_refuses(name, value, words):
    problems = extra_spec_validation.problems_of({name: value})
    assert list(problems) == [name]
    assert words in problems[name]


@pytest.mark.parametrize(
    'extra_specs',
    [
        {'hw:cpu_policy': 'dedicated', 'hw:numa_cpus.0': '0-3'},
        {'nfv:placement': 'spread', 'pci_passthrough:alias': 'a:1'},
        {'resources1:VGPU': '1', 'trait:CUSTOM_A': 'required'},
        # No namespace, and one that no validator has.
        {'anything': 'goes', 'vendor:thing': 'x'},
        {},
    ],
)
def test_what_nova_api_accepts(extra_specs):
    assert extra_spec_validation.problems_of(extra_specs) == {}


def test_documented_flavors_are_accepted():
    for flavor in flavors.flavors().values():
        problems = extra_spec_validation.problems_of(flavor.extra_specs)
        assert problems == {}, flavor.name


def test_the_validators_of_this_package_are_among_them():
    assert 'nfv:placement' in validators.VALIDATORS
