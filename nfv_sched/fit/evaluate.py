"""One guest against one host: each resource alone, then all together."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence

from nfv_sched.fit import assignment
from nfv_sched.fit import cores
from nfv_sched.fit import network
from nfv_sched.fit import reasons
from nfv_sched.fit.cell import Attempt
from nfv_sched.fit.cell import page_shortage
from nfv_sched.fit.cell import page_sizes
from nfv_sched.fit.cell import pages_fit
from nfv_sched.fit.cell import Ratios
from nfv_sched.fit.cell import Shortage
from nfv_sched.fit.claim import Attempts
from nfv_sched.fit.claim import claim_devices
from nfv_sched.fit.claim import ClaimFailed
from nfv_sched.fit.claim import OutOfSteps
from nfv_sched.fit.claim import Walk
from nfv_sched.fit.devices import Devices
from nfv_sched.fit.devices import Providers
from nfv_sched.fit.order import claim_order
from nfv_sched.model import Cell
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import Host
from nfv_sched.model import Placement
from nfv_sched.model import Reason
from nfv_sched.model import Resource
from nfv_sched.model import Verdict

# Nearly every claim ends within a few permutations: only then is it worth
# asking first whether there is anything to find.
_FIRST_STEPS = 64

PairTest = Callable[[int, Cell], Shortage | None]


def max_steps(host_cells: int, guest_cells: int) -> int:
    """How many permutations of a claim are followed, at the most.

    Enough for every claim on hosts of up to 8 cells, and a polynomial in the
    cells beyond. A claim that takes more holds up its nova-compute for
    minutes to days: such a host is refused.
    """
    return 20_000 + 8 * host_cells**2 * guest_cells**2


class Evaluation:
    """The answers for one guest and one host at one moment.

    Each resource alone gives necessary conditions; ``verdict`` is complete
    without them. What one question worked out, the next ones use.

    :param pack: ``[compute] packing_host_numa_cells_allocation_strategy``
    """

    def __init__(
        self, guest: Guest, host: Host, *, pack: bool = False
    ) -> None:
        self.guest = guest
        self.host = host
        self.pack = pack
        self.attempts = Attempts(
            guest, Ratios(host.cpu_allocation_ratio, host.ram_allocation_ratio)
        )
        self.steps = 0
        self._verdicts: dict[tuple[tuple[str, ...], ...], Verdict] = {}

    def pages(self) -> tuple[Reason, ...]:
        """Why the host's page pools alone make the guest impossible."""
        if not any(cell.page_size for cell in self.guest.cells):
            return ()
        return self._pairs(self._page_shortage)

    def pinning(self) -> tuple[Reason, ...]:
        """Why the host's dedicated CPUs alone make the guest impossible."""
        if not any(cell.pinned for cell in self.guest.cells):
            return ()
        return self._pairs(self._pinning_shortage)

    def devices(self, providers: Providers) -> tuple[Reason, ...]:
        """Why the host's devices make the guest impossible on any cells.

        :param providers: what the allocation candidate gives each request,
            as :func:`nfv_sched.fit.devices.providers_of`
        """
        if not self.guest.devices:
            return ()
        devices = Devices(self.guest.devices, self.host, providers)
        refused = devices.first_refused(None)
        if refused is not None:
            return (self._device_reason(devices, refused, 'free'),)
        cells, wanted = self.host.cells, len(self.guest.cells)
        if not wanted or len(cells) < wanted:
            return ()
        anywhere = [(1 << len(cells)) - 1] * wanted
        alone = Guest(cells=self.guest.cells, devices=self.guest.devices)
        if assignment.possible(alone, self.host, anywhere, devices) is False:
            return tuple(self._far_devices(devices, cells)) or (
                reasons.of_contested_devices(self.guest.devices),
            )
        return ()

    def verdict(self, providers: Providers) -> Verdict:
        """Whether the claim succeeds, and where it puts the guest."""
        key = tuple(tuple(uuids) for uuids in providers)
        if key not in self._verdicts:
            self._verdicts[key] = self._verdict(
                Devices(self.guest.devices, self.host, providers)
            )
        return self._verdicts[key]

    def _verdict(self, devices: Devices) -> Verdict:
        if self.guest.asks_nothing:
            return Verdict(Placement())
        if self.guest.devices:
            refused = devices.first_refused(None)
            if refused is not None:
                return Verdict(
                    reasons=(self._device_reason(devices, refused, 'free'),)
                )
        try:
            if not self.guest.cells:
                return Verdict(Placement(devices=claim_devices(devices, None)))
            found = self._pairs(self._any_shortage)
            if found:
                return Verdict(reasons=found)
            return self._walk(devices)
        except ClaimFailed as exc:
            return Verdict(
                reasons=(
                    Reason(
                        Resource.CLAIM,
                        f"nova-compute's claim would fail: {exc}",
                    ),
                )
            )

    def _walk(self, devices: Devices) -> Verdict:
        """Follow the claim, for long only if there is something to find."""
        guest, host = self.guest, self.host
        walk = Walk(
            guest,
            host,
            claim_order(host, guest, pack=self.pack),
            self.attempts,
            devices,
        )
        steps = max_steps(len(host.cells), len(guest.cells))
        try:
            return Verdict(walk.run(_FIRST_STEPS))
        except ClaimFailed:
            if self._nothing_to_find(devices):
                return Verdict(reasons=self._joint_reasons(devices))
            raise
        except OutOfSteps:
            if self._nothing_to_find(devices):
                return Verdict(reasons=self._joint_reasons(devices))
        finally:
            self.steps += walk.steps
        try:
            return Verdict(walk.run(steps - _FIRST_STEPS))
        except OutOfSteps as exc:
            raise ClaimFailed(
                f'it does not end within {steps} permutations'
            ) from exc
        finally:
            self.steps += walk.steps - _FIRST_STEPS

    def _nothing_to_find(self, devices: Devices) -> bool:
        fits = self._masks(self._any_shortage)
        found = assignment.possible(self.guest, self.host, fits, devices)
        return found is False

    # Pairs of cells

    def _any_shortage(self, index: int, host: Cell) -> Shortage | None:
        return self._attempt(index, host).shortage

    def _attempt(self, index: int, host: Cell) -> Attempt:
        try:
            return self.attempts.untouched(index, host)
        except cores.ClaimError:
            # A cell without cores, which the claim trips over if it gets
            # there: only following it can tell.
            return Attempt(
                Shortage(Resource.SIBLINGS, 1, 0),
                self.guest.cells[index].page_size,
            )

    def _page_shortage(self, index: int, host: Cell) -> Shortage | None:
        cell = self.guest.cells[index]
        if not cell.page_size or any(
            pages_fit(host, cell.memory_mib, size)
            for size in page_sizes(host, cell.page_size)
        ):
            return None
        return page_shortage(host, cell, cell.page_size)

    def _pinning_shortage(self, index: int, host: Cell) -> Shortage | None:
        cell = self.guest.cells[index]
        if not cell.pinned:
            return None
        cpus_only = GuestCell(
            id=cell.id,
            memory_mib=0,
            dedicated=cell.dedicated,
            cpu_policy='dedicated',
            thread_policy=cell.thread_policy,
        )
        return self._cpus_only(index, host, cpus_only)

    def _cpus_only(
        self, index: int, host: Cell, cell: GuestCell
    ) -> Shortage | None:
        emulator = int(self.guest.emulator_isolated and index == 0)
        asked = len(cell.dedicated) + emulator
        free = len(host.free_dedicated)
        if asked > free:
            return Shortage(Resource.DEDICATED_CPUS, asked, free)
        try:
            packing = cores.pack(
                host, len(cell.dedicated), cell.thread_policy, emulator
            )
        except cores.ClaimError:
            packing = None
        if packing is not None:
            return None
        usable = cores.usable(host, cell.thread_policy)
        return Shortage(Resource.SIBLINGS, asked, min(usable, asked - 1))

    def _masks(self, test: PairTest) -> list[int]:
        return [
            sum(
                1 << i
                for i, cell in enumerate(self.host.cells)
                if test(index, cell) is None
            )
            for index in range(len(self.guest.cells))
        ]

    def _pairs(self, test: PairTest) -> tuple[Reason, ...]:
        """Why no assignment has only pairs that pass; empty if one has."""
        cells, wanted = self.host.cells, len(self.guest.cells)
        if len(cells) < wanted:
            return (reasons.of_cells(wanted, len(cells)),)
        matching = assignment.match(self._masks(test))
        if matching.complete:
            return ()
        found = [
            reasons.of_shortage(shortage, cell.id, index)
            for index in sorted(matching.starved)
            for i, cell in enumerate(cells)
            if i not in matching.contested
            and (shortage := test(index, cell)) is not None
        ]
        if matching.contested:
            contested = tuple(cells[i].id for i in sorted(matching.contested))
            found.insert(
                0, reasons.of_contest(len(matching.starved), contested)
            )
        return tuple(found)

    # Devices and networks

    def _device_reason(
        self, devices: Devices, request: int, where: str
    ) -> Reason:
        there = sum(
            self.host.pools[pool].count for pool in devices.matching(request)
        )
        asked = self.guest.devices[request]
        if there >= asked.count:
            # Enough of them, but earlier requests or Placement's choice of
            # providers leave too few.
            where = 'left by the other requests or by Placement'
            there = asked.count - 1
        return reasons.of_devices(asked, there, where)

    def _far_devices(
        self, devices: Devices, cells: Sequence[Cell]
    ) -> Iterator[Reason]:
        """Requests whose devices are too few near any choice of ``cells``."""
        for index, request in enumerate(self.guest.devices):
            per_cell: dict[int | None, int] = {}
            for pool in devices.matching(index):
                node = self.host.pools[pool].numa_node
                per_cell[node] = (
                    per_cell.get(node, 0) + self.host.pools[pool].count
                )
            near = sorted(per_cell.get(cell.id, 0) for cell in cells)
            best = sum(near[-len(self.guest.cells) :])
            if request.policy in ('legacy', 'preferred'):
                best += per_cell.get(None, 0)
            if request.policy != 'preferred' and best < request.count:
                yield reasons.of_devices(
                    request,
                    best,
                    f'near the cells that fit ({request.policy}; there are '
                    f'{reasons.spread(per_cell)})',
                )

    def _joint_reasons(self, devices: Devices) -> tuple[Reason, ...]:
        """Each resource would do, but not on the same cells."""
        found: list[Reason] = []
        fits = self._masks(self._any_shortage)
        usable = [
            cell
            for i, cell in enumerate(self.host.cells)
            if any(mask >> i & 1 for mask in fits)
        ]
        ids = [cell.id for cell in usable]
        where = 'cell' + 's' * (len(ids) > 1) + ' ' + ', '.join(map(str, ids))
        if self.guest.devices:
            found.extend(self._far_devices(devices, usable))
        names = network.far(self.guest, self.host, ids)
        found.extend(
            Reason(
                Resource.NETWORK,
                f'network {name} is not near {where}',
            )
            for name in sorted(names)
        )
        found.insert(
            0,
            Reason(
                Resource.COMBINATION,
                f'CPUs and memory fit {where} only, where the devices or '
                'networks are not near enough',
                asked=len(self.guest.cells),
                available=len(ids),
            ),
        )
        return tuple(found)


def evaluate(
    guest: Guest,
    host: Host,
    *,
    providers: Sequence[tuple[str, ...]] | None = None,
    pack: bool = False,
) -> Verdict:
    """Whether nova-compute's claim of ``guest`` on ``host`` succeeds.

    :param providers: what the allocation candidate gives each device
        request; None where Placement chose no devices
    :param pack: ``[compute] packing_host_numa_cells_allocation_strategy``
    """
    if providers is None:
        providers = [request.rp_uuids for request in guest.devices]
    return Evaluation(guest, host, pack=pack).verdict(providers)
