"""Extra specs as nova-api validates them when a flavor is changed.

With its validators, those of nfv_sched among them
(nova.api.validation.extra_specs.validators ``validate``).
"""

from collections.abc import Mapping
import re

from nova import exception
from nova.api.validation.extra_specs import validators

from nfv_sched.model.similar_names import did_you_mean


def problems_of(extra_specs: Mapping[str, str]) -> dict[str, str]:
    """Why nova-api would not accept extra specs, by name; empty if it would.

    nova-api accepts names without a namespace, and those of namespaces that
    no validator has.
    """
    problems = {}
    for name, value in extra_specs.items():
        try:
            validators.validate(name, value)
        except exception.ValidationError as error:
            problems[name] = str(error) if _is_known(name) else _unknown(name)
    return problems


def _is_known(name: str) -> bool:
    return any(
        re.fullmatch(validator.name_regex, name)
        for validator in validators.VALIDATORS.values()
    )


def _unknown(name: str) -> str:
    hint = did_you_mean(name, validators.VALIDATORS)
    return f'nova-api knows no such extra spec{hint}'
