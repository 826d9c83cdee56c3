"""What would let a guest fit: guests that move, or another request."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from nfv_sched import fit
from nfv_sched.explaining import moves
from nfv_sched.explaining.explain import fits_claim
from nfv_sched.explaining.explain import host_of
from nfv_sched.explaining.explain import Inquiry
from nfv_sched.explaining.explain import Look
from nfv_sched.explaining.values import Lack
from nfv_sched.explaining.values import PLACEMENT
from nfv_sched.explaining.values import TRAIT
from nfv_sched.explaining.variants import Variant
from nfv_sched.explaining.variants import variants
from nfv_sched.placement.client import PlacementClient
from nfv_sched.survey.values import HostSurvey

#: Hosts whose guests are thought away.
NEAREST = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Suggestion:
    """One change, the hosts that then fit, and the first of them.

    ``guests`` are the guests that move, by name and uuid; ``to`` says for
    each a host that takes it, empty where there is none.
    """

    change: str
    hosts: int
    host: str
    guests: tuple[tuple[str, str], ...] = ()
    to: tuple[str, ...] = ()


def by_asking(inquiry: Inquiry) -> Iterator[Suggestion]:
    """Other requests that hosts would take which fall at the claim alone."""
    hosts = [
        (look, host)
        for look in inquiry.looks
        if look.lacks
        and all(map(_changeable, look.lacks))
        and (host := _host(inquiry.question, look)) is not None
    ]
    sizes = {
        pool.size_kib
        for _, host in hosts
        for cell in host.cells
        for pool in cell.pages
    }
    for variant in variants(inquiry.question.guest, sizes):
        question = fit.Question(variant.guest, pack=inquiry.question.pack)
        found = [
            str(look.state.nodename)
            for look, host in hosts
            if all(_met(lack, variant) for lack in look.lacks)
            and _fits(question, look, host)
        ]
        if found:
            yield Suggestion(variant.change, len(found), found[0])


def _changeable(lack: Lack) -> bool:
    """Whether any variant could do without what lacks."""
    return (
        fits_claim(lack)
        or lack.condition == 'PCPU'
        or lack.condition.startswith(TRAIT)
    )


def _met(lack: Lack, variant: Variant) -> bool:
    """Whether a lack outside the claim is none for a variant."""
    if lack.condition == 'PCPU' and lack.asked and lack.available is not None:
        return lack.asked - lack.available <= variant.spared
    if lack.condition.startswith(TRAIT):
        return lack.condition == f'{TRAIT}{variant.trait}'
    return fits_claim(lack)


def _host(question: fit.Question, look: Look) -> Any:
    try:
        host = host_of(question, look)
        # What is malformed shows when it is read.
        list(host.cells), list(host.pools)
    except Exception:
        return None
    return host


def _fits(question: fit.Question, look: Look, host: Any) -> bool:
    evaluation = fit.Evaluation(question, host)
    devices = question.guest.devices
    try:
        return any(
            evaluation.refusal(
                fit.providers_of(devices, candidate.get('mappings'))
                if question.choosable and set(candidate['mappings']) != {''}
                else question.unchosen
            )
            is None
            for candidate in look.candidates or [{'mappings': {'': []}}]
        )
    except Exception:
        return False


def by_moving(
    inquiry: Inquiry,
    surveys: Callable[[Sequence[str]], Mapping[str, HostSurvey]],
    client: PlacementClient,
) -> Iterator[moves.Move]:
    """The fewest guests to move from each of the nearest hosts.

    Only hosts that lack nothing but room.

    :param surveys: the hosts of these names, by name
    """
    near = [
        look
        for look in inquiry.looks
        if look.lacks and all(map(_of_room, look.lacks))
    ][:NEAREST]
    known = surveys([str(look.state.nodename) for look in near])
    for look in near:
        survey = known.get(str(look.state.nodename))
        host = _host(inquiry.question, look)
        if survey is None or host is None:
            continue
        lacking = {
            lack.condition: lack.asked - lack.available
            for lack in look.lacks
            if lack.stage == PLACEMENT
            and lack.asked is not None
            and lack.available is not None
        }
        held = _held(client, look.state.uuid) if lacking else {}
        found = moves.fewest(
            inquiry.question, survey, host, moves.Shortfall(lacking, held)
        )
        if found:
            yield found


def _of_room(lack: Lack) -> bool:
    """Whether guests that leave could make good what lacks."""
    if lack.stage == PLACEMENT:
        return lack.asked is not None and (lack.available or 0) < lack.asked
    return fits_claim(lack)


def _held(
    client: PlacementClient, compute: str
) -> Mapping[str, Mapping[str, int]]:
    answer = client.get(f'/resource_providers/{compute}/allocations')
    return {
        consumer: value['resources']
        for consumer, value in answer['allocations'].items()
    }
