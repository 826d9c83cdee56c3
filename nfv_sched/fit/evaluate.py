"""One guest against one host: each resource alone, then all together."""

from collections.abc import Sequence
import functools

from nfv_sched.fit import assignment
from nfv_sched.fit import cores
from nfv_sched.fit import pcie_roots
from nfv_sched.fit import reasons
from nfv_sched.fit.cell import dedicated_shortage
from nfv_sched.fit.cell import memory_shortage
from nfv_sched.fit.cell import Ratios
from nfv_sched.fit.cell import Shortage
from nfv_sched.fit.cell import sibling_shortage
from nfv_sched.fit.claim import check_devices
from nfv_sched.fit.claim import claim_order
from nfv_sched.fit.claim import ClaimFailed
from nfv_sched.fit.claim import ClaimReplay
from nfv_sched.fit.claim import OutOfSteps
from nfv_sched.fit.claim import PairCache
from nfv_sched.fit.claim import sort_cells
from nfv_sched.fit.devices import Devices
from nfv_sched.fit.devices import Providers
from nfv_sched.fit.reasons import PairTest
from nfv_sched.fit.reasons import Refusal
from nfv_sched.fit.request import FitRequest
from nfv_sched.model import Cell
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import Guest
from nfv_sched.model import Host
from nfv_sched.model import NodeChoice
from nfv_sched.model import Resource
from nfv_sched.model import Verdict

# Nearly every claim ends within a few permutations: only then is it worth
# asking first whether there is anything to find.
_FIRST_STEPS = 64

_CPU_RESOURCES = (Resource.DEDICATED_CPUS, Resource.SIBLINGS)


def max_steps(host_cells: int, guest_cells: int) -> int:
    """The most permutations of a claim that are replayed.

    Enough for every claim on hosts of up to 8 cells, and a polynomial in the
    cells beyond. A claim that takes more blocks its nova-compute for minutes
    to days: such a host is refused.
    """
    return 20_000 + 8 * host_cells**2 * guest_cells**2


