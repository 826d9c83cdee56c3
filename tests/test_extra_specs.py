"""Our flavor extra specs, as Nova's API judges them."""

from nova import context as nova_context
from nova import exception
from nova import objects
from nova.api.openstack import api_version_request
from nova.api.openstack import wsgi
from nova.api.openstack.compute import flavors_extraspecs
from nova.api.validation.extra_specs import validators
import pytest
import webob

from nfv_sched import extra_specs


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('nfv:placement', 'pack'),
        ('nfv:placement', 'spread'),
        ('nfv:pci_spread', 'pf'),
        ('nfv:pcie', 'same'),
        ('nfv:pcie', 'same:required'),
    ],
)
def test_nova_takes_what_is_right(name, value):
    validators.validate(name, value)


@pytest.mark.parametrize(
    ('name', 'value', 'said'),
    [
        ('nfv:placement', 'stack', "'stack' is not one of: pack, spread."),
        ('nfv:placement', 'Pack', "'Pack' is not one of: pack, spread."),
        ('nfv:placement', '', "'' is not one of: pack, spread."),
        ('nfv:pci_spread', 'vf', "'vf' is not one of: pf."),
        (
            'nfv:pcie',
            'required',
            "'required' is not one of: same, same:required.",
        ),
        ('nfv:near', 'x', "extra spec 'nfv:near' does not appear to be a"),
        ('nfv:placement2', 'pack', 'does not appear to be a valid'),
    ],
)
def test_nova_refuses_what_is_wrong_and_says_why(name, value, said):
    with pytest.raises(exception.ValidationError) as caught:
        validators.validate(name, value)
    assert said in str(caught.value)


def test_other_namespaces_are_left_alone():
    validators.validate('vendor:placement', 'whatever')
    assert 'nfv' in validators.NAMESPACES


@pytest.mark.parametrize('validator', extra_specs.register())
def test_validators_describe_themselves(validator):
    assert validator.name.startswith('nfv:')
    assert len(validator.description) > 80
    assert validators.VALIDATORS[validator.name] is validator


class _Flavor:
    """A flavor without a database."""

    def __init__(self):
        self.extra_specs = {}

    def save(self):
        pass


@pytest.fixture
def create(monkeypatch):
    """Nova's own controller, called as its API would."""
    monkeypatch.setattr(
        objects.Flavor, 'get_by_flavor_id', lambda *args, **kwargs: _Flavor()
    )
    context = nova_context.RequestContext('admin', 'admin', is_admin=True)
    monkeypatch.setattr(context, 'can', lambda *args, **kwargs: True)

    def call(**specs):
        request = wsgi.Request.blank('/flavors/1/os-extra_specs')
        request.environ['nova.context'] = context
        request.api_version_request = api_version_request.APIVersionRequest(
            '2.86'
        )
        controller = flavors_extraspecs.FlavorExtraSpecsController()
        named = {f'nfv:{name}': value for name, value in specs.items()}
        return controller.create(request, '1', body={'extra_specs': named})

    return call


def test_the_api_takes_a_flavor_with_them(create):
    answer = create(placement='pack', pci_spread='pf')
    assert answer['extra_specs'] == {
        'nfv:placement': 'pack',
        'nfv:pci_spread': 'pf',
    }


def test_the_api_refuses_a_flavor_with_a_wrong_one(create):
    with pytest.raises(
        (exception.ValidationError, webob.exc.HTTPBadRequest)
    ) as caught:
        create(placement='stack')
    assert 'not one of: pack, spread' in str(caught.value)
    assert getattr(caught.value, 'code', None) == 400
