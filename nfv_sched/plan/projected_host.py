"""One host while instances leave it and others arrive."""

import collections
from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from nfv_sched import fit
from nfv_sched.dryrun import placement_ledger
from nfv_sched.dryrun.placement_ledger import Claimed
from nfv_sched.dryrun.placement_ledger import ClaimRules
from nfv_sched.dryrun.placement_ledger import HostUnderTest
from nfv_sched.dryrun.placement_ledger import PlacementLedger
from nfv_sched.fit.candidates import AcceleratorsOf
from nfv_sched.fit.candidates import Candidate
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import Host
from nfv_sched.plan.departure import CellAfter
from nfv_sched.plan.departure import host_without
from nfv_sched.plan.values import Method
from nfv_sched.plan.values import PredictedClaim
from nfv_sched.plan.values import PredictedDevices
from nfv_sched.plan.values import PredictedNode
from nfv_sched.survey.departures import cell_without
from nfv_sched.survey.values import InstanceCell
from nfv_sched.survey.values import SurveyedDevice

#: Amounts by provider uuid and resource class.
Amounts = Mapping[tuple[str, str], int]

SERVER_GROUP = 'server group'


@dataclasses.dataclass(frozen=True, slots=True)
class GroupRule:
    """A server group of which one host may have ``most`` members."""

    uuid: str
    most: int


@dataclasses.dataclass(frozen=True, slots=True)
class HeldResources:
    """What an instance has of its host and of Placement."""

    cells: tuple[InstanceCell, ...] = ()
    devices: tuple[SurveyedDevice, ...] = ()
    amounts: Amounts = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class RequestClass:
    """What instances that ask for the same have in common.

    ``candidates`` has the allocation candidates of the hosts that only
    lack of room, or the group, can exclude, by node name. For the other hosts
    ``excluded`` says why.
    """

    flavor: str
    memory_mib: int
    fit_request: fit.FitRequest
    candidates: Mapping[str, Sequence[Candidate]]
    excluded: Mapping[str, str] = dataclasses.field(default_factory=dict)
    group: GroupRule | None = None
    rules: ClaimRules = placement_ledger.NO_RULES
    accelerators_of: Callable[[str], AcceleratorsOf] | None = None


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Resident:
    """An instance on a host, with what it holds there.

    ``asks`` is what it claims where it goes, and ``method`` how it gets
    there; ``asks`` is None where it cannot move, and ``stays`` says why.
    """

    uuid: str
    name: str
    flavor: str
    memory_mib: int
    held: HeldResources
    asks: RequestClass | None = None
    method: Method = Method.LIVE
    stays: str = ''
    group: str | None = None

    def leaves_behind(self, *, by_core: bool) -> Hashable:
        """Equal for instances of one host that leave the same room behind.

        :param by_core: whether it matters which CPUs of a core are free
        """
        held = self.held
        return (
            id(self.asks),
            self.group,
            tuple(
                (
                    part.host_cell,
                    part.memory_mib,
                    part.page_size_kib,
                    part.shared,
                    part.host_cpus
                    if by_core or part.isolated
                    else len(part.host_cpus),
                )
                for part in held.cells
            ),
            tuple(
                sorted(
                    (
                        each.vendor_id,
                        each.product_id,
                        each.dev_type,
                        str(each.numa_node),
                        each.parent or each.address,
                    )
                    for each in held.devices
                )
            ),
            tuple(sorted(held.amounts.items())),
        )


def tell_cores_apart(requests: Iterable[fit.FitRequest]) -> bool:
    """Whether it matters for requests which CPUs of a core are free."""
    return any(
        cell.thread_policy in ('isolate', 'require')
        for request in requests
        for cell in request.guest.cells
    )


