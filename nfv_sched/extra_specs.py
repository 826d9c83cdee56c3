"""Validators of our own flavor extra specs, for Nova's API.

Nova calls :func:`register` through the ``nova.api.extra_spec_validators``
entry points. What the filters read is one of Nova's own extra specs, which
Nova validates itself; any other name that begins with ``nfv:`` is refused.
"""

from typing import Any

from nova.api.validation.extra_specs import base

EXTRA_SPEC_VALIDATORS = [
    base.ExtraSpecValidator(
        name='nfv:placement',
        description=(
            'Where guests of this flavor go among the hosts that fit: '
            '``pack`` fills hosts that are in use already, ``spread`` keeps '
            "guests apart. Without it the operator's options decide."
        ),
        value={
            'type': str,
            'description': 'How to choose among hosts that fit.',
            'enum': ['pack', 'spread'],
        },
    ),
    base.ExtraSpecValidator(
        name='nfv:pci_spread',
        description=(
            'What the PCI devices of a guest should differ in, as far as '
            'there are hosts that can: ``pf`` prefers virtual functions of '
            'different physical functions. It is weighed, never required.'
        ),
        value={
            'type': str,
            'description': 'What devices of one guest should not share.',
            'enum': ['pf'],
        },
    ),
]


def register() -> list[Any]:
    """Every validator of the ``nfv:`` namespace."""
    return EXTRA_SPEC_VALIDATORS
