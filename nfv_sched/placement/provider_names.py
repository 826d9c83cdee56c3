"""The names of the providers of bandwidth and accelerators, by uuid.

Neutron's agents create a provider for each physical interface with a
guaranteed bandwidth, ``<host>:<agent>:<interface>``, below the compute node's
provider. Nova and Cyborg create one for each card with accelerators, see
:mod:`nfv_sched.fit.accelerators`. Allocation candidates hold uuids only.
"""

from nfv_sched.placement import api
from nfv_sched.placement.client import PlacementClient

#: Names that are read singly per refresh, at some milliseconds each.
_MAX_SINGLE_READS = 64


class ProviderNames:
    """Names that were read, and the uuids of those to read next.

    The names of all bandwidth providers are read at first, and again when a
    name is missing. A provider keeps its name as long as it exists: what is
    known is kept.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        # Keys of a dict: threads of requests add some while another reads.
        self._missing: dict[str, None] = {}
        self._begun = False

    def get(self, uuid: str) -> str | None:
        """The name of a provider; None where it is not known yet.

        The next :meth:`refresh` reads it. Returns at once whatever Placement
        does.
        """
        name = self._names.get(uuid)
        if name is None:
            self._missing[uuid] = None
        return name

    def refresh(self, client: PlacementClient) -> None:
        """Read what is missing; nothing is sent where nothing is.

        :raises nfv_sched.placement.errors.PlacementError: Placement does not
            answer, or not correctly
        """
        missing = list(self._missing)
        if self._begun and not missing:
            return
        self._names.update(api.bandwidth_provider_names(client))
        self._begun = True
        reads = 0
        for uuid in missing:
            if uuid not in self._names:
                if reads == _MAX_SINGLE_READS:
                    return
                reads += 1
                name = api.provider_name(client, uuid)
                if name is not None:
                    self._names[uuid] = name
            self._missing.pop(uuid, None)
