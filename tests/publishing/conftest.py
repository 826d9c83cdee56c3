"""The fixtures of tests/placement with a Placement in this process."""

from tests.placement.conftest import client
from tests.placement.conftest import named
from tests.placement.conftest import placement
from tests.placement.conftest import roles
from tests.placement.conftest import template
from tests.placement.conftest import wsgi

__all__ = ['client', 'named', 'placement', 'roles', 'template', 'wsgi']
