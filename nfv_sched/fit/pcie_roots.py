"""The PCIe roots that the devices of an instance are below.

Devices below one root reach each other without the interconnect of the
processor. Nova does not know roots: a claim takes devices whatever they are
below, and what it takes is predicted.
"""

from nfv_sched.fit.reasons import of_roots
from nfv_sched.fit.reasons import Refusal
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import Guest
from nfv_sched.model import Host

#: ``Guest.pcie_policy`` of an instance whose devices must be below one root.
REQUIRED = 'required'


def count(host: Host, outcome: ClaimOutcome) -> int:
    """The PCIe roots of the devices and accelerators of a claim.

    Devices of an unknown root count as if no other card were below it.
    """
    roots: set[str] = set()
    unknown = 0
    for claim in outcome.devices:
        pool = host.pools[claim.pool]
        if pool.pcie_root or pool.address:
            roots.add(pool.pcie_root or pool.address or '')
        else:
            unknown += claim.count
    for card in outcome.accelerators:
        if card.pcie_root:
            roots.add(card.pcie_root)
        else:
            unknown += 1
    return len(roots) + unknown


def refusal(guest: Guest, host: Host, outcome: ClaimOutcome) -> Refusal | None:
    """Why the devices and accelerators of a claim do not do; None if they do.

    Only where one PCIe root is required, and where the roots of all devices
    are known.
    """
    if guest.pcie_policy != REQUIRED:
        return None
    roots = {host.pools[claim.pool].pcie_root for claim in outcome.devices}
    roots.update(card.pcie_root for card in outcome.accelerators)
    known = frozenset(root for root in roots if root is not None)
    if len(known) < 2 or len(known) < len(roots):
        return None
    return Refusal(lambda: of_roots(known))
