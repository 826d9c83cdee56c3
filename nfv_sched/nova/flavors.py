"""Guests as flavors of the API database ask for them."""

from collections.abc import Iterable
import logging
from typing import Any

from nova import context as nova_context
from nova import exception
from nova import objects
from nova.pci import request as pci_request
from nova.virt import hardware

from nfv_sched.model import Guest
from nfv_sched.nova import request_spec

LOG = logging.getLogger(__name__)


def reference_guests(names: Iterable[str]) -> list[tuple[Guest, int]]:
    """The guests that flavors ask for, and how often each is expected.

    Flavors that ask for nothing, do not exist or are malformed are left out
    with a warning.

    :param names: ``NAME`` or ``NAME=WEIGHT``
    """
    context = nova_context.get_admin_context()
    guests = []
    for text in names:
        try:
            name, weight = parse_weight(text)
            flavor = objects.Flavor.get_by_name(context, name)
            guest = guest_of(flavor)
        except (exception.NovaException, ValueError) as error:
            LOG.warning('Reference flavor %s is left out: %s', text, error)
            continue
        if guest.asks_nothing:
            LOG.warning('Reference flavor %s asks for nothing', name)
        else:
            guests.append((guest, weight))
    return guests


def existing_guests() -> list[Guest]:
    """The guests of all flavors that ask for something.

    Malformed flavors are left out.
    """
    guests = []
    context = nova_context.get_admin_context()
    for flavor in objects.FlavorList.get_all(context):
        try:
            guest = guest_of(flavor)
        except (exception.NovaException, ValueError) as error:
            LOG.debug('Flavor %s is left out: %s', flavor.name, error)
            continue
        if not guest.asks_nothing:
            guests.append(guest)
    return guests


def parse_weight(text: str) -> tuple[str, int]:
    """The name and the weight of ``NAME`` or ``NAME=WEIGHT``.

    :raises ValueError: the weight is no positive whole number
    """
    name, equals, weight = text.rpartition('=')
    if not equals:
        return text, 1
    if not weight.isdecimal() or not int(weight):
        raise ValueError(f'{weight!r} of {text!r} is no positive number')
    return name, int(weight)


def guest_of(flavor: Any) -> Guest:
    """What a flavor asks for by itself, without image and ports.

    :raises nova.exception.NovaException: the flavor is malformed
    """
    return request_spec.read_guest(
        objects.RequestSpec(
            numa_topology=topology_of(flavor),
            pci_requests=pci_request.get_pci_requests_from_flavor(
                flavor,
                affinity_policy=hardware.get_pci_numa_policy_constraint(
                    flavor, _no_image()
                ),
            ),
        )
    )


def topology_of(flavor: Any) -> Any:
    """The ``InstanceNUMATopology`` that a flavor asks for; None without one.

    :raises nova.exception.NovaException: the flavor is malformed
    """
    return hardware.numa_get_constraints(flavor, _no_image())


def _no_image() -> Any:
    return objects.ImageMeta(properties=objects.ImageMetaProps())
