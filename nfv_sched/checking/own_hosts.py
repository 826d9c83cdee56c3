"""The check that instances still fit their own hosts, as they were requested.

An instance that does not fits no such host either: a rebuild there, an
evacuation or a migration back is refused, although the instance runs. The
claim decides, and the filters that can be judged of an instance's own host,
see :mod:`nfv_sched.dryrun.own_host_filters`. Traits and amounts in Placement
are not looked at.
"""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from nfv_sched import fit
from nfv_sched.checking.result import Facts
from nfv_sched.checking.result import Finding
from nfv_sched.checking.result import instance_name
from nfv_sched.checking.result import not_made
from nfv_sched.checking.result import of_findings
from nfv_sched.checking.result import of_host
from nfv_sched.checking.result import Result
from nfv_sched.dryrun.own_host_filters import Rejection
from nfv_sched.fit import gap
from nfv_sched.model import Guest
from nfv_sched.model import Reason
from nfv_sched.survey.departures import host_without
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import SurveyedInstance


@dataclasses.dataclass(frozen=True, slots=True)
class Requests:
    """What instances asked for, by uuid.

    ``problems`` say by uuid which stored requests cannot be read; ``pack`` is
    whether claims pack NUMA nodes. ``rejections`` are those of filters, by
    uuid, ``unfiltered`` why none of them is known. ``problem`` says why none
    of all that is known.
    """

    guests: Mapping[str, Guest] = dataclasses.field(default_factory=dict)
    problems: Mapping[str, str] = dataclasses.field(default_factory=dict)
    pack: bool = False
    rejections: Mapping[str, Sequence[Rejection]] = dataclasses.field(
        default_factory=dict
    )
    unfiltered: str | None = None
    problem: str | None = None


def check(hosts: Collection[HostSurvey], requests: Requests) -> Result:
    """Check that each instance fits its host without it, as requested."""
    if requests.problem:
        return not_made(
            requests.problem,
            'run the check again when the API database answers',
        )
    found = [
        finding
        for host in hosts
        for finding in (
            *_unreadable(host, requests),
            *_misfits(host, requests),
            *_rejected(host, requests),
        )
    ]
    result = of_findings(found, 'instance')
    if requests.unfiltered and not found:
        return not_made(
            f'only claims were tried, no filters: {requests.unfiltered}',
            'mend that, and run the check again',
        )
    return result


def _unreadable(host: HostSurvey, requests: Requests) -> Iterator[Finding]:
    for instance in host.residents or ():
        problem = requests.problems.get(instance.uuid)
        if problem is not None:
            yield Finding(
                of_host(host.host),
                f'the stored request cannot be read: {problem}',
                'correct request_specs.spec in the API database',
                (instance_name(instance),),
                cause='the record is of another release, or damaged',
            )


def _settled(host: HostSurvey) -> Iterator[SurveyedInstance]:
    """The instances of a host to which nothing is happening."""
    moving = {instance.uuid for instance in (host.migrating or {}).values()}
    for instance in host.residents or ():
        if not instance.changing and instance.uuid not in moving:
            yield instance


def _rejected(host: HostSurvey, requests: Requests) -> Iterator[Finding]:
    for instance in _settled(host):
        for rejection in requests.rejections.get(instance.uuid, ()):
            yield Finding(
                of_host(host.host),
                'this host would not be chosen again for the stored request: '
                f'{rejection.text}',
                f'nfv-sched explain --server {instance.uuid} shows hosts that '
                'fit: move it there, or configure the aggregates as before',
                (instance_name(instance),),
                cause='aggregates, zones, options or the server group were '
                'changed when the instance was there, or its host was forced',
                facts=Facts(filter=rejection.filter),
            )


def _misfits(host: HostSurvey, requests: Requests) -> Iterator[Finding]:
    if host.state is None:
        return
    # Instances that asked for the same share one guest.
    known: dict[int, fit.FitRequest] = {}
    for instance in _settled(host):
        guest = requests.guests.get(instance.uuid)
        if guest is None or guest.asks_nothing:
            continue
        asked = known.get(id(guest))
        if asked is None:
            asked = fit.FitRequest(guest, pack=requests.pack)
            known[id(guest)] = asked
        without = host_without(host, host.state, [instance])
        providers = asked.no_providers
        if fit.Evaluation(asked, without).refusal(providers) is not None:
            lacking = gap.shortfall(asked, without, providers)
            yield _misfit(host, instance, lacking.reasons)


def _misfit(
    host: HostSurvey, instance: SurveyedInstance, reasons: Sequence[Reason]
) -> Finding:
    return Finding(
        of_host(host.host),
        'the stored request does not fit this host any more, even without '
        'the instance',
        f'nfv-sched explain --server {instance.uuid} shows hosts that fit: '
        'move it there, or configure the host as before',
        (instance_name(instance),),
        cause='CPUs, pages or devices of the host were configured differently '
        'when the instance was placed, or it was placed without the filters',
        facts=Facts(shortages=tuple(reasons)),
    )
