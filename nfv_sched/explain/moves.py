"""The fewest instances to move so that another one fits."""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import itertools

from nfv_sched.fit import Evaluation
from nfv_sched.fit import FitRequest
from nfv_sched.model import Cell
from nfv_sched.model import DevicePool
from nfv_sched.model import Host
from nfv_sched.model import PagePool
from nfv_sched.placement import matching
from nfv_sched.placement.candidate_request import CandidateRequest
from nfv_sched.placement.provider_tree import HostTree
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import InstanceCell
from nfv_sched.survey.values import SurveyedDevice
from nfv_sched.survey.values import SurveyedInstance

#: The most instances to move: more is not worth one instance.
MAX_MOVES = 3
#: Choices that are tried per host.
MAX_TRIES = 2000


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """Instances whose move makes room on a host."""

    host: str
    guests: tuple[SurveyedInstance, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class PlacementRoom:
    """What a host may draw from in Placement, and what instances hold there.

    ``held`` has amounts by instance, provider and resource class.
    """

    tree: HostTree
    request: CandidateRequest
    held: Mapping[str, Mapping[str, Mapping[str, int]]]

    def offered_without(self, leaving: Sequence[SurveyedInstance]) -> bool:
        """Whether Placement offers the host once instances have left."""
        tree = self.tree
        for instance in leaving:
            for uuid, amounts in self.held.get(instance.uuid, {}).items():
                provider = tree.provider(uuid)
                used = {
                    name: used - amounts.get(name, 0)
                    for name, used in provider.used.items()
                }
                tree = tree.replaced(dataclasses.replace(provider, used=used))
        return matching.offers(tree, self.request) is True


def fewest_moves(
    fit_request: FitRequest,
    survey: HostSurvey,
    state: Host,
    room: PlacementRoom | None = None,
) -> Move | None:
    """The fewest instances that have to leave a host; None if none suffice.

    Among choices of the same size, that with the least memory. Choices of up
    to MAX_MOVES instances are tried, at most MAX_TRIES.

    :param state: the host as it is
    :param room: None where Placement offers the host already
    """
    residents = survey.residents or ()
    tried = 0
    for count in range(1, min(MAX_MOVES, len(residents)) + 1):
        choices = []
        for choice in itertools.combinations(residents, count):
            tried += 1
            if tried > MAX_TRIES:
                break
            if (room is None or room.offered_without(choice)) and _fits(
                fit_request, host_without(survey, state, choice)
            ):
                choices.append(choice)
        if choices:
            return Move(survey.host, min(choices, key=_memory))
    return None


def _fits(fit_request: FitRequest, host: Host) -> bool:
    if fit_request.guest.asks_nothing:
        return True
    return (
        Evaluation(fit_request, host).refusal(fit_request.no_providers) is None
    )


def _memory(choice: Sequence[SurveyedInstance]) -> tuple[int, list[str]]:
    memory = sum(
        cell.memory_mib for instance in choice for cell in instance.cells
    )
    return memory, [instance.name for instance in choice]


def host_without(
    survey: HostSurvey, state: Host, leaving: Collection[SurveyedInstance]
) -> Host:
    """A host after instances have left it.

    They free what a claim takes, see
    :mod:`nfv_sched.fit.apply_claim`.
    """
    gone = {instance.uuid for instance in leaving}
    cells = [cell for instance in leaving for cell in instance.cells]
    staying = frozenset(
        cpu
        for instance in survey.residents or ()
        if instance.uuid not in gone
        for cell in instance.cells
        for cpu in cell.host_cpus
    )
    devices = [
        device for device in survey.devices or () if device.guest in gone
    ]
    return state.evolve(
        cells=tuple(
            _cell_without(
                cell,
                [part for part in cells if part.host_cell == cell.id],
                staying,
            )
            for cell in state.cells
        ),
        pools=tuple(_pools_with(survey, state.pools, devices)),
    )


def _cell_without(
    cell: Cell, leaving: Sequence[InstanceCell], staying: frozenset[int]
) -> Cell:
    if not leaving:
        return cell
    freed: frozenset[int] = frozenset().union(
        *(part.host_cpus for part in leaving)
    )
    # Instances with the thread policy isolate hold the siblings, too.
    idle = frozenset().union(
        *(core - staying for core in cell.siblings if core & freed)
    )
    return cell.evolve(
        memory_used_mib=cell.memory_used_mib
        - sum(part.memory_mib for part in leaving),
        shared_used=cell.shared_used - sum(part.shared for part in leaving),
        pinned_cpus=cell.pinned_cpus - (freed | idle),
        pages=tuple(_pages_without(cell.pages, leaving)),
    )


def _pages_without(
    pages: Sequence[PagePool], leaving: Sequence[InstanceCell]
) -> Iterator[PagePool]:
    smallest = min((pool.size_kib for pool in pages), default=0)
    for pool in pages:
        freed = sum(part.pages(pool.size_kib, smallest) for part in leaving)
        yield pool.evolve(used=pool.used - freed)


def _pools_with(
    survey: HostSurvey,
    pools: Sequence[DevicePool],
    devices: Sequence[SurveyedDevice],
) -> list[DevicePool]:
    """The pools with devices that came back; an empty one had gone."""
    restored = list(pools)
    for device in devices:
        for number, pool in enumerate(restored):
            if _matches_pool(device, pool):
                restored[number] = pool.evolve(count=pool.count + 1)
                break
        else:
            restored.append(_pool_of(survey, device, pools))
    return restored


def _matches_pool(device: SurveyedDevice, pool: DevicePool) -> bool:
    return (
        pool.vendor_id.lower() == device.vendor_id
        and pool.product_id.lower() == device.product_id
        and pool.dev_type == device.dev_type
        and pool.numa_node == device.numa_node
        and pool.address in (None, device.parent or device.address)
    )


def _pool_of(
    survey: HostSurvey, device: SurveyedDevice, pools: Sequence[DevicePool]
) -> DevicePool:
    """The pool that went with its last device, with its tags as known."""
    address = device.parent or device.address
    alike = next(
        (
            pool.tags
            for pool in pools
            if pool.vendor_id.lower() == device.vendor_id
            and pool.product_id.lower() == device.product_id
        ),
        {'remote_managed': 'false'},
    )
    tags = dict(alike)
    if device.physnet is not None:
        tags['physical_network'] = device.physnet
    return DevicePool(
        device.vendor_id,
        device.product_id,
        device.dev_type,
        1,
        device.numa_node,
        address,
        None,
        tags,
        survey.topology.pcie_roots().get(address),
    )
