"""What nova-compute's claim will do, predicted.

The claim (``nova.compute.claims`` and ``nova.virt.hardware``) tries the
permutations of host cells in order and takes the first that fits. It
overwrites the request while it tries, and remembers answers under ids that
it overwrites, so it can miss an assignment or return an invalid one. Only
following its steps tells; this follows them on plain values and skips runs
of permutations that end alike.
"""

from collections.abc import Sequence
import dataclasses

from nfv_sched.fit import network
from nfv_sched.fit.cell import Attempt
from nfv_sched.fit.cell import attempt
from nfv_sched.fit.cell import pages_fit
from nfv_sched.fit.cell import Ratios
from nfv_sched.fit.cores import ClaimError
from nfv_sched.fit.cores import Packing
from nfv_sched.fit.devices import Devices
from nfv_sched.model import Cell
from nfv_sched.model import CellPlacement
from nfv_sched.model import DevicePlacement
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import Host
from nfv_sched.model import Placement


class ClaimFailed(Exception):
    """The claim refuses, raises, or returns an invalid topology."""


class OutOfSteps(Exception):
    """The claim was followed for as long as asked, without an answer."""


class Attempts:
    """Each pairing of a guest cell and a host cell, tried at most once.

    Guest cells of one shape share their answers. ``tried`` counts the
    pairings that were really evaluated.
    """

    def __init__(self, guest: Guest, ratios: Ratios | None) -> None:
        self.guest = guest
        self.ratios = ratios
        self.tried = 0
        self._shapes = [_shape(cell) for cell in guest.cells]
        self._known: dict[tuple[object, ...], Attempt] = {}

    def get(self, index: int, host: Cell, page_size: int | None) -> Attempt:
        """Guest cell number ``index`` on ``host`` with that page size.

        :raises ClaimError: Nova's own code would raise
        """
        emulator = int(self.guest.emulator_isolated and index == 0)
        key = (self._shapes[index], host.id, page_size, emulator)
        known = self._known.get(key)
        if known is None:
            self.tried += 1
            known = attempt(
                host, self.guest.cells[index], page_size, emulator, self.ratios
            )
            self._known[key] = known
        return known

    def untouched(self, index: int, host: Cell) -> Attempt:
        """Guest cell ``index`` on ``host`` just as the guest asks."""
        return self.get(index, host, self.guest.cells[index].page_size)


@dataclasses.dataclass(slots=True)
class _Trace:
    """What Nova has written into one guest cell of its request so far."""

    id: int
    page_size: int | None
    pinned_on: int | None = None
    packing: Packing | None = None