class ProjectedHost:
    """What one host has, after departures and arrivals.

    :param target: the host, which is changed
    :param ledger: what Placement has of its providers, which is changed
    :param members: of server groups on the host, by uuid of the group
    """

    __slots__ = ('devices', 'ledger', 'members', 'target')

    def __init__(
        self,
        target: HostUnderTest,
        ledger: PlacementLedger,
        members: Mapping[str, int] | None = None,
        devices: Sequence[SurveyedDevice] = (),
    ) -> None:
        self.target = target
        self.ledger = ledger
        self.members = collections.Counter(members or {})
        #: All devices of the host, those in use too.
        self.devices = tuple(devices)

    @property
    def name(self) -> str:
        """The name of the compute node."""
        return self.target.name

    @property
    def host(self) -> Host:
        """The host as its next claim sees it."""
        return self.target.host

    def branch(self, ledger: PlacementLedger | None = None) -> 'ProjectedHost':
        """A copy, whose changes do not show here.

        :param ledger: a branch that several copies share
        """
        return ProjectedHost(
            dataclasses.replace(self.target),
            self.ledger.branch() if ledger is None else ledger,
            self.members,
            self.devices,
        )

    def attempt(self, asked: RequestClass) -> Claimed | str:
        """What one more instance would claim, or what is short."""
        candidates = asked.candidates.get(self.name)
        if candidates is None:
            return asked.excluded.get(self.name, 'no candidate')
        group = asked.group
        if group is not None and self.members[group.uuid] >= group.most:
            return SERVER_GROUP
        target = self.target
        if asked.accelerators_of is not None:
            target = dataclasses.replace(
                target, accelerators_of=asked.accelerators_of(self.name)
            )
        return placement_ledger.attempt(
            asked.fit_request,
            target,
            candidates,
            self.ledger,
            asked.rules,
        )

    def arrive(self, asked: RequestClass, claimed: Claimed) -> PredictedClaim:
        """Take what was claimed; returns what that is."""
        before = self.host
        placement_ledger.take(
            asked.fit_request, self.target, self.ledger, claimed
        )
        if asked.group is not None:
            self.members[asked.group.uuid] += 1
        return predicted_claim(asked.fit_request, before, claimed.outcome)

    def leave(
        self, resident: Resident, cell_after: CellAfter = cell_without
    ) -> None:
        """Free what an instance holds.

        :param cell_after: a cell without what it had of it
        """
        held = resident.held
        self.target.host, self.devices = host_without(
            self.host, held.cells, held.devices, self.devices, cell_after
        )
        self.ledger.give_back(held.amounts)
        if resident.group is not None:
            self.members[resident.group] -= 1

    def key(self, classes: Sequence[RequestClass]) -> Hashable:
        """Equal for hosts on which the same claims succeed in turn."""
        return (
            placement_ledger.host_key(self.host),
            tuple(
                (
                    asked.candidates.get(self.name) is not None,
                    self.ledger.available_view(
                        asked.candidates.get(self.name, ())
                    ),
                    asked.group and self.members[asked.group.uuid],
                )
                for asked in classes
            ),
        )


def predicted_claim(
    fit_request: fit.FitRequest, host: Host, outcome: ClaimOutcome
) -> PredictedClaim:
    """A claim in words of the host.

    :param host: before the claim
    """
    guest_cells = fit_request.guest.cells
    return PredictedClaim(
        tuple(
            PredictedNode(
                cell.guest_cell,
                cell.host_cell,
                tuple(sorted(cell.host_cpus)),
                guest_cells[cell.guest_cell].memory_mib,
                cell.page_size_kib,
            )
            for cell in outcome.cells
        ),
        tuple(
            PredictedDevices(
                pool.vendor_id,
                pool.product_id,
                pool.dev_type,
                pool.numa_node,
                pool.address,
                device.count,
            )
            for device in outcome.devices
            for pool in (host.pools[device.pool],)
        ),
    )


def held_after(fit_request: fit.FitRequest, claimed: Claimed) -> HeldResources:
    """What an instance holds once it has arrived.

    Without devices: which of a pool Nova takes is not known.
    """
    guest_cells = fit_request.guest.cells
    return HeldResources(
        tuple(
            InstanceCell(
                cell.guest_cell,
                cell.host_cell,
                guest_cells[cell.guest_cell].memory_mib,
                cell.pinning,
                cell.reserved,
                len(guest_cells[cell.guest_cell].shared),
                cell.page_size_kib,
                guest_cells[cell.guest_cell].thread_policy == 'isolate',
            )
            for cell in claimed.outcome.cells
        ),
        amounts=dict(placement_ledger.allocated_amounts(claimed.candidate)),
    )
