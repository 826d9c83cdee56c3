"""Near-equal hosts in another order for each guest.

Several schedulers, and the workers of one, decide at once on what was true a
moment ago. All that want the best host get the same one, only the first of
them can have its last free cell or device, and the next best, which they all
try then, goes the same way.
"""

from collections.abc import Sequence
import hashlib
from typing import Any

import nova.conf

from nfv_sched import conf
from nfv_sched import decisions
from nfv_sched.weighers.base import AbsoluteWeigher

CONF = nova.conf.CONF
conf.register_opts(CONF)

_BYTES = 4


class ScatterWeigher(AbsoluteWeigher):
    """Weigh each host by a number from 0 to 1 that only this guest draws.

    Drawn by rendezvous hashing: from the uuids of guest and host, so that
    one guest's order is the same wherever it is asked for, and no host is
    better than another on average.
    Guests that ask for nothing weigh 0 everywhere.
    """

    option = 'scatter_weight_multiplier'

    def weigh_objects(
        self, weighed_obj_list: Sequence[Any], weight_properties: Any
    ) -> list[float]:
        """A weight for each host, in order."""
        nothing = [0.0] * len(weighed_obj_list)
        if not getattr(CONF.nfv_sched, self.option):
            return nothing
        try:
            if decisions.refresh(weight_properties).guest.asks_nothing:
                return nothing
            guest = hashlib.blake2b(
                weight_properties.instance_uuid.encode(), digest_size=_BYTES
            )
        except Exception:
            # The filters complain about such requests.
            return nothing
        return [_draw(guest, one.obj) for one in weighed_obj_list]


def _draw(guest: Any, state: Any) -> float:
    drawn = guest.copy()
    drawn.update(str(state.uuid).encode())
    return int.from_bytes(drawn.digest()) / (1 << 8 * _BYTES)
