"""Validators of our own flavor extra specs, for Nova's API.

Nova calls :func:`register` through the ``nova.api.extra_spec_validators``
entry points. Nova validates its own extra specs itself. Any other name that
begins with ``nfv:`` is refused.
"""

from typing import Any

from nova.api.validation.extra_specs import base

EXTRA_SPEC_VALIDATORS = [
    base.ExtraSpecValidator(
        name='nfv:placement',
        description=(
            'How to choose among the hosts that fit: ``pack`` fills hosts '
            'that are already in use, ``spread`` keeps instances apart. '
            "Without it the operator's options decide."
        ),
        value={
            'type': str,
            'description': 'How to choose among the hosts that fit.',
            'enum': ['pack', 'spread'],
        },
    ),
    base.ExtraSpecValidator(
        name='nfv:pci_spread',
        description=(
            'What the PCI devices of an instance should not share, if a '
            'host allows it: ``pf`` prefers virtual functions of different '
            'physical functions. It is a preference, not a requirement.'
        ),
        value={
            'type': str,
            'description': 'What devices of one instance should not share.',
            'enum': ['pf'],
        },
    ),
    base.ExtraSpecValidator(
        name='nfv:pcie',
        description=(
            'Whether the PCI devices of an instance should be below one PCIe '
            'root: ``same`` prefers it, ``same:required`` rejects the hosts '
            'where the devices that the claim would take are known to be '
            'below several.'
        ),
        value={
            'type': str,
            'description': 'Whether devices should share their PCIe root.',
            'enum': ['same', 'same:required'],
        },
    ),
]


def register() -> list[Any]:
    """Every validator of the ``nfv:`` namespace."""
    return EXTRA_SPEC_VALIDATORS
