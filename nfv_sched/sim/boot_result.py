"""Results of boots."""

import dataclasses
import enum
from typing import Any

from nfv_sched.sim import boot_request


class Outcome(enum.StrEnum):
    """The result of a boot."""

    BOOTED = 'booted'
    NO_VALID_HOST = 'no valid host'
    CLAIM_FAILED = 'claim failed'


@dataclasses.dataclass(frozen=True, slots=True)
class SimulatedInstance:
    """One instance of a boot, placed or not.

    ``instance`` is the ``objects.Instance`` and ``devices`` are its
    ``objects.PciDevice``; both are empty if the boot failed. ``host`` is the
    scheduler's choice, even if the claim failed there. Times are in seconds;
    the scheduler's is that of the whole request.
    """

    uuid: str
    name: str
    flavor: boot_request.SimulatedFlavor
    outcome: Outcome
    host: str | None = None
    instance: Any = None
    devices: tuple[Any, ...] = ()
    group: boot_request.SimulatedGroup | None = None
    error: str | None = None
    schedule_seconds: float = 0.0
    claim_seconds: float = 0.0

    @property
    def booted(self) -> bool:
        """Whether the instance runs."""
        return self.outcome is Outcome.BOOTED


@dataclasses.dataclass(frozen=True, slots=True)
class SimulatedBoot:
    """The common properties of the instances of one boot."""

    name: str
    flavor: boot_request.SimulatedFlavor
    group: boot_request.SimulatedGroup | None
    spec: Any
    uuids: tuple[str, ...]

    def guest(
        self, uuid: str, outcome: Outcome, **values: Any
    ) -> SimulatedInstance:
        """The result of one of the instances."""
        place = self.uuids.index(uuid)
        name = self.name if len(self.uuids) == 1 else f'{self.name}-{place}'
        return SimulatedInstance(
            uuid, name, self.flavor, outcome, group=self.group, **values
        )
