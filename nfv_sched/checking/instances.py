"""Checks of instances: what they hold against what their hosts report.

nova-compute counts what instances hold by their stored NUMA topologies, the
devices by the records of devices, and both again with every full report
(nova.compute.resource_tracker ``_update_available_resource``). What differs is
found here by the same rules, CPU by CPU.
"""

from collections import Counter
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from oslo_upgradecheck.upgradecheck import Code

from nfv_sched.checking.result import count
from nfv_sched.checking.result import Facts
from nfv_sched.checking.result import Finding
from nfv_sched.checking.result import instance_name
from nfv_sched.checking.result import InstanceName
from nfv_sched.checking.result import of_findings
from nfv_sched.checking.result import of_host
from nfv_sched.checking.result import Place
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import verb
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


def check(hosts: Collection[HostSurvey]) -> Result:
    """Check that instances hold what their hosts report."""
    found, changing = findings(hosts)
    if changing:
        not_compared = Finding(
            of_host(*changing),
            'CPUs, pages and devices in use are not compared',
            'run the check again',
            cause='Nova is doing something with an instance there',
            code=Code.SUCCESS,
            skipped=True,
        )
        found.append(not_compared)
    return of_findings(found, 'problem')


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
        held = host.held
        devices = _devices_by_instance(host)
        found += _pinned_twice(host, held)
        found += _outside(host, held)
        if any(instance.changing for instance in held):
            changing.append(host.host)
        else:
            found += _unowned_cpus(host, held)
            found += _uncounted_cpus(host, held)
            found += _pages(host, held)
            if host.devices is not None:
                found += _lost_devices(host, devices)
            found += _foreign_devices(host, held, devices, places)
        found += _far_devices(host, devices)
    return found, changing


def _devices_by_instance(
    host: HostSurvey,
) -> Mapping[str, list[SurveyedDevice]]:
    devices: dict[str, list[SurveyedDevice]] = {}
    for device in host.devices or ():
        if device.guest:
            devices.setdefault(device.guest, []).append(device)
    return devices


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


def _cpus(cell: Cell, cpus: Collection[int]) -> Place:
    return Place(cell.id, frozenset(cpus))


