"""Hosts by name or failure domain, as options name them."""

from collections.abc import Sequence

from nfv_sched.model.similar_names import did_you_mean
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import Survey

#: ``host`` or a kind of failure domain, and a name.
Named = tuple[str, str]


def is_named(host: HostSurvey, wanted: Sequence[Named]) -> bool:
    """Whether any of the names is that of a host or of its domain."""
    return any(
        name in (host.host, host.topology.name)
        if kind == 'host'
        else host.topology.domains.get(kind) == name
        for kind, name in wanted
    )


def unknown(survey: Survey, wanted: Sequence[Named]) -> BadRequestError:
    """The error that no host has any of the names; it is about the first."""
    kind, name = wanted[0]
    kinds = sorted(
        {'host'}.union(*(host.topology.domains for host in survey.hosts))
    )
    if kind not in kinds:
        return BadRequestError(
            f'no host has a {kind}{did_you_mean(kind, kinds)} '
            '([nfv_sched] failure_domains has the kinds)'
        )
    known = (
        {host.host for host in survey.hosts}
        if kind == 'host'
        else {host.topology.domains.get(kind, '') for host in survey.hosts}
    )
    what = 'host' if kind == 'host' else f'host in {kind}'
    return BadRequestError(
        f'there is no {what} {name}{did_you_mean(name, known - {""})}'
    )
