"""Weight multipliers, with per-aggregate overrides."""

from collections.abc import Iterable

import nova.conf
from nova.scheduler import utils

from nfv_sched import conf
from nfv_sched.nova.types import HostState

CONF = nova.conf.CONF
conf.register_opts(CONF)
# Looked up once: Nova asks for the multiplier of each host.
_OPTIONS = CONF.nfv_sched

#: Options that an aggregate has overridden since this process started.
overridden: set[str] = set()

#: The option of InFlightWeigher.
IN_FLIGHT = 'in_flight_weight_multiplier'


def multiplier(option: str, state: HostState) -> float:
    """The value of an option, overridden by the host's aggregates.

    Nova is asked where an aggregate mentions the option.
    """
    value: float = getattr(_OPTIONS, option)
    for aggregate in state.aggregates:
        key = f'{conf.AGGREGATE_PREFIX}{option}'
        if key in aggregate.metadata:
            overridden.add(option)
            value = utils.get_weight_multiplier(state, key, value)
            break
    return value


def is_enabled(option: str, states: Iterable[HostState]) -> bool:
    """Whether a multiplier is not 0 for any of the hosts.

    Nearly all aggregates do not mention it.
    """
    key = f'{conf.AGGREGATE_PREFIX}{option}'
    return bool(getattr(_OPTIONS, option)) or any(
        multiplier(option, state)
        for state in states
        if any(key in aggregate.metadata for aggregate in state.aggregates)
    )