class Walk:
    """Nova's walk over the permutations of host cells.

    :param cells: the host's cells in the claim's order
    """

    def __init__(
        self,
        guest: Guest,
        host: Host,
        cells: Sequence[Cell],
        attempts: Attempts,
        devices: Devices,
    ) -> None:
        self.guest = guest
        self.host = host
        self.cells = cells
        self.attempts = attempts
        self.devices = devices
        self.steps = 0
        self._traces = [_Trace(c.id, c.page_size) for c in guest.cells]
        self._refused: set[tuple[int, int]] = set()
        self._accepted: set[tuple[int, int]] = set()
        self._changed = False
        self._order: list[int] | None = list(range(len(guest.cells)))

    def run(self, steps: int) -> Placement:
        """Walk on until there is an answer, for ``steps`` permutations.

        May be called again after OutOfSteps to go on from there.

        :raises ClaimFailed: no claim succeeds with a valid topology
        :raises OutOfSteps: no answer yet
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
                    return self._finish(self._order)
                last = len(self._order) - 1
                # What changed nothing happens again for every permutation
                # that begins alike: skip them.
                skip_to = last if stopped is None or self._changed else stopped
                self._order = self._next(self._order, skip_to)
        except ClaimError as exc:
            raise ClaimFailed(str(exc)) from exc
        raise ClaimFailed('no permutation that it tries fits')

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
        if found.page_size != trace.page_size:
            trace.page_size = found.page_size
            self._changed = True
        if found.packing is not None:
            # Also where a limit refuses afterwards.
            self._write(trace, host.id)
            if trace.pinned_on != host.id:
                trace.pinned_on = host.id
                self._changed = True
            trace.packing = found.packing
        self._changed = True
        if not found.fits:
            self._refused.add(pair)
            return False
        self._write(trace, host.id)
        self._accepted.add(pair)
        return True

    def _write(self, trace: _Trace, host_id: int) -> None:
        if trace.id != host_id:
            trace.id = host_id
            self._changed = True

    def _joint(self, order: Sequence[int]) -> bool:
        """Devices and networks for the chosen cells together."""
        chosen = [self.cells[index].id for index in order]
        if self.guest.devices and not self.devices.enough(chosen):
            return False
        return network.near(self.guest, self.host, chosen)

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

    def _finish(self, order: Sequence[int]) -> Placement:
        """Check what Nova returns, and what its claim does with it next."""
        chosen = [self.cells[index] for index in order]
        for position, host in enumerate(chosen):
            self._check_cell(position, host)
        ids = [cell.id for cell in chosen]
        devices = claim_devices(self.devices, ids)
        return Placement(
            tuple(
                self._placement(position, host)
                for position, host in enumerate(chosen)
            ),
            devices,
        )

    def _check_cell(self, position: int, host: Cell) -> None:
        guest, trace = self.guest.cells[position], self._traces[position]
        if not self.attempts.untouched(position, host).fits:
            raise ClaimFailed(
                f'it takes cell {host.id} for guest cell {position} from '
                'memory, which does not fit there'
            )
        if guest.dedicated and trace.pinned_on != host.id:
            raise ClaimFailed(
                f'it pins guest cell {position} to CPUs of cell '
                f'{trace.pinned_on} but gives it cell {host.id}'
            )
        if guest.page_size and not pages_fit(
            host, guest.memory_mib, trace.page_size or 0
        ):
            raise ClaimFailed(
                f'it gives guest cell {position} pages of a size that cell '
                f'{host.id} does not have free'
            )
        if not guest.page_size and not host.pages:
            raise ClaimFailed(f'cell {host.id} reports no page pools')
        if trace.packing is not None:
            _check_pins(position, host, guest, trace.packing)
            if (
                self.guest.emulator_isolated
                and position == 0
                and not trace.packing.reserved
            ):
                raise ClaimFailed(
                    'it reserves no CPU for the emulator threads'
                )

    def _placement(self, position: int, host: Cell) -> CellPlacement:
        guest, trace = self.guest.cells[position], self._traces[position]
        packing = trace.packing or Packing(())
        return CellPlacement(
            guest_cell=position,
            host_cell=host.id,
            pinning=tuple(
                zip(sorted(guest.dedicated), packing.cpus, strict=False)
            ),
            reserved=packing.reserved,
            page_size_kib=trace.page_size if guest.page_size else None,
        )


def claim_devices(
    devices: Devices, cells: Sequence[int] | None
) -> tuple[DevicePlacement, ...]:
    """The devices that the claim takes.

    It asks once for all cells of the host, whichever it chose, and then
    takes the devices one by one.

    :param cells: the ids of the host cells it chose, None for a guest
        without NUMA topology
    :raises ClaimFailed: it does not get them all
    """
    if not devices.requests:
        return ()
    if not devices.enough(None):
        raise ClaimFailed("its device requests take each other's devices")
    taken = devices.claim(cells)
    if taken is None:
        raise ClaimFailed('taking one device takes away another that it needs')
    return taken


def _shape(cell: GuestCell) -> tuple[object, ...]:
    return (
        cell.memory_mib,
        len(cell.shared),
        len(cell.dedicated),
        cell.cpu_policy,
        cell.thread_policy,
    )


def _check_pins(
    position: int, host: Cell, guest: GuestCell, packing: Packing
) -> None:
    """Pin as NUMACell.pin_cpus or, for 'isolate', with the siblings."""
    cpus = packing.reserved.union(packing.cpus)
    if len(cpus) != len(packing.cpus) + len(packing.reserved):
        raise ClaimFailed(f'it pins a CPU of cell {host.id} twice')
    if guest.thread_policy == 'isolate':
        cpus = cpus.union(*(core for core in host.siblings if core & cpus))
    if not cpus <= host.free_dedicated:
        raise ClaimFailed(
            f'guest cell {position} takes siblings on cell {host.id} that '
            'are in use'
        )
