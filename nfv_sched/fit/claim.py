"""A prediction of what nova-compute's claim does.

The claim (``nova.compute.claims`` and ``nova.virt.hardware``) tries the
permutations of host cells in order and takes the first that fits. It
overwrites the request while it tries, and caches answers under ids that it
overwrites, so it can miss an assignment or return an invalid one. Only a
replay of its steps predicts that; this replays them on plain values and
skips permutations that end alike.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses

from nfv_sched.fit import cores
from nfv_sched.fit import network
from nfv_sched.fit.cell import Attempt
from nfv_sched.fit.cell import attempt
from nfv_sched.fit.cell import pages_fit
from nfv_sched.fit.cell import Ratios
from nfv_sched.fit.cores import ClaimError
from nfv_sched.fit.cores import Packing
from nfv_sched.fit.devices import Devices
from nfv_sched.fit.request import FitRequest
from nfv_sched.model import Cell
from nfv_sched.model import CellClaim
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import Host
from nfv_sched.model import NodeChoice


class ClaimFailed(Exception):
    """The claim refuses, raises, or returns an invalid topology."""


class OutOfSteps(Exception):
    """The claim was replayed for the given steps, without an answer."""


class PairCache:
    """Each pairing of a guest cell and a host cell, tried at most once.

    Guest cells of one shape share their answers. ``tried`` counts the
    pairings that were evaluated.
    """

    __slots__ = ('_known', 'fit_request', 'ratios', 'tried')

    def __init__(self, fit_request: FitRequest, ratios: Ratios) -> None:
        self.fit_request = fit_request
        self.ratios = ratios
        self.tried = 0
        self._known: dict[tuple[int, int, int | None, int], Attempt] = {}

    def get(self, index: int, host: Cell, page_size: int | None) -> Attempt:
        """Guest cell number ``index`` on ``host`` with that page size.

        :raises ClaimError: Nova's own code would raise
        """
        guest = self.fit_request.guest
        emulator = int(guest.emulator_isolated and index == 0)
        shape = self.fit_request.shape_of[index]
        key = (shape, host.id, page_size, emulator)
        known = self._known.get(key)
        if known is None:
            self.tried += 1
            known = attempt(
                host, guest.cells[index], page_size, emulator, self.ratios
            )
            self._known[key] = known
        return known

    def as_requested(self, index: int, host: Cell) -> Attempt:
        """Guest cell ``index`` on ``host`` as the guest requests it."""
        return self.get(
            index, host, self.fit_request.guest.cells[index].page_size
        )


@dataclasses.dataclass(slots=True)
class _RequestCell:
    """What Nova has written into one cell of its request so far."""

    id: int
    page_size: int | None
    pinned_on: int | None = None


class ClaimReplay:
    """A replay of Nova's search over the permutations of host cells.

    :param cells: the host's cells in the claim's order
    :param choice: the sets of cells that the limits allow; None for all
    """

    def __init__(
        self,
        host: Host,
        cells: Sequence[Cell],
        attempts: PairCache,
        devices: Devices | None,
        choice: NodeChoice | None = None,
    ) -> None:
        self.fit_request = attempts.fit_request
        self.guest = attempts.fit_request.guest
        self.host = host
        self.cells = cells
        self.attempts = attempts
        self.devices = devices
        self.choice = choice
        self.steps = 0
        self._traces = [
            _RequestCell(c.id, c.page_size) for c in self.guest.cells
        ]
        self._refused: set[tuple[int, int]] = set()
        self._accepted: set[tuple[int, int]] = set()
        self._changed = False
        self._order: list[int] | None = list(range(len(self.guest.cells)))

    def run(self, steps: int) -> None:
        """Replay until the claim is known to succeed, for ``steps`` steps.

        May be called again after OutOfSteps to continue from there.

        :raises ClaimFailed: no claim succeeds with a valid topology
        :raises OutOfSteps: no answer yet
        """
        self._check(self._find(steps))

    def outcomes_by_set(self, steps: int) -> Iterator[ClaimOutcome]:
        """What claims take that are restricted to one set of cells each.

        Of all sets whose claim succeeds with a valid topology within
        ``steps`` permutations, those of cells that come first. A claim that
        may not take a set continues as if it did not fit: one replay passes
        the end of all these claims.
        """
        seen = set()
        try:
            while True:
                order = self._find(steps - self.steps)
                cells = frozenset(order)
                if cells not in seen:
                    seen.add(cells)
                    with contextlib.suppress(ClaimFailed):
                        self._check(order)
                        yield self.outcome()
                self._order = self._next(order, len(order) - 1)
        except (ClaimFailed, OutOfSteps):
            # The claims that are restricted to all other sets fail.
            return

    def _find(self, steps: int) -> list[int]:
        """The next permutation of which each part fits, and all together.

        :raises ClaimFailed: there is none, or Nova's own code raises before
        :raises OutOfSteps: it is not among the next ``steps``
        """
        try:
            while self._order is not None:
                if steps <= 0:
                    raise OutOfSteps
                steps -= 1
                self.steps += 1
                self._changed = False
                stopped = self._try(self._order)
                if stopped is None and self._joint(self._order):
                    return self._order
                last = len(self._order) - 1
                # A permutation that changed nothing ends like every other that
                # begins alike: skip these.
                skip_to = last if stopped is None or self._changed else stopped
                self._order = self._next(self._order, skip_to)
        except ClaimError as exc:
            raise ClaimFailed(str(exc)) from exc
        raise ClaimFailed('no permutation that it tries fits')

    def outcome(self) -> ClaimOutcome:
        """What the claim takes, after :meth:`run` has returned."""
        chosen = [self.cells[index] for index in self._order or ()]
        ids = [cell.id for cell in chosen]
        devices = self.devices.claim(ids) if self.devices else ()
        return ClaimOutcome(
            tuple(map(self._cell_claim, range(len(chosen)), chosen)),
            devices or (),
        )

    def _try(self, order: Sequence[int]) -> int | None:
        """Try one permutation; the position that refused, None if all fit."""
        for position, index in enumerate(order):
            if not self._try_pair(position, self.cells[index]):
                return position
        return None

    def _try_pair(self, position: int, host: Cell) -> bool:
        trace = self._traces[position]
        pair = (host.id, trace.id)
        if pair in self._refused:
            return False
        if pair in self._accepted:
            self._write(trace, host.id)
            return True
        found = self.attempts.get(position, host, trace.page_size)
        self._changed = True
        trace.page_size = found.page_size
        if found.pins:
            # Also where a limit refuses afterwards.
            trace.id = trace.pinned_on = host.id
        if found.shortage is not None:
            self._refused.add(pair)
            return False
        trace.id = host.id
        self._accepted.add(pair)
        return True

    def _write(self, trace: _RequestCell, host_id: int) -> None:
        if trace.id != host_id:
            trace.id = host_id
            self._changed = True

    def _joint(self, order: Sequence[int]) -> bool:
        """Devices and networks for the chosen cells together."""
        chosen = [self.cells[index].id for index in order]
        if self.devices and not self.devices.enough(chosen):
            return False
        if self.choice is not None and not self.choice.allows(chosen):
            return False
        return not self.fit_request.asks_networks or network.near(
            self.guest, self.host, chosen
        )

    def _next(self, order: Sequence[int], position: int) -> list[int] | None:
        """The next permutation that differs at ``position`` or before."""
        for i in range(position, -1, -1):
            head = list(order[:i])
            for index in range(order[i] + 1, len(self.cells)):
                if index not in head:
                    head.append(index)
                    rest = (n for n in range(len(self.cells)) if n not in head)
                    tail = [next(rest) for _ in range(len(order) - i - 1)]
                    return head + tail
        return None

    def _check(self, order: Sequence[int]) -> None:
        """Check what Nova returns, and what its claim does with it next.

        :raises ClaimFailed: the claim raises, or the topology is invalid
        """
        chosen = [self.cells[index] for index in order]
        try:
            for position, host in enumerate(chosen):
                self._check_cell(position, host)
        except ClaimError as exc:
            raise ClaimFailed(str(exc)) from exc
        if self.devices:
            check_devices(self.devices, [cell.id for cell in chosen])

    def _check_cell(self, position: int, host: Cell) -> None:
        guest, trace = self.guest.cells[position], self._traces[position]
        if self.attempts.as_requested(position, host).shortage is not None:
            raise ClaimFailed(
                f'it takes NUMA node {host.id} for guest NUMA node '
                f'{position} from a stale answer, and it does not fit there'
            )
        if guest.dedicated and trace.pinned_on != host.id:
            raise ClaimFailed(
                f'it pins guest NUMA node {position} to CPUs of NUMA node '
                f'{trace.pinned_on} but gives it NUMA node {host.id}'
            )
        if not guest.page_size and not host.pages:
            raise ClaimFailed(f'NUMA node {host.id} reports no page pools')
        if (trace.page_size or 0) < 0:
            raise ClaimFailed(
                f'it takes NUMA node {host.id} for guest NUMA node '
                f'{position} from a stale answer, and chooses no page size'
            )
        if guest.page_size != trace.page_size and not pages_fit(
            host, guest.memory_mib, trace.page_size or 0
        ):
            raise ClaimFailed(
                f'it gives guest NUMA node {position} pages of a size that '
                f'NUMA node {host.id} does not have free'
            )
        if guest.pinned and (
            guest.thread_policy == 'isolate' or not host.regular
        ):
            _check_pins(position, host, guest, self._packing(position, host))

    def _packing(self, position: int, host: Cell) -> Packing:
        guest = self.guest.cells[position]
        emulator = int(self.guest.emulator_isolated and position == 0)
        return cores.pack(
            host, len(guest.dedicated), guest.thread_policy, emulator
        ) or Packing(())

    def _cell_claim(self, position: int, host: Cell) -> CellClaim:
        guest, trace = self.guest.cells[position], self._traces[position]
        packing = (
            self._packing(position, host) if guest.pinned else Packing(())
        )
        return CellClaim(
            guest_cell=position,
            host_cell=host.id,
            pinning=tuple(
                zip(sorted(guest.dedicated), packing.cpus, strict=True)
            ),
            reserved=packing.reserved,
            page_size_kib=trace.page_size if guest.page_size else None,
        )


def check_devices(devices: Devices, cells: Sequence[int] | None) -> None:
    """Check that the claim gets its devices.

    It checks once for all cells of the host, whatever it chose, and then
    takes the devices one by one.

    :param cells: the ids of the host cells it chose, None for a guest
        without NUMA topology
    :raises ClaimFailed: it does not get them all
    """
    if not devices.enough(None):
        raise ClaimFailed("its device requests take each other's devices")
    if not devices.claims(cells):
        raise ClaimFailed('taking one device takes away another that it needs')


def _check_pins(
    position: int, host: Cell, guest: GuestCell, packing: Packing
) -> None:
    """Pin as NUMACell.pin_cpus or, for 'isolate', with the siblings."""
    cpus = packing.reserved.union(packing.cpus)
    if len(cpus) != len(packing.cpus) + len(packing.reserved):
        raise ClaimFailed(f'it pins a CPU of NUMA node {host.id} twice')
    if guest.thread_policy == 'isolate':
        cpus = cpus.union(*(core for core in host.siblings if core & cpus))
    if not cpus <= host.free_dedicated:
        raise ClaimFailed(
            f'guest NUMA node {position} takes siblings on NUMA node '
            f'{host.id} that are in use'
        )


def claim_order(host: Host, guest: Guest, *, pack: bool) -> Sequence[Cell]:
    """The host's cells as ``numa_fit_instance_to_host`` sorts them.

    :param pack: ``[compute] packing_host_numa_cells_allocation_strategy``:
        most used cells first instead of least used ones
    """
    if len(host.cells) <= len(guest.cells):
        return host.cells
    return sort_cells(host.cells, host, guest, pack=pack)


def sort_cells(
    cells: Sequence[Cell], host: Host, guest: Guest, *, pack: bool
) -> list[Cell]:
    """Some of the host's cells in the claim's order, if it sorts at all.

    It sorts by memory, then CPUs, then devices, stably each time: here once,
    by all three.
    """
    devices: dict[int | None, int] = {}
    if guest.devices or host.claims_sort_by_devices:
        for pool in host.pools:
            node = pool.numa_node
            devices[node] = devices.get(node, 0) + pool.count
    # Cells with devices come first for those who ask for devices, and last
    # for all others; less used cells come first, or last if they are packed.
    near = -1 if guest.devices else 1
    unused = 1 if pack else -1
    pinned = guest.cells[0].pinned
    keys = [
        (
            near * devices.get(cell.id, 0),
            unused * len(cell.free_dedicated)
            if pinned
            else -unused * cell.shared_used,
            unused * cell.free_memory_mib,
            place,
        )
        for place, cell in enumerate(cells)
    ]
    keys.sort()
    return [cells[key[-1]] for key in keys]
