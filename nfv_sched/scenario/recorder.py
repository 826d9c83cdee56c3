"""Write requests as JSON lines, which need no scenario to be replayed."""

from collections.abc import Iterator
import dataclasses
import json
from typing import Any

from nfv_sched.scenario.values import BootStep
from nfv_sched.scenario.values import DeleteStep
from nfv_sched.scenario.values import DrainStep
from nfv_sched.scenario.values import LoseStep
from nfv_sched.sim.boot_request import SimulatedFlavor


def line(request: BootStep | DeleteStep | LoseStep | DrainStep) -> str:
    """One request as a line of JSON."""
    match request:
        case BootStep():
            data = {'boot': dict(_boot(request))}
        case DeleteStep():
            deleted: dict[str, Any] = {'guests': list(request.guests)}
            if request.count is not None:
                deleted['count'] = request.count
            data = {'delete': deleted}
        case LoseStep():
            data = {'lose': {request.kind: request.name}}
        case DrainStep():
            data = {'drain': {request.kind: request.name}}
    return json.dumps(data) + '\n'


def _boot(boot: BootStep) -> Iterator[tuple[str, Any]]:
    yield 'name', boot.name
    yield 'flavor', _flavor(boot.flavor)
    if boot.count != 1:
        yield 'count', boot.count
        yield 'together', boot.together
    if boot.group:
        group = dataclasses.asdict(boot.group)
        yield 'group', {k: v for k, v in group.items() if v is not None}
    if boot.hints:
        hints = boot.hints.items()
        yield 'hints', {name: list(values) for name, values in hints}
    if boot.image:
        yield 'image', dict(boot.image)


def _flavor(flavor: SimulatedFlavor) -> dict[str, Any]:
    ports = [
        {
            field.name: value
            for field in dataclasses.fields(port)
            if (value := getattr(port, field.name)) != field.default
        }
        for port in flavor.ports
    ]
    return {
        'name': flavor.name,
        'vcpus': flavor.vcpus,
        'ram_mib': flavor.ram_mib,
        'disk_gib': flavor.disk_gib,
        'extra_specs': dict(flavor.extra_specs),
        'ports': ports,
    }
