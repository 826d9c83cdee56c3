"""Whether the instances of lost hosts fit on the others."""

from collections.abc import Collection
import dataclasses

from nfv_sched.plan import planner
from nfv_sched.plan.planner import PlannedCloud
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import SurveyedInstance


@dataclasses.dataclass(frozen=True, slots=True)
class Relocation:
    """An instance of a lost host, and the host that takes it.

    ``host`` is None where none does, ``short`` then says what most lack.
    """

    guest: SurveyedInstance
    lost: str
    host: str | None
    short: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Evacuation:
    """Where each instance goes; ``notes`` say what else to know."""

    relocations: tuple[Relocation, ...]
    notes: tuple[str, ...] = ()


def evacuate(cloud: PlannedCloud, lost: Collection[HostSurvey]) -> Evacuation:
    """Place as many instances of lost hosts elsewhere as possible.

    As they were requested, see :func:`nfv_sched.plan.planner.relocate`.
    """
    names = [host.topology.name for host in lost]
    plan = planner.relocate(cloud, names, lost=True)
    to = {step.instance: step.destination for step in plan.steps}
    short = {each.instance: each.short for each in plan.unplaced}
    return Evacuation(
        tuple(
            Relocation(
                instance,
                host.topology.name,
                to.get(instance.uuid),
                short.get(instance.uuid, ''),
            )
            for host in lost
            for instance in host.residents or ()
        ),
        plan.notes,
    )
