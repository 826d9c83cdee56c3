"""Reading scenarios from YAML, and recorded requests from JSON lines.

``doc/source/scenarios.rst`` describes both.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import json
import pathlib

import nova.conf
from oslo_config import cfg

from nfv_sched.nova.boot_request import Port
from nfv_sched.scenario import residual_hosts
from nfv_sched.scenario.values import BootStep
from nfv_sched.scenario.values import DeleteStep
from nfv_sched.scenario.values import LoseStep
from nfv_sched.scenario.values import MixStep
from nfv_sched.scenario.values import PlannedGroup
from nfv_sched.scenario.values import PlannedHost
from nfv_sched.scenario.values import Scenario
from nfv_sched.scenario.values import Step
from nfv_sched.scenario.yaml_source import MarkedFile
from nfv_sched.scenario.yaml_source import read_text
from nfv_sched.scenario.yaml_source import ScenarioError
from nfv_sched.sim import flavors
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.fields import Fields
from nfv_sched.sim.fields import MachineError
from nfv_sched.sim.machine import Machine

CONF = nova.conf.CONF

_POLICIES = (
    'affinity',
    'anti-affinity',
    'soft-affinity',
    'soft-anti-affinity',
)
_VNIC_TYPES = ('normal', 'direct', 'direct-physical')
_NUMA_POLICIES = ('required', 'socket', 'legacy', 'preferred')
_ACTIONS = ('boot', 'mix', 'delete', 'lose')


@dataclasses.dataclass
class _NamedObjects:
    """What steps may name."""

    hosts: Sequence[PlannedHost]
    flavors: dict[str, SimulatedFlavor]
    groups: dict[str, PlannedGroup]


def read(file: pathlib.Path) -> Scenario:
    """Read a scenario; files that it names lie beside it.

    :raises ScenarioError: says which file, line and entry is wrong, and how
    """
    marked = MarkedFile(file)
    top = Fields('', marked.data, marked.complain)
    options = _options(top)
    machines = _machines(top, file.parent)
    surveyed = functools.partial(
        _surveyed, folder=file.parent, cpu_ratio=_cpu_ratio(options)
    )
    hosts = tuple(_hosts(top, machines, surveyed))
    known = _NamedObjects(hosts, dict(flavors.flavors()), {})
    for entry in top.entries('flavors', []):
        flavor = _flavor(entry)
        known.flavors[flavor.name] = flavor
    for entry in top.entries('groups', []):
        group = _group(entry)
        known.groups[group.name] = group
    scenario = Scenario(
        about=top.text('about', ''),
        hosts=hosts,
        steps=tuple(_steps(top, known, file.parent)),
        aliases=tuple(_aliases(top)),
        scheduler=_profile(top),
        options=options,
    )
    top.finish()
    return scenario


# Hosts


def _machines(top: Fields, folder: pathlib.Path) -> Mapping[str, Machine]:
    """Kinds of machines beside those of the package."""
    found = {}
    for name, path in top.texts('machines').items():
        try:
            found[name] = machine.load_file(folder / path)
        except MachineError as error:
            raise top.fail(f'machines.{name}', str(error)) from error
        except OSError as error:
            text = f'{path}: {error.strerror}'
            raise top.fail(f'machines.{name}', text) from error
    return found


def _hosts(
    top: Fields,
    machines: Mapping[str, Machine],
    surveyed: Callable[[Fields], list[PlannedHost]],
) -> Iterator[PlannedHost]:
    names: set[str] = set()
    for place, entry in enumerate(top.entries('hosts')):
        if 'survey' in entry:
            found = surveyed(entry)
        else:
            found = _made(entry, machines)
        entry.finish()
        for host in found:
            if host.name in names:
                raise top.fail(
                    f'hosts[{place}]', f'there is a host {host.name} already'
                )
            names.add(host.name)
            yield host
    if not names:
        raise top.fail('hosts', 'there are none')


def _made(entry: Fields, machines: Mapping[str, Machine]) -> list[PlannedHost]:
    kind = entry.text('machine')
    try:
        found = machines.get(kind) or machine.load(kind)
    except MachineError as error:
        raise entry.fail('machine', str(error)) from error
    count = _count(entry)
    name = entry.text('name', kind)
    domains = entry.texts('domains')
    width = max(2, len(str(count)))
    return [
        PlannedHost(
            name if count == 1 else f'{name}-{number:0{width}}', found, domains
        )
        for number in range(1, count + 1)
    ]


def _surveyed(
    entry: Fields, *, folder: pathlib.Path, cpu_ratio: float
) -> list[PlannedHost]:
    path = folder / entry.text('survey')
    patterns = tuple(entry.words('hosts', ['*']))
    try:
        return list(residual_hosts.hosts_of(path, patterns, cpu_ratio))
    except residual_hosts.SurveyDataError as error:
        raise entry.fail('survey', str(error)) from error


def _count(entry: Fields) -> int:
    count = entry.number('count', 1)
    if not count:
        raise entry.fail('count', 'must be at least 1')
    return count


# The scheduler

_PROFILES = {one.name: one for one in (settings.NFV, settings.STOCK)}


def _profile(top: Fields) -> settings.Profile:
    name = top.choice('scheduler', settings.NFV.name, tuple(_PROFILES))
    return _PROFILES[name]


def _options(top: Fields) -> dict[str, str]:
    """Options of Nova that there are, with values that they may have."""
    found = top.texts('options')
    for name, value in found.items():
        try:
            with settings.override({name: value}):
                pass
        except (cfg.Error, ValueError) as error:
            raise top.fail(f'options.{name}', str(error)) from error
    return found


def _cpu_ratio(options: Mapping[str, str]) -> float:
    """The CPU allocation ratio that simulated hosts will have."""
    with settings.override(options):
        ratio = CONF.cpu_allocation_ratio or CONF.initial_cpu_allocation_ratio
    return float(ratio or 1.0)


# Guests


def _aliases(top: Fields) -> Iterator[dict[str, str]]:
    """Values of ``[pci] alias``: the package's, then the scenario's."""
    yield from flavors.aliases()
    for entry in top.entries('aliases', []):
        yield entry.all_texts()


def _flavor(entry: Fields) -> SimulatedFlavor:
    flavor = SimulatedFlavor(
        name=entry.text('name'),
        vcpus=entry.number('vcpus'),
        ram_mib=entry.number('ram_mib'),
        disk_gib=entry.number('disk_gib', 20),
        extra_specs=entry.texts('extra_specs'),
        ports=tuple(map(_port, entry.entries('ports', []))),
        about=entry.text('about', ''),
    )
    if not flavor.vcpus or not flavor.ram_mib:
        raise entry.fail('vcpus', 'a guest needs a CPU and memory')
    entry.finish()
    return flavor


def _port(entry: Fields) -> Port:
    port = Port(
        physnet=entry.optional_text('physnet'),
        vnic_type=entry.choice('vnic_type', 'direct', _VNIC_TYPES),
        numa_policy=entry.choice('numa_policy', '', ('', *_NUMA_POLICIES))
        or None,
        tunneled=entry.flag('tunneled'),
    )
    entry.finish()
    return port


def _group(entry: Fields) -> PlannedGroup:
    group = PlannedGroup(
        entry.text('name'),
        entry.choice('policy', '', _POLICIES),
        entry.optional_number('max_per_host'),
    )
    entry.finish()
    return group


# Steps


def _steps(
    top: Fields, known: _NamedObjects, folder: pathlib.Path
) -> Iterator[Step]:
    for entry in top.entries('steps'):
        if 'replay' in entry:
            path = folder / entry.text('replay')
            entry.finish()
            if not path.is_file():
                raise entry.fail('replay', f'there is no file {path}')
            yield from recorded(path, known)
        else:
            yield _step(entry, known)


def recorded(file: pathlib.Path, known: _NamedObjects) -> Iterator[Step]:
    """Read requests that were recorded: a JSON object on each line.

    :raises ScenarioError: says which line is wrong, and how
    """
    for number, text in enumerate(read_text(file).splitlines(), 1):
        if not text.strip():
            continue
        complain = functools.partial(ScenarioError, file, number)
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            column = f'column {error.colno}'
            raise ScenarioError(
                file, number, column, f'not JSON: {error.msg}'
            ) from None
        entry = Fields('', data, complain)
        entry.optional_text('at')
        yield _step(entry, known)


def _step(entry: Fields, known: _NamedObjects) -> Step:
    actions = [name for name in _ACTIONS if name in entry]
    if len(actions) != 1:
        raise entry.fail('', f'must be one of {", ".join(_ACTIONS)}')
    read_action = _READERS[actions[0]]
    section = entry.section(actions[0])
    step = read_action(section, known)
    section.finish()
    entry.finish()
    return step


def _boot(section: Fields, known: _NamedObjects) -> BootStep:
    flavor = _named_flavor(section, known)
    return BootStep(
        flavor=flavor,
        count=_count(section),
        name=section.text('name', flavor.name),
        group=_named_group(section, known),
        hints=section.lists('hints'),
        image=section.texts('image'),
        together=section.flag('together'),
    )


def _named_flavor(section: Fields, known: _NamedObjects) -> SimulatedFlavor:
    """A flavor by name, or one that is described on the spot."""
    if section.is_mapping('flavor'):
        flavor = _flavor(section.section('flavor'))
        known.flavors[flavor.name] = flavor
        return flavor
    name = section.text('flavor')
    if name not in known.flavors:
        raise section.fail('flavor', f'there is no flavor {name}')
    return known.flavors[name]


def _named_group(section: Fields, known: _NamedObjects) -> PlannedGroup | None:
    if section.is_mapping('group'):
        group = _group(section.section('group'))
        return known.groups.setdefault(group.name, group)
    name = section.optional_text('group')
    if name is None:
        return None
    if name not in known.groups:
        raise section.fail('group', f'there is no group {name}')
    return known.groups[name]


def _mix(section: Fields, known: _NamedObjects) -> MixStep:
    boots = []
    for name in section.texts('flavors'):
        weights = section.section('flavors')
        weight = weights.number(name)
        if name not in known.flavors:
            raise section.fail(f'flavors.{name}', 'there is no such flavor')
        boots.append((BootStep(known.flavors[name], name=name), weight))
    if not any(weight for _, weight in boots):
        raise section.fail('flavors', 'there are none')
    return MixStep(tuple(boots), _count(section), section.number('seed', 1))


def _delete(section: Fields, known: _NamedObjects) -> DeleteStep:
    del known
    return DeleteStep(
        tuple(section.words('guests')), section.optional_number('count')
    )


def _lose(section: Fields, known: _NamedObjects) -> LoseStep:
    kinds = {kind for host in known.hosts for kind in host.domains}
    named = [kind for kind in ('host', *sorted(kinds)) if kind in section]
    if len(named) != 1:
        names = ', '.join(('host', *sorted(kinds)))
        raise section.fail('', f'must name one of {names}')
    step = LoseStep(named[0], section.text(named[0]))
    if not any(map(step.hits, known.hosts)):
        raise section.fail(named[0], f'no host is in {step.name}')
    return step


_READERS: Mapping[str, Callable[[Fields, _NamedObjects], Step]] = {
    'boot': _boot,
    'mix': _mix,
    'delete': _delete,
    'lose': _lose,
}
