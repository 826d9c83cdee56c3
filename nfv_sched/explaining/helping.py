"""What would help a guest that no host takes, all things considered."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from nfv_sched.explaining import suggestions
from nfv_sched.explaining.explain import Explainer
from nfv_sched.explaining.explain import Inquiry
from nfv_sched.explaining.moves import Move
from nfv_sched.explaining.suggestions import Suggestion
from nfv_sched.nova import asking
from nfv_sched.survey import nova as nova_survey
from nfv_sched.survey.values import HostSurvey

#: Moves for whose guests another host is looked for.
LOOKED_AFTER = 2


def helpful(explainer: Explainer, inquiry: Inquiry) -> list[Suggestion]:
    """Every suggestion: fewest moved guests first, then other requests.

    For the guests that move another host is looked for, each by itself, as
    their stored requests ask.
    """
    moves = sorted(
        suggestions.by_moving(inquiry, _surveys(inquiry), explainer.client),
        key=lambda move: len(move.guests),
    )
    # What comes next changes what is known of the hosts.
    asking_else = list(suggestions.by_asking(inquiry))
    return [
        *(
            _suggestion(move, _destinations(explainer, move))
            for move in moves[:LOOKED_AFTER]
        ),
        *(_suggestion(move, ()) for move in moves[LOOKED_AFTER:]),
        *asking_else,
    ]


def _suggestion(move: Move, to: Iterable[str]) -> Suggestion:
    count = len(move.guests)
    return Suggestion(
        f'move {count} guest{"s" if count > 1 else ""} away',
        1,
        move.host,
        tuple((one.name, one.uuid) for one in move.guests),
        tuple(to),
    )


def _destinations(explainer: Explainer, move: Move) -> Iterator[str]:
    """A host for each guest that moves, as far as its request is known."""
    for guest in move.guests:
        try:
            spec = asking.stored_spec(explainer.context, guest.uuid)
        except asking.BadRequestError:
            yield 'unknown: no request is stored'
            continue
        spec.ignore_hosts = [move.host]
        # Where it was once forced to does not bind it.
        spec.force_hosts = spec.force_nodes = None
        found = explainer.explain(spec, detailed=0)
        yield next((one.host for one in found.findings if one.fits), 'none')


def _surveys(
    inquiry: Inquiry,
) -> Callable[[Sequence[str]], Mapping[str, HostSurvey]]:
    """What reads the surveys of hosts that an inquiry has looked at."""
    uuids = {
        str(look.state.nodename): str(look.state.uuid)
        for look in inquiry.looks
    }

    def read(names: Sequence[str]) -> Mapping[str, HostSurvey]:
        found = nova_survey.read(uuids=[uuids[name] for name in names])
        return {one.topology.name: one for one in found.hosts}

    return read
