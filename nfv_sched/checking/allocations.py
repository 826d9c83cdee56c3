"""Checks of allocations: what Placement has, against what instances hold."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
import dataclasses

from nfv_sched.checking.result import count
from nfv_sched.checking.result import Facts
from nfv_sched.checking.result import Finding
from nfv_sched.checking.result import instance_name
from nfv_sched.checking.result import InstanceName
from nfv_sched.checking.result import not_made
from nfv_sched.checking.result import of_findings
from nfv_sched.checking.result import of_host
from nfv_sched.checking.result import Place
from nfv_sched.checking.result import Result
from nfv_sched.survey.values import HostSurvey


@dataclasses.dataclass(frozen=True, slots=True)
class Allocations:
    """What Placement has allocated of compute nodes.

    ``amounts`` are by compute node uuid, consumer and resource class. Of the
    consumers that no host has, ``hosts`` has the hosts of those that are
    instances, None without one, and ``booting`` those that no Nova cell has
    yet. ``problem`` says why all of this is not known.
    """

    amounts: Mapping[str, Mapping[str, Mapping[str, int]]] = dataclasses.field(
        default_factory=dict
    )
    hosts: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    booting: AbstractSet[str] = frozenset()
    problem: str | None = None


def consumers_elsewhere(
    hosts: Iterable[HostSurvey],
    amounts: Mapping[str, Mapping[str, Mapping[str, int]]],
) -> set[str]:
    """The consumers of compute nodes that are not on these."""
    return {
        consumer
        for host in hosts
        for consumer in amounts.get(host.topology.uuid, ())
        if consumer not in _consumers(host)
    }


def _consumers(host: HostSurvey) -> set[str]:
    """The consumers that a host may have.

    An instance that moves is a consumer on one side, its migration on the
    other: which one depends on how far it is.
    """
    moving = host.migrating or {}
    return {
        *(instance.uuid for instance in host.residents or ()),
        *moving,
        *(instance.uuid for instance in moving.values()),
    }


def check(hosts: Collection[HostSurvey], allocations: Allocations) -> Result:
    """Check that Placement has allocated what instances hold."""
    if allocations.problem:
        return not_made(
            allocations.problem,
            'run the check again when Placement and all Nova cells answer',
        )
    found = [
        finding
        for host in hosts
        if host.residents is not None
        and host.topology.uuid in allocations.amounts
        for finding in (
            *_of_instances(host, allocations),
            *_of_others(host, allocations),
        )
    ]
    return of_findings(found, 'difference')


def _of_instances(
    host: HostSurvey, allocations: Allocations
) -> Iterator[Finding]:
    """Instances to which nothing is allocated, or other amounts."""
    uuid = host.topology.uuid
    amounts = allocations.amounts[uuid]
    moving = {instance.uuid for instance in (host.migrating or {}).values()}
    for instance in host.residents or ():
        if instance.changing or instance.uuid in moving:
            continue
        own = amounts.get(instance.uuid)
        pinned = sum(len(part.host_cpus) for part in instance.cells)
        dedicated = (own or {}).get('PCPU', 0)
        if own is None:
            problem = 'Placement has allocated nothing for an instance'
            cause = (
                'a move failed halfway, or it was made when Placement was down'
            )
        elif pinned != dedicated:
            problem = (
                f'Placement has allocated {dedicated} PCPU, the instance is '
                f'pinned to {count(pinned, "CPU")}'
            )
            cause = (
                'it was booted when [workarounds] disable_fallback_pcpu_query '
                'was off, or before its host had dedicated CPUs'
            )
        else:
            continue
        yield Finding(
            of_host(host.host),
            problem,
            f'nova-manage placement heal_allocations --force --instance '
            f'{instance.uuid}',
            (instance_name(instance),),
            Place(provider=uuid),
            cause,
            Facts(dedicated, pinned, own or {}),
        )


def _of_others(
    host: HostSurvey, allocations: Allocations
) -> Iterator[Finding]:
    """Consumers that are not on the host."""
    uuid = host.topology.uuid
    amounts = allocations.amounts[uuid]
    for consumer in sorted(amounts.keys() - _consumers(host)):
        place = allocations.hosts.get(consumer)
        if consumer in allocations.booting or (
            consumer in allocations.hosts and place in (None, host.host)
        ):
            continue
        resources = ', '.join(
            f'{amount} {name}'
            for name, amount in sorted(amounts[consumer].items())
        )
        yield Finding(
            of_host(host.host),
            f'Placement has allocated {resources} to '
            + (
                f'an instance that is on {place}'
                if place
                else 'a consumer that is no instance here'
            ),
            f'nova-manage placement audit --delete --resource_provider {uuid}',
            (InstanceName(consumer),),
            Place(provider=uuid),
            'the instance was evacuated and nova-compute has not started since'
            if place
            else 'it was deleted when Placement or nova-compute was down',
            Facts(resources=amounts[consumer]),
            found_on=place,
        )
