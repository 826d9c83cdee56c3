"""What our weighers' weights are multiplied by."""

from collections.abc import Iterable
from typing import Any

import nova.conf
from nova.scheduler import utils

from nfv_sched import conf

CONF = nova.conf.CONF
conf.register_opts(CONF)

#: The option of the weigher of guests that are on their way.
IN_FLIGHT = 'in_flight_weight_multiplier'


def multiplier(option: str, state: Any) -> float:
    """What an option says, or the host's aggregates instead."""
    found: float = utils.get_weight_multiplier(
        state,
        f'{conf.AGGREGATE_PREFIX}{option}',
        getattr(CONF.nfv_sched, option),
    )
    return found


def is_enabled(option: str, states: Iterable[Any]) -> bool:
    """Whether a multiplier is not 0 for any of the hosts.

    Hosts are in aggregates that say nothing of it, nearly all of them.
    """
    key = f'{conf.AGGREGATE_PREFIX}{option}'
    return bool(getattr(CONF.nfv_sched, option)) or any(
        multiplier(option, state)
        for state in states
        if any(key in aggregate.metadata for aggregate in state.aggregates)
    )