class Evaluation:
    """The answers for one guest and one host at one moment.

    Each resource alone gives necessary conditions; ``refusal`` is complete
    without them. Results for pairs of cells are cached across queries.
    Callers keep answers: storing a Refusal here would create a reference
    cycle for each of thousands of hosts. Reasons and outcomes are computed
    on demand.

    :param choice: the sets of nodes that the claim's limits allow; None for
        all
    """

    __slots__ = (
        '_host_masks',
        '_pair_cache',
        '_raises',
        'choice',
        'fit_request',
        'guest',
        'host',
        'steps',
    )

    def __init__(
        self,
        fit_request: FitRequest,
        host: Host,
        choice: NodeChoice | None = None,
    ) -> None:
        self.fit_request = fit_request
        self.guest = fit_request.guest
        self.host = host
        self.choice = choice
        self.steps = 0
        self._pair_cache: PairCache | None = None
        self._host_masks: list[int] | None = None
        # Whether Nova's own code raises for some pair of cells.
        self._raises = False

    @property
    def attempts(self) -> PairCache:
        """The cached results for pairs of cells."""
        if self._pair_cache is None:
            host = self.host
            self._pair_cache = PairCache(
                self.fit_request,
                Ratios(host.cpu_allocation_ratio, host.ram_allocation_ratio),
            )
        return self._pair_cache

    def refusal(self, providers: Providers) -> Refusal | None:
        """Why the claim does not succeed; None if it does.

        :param providers: what the allocation candidate gives each device
            request, as :func:`nfv_sched.fit.candidates.providers`
        """
        answer = self._answer(providers)
        if isinstance(answer, Refusal):
            return answer
        if self.guest.pcie_policy != pcie_roots.REQUIRED:
            return None
        outcome = self._outcome(answer, providers)
        return pcie_roots.refusal(self.guest, self.host, outcome)

    def verdict(self, providers: Providers) -> Verdict:
        """Whether the claim succeeds: where it puts the guest, or why not."""
        answer = self._answer(providers)
        if isinstance(answer, Refusal):
            return Verdict(reasons=answer.reasons)
        outcome = self._outcome(answer, providers)
        refusal = pcie_roots.refusal(self.guest, self.host, outcome)
        if refusal is not None:
            return Verdict(reasons=refusal.reasons)
        return Verdict(outcome)

    def _outcome(
        self, answer: ClaimReplay | Devices | None, providers: Providers
    ) -> ClaimOutcome:
        """What the claim takes.

        :param answer: of :meth:`_answer`, which is not a refusal
        """
        if answer is None and self.guest.cells:
            # Known to succeed without a replay, which is due to learn where.
            replay = self._replay(
                Devices(self.fit_request, self.host, providers)
                if self.guest.devices
                else None
            )
            if isinstance(replay, ClaimReplay):
                answer = replay
        if isinstance(answer, ClaimReplay):
            return answer.outcome()
        if isinstance(answer, Devices):
            return ClaimOutcome(devices=answer.claim(None) or ())
        return ClaimOutcome()

    def lacks_pages(self) -> Refusal | None:
        """Why the host's page pools alone make the guest impossible."""
        if not self.fit_request.asks_pages:
            return None
        return self._lacks(self._page_shortage)

    def lacks_pinning(self) -> Refusal | None:
        """Why the host's dedicated CPUs alone make the guest impossible."""
        if not self.fit_request.asks_pinning:
            return None
        return self._lacks(self._pinning_shortage)

    def lacks_devices(self, providers: Providers) -> Refusal | None:
        """Why the host's devices make the guest impossible on any cells."""
        if not self.guest.devices:
            return None
        devices = Devices(self.fit_request, self.host, providers)
        refused = devices.first_refused(None)
        if refused is not None:
            return Refusal(
                lambda: reasons.of_request(self.host, devices, refused)
            )
        cells, wanted = self.host.cells, len(self.guest.cells)
        if not wanted or len(cells) < wanted:
            return None
        anywhere = [(1 << len(cells)) - 1] * wanted
        alone = Guest(cells=self.guest.cells, devices=self.guest.devices)
        if assignment.possible(alone, self.host, anywhere, devices) is False:
            return Refusal(
                lambda: reasons.of_locality(alone, self.host, devices)
            )
        return None

    def _lacks(self, test: PairTest) -> Refusal | None:
        masks = self._masks_of(test)
        if self._enough_cells(masks):
            return None
        return Refusal(
            lambda: reasons.of_unmatched_cells(
                self.guest, self.host, masks, test
            )
        )

    def _without_pairs(self) -> Refusal:
        return Refusal(
            lambda: reasons.of_no_cells(
                self.guest, self.host, self.masks(), self._any_shortage
            )
        )

    # The answer

    def _answer(
        self, providers: Providers
    ) -> ClaimReplay | Devices | Refusal | None:
        """What was followed to success, None if nothing had to be."""
        try:
            return self._decide(providers)
        except ClaimFailed as failure:
            why = functools.partial(reasons.of_claim, str(failure))
            return Refusal(why)

    def _decide(
        self, providers: Providers
    ) -> ClaimReplay | Devices | Refusal | None:
        guest, host, devices = self.guest, self.host, None
        if guest.devices:
            devices = Devices(self.fit_request, host, providers)
            refused = devices.first_refused(None)
            if refused is not None:
                return Refusal(
                    functools.partial(
                        reasons.of_request, host, devices, refused
                    )
                )
        if not guest.cells:
            if devices:
                check_devices(devices, None)
            return devices
        if self.fit_request.uniform:
            cells = self._with_room()
            if isinstance(cells, Refusal):
                return cells
            if self.choice is None and self._sure(cells, devices):
                return None
        return self._replay(devices)

    def _enough_cells(self, masks: Sequence[int]) -> bool:
        """Whether each guest cell has a host cell of its own that fits."""
        wanted = len(self.guest.cells)
        if len(self.host.cells) < wanted:
            return False
        if self.fit_request.single_shape:
            return masks[0].bit_count() >= wanted
        return assignment.match(masks).complete

    def _with_room(self) -> Sequence[Cell] | Refusal:
        """The host cells that fit a uniform guest's cells, if enough do.

        All pages are counted before any CPUs are, and nothing further once
        too few cells are left.
        """
        cells, wanted = self.host.cells, len(self.guest.cells)
        per_cell_demand = self.fit_request.per_cell_demand
        if per_cell_demand is None:
            fit = [c for c in cells if self._any_shortage(0, c) is None]
            return fit if len(fit) >= wanted else self._without_pairs()
        size, pages, cpus = per_cell_demand
        spare = len(cells) - wanted
        paged = []
        for cell in cells:
            if cell.free_pages(size) >= pages:
                paged.append(cell)
            else:
                spare -= 1
                if spare < 0:
                    break
        if spare < 0:
            return self._without_pairs()
        fit = [cell for cell in paged if cell.has_free_dedicated(cpus)]
        return fit if len(fit) >= wanted else self._without_pairs()

    def _sure(self, cells: Sequence[Cell], devices: Devices | None) -> bool:
        """Whether a uniform guest fits for sure, with room on ``cells``.

        Guest cells that are all alike take the first host cells that fit,
        one after another: no cached answer misleads Nova. Enough fitting
        cells suffice then, unless an irregular cell could make the claim
        raise: also one without room, which the claim may try first.

        With devices that holds for guests of one cell; others get them if
        they are near the cells that come first.
        """
        if self._raises:
            return False
        if self.fit_request.asks_pinning and not all(
            cell.regular for cell in cells
        ):
            return False
        if devices is None:
            return True
        if devices.exclusive:
            return False
        wanted = len(self.guest.cells)
        if wanted == 1:
            return any(devices.enough((cell.id,)) for cell in cells)
        if len(cells) > wanted:
            pack = self.fit_request.pack
            cells = sort_cells(cells, self.host, self.guest, pack=pack)[
                :wanted
            ]
        return devices.enough([cell.id for cell in cells])

    def _replay(self, devices: Devices | None) -> ClaimReplay | Refusal:
        """Replay the claim, for long only if some assignment exists.

        Most claims succeed with the first permutation: it is tried before
        anything else is checked.
        """
        guest, host = self.guest, self.host
        if len(host.cells) < len(guest.cells):
            return self._without_pairs()
        cells = claim_order(host, guest, pack=self.fit_request.pack)
        replay = ClaimReplay(host, cells, self.attempts, devices, self.choice)
        try:
            replay.run(1)
        except (ClaimFailed, OutOfSteps) as exc:
            refusal = self._check_before_continuing(replay, exc, devices)
            if refusal:
                return refusal
        finally:
            self.steps += replay.steps
        return replay

    def _check_before_continuing(
        self, replay: ClaimReplay, exc: Exception, devices: Devices | None
    ) -> Refusal | None:
        """Walk on if cheaper tests leave anything to find."""
        if not self._enough_cells(self.masks()):
            return self._without_pairs()
        try:
            if isinstance(exc, ClaimFailed):
                raise exc
            replay.run(_FIRST_STEPS)
        except (ClaimFailed, OutOfSteps) as later:
            if self._nothing_to_find(devices):
                return Refusal(
                    lambda: reasons.of_combination(
                        self.guest, self.host, self.masks(), devices
                    )
                )
            if isinstance(later, ClaimFailed):
                raise
            self._continue(replay)
        return None

    def _continue(self, replay: ClaimReplay) -> None:
        steps = max_steps(len(self.host.cells), len(self.guest.cells))
        try:
            replay.run(steps - replay.steps)
        except OutOfSteps as exc:
            raise ClaimFailed(
                f'it does not end within {steps} permutations'
            ) from exc

    def _nothing_to_find(self, devices: Devices | None) -> bool:
        found = assignment.possible(
            self.guest, self.host, self.masks(), devices
        )
        return found is False

    # Pairs of cells

    def masks(self) -> list[int]:
        """Per guest cell a bit mask of the host cells that fit it."""
        if self._host_masks is None:
            self._host_masks = self._masks_of(self._any_shortage)
        return self._host_masks

    def _masks_of(self, test: PairTest) -> list[int]:
        masks: list[int] = []
        shapes = self.fit_request.shape_of
        for index, shape in enumerate(shapes):
            if shape < index and not (
                self.guest.emulator_isolated and shape == 0
            ):
                masks.append(masks[shape])
                continue
            mask = 0
            for i, cell in enumerate(self.host.cells):
                if test(index, cell) is None:
                    mask |= 1 << i
            masks.append(mask)
        return masks

    def _any_shortage(self, index: int, host: Cell) -> Shortage | None:
        try:
            return self.attempts.as_requested(index, host).shortage
        except cores.ClaimError:
            # A cell without cores, on which the claim raises if it tries
            # it: only a replay shows that.
            self._raises = True
            return Shortage(Resource.SIBLINGS, 1, 0)

    def _page_shortage(self, index: int, host: Cell) -> Shortage | None:
        cell = self.guest.cells[index]
        if not cell.page_size:
            return None
        return memory_shortage(host, cell, cell.page_size)[0]

    def _pinning_shortage(self, index: int, host: Cell) -> Shortage | None:
        shortage = self._any_shortage(index, host)
        if shortage is None or shortage.resource in _CPU_RESOURCES:
            return shortage
        cell = self.guest.cells[index]
        if not cell.pinned:
            return None
        emulator = int(self.guest.emulator_isolated and index == 0)
        try:
            return dedicated_shortage(
                host, cell, emulator
            ) or sibling_shortage(host, cell, emulator)
        except cores.ClaimError:
            return Shortage(Resource.SIBLINGS, 1, 0)


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
        providers = [
            () if request.from_port else request.rp_uuids
            for request in guest.devices
        ]
    return Evaluation(FitRequest(guest, pack=pack), host).verdict(providers)
