"""Put near-equal hosts into another order for each instance.

Several schedulers, and the workers of one, decide at once on what was true a
moment ago. All that want the best host get the same one, only the first of
them can have its last free cell or device, and the next best, which they all
try then, goes the same way.
"""

from collections.abc import Sequence
import hashlib

from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.nova.types import WeighedHost
from nfv_sched.weighers.base import AbsoluteWeigher

_BYTES = 4


class ScatterWeigher(AbsoluteWeigher):
    """Weigh each host by a number from 0 to 1, different per instance.

    Drawn by rendezvous hashing from the uuids of instance and host: the order
    for one instance is the same in every scheduler, and no host is better
    than another on average.
    Guests that ask for nothing weigh 0 everywhere.
    """

    option = 'scatter_weight_multiplier'

    def weigh_objects(
        self,
        weighed_obj_list: Sequence[WeighedHost],
        weight_properties: RequestSpec,
    ) -> list[float]:
        """A weight for each host, in order."""
        spec = weight_properties
        uuid = spec.instance_uuid if 'instance_uuid' in spec else None
        if uuid is None or self.cycle(weighed_obj_list, spec) is None:
            return [0.0] * len(weighed_obj_list)
        instance = hashlib.blake2b(uuid.encode(), digest_size=_BYTES)
        return [_draw(instance, weighed.obj) for weighed in weighed_obj_list]


def _draw(instance: hashlib.blake2b, state: HostState) -> float:
    drawn = instance.copy()
    drawn.update(str(state.uuid).encode())
    return int.from_bytes(drawn.digest()) / (1 << 8 * _BYTES)
