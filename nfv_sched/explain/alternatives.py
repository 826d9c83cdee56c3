"""Alternative requests: what could be asked instead, and what that costs.

Each alternative is made where its constraint comes from, see
:mod:`nfv_sched.nova.request_template`, and only those are left that Nova would
accept.
"""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import enum
from typing import Self

from nfv_sched.fit.request import KIB_PER_MIB
from nfv_sched.model import Guest
from nfv_sched.model import PAGES_ANY
from nfv_sched.model import PAGES_SMALL
from nfv_sched.model.pages import base_page_kib
from nfv_sched.nova import request_spec
from nfv_sched.nova import request_template
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.nova.request_template import Edit
from nfv_sched.nova.request_template import Origin
from nfv_sched.nova.request_template import RequestTemplate
from nfv_sched.nova.types import RequestSpec

_STRICT = {'required', 'socket', 'legacy'}
_HYPERTHREADING = 'trait:HW_CPU_HYPERTHREADING'
_PCIE = 'nfv:pcie'


class Harm(enum.IntEnum):
    """What a change costs tenants and operators, the least first.

    The order in which suggestions are listed, and its reasons:

    #. A **move** of other instances changes nothing of the request. A live
       migration interrupts each of them for a moment; fewer moves come first.
    #. Huge pages of **another size**: smaller ones cost misses of the TLB,
       larger ones may be scarce; the instance runs as before.
    #. **Huge pages** for an instance that did not ask for them: the tenant
       gains, but pages that are reserved for others are used up.
    #. **Emulator threads** on the CPUs of the instance: now and then a packet
       is late.
    #. CPUs on **shared cores**: other instances may run on the siblings.
    #. Another number of **NUMA nodes**: the instance has to be set up for it,
       or its own memory is far from some of its CPUs.
    #. Devices on another NUMA node **of the socket**, or below several PCIe
       roots: a shorter way than between sockets.
    #. Devices on **any** NUMA node: each packet may cross the interconnect
       between sockets, which all instances of the host share.
    #. A **hint** that is left out: a rule that the tenant asked for, such as
       another host than its standby's, is broken.
    #. **Small pages**, also as one of the possibilities of ``any``: DPDK and
       vhost-user need huge pages. Such an instance may boot and not work.
    """

    text: str

    MOVE = 0, 'others move'
    HUGE_PAGE_SIZE = 1, 'huge pages of another size'
    HUGE_PAGES = 2, 'uses up huge pages'
    EMULATOR = 3, 'emulator threads interrupt its CPUs'
    THREADS = 4, 'others may run on the siblings of its CPUs'
    NODES = 5, 'another number of NUMA nodes in it'
    NEAR_DEVICES = 6, 'devices may be on another NUMA node of the socket'
    ROOTS = 7, 'devices may be below several PCIe roots'
    FAR_DEVICES = 8, 'devices may be on any NUMA node'
    HINT = 9, 'not placed as the hint asks'
    SMALL_PAGES = 10, 'small pages: not for DPDK or vhost-user'

    def __new__(cls, value: int, text: str) -> Self:
        """A member with a text."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.text = text
        return member


@dataclasses.dataclass(frozen=True, slots=True)
class Alternative:
    """Edits of a request that Nova accepts, and the request with them.

    ``spec`` is for one use. ``parts`` are other alternatives that do less:
    it is worth nothing where one of them helps as many hosts.
    """

    edits: tuple[Edit, ...]
    harm: Harm
    spec: RequestSpec
    guest: Guest
    parts: tuple[tuple[Edit, ...], ...] = ()


def alternatives(
    template: RequestTemplate, page_sizes: Iterable[int]
) -> Iterator[Alternative]:
    """What could be asked instead, one change at a time, by harm.

    :param page_sizes: in KiB, of the hosts that there are
    """
    maker = _AlternativeMaker(template)
    found = [
        *maker.pages(sorted(page_sizes)),
        *maker.emulator_threads(),
        *maker.thread_policy(),
        *maker.nodes(),
        *maker.affinity(),
        *maker.roots(),
        *maker.hints(),
    ]
    yield from sorted(found, key=lambda one: (one.harm, len(one.edits)))


class _AlternativeMaker:
    def __init__(self, template: RequestTemplate) -> None:
        self._template = template
        self._guest = request_spec.read_guest(template.spec)
        self._asked = {
            (constraint.origin, constraint.name): constraint
            for constraint in template.constraints()
        }

    def pages(self, sizes: list[int]) -> Iterator[Alternative]:
        guest = self._guest
        if not guest.cells:
            return
        asked = guest.cells[0].page_size
        base = base_page_kib(sizes)
        small = asked == PAGES_SMALL or 0 < (asked or 0) <= base
        huger = Harm.HUGE_PAGES if small else Harm.HUGE_PAGE_SIZE
        if asked is None:
            if sizes[1:]:
                yield from self._knob(
                    'mem_page_size', 'large', Harm.HUGE_PAGES
                )
            return
        for size in sizes:
            if asked != size and _divides(size, guest):
                text = request_template.size_text(size)
                harm = Harm.SMALL_PAGES if size <= base else huger
                yield from self._knob('mem_page_size', text, harm)
        if asked > base:
            yield from self._knob('mem_page_size', 'large', huger)
        if asked not in (PAGES_ANY, PAGES_SMALL):
            harm = huger if small else Harm.SMALL_PAGES
            yield from self._knob('mem_page_size', 'any', harm)

    def emulator_threads(self) -> Iterator[Alternative]:
        if self._guest.emulator_isolated:
            yield from self._knob(
                'emulator_threads_policy', 'share', Harm.EMULATOR
            )

    def thread_policy(self) -> Iterator[Alternative]:
        policies = {cell.thread_policy for cell in self._guest.cells}
        if not policies & {'require', 'isolate'}:
            return
        if (Origin.FLAVOR, _HYPERTHREADING) in self._asked:
            edit = self._template.edit(Origin.FLAVOR, _HYPERTHREADING, None)
            yield from self._first([(edit,)], Harm.THREADS)
        else:
            yield from self._knob('cpu_thread_policy', 'prefer', Harm.THREADS)

    def nodes(self) -> Iterator[Alternative]:
        count = len(self._guest.cells)
        if count:
            wanted = '2' if count == 1 else '1'
            yield from self._knob('numa_nodes', wanted, Harm.NODES)

    def affinity(self) -> Iterator[Alternative]:
        """Weaker affinity of devices, where the stronger one comes from.

        Nova takes a port's own policy first, and that of an alias last
        (``create_resource_requests``, ``_translate_alias_to_requests``).
        """
        if not self._guest.cells:
            return
        own = {
            port.uuid: port.policy
            for port in self._template.ports
            if port.policy
        }
        general = self._template.general_policies()
        for policy, harm, stricter in (
            ('socket', Harm.NEAR_DEVICES, {'required'}),
            ('preferred', Harm.FAR_DEVICES, _STRICT),
        ):
            ports = tuple(
                Edit(Origin.PORT, port, request_template.PORT_POLICY, policy)
                for port, present in own.items()
                if present in stricter
            )
            of_ports = list(self._first([ports], harm)) if ports else []
            of_others = (
                list(self._knob('pci_numa_affinity_policy', policy, harm))
                if general & stricter
                else []
            )
            yield from of_ports
            yield from of_others
            for other in of_others:
                for one in of_ports:
                    both = (*other.edits, *one.edits)
                    for alternative in self._first([both], harm):
                        yield dataclasses.replace(
                            alternative, parts=(other.edits, one.edits)
                        )

    def roots(self) -> Iterator[Alternative]:
        if self._guest.pcie_policy == 'required':
            edit = self._template.edit(Origin.FLAVOR, _PCIE, 'same')
            yield from self._first([(edit,)], Harm.ROOTS)

    def hints(self) -> Iterator[Alternative]:
        for origin, name in self._asked:
            if origin is Origin.HINT:
                edit = self._template.edit(Origin.HINT, name, None)
                yield from self._first([(edit,)], Harm.HINT)

    def _knob(
        self, name: str, value: str, harm: Harm
    ) -> Iterator[Alternative]:
        """Another value of what flavors have as ``hw:``, images as ``hw_``."""
        edit = self._template.edit
        flavor = edit(Origin.FLAVOR, f'hw:{name}', value)
        if (Origin.IMAGE, f'hw_{name}') not in self._asked:
            yield from self._first([(flavor,)], harm)
            return
        image = edit(Origin.IMAGE, f'hw_{name}', value)
        nothing = edit(Origin.IMAGE, f'hw_{name}', None)
        yield from self._first(
            [(image,), (flavor, nothing), (flavor, image)], harm
        )

    def _first(
        self, choices: Iterable[tuple[Edit, ...]], harm: Harm
    ) -> Iterator[Alternative]:
        """The first choice that Nova accepts and that asks anything else."""
        for edits in choices:
            if not self._template.editable.issuperset(
                edit.origin for edit in edits
            ):
                continue
            try:
                spec = self._template.request(edits)
                guest = request_spec.read_guest(spec)
            except (BadRequestError, ValueError):
                continue
            if harm is Harm.HINT or _plain(guest) != _plain(self._guest):
                yield Alternative(edits, harm, spec, guest)
                return


def _divides(size: int, guest: Guest) -> bool:
    return all(
        cell.memory_mib * KIB_PER_MIB % size == 0 for cell in guest.cells
    )


def _plain(guest: Guest) -> Guest:
    """A guest without the names that Nova makes for each request."""
    return dataclasses.replace(
        guest,
        devices=tuple(
            dataclasses.replace(request, request_id=None, rp_uuids=())
            for request in guest.devices
        ),
    )
