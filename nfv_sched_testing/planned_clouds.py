"""Random clouds of plain values, for plans of moves."""

import random

from nfv_sched import fit
from nfv_sched.dryrun.placement_ledger import HostUnderTest
from nfv_sched.dryrun.placement_ledger import PlacementLedger
from nfv_sched.model import Cell
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import Host
from nfv_sched.model import PagePool
from nfv_sched.plan.planner import PlannedCloud
from nfv_sched.plan.projected_host import held_after
from nfv_sched.plan.projected_host import ProjectedHost
from nfv_sched.plan.projected_host import RequestClass
from nfv_sched.plan.projected_host import Resident

PAGE_KIB = 1024 * 1024


def host(name, cells=2, cores=4, threads=2, pages=8):
    """A host with dedicated CPUs and 1 GiB pages alone."""
    size = cores * threads
    return Host(
        name,
        tuple(
            Cell(
                number,
                pages * 1024,
                dedicated_cpus=frozenset(
                    range(number * size, (number + 1) * size)
                ),
                siblings=tuple(
                    frozenset(range(first, first + threads))
                    for first in range(
                        number * size, (number + 1) * size, threads
                    )
                ),
                pages=(PagePool(PAGE_KIB, pages),),
                socket=number,
            )
            for number in range(cells)
        ),
    )


def request(cells=1, cpus=2, pages=1, thread_policy=None):
    """A request for dedicated CPUs and 1 GiB pages."""
    return fit.FitRequest(
        Guest(
            tuple(
                GuestCell(
                    number,
                    pages * 1024,
                    dedicated=frozenset(
                        range(number * cpus, (number + 1) * cpus)
                    ),
                    page_size=PAGE_KIB,
                    cpu_policy='dedicated',
                    thread_policy=thread_policy,
                )
                for number in range(cells)
            )
        )
    )


def request_class(flavor, fit_request, hosts, **values):
    """A class of instances that may go to these hosts."""
    cells = fit_request.guest.cells
    memory = sum(cell.memory_mib for cell in cells)
    resources = {
        'PCPU': sum(len(cell.dedicated) for cell in cells),
        'MEMORY_MB': memory,
    }
    return RequestClass(
        flavor,
        memory,
        fit_request,
        {
            name: [
                {
                    'allocations': {name: {'resources': resources}},
                    'mappings': {'': [name]},
                }
            ]
            for name in hosts
        },
        **values,
    )


def projected(host_, ledger):
    """A host without instances, whose provider has the name of the host."""
    for cell in host_.cells:
        pages = cell.pages[0]
        for name, amount in (
            ('PCPU', len(cell.dedicated_cpus)),
            ('MEMORY_MB', pages.total * 1024),
        ):
            ledger.add((host_.name, name), amount)
    return ProjectedHost(
        HostUnderTest(host_.name, host_, None, {}, lambda uuid: None), ledger
    )


def boot(projected_, asked, uuid):
    """Put an instance onto a host; None if it does not fit."""
    claimed = projected_.attempt(asked)
    if isinstance(claimed, str):
        return None
    projected_.arrive(asked, claimed)
    return Resident(
        uuid,
        uuid,
        asked.flavor,
        asked.memory_mib,
        held_after(asked.fit_request, claimed),
        asked,
        group=asked.group and asked.group.uuid,
    )


def random_cloud(seed, hosts=4, fill=0.8, shapes=None, host_of=host):
    """A cloud that is filled to a part of its dedicated CPUs at random."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    names = [f'host{number}' for number in range(hosts)]
    ledger = PlacementLedger()
    projected_hosts = {
        name: projected(host_of(name), ledger) for name in names
    }
    shapes = shapes or [
        request(
            cells=dice.choice((1, 1, 2)),
            cpus=dice.choice((2, 4)),
            pages=dice.randint(1, 3),
            thread_policy=dice.choice((None, None, 'isolate')),
        )
        for _ in range(3)
    ]
    classes = [
        request_class(f'flavor{number}', shape, names)
        for number, shape in enumerate(shapes)
    ]
    residents = {name: [] for name in names}
    total = sum(
        len(cell.dedicated_cpus)
        for each in projected_hosts.values()
        for cell in each.host.cells
    )
    failed = number = 0
    while failed < 50:
        used = sum(
            len(cell.pinned_cpus)
            for each in projected_hosts.values()
            for cell in each.host.cells
        )
        if used >= fill * total:
            break
        name = dice.choice(names)
        resident = boot(
            projected_hosts[name], dice.choice(classes), f'instance{number}'
        )
        if resident is None:
            failed += 1
            continue
        residents[name].append(resident)
        number += 1
        failed = 0
    return PlannedCloud(projected_hosts, residents, ledger), classes
