"""The fewest instances to move away so that another one fits."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import itertools

from nfv_sched.fit import Evaluation
from nfv_sched.fit import FitRequest
from nfv_sched.model import Host
from nfv_sched.placement import matching
from nfv_sched.placement.candidate_request import CandidateRequest
from nfv_sched.placement.provider_tree import HostTree
from nfv_sched.survey.departures import host_without
from nfv_sched.survey.values import HostSurvey
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


def possible_moves(
    fit_request: FitRequest,
    survey: HostSurvey,
    state: Host,
    room: PlacementRoom | None = None,
) -> Iterator[Move]:
    """The instances that would have to leave a host, the fewest first.

    Among choices of the same size, that with the least memory first. Choices
    of up to MAX_MOVES instances are tried, at most MAX_TRIES; those that
    include a smaller one are left out.

    :param state: the host as it is
    :param room: None where Placement offers the host already
    """
    residents = survey.residents or ()
    tried = 0
    found: list[frozenset[str]] = []
    for count in range(1, min(MAX_MOVES, len(residents)) + 1):
        choices = []
        for choice in itertools.combinations(residents, count):
            names = frozenset(instance.uuid for instance in choice)
            if any(smaller <= names for smaller in found):
                continue
            tried += 1
            if tried > MAX_TRIES:
                break
            if fits_without(fit_request, survey, state, room, choice):
                choices.append(choice)
        for choice in sorted(choices, key=_memory):
            found.append(frozenset(instance.uuid for instance in choice))
            yield Move(survey.host, choice)


def fits_without(
    fit_request: FitRequest,
    survey: HostSurvey,
    state: Host,
    room: PlacementRoom | None,
    leaving: Sequence[SurveyedInstance],
) -> bool:
    """Whether an instance fits a host once others have left it."""
    return (room is None or room.offered_without(leaving)) and _fits(
        fit_request, host_without(survey, state, leaving)
    )


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