def _pinned_twice(
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
            uuids = tuple(sorted({owner.uuid for owner in instances}))
            if len(uuids) > 1:
                by_owners.setdefault(uuids, set()).add(cpu)
                named[uuids] = {owner.uuid: owner for owner in instances}
        for uuids, cpus in by_owners.items():
            yield Finding(
                of_host(host.host),
                f'{len(uuids)} instances are pinned to the same CPUs',
                _MIGRATE.format(uuid=uuids[-1]),
                tuple(instance_name(named[uuids][uuid]) for uuid in uuids),
                _cpus(cell, cpus),
                'an instance came back to a host that had been evacuated, or '
                'was claimed while nova-compute did not know of the other one',
                code=Code.FAILURE,
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
                        of_host(host.host),
                        'the NUMA node of the instance does not exist',
                        _MIGRATE.format(uuid=instance.uuid),
                        (instance_name(instance),),
                        Place(part.host_cell),
                        'the firmware of the host divides it into other NUMA '
                        'nodes than before',
                    )
                continue
            cpus = part.host_cpus - cell.dedicated_cpus
            if cpus:
                yield Finding(
                    of_host(host.host),
                    'an instance is pinned to CPUs that are not dedicated',
                    f'{_MIGRATE.format(uuid=instance.uuid)}, or dedicate the '
                    'CPUs again',
                    (instance_name(instance),),
                    _cpus(cell, cpus),
                    '[compute] cpu_dedicated_set has changed since the '
                    'instance was placed',
                )


def _occupied(
    held: Sequence[SurveyedInstance], cell: Cell
) -> AbstractSet[int]:
    """The CPUs that instances use; with isolated ones, whole cores."""
    return frozenset().union(
        *(part.occupied(cell.siblings) for _, part in _parts(held, cell))
    )


def _unowned_cpus(
    host: HostSurvey, held: Sequence[SurveyedInstance]
) -> Iterator[Finding]:
    for cell in _cells(host):
        cpus = cell.pinned_cpus - _occupied(held, cell)
        if cpus:
            yield Finding(
                of_host(host.host),
                'CPUs are reported as pinned, but no instance has them',
                _RECOUNT.format(host=host.host),
                where=_cpus(cell, cpus),
                cause='an instance has just left, and is counted until the '
                'next full report of nova-compute; or it was deleted while '
                'nova-compute did not run',
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
                    of_host(host.host),
                    'CPUs of an instance are reported as free',
                    _RECOUNT.format(host=host.host),
                    (instance_name(instance),),
                    _cpus(cell, cpus),
                    'nova-compute has not reported since the instance came, '
                    'or could not count it',
                    code=Code.FAILURE,
                )


def _pages(
    host: HostSurvey, held: Sequence[SurveyedInstance]
) -> Iterator[Finding]:
    for cell in _cells(host):
        smallest = min((pool.size_kib for pool in cell.pages), default=0)
        for pool in cell.pages:
            pages: Counter[str] = Counter()
            for instance, part in _parts(held, cell):
                pages[instance.uuid] += part.pages(pool.size_kib, smallest)
            users = sum(number > 0 for number in pages.values())
            if pages.total() != pool.used:
                yield Finding(
                    of_host(host.host),
                    f'{count(pool.used, "page")} reported as used, '
                    f'{count(users, "instance")} use {pages.total()}',
                    _RECOUNT.format(host=host.host),
                    where=Place(cell.id, page_size_kib=pool.size_kib),
                    cause='an instance has just left, or nova-compute could '
                    'not count one',
                    facts=Facts(pool.used, pages.total()),
                )


def _lost_devices(
    host: HostSurvey, devices: Mapping[str, Sequence[SurveyedDevice]]
) -> Iterator[Finding]:
    """Instances with fewer devices than they were given."""
    for instance in host.residents or ():
        got = Counter(
            device.request_id for device in devices.get(instance.uuid, ())
        )
        for request in instance.devices:
            missing = request.count - got[request.request_id]
            if missing > 0:
                yield Finding(
                    of_host(host.host),
                    f'{count(missing, "device")} of {request.count} '
                    f'{verb(missing)} lost',
                    _MIGRATE.format(uuid=instance.uuid),
                    (instance_name(instance),),
                    Place(pci_request=request.request_id or ''),
                    'the card was removed, or its virtual functions were '
                    'created again, while the instance had the device',
                    Facts(got[request.request_id], request.count),
                    code=Code.FAILURE,
                )


def _foreign_devices(
    host: HostSurvey,
    held: Sequence[SurveyedInstance],
    devices: Mapping[str, Sequence[SurveyedDevice]],
    places: Mapping[str, str],
) -> Iterator[Finding]:
    """Devices of instances that are not on the host."""
    here = {instance.uuid for instance in held}
    for uuid in sorted(devices.keys() - here):
        place = places.get(uuid)
        yield Finding(
            of_host(host.host),
            f'{count(len(devices[uuid]), "device")} of an instance that '
            + (f'is on {place}' if place else 'does not exist'),
            _RECOUNT.format(host=host.host),
            (InstanceName(uuid),),
            Place(devices=_addresses(devices[uuid])),
            'nova-compute did not free what a migration or a deletion left',
            found_on=place,
        )


def _far_devices(
    host: HostSurvey, devices: Mapping[str, Sequence[SurveyedDevice]]
) -> Iterator[Finding]:
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
        for device in devices.get(instance.uuid, ()):
            if device.numa_node is None:
                continue
            policy = policies.get(device.request_id, 'legacy')
            fits = device.numa_node in nodes or (
                policy == 'socket' and sockets.get(device.numa_node) in near
            )
            if not fits:
                by_policy.setdefault(policy, []).append(device)
        for policy, far in sorted(by_policy.items()):
            allowed = policy == 'preferred'
            yield Finding(
                of_host(host.host),
                f'{count(len(far), "device")} not on the NUMA nodes of '
                f'the instance ({policy})',
                _MIGRATE.format(uuid=instance.uuid),
                (instance_name(instance),),
                Place(
                    devices=_addresses(far),
                    instance_nodes=tuple(sorted(nodes)),
                ),
                'no device was free there when the instance was placed'
                if allowed
                else 'the policy was another one, or the host had no NUMA '
                'node of the device, when the instance was placed',
                code=Code.SUCCESS if allowed else Code.WARNING,
            )


def _addresses(devices: Sequence[SurveyedDevice]) -> tuple[str, ...]:
    return tuple(device.address for device in devices)
