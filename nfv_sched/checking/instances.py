"""Checks of instances: what they hold against what their hosts report.

nova-compute counts what instances hold by their stored NUMA topologies, the
devices by the records of devices, and both again with every full report
(nova.compute.resource_tracker ``_update_available_resource``). What differs is
found here by the same rules, CPU by CPU.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
import dataclasses

from oslo_upgradecheck.upgradecheck import Code

from nfv_sched.checking.result import count
from nfv_sched.checking.result import name_some
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import verb
from nfv_sched.checking.result import verdict
from nfv_sched.fit.request import KIB_PER_MIB
from nfv_sched.model import Cell
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import InstanceCell
from nfv_sched.survey.values import SurveyedDevice
from nfv_sched.survey.values import SurveyedInstance

_RECOUNT = (
    'restart nova-compute on {host}, which counts again; if it stays, see its '
    'log for an instance that it cannot read'
)
_MIGRATE = 'openstack server migrate --wait {uuid}'


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """Something about instances that is not as it should be.

    ``where`` names CPUs, pages or devices of the host. ``instances`` are
    names with uuids; none are involved in some. ``code`` is SUCCESS for what
    is unusual, but allowed.
    """

    host: str
    instances: tuple[str, ...]
    problem: str
    where: str
    cause: str
    fix: str
    code: Code = Code.WARNING

    @property
    def verdict(self) -> str:
        """The code in words."""
        return verdict(self.code)

    @property
    def text(self) -> str:
        """Everything but the fix."""
        who = f', {" and ".join(self.instances)}' if self.instances else ''
        return (
            f'{self.host}{who}: {self.problem}: {self.where}. '
            f'Likely cause: {self.cause}'
        )


class InstancesResult(Result):
    """The result of the check of instances, with all that was found."""

    def __init__(
        self, code: Code, details: str, fix: str, found: Sequence[Finding]
    ) -> None:
        super().__init__(code, details, fix)
        self.findings = found


def check(hosts: Collection[HostSurvey]) -> InstancesResult:
    """Check that instances hold what their hosts report."""
    found, changing = findings(hosts)
    wrong = [each for each in found if each.code is not Code.SUCCESS]
    details = ''
    if wrong:
        names = name_some({finding.host for finding in wrong})
        details = (
            f'{count(len(wrong), "problem")} '
            f'{verb(len(wrong), "was", "were")} found on {names}'
        )
    elif changing:
        details = (
            'usage not compared, because instances there are changing: '
            + name_some(changing)
        )
    return InstancesResult(
        max((finding.code for finding in found), default=Code.SUCCESS),
        details,
        'see its findings' if wrong else '',
        found,
    )


def findings(
    hosts: Collection[HostSurvey],
) -> tuple[list[Finding], list[str]]:
    """All findings, and the hosts whose usage is not compared.

    The usage of a host is not compared while Nova is doing something with an
    instance there, since its records may be of different moments.
    """
    places = {
        instance.uuid: host.host
        for host in hosts
        for instance in host.residents or ()
    }
    found: list[Finding] = []
    changing = []
    for host in hosts:
        if host.state is None or host.residents is None:
            continue
        held = _held(host)
        found += _shared_by_mistake(host, held)
        found += _outside(host, held)
        if any(instance.changing for instance in held):
            changing.append(host.host)
        else:
            found += _unowned_cpus(host, held)
            found += _uncounted_cpus(host, held)
            found += _pages(host, held)
            found += _lost_devices(host)
            found += _foreign_devices(host, held, places)
        found += _far_devices(host)
    return found, changing


def _held(host: HostSurvey) -> list[SurveyedInstance]:
    """The instances that hold resources of a host, migrations included."""
    return [*(host.residents or ()), *(host.migrating or {}).values()]


def _name(instance: SurveyedInstance) -> str:
    return f'{instance.name} ({instance.uuid})'


def _parts(
    held: Iterable[SurveyedInstance], cell: Cell
) -> Iterator[tuple[SurveyedInstance, InstanceCell]]:
    """The guest NUMA nodes on one NUMA node."""
    for instance in held:
        for part in instance.cells:
            if part.host_cell == cell.id:
                yield instance, part


def _cells(host: HostSurvey) -> Sequence[Cell]:
    return host.state.cells if host.state is not None else ()


def _ranges(cpus: Iterable[int]) -> str:
    """CPU numbers as in nova.conf, such as ``2-4,8``."""
    ranges: list[list[int]] = []
    for cpu in sorted(cpus):
        if ranges and ranges[-1][-1] == cpu - 1:
            ranges[-1][-1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ','.join(
        str(first) if first == last else f'{first}-{last}'
        for first, last in ranges
    )


def _cpus(cell: Cell, cpus: Collection[int]) -> str:
    noun = 'CPU' if len(cpus) == 1 else 'CPUs'
    return f'NUMA node {cell.id}, {noun} {_ranges(cpus)}'


def _shared_by_mistake(
    host: HostSurvey, held: Sequence[SurveyedInstance]
) -> Iterator[Finding]:
    """Host CPUs to which two instances are pinned."""
    for cell in _cells(host):
        owners: dict[int, list[SurveyedInstance]] = {}
        for instance, part in _parts(held, cell):
            for cpu in part.host_cpus:
                owners.setdefault(cpu, []).append(instance)
        by_owners: dict[tuple[str, ...], set[int]] = {}
        named = {}
        for cpu, instances in owners.items():
            # An instance that is resized on its host may keep its CPUs.
            uuids = tuple(sorted({one.uuid for one in instances}))
            if len(uuids) > 1:
                by_owners.setdefault(uuids, set()).add(cpu)
                named[uuids] = {one.uuid: one for one in instances}
        for uuids, cpus in by_owners.items():
            yield Finding(
                host.host,
                tuple(_name(named[uuids][uuid]) for uuid in uuids),
                f'{len(uuids)} instances are pinned to the same CPUs',
                _cpus(cell, cpus),
                'an instance came back to a host that had been evacuated, or '
                'was claimed while nova-compute did not know of the other one',
                _MIGRATE.format(uuid=uuids[-1]),
                Code.FAILURE,
            )


def _outside(
    host: HostSurvey, held: Sequence[SurveyedInstance]
) -> Iterator[Finding]:
    """Instances that are pinned to CPUs which are not dedicated."""
    cells = {cell.id: cell for cell in _cells(host)}
    for instance in held:
        for part in instance.cells:
            cell = cells.get(part.host_cell)
            if cell is None:
                if part.host_cpus:
                    yield Finding(
                        host.host,
                        (_name(instance),),
                        'the NUMA node of the instance does not exist',
                        f'NUMA node {part.host_cell}',
                        'the firmware of the host divides it into other NUMA '
                        'nodes than before',
                        _MIGRATE.format(uuid=instance.uuid),
                    )
                continue
            cpus = part.host_cpus - cell.dedicated_cpus
            if cpus:
                yield Finding(
                    host.host,
                    (_name(instance),),
                    'an instance is pinned to CPUs that are not dedicated',
                    _cpus(cell, cpus),
                    '[compute] cpu_dedicated_set has changed since the '
                    'instance was placed',
                    f'{_MIGRATE.format(uuid=instance.uuid)}, or dedicate the '
                    'CPUs again',
                )


def _occupied(
    held: Sequence[SurveyedInstance], cell: Cell
) -> AbstractSet[int]:
    """The CPUs that instances use; with isolated ones, whole cores."""
    cpus: set[int] = set()
    for _, part in _parts(held, cell):
        cpus |= part.host_cpus
        if part.isolated:
            for core in cell.siblings:
                if core & part.host_cpus:
                    cpus |= core
    return cpus


def _unowned_cpus(
    host: HostSurvey, held: Sequence[SurveyedInstance]
) -> Iterator[Finding]:
    for cell in _cells(host):
        cpus = cell.pinned_cpus - _occupied(held, cell)
        if cpus:
            yield Finding(
                host.host,
                (),
                'CPUs are reported as pinned, but no instance has them',
                _cpus(cell, cpus),
                'an instance has just left, and is counted until the next '
                'full report of nova-compute; or it was deleted while '
                'nova-compute did not run',
                _RECOUNT.format(host=host.host),
            )


def _uncounted_cpus(
    host: HostSurvey, held: Sequence[SurveyedInstance]
) -> Iterator[Finding]:
    for cell in _cells(host):
        for instance, part in _parts(held, cell):
            # Those outside are reported by another check.
            cpus = (part.host_cpus & cell.dedicated_cpus) - cell.pinned_cpus
            if cpus:
                yield Finding(
                    host.host,
                    (_name(instance),),
                    'CPUs of an instance are reported as free',
                    _cpus(cell, cpus),
                    'nova-compute has not reported since the instance came, '
                    'or could not count it',
                    _RECOUNT.format(host=host.host),
                    Code.FAILURE,
                )


def _pages(
    host: HostSurvey, held: Sequence[SurveyedInstance]
) -> Iterator[Finding]:
    for cell in _cells(host):
        smallest = min((pool.size_kib for pool in cell.pages), default=0)
        for pool in cell.pages:
            owners = [
                (instance, part)
                for instance, part in _parts(held, cell)
                if (part.page_size_kib or smallest) == pool.size_kib
            ]
            pages = sum(
                -(-part.memory_mib * KIB_PER_MIB // pool.size_kib)
                for _, part in owners
            )
            if pages != pool.used:
                yield Finding(
                    host.host,
                    (),
                    f'{count(pool.used, "page")} reported as used, '
                    f'{count(len({i.uuid for i, _ in owners}), "instance")} '
                    f'use {pages}',
                    f'NUMA node {cell.id}, pages of {pool.size_kib} KiB',
                    'an instance has just left, or nova-compute could not '
                    'count one',
                    _RECOUNT.format(host=host.host),
                )


def _lost_devices(host: HostSurvey) -> Iterator[Finding]:
    """Instances with fewer devices than they were given."""
    if host.devices is None:
        return
    for instance in host.residents or ():
        got: dict[str | None, int] = {}
        for device in host.devices:
            if device.guest == instance.uuid:
                got[device.request_id] = got.get(device.request_id, 0) + 1
        for request in instance.devices:
            missing = request.count - got.get(request.request_id, 0)
            if missing > 0:
                yield Finding(
                    host.host,
                    (_name(instance),),
                    f'{count(missing, "device")} of {request.count} '
                    f'{"is" if missing == 1 else "are"} lost',
                    f'PCI request {request.request_id or "without an id"}',
                    'the card was removed, or its virtual functions were '
                    'created again, while the instance had the device',
                    _MIGRATE.format(uuid=instance.uuid),
                    Code.FAILURE,
                )


def _foreign_devices(
    host: HostSurvey,
    held: Sequence[SurveyedInstance],
    places: Mapping[str, str],
) -> Iterator[Finding]:
    """Devices of instances that are not on the host."""
    here = {instance.uuid for instance in held}
    by_owner: dict[str, list[SurveyedDevice]] = {}
    for device in host.devices or ():
        if device.guest and device.guest not in here:
            by_owner.setdefault(device.guest, []).append(device)
    for uuid, devices in sorted(by_owner.items()):
        place = places.get(uuid)
        yield Finding(
            host.host,
            (uuid,),
            f'{count(len(devices), "device")} of an instance that '
            + (f'is on {place}' if place else 'does not exist'),
            _addresses(devices),
            'nova-compute did not free what a migration or a deletion left',
            _RECOUNT.format(host=host.host),
        )


def _far_devices(host: HostSurvey) -> Iterator[Finding]:
    """Devices on other NUMA nodes than their instance."""
    sockets = {cell.id: cell.socket for cell in _cells(host)}
    for instance in host.residents or ():
        nodes = {part.host_cell for part in instance.cells}
        if not nodes:
            continue
        policies = {
            request.request_id: request.policy for request in instance.devices
        }
        near = {sockets.get(node) for node in nodes} - {None}
        by_policy: dict[str, list[SurveyedDevice]] = {}
        for device in host.devices or ():
            if device.guest != instance.uuid or device.numa_node is None:
                continue
            policy = policies.get(device.request_id, 'legacy')
            fits = device.numa_node in nodes or (
                policy == 'socket' and sockets.get(device.numa_node) in near
            )
            if not fits:
                by_policy.setdefault(policy, []).append(device)
        for policy, devices in sorted(by_policy.items()):
            allowed = policy == 'preferred'
            yield Finding(
                host.host,
                (_name(instance),),
                f'{count(len(devices), "device")} not on the NUMA nodes of '
                f'the instance ({policy})',
                f'{_addresses(devices)}; the instance is on NUMA node '
                + ', '.join(map(str, sorted(nodes))),
                'no device was free there when the instance was placed'
                if allowed
                else 'the policy was another one, or the host had no NUMA '
                'node of the device, when the instance was placed',
                _MIGRATE.format(uuid=instance.uuid),
                Code.SUCCESS if allowed else Code.WARNING,
            )


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


def check_allocations(
    hosts: Collection[HostSurvey], allocations: Allocations
) -> InstancesResult:
    """Check that Placement has allocated what instances hold."""
    if allocations.problem:
        return InstancesResult(
            Code.WARNING,
            f'not checked: {allocations.problem}',
            'run the check again when Placement and all Nova cells answer',
            (),
        )
    found = [
        finding
        for host in hosts
        if host.residents is not None
        and host.topology.uuid in allocations.amounts
        for finding in _allocated(host, allocations)
    ]
    names = name_some({finding.host for finding in found})
    return InstancesResult(
        Code.WARNING if found else Code.SUCCESS,
        f'{count(len(found), "difference")} on {names}' if found else '',
        'see its findings' if found else '',
        found,
    )


def _allocated(
    host: HostSurvey, allocations: Allocations
) -> Iterator[Finding]:
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
            host.host,
            (_name(instance),),
            problem,
            f'provider {uuid}',
            cause,
            f'nova-manage placement heal_allocations --force --instance '
            f'{instance.uuid}',
        )
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
            host.host,
            (consumer,),
            f'Placement has allocated {resources} to '
            + (
                f'an instance that is on {place}'
                if place
                else 'a consumer that is no instance here'
            ),
            f'provider {uuid}',
            'the instance was evacuated and nova-compute has not started since'
            if place
            else 'it was deleted when Placement or nova-compute was down',
            f'nova-manage placement audit --delete --resource_provider {uuid}',
        )


def _addresses(devices: Sequence[SurveyedDevice]) -> str:
    shown = ', '.join(device.address for device in devices[:4])
    more = len(devices) - 4
    return f'{shown} and {more} more' if more > 0 else shown
