"""Read scenarios from YAML, and recorded requests from JSON lines.

``doc/source/scenarios.rst`` describes both, ``scenario_schema.json`` says
what is allowed. All problems are reported at once.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import pathlib
from typing import Any

from nfv_sched.model.similar_names import did_you_mean
from nfv_sched.nova import extra_spec_validation
from nfv_sched.nova.config import CONF
from nfv_sched.scenario import entries
from nfv_sched.scenario import replay
from nfv_sched.scenario import residual_hosts
from nfv_sched.scenario import source
from nfv_sched.scenario.entries import Data
from nfv_sched.scenario.source import ScenarioError
from nfv_sched.scenario.values import BootStep
from nfv_sched.scenario.values import DrainStep
from nfv_sched.scenario.values import LoseStep
from nfv_sched.scenario.values import MixStep
from nfv_sched.scenario.values import PlannedGroup
from nfv_sched.scenario.values import PlannedHost
from nfv_sched.scenario.values import Scenario
from nfv_sched.scenario.values import Step
from nfv_sched.sim import flavors
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.documents import Document
from nfv_sched.sim.machine import Machine
from nfv_sched.sim.machine import MachineError
from nfv_sched.sim.problems import Path
from nfv_sched.sim.problems import Problem

#: Of a scenario; thousands take hours.
MOST_HOSTS = 10_000
MOST_INSTANCES = 100_000
#: Bytes of a replay.
_MOST_REPLAYED = 50_000_000

_PROFILES = {
    profile.name: profile for profile in (settings.NFV, settings.STOCK)
}


def read(file: pathlib.Path) -> Scenario:
    """Read a scenario; files that it names are relative to its folder.

    :raises ScenarioError: with all problems
    """
    document = source.read(file)
    reader = _ScenarioReader(document, file.parent)
    scenario = reader.scenario()
    problems = [*document.sorted_problems(), *reader.problems]
    if problems:
        raise ScenarioError(problems)
    return scenario


class _ScenarioReader:
    """Makes a scenario of the valid entries, and checks references.

    ``problems`` are those of files that the scenario names. The name of an
    invalid entry maps to None: steps that refer to it are left out, without
    a second problem.
    """

    def __init__(self, document: Document, folder: pathlib.Path) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._folder = folder
        self._machines: dict[str, Machine | None] = {}
        self._hosts: list[PlannedHost] = []
        self._flavors: dict[str, SimulatedFlavor | None] = {
            **flavors.flavors()
        }
        self._groups: dict[str, PlannedGroup | None] = {}
        for key, named in (
            ('flavors', self._flavors),
            ('groups', self._groups),
        ):
            named.update(dict.fromkeys(document.names(key)))

    def scenario(self) -> Scenario:
        """The scenario, as far as it is valid."""
        document = self._document
        options = self._options()
        self._read_machines()
        self._read_hosts(options)
        for path, entry in document.valid_entries('flavors'):
            self._flavors[entry['name']] = _flavor(document, path, entry)
        for _, entry in document.valid_entries('groups'):
            self._groups[entry['name']] = entries.group(entry)
        name = document.valid_value('scheduler', settings.NFV.name)
        return Scenario(
            about=document.valid_value('about', ''),
            hosts=tuple(self._hosts),
            steps=tuple(self._steps()),
            aliases=(
                *flavors.aliases(),
                *(
                    entries.texts(entry)
                    for _, entry in document.valid_entries('aliases')
                ),
            ),
            scheduler=_PROFILES[name],
            options=options,
        )

    def _options(self) -> dict[str, Any]:
        """Options of Nova that exist, with values that they may have."""
        options: dict[str, Any] = {}
        for path, name, value in self._document.valid_items('options'):
            if problem := settings.option_problem(name, value):
                self._document.report(path, problem)
            else:
                options[name] = value
        return options

    # Hosts

    def _read_machines(self) -> None:
        """Read the kinds of machines beside those of the package."""
        self._machines.update(dict.fromkeys(self._document.keys('machines')))
        for place, name, path in self._document.valid_items('machines'):
            try:
                self._machines[name] = machine.load_file(self._folder / path)
            except MachineError as error:
                self.problems += error.problems
            except OSError as error:
                self._document.report(place, f'{path}: {error.strerror}')

    def _read_hosts(self, options: Mapping[str, Any]) -> None:
        names: set[str] = set()
        cpu_ratio = _cpu_ratio(options)
        for path, entry in self._document.valid_entries('hosts'):
            if len(self._hosts) + entry.get('count', 1) > MOST_HOSTS:
                text = f'more than {MOST_HOSTS} hosts in all'
                self._document.report(path, text)
                return
            if 'survey' in entry:
                hosts = self._surveyed(path, entry, cpu_ratio)
            else:
                hosts = self._described(path, entry)
            for host in hosts:
                if host.name in names:
                    text = f'there is a host {host.name} already'
                    self._document.report(path, text)
                names.add(host.name)
            self._hosts += hosts

    def _described(self, path: Path, entry: Data) -> list[PlannedHost]:
        kind = entry['machine']
        if kind in self._machines:
            described = self._machines[kind]
        elif kind in machine.names():
            described = machine.load(kind)
        else:
            self._report_unknown(
                (*path, 'machine'),
                'machine',
                kind,
                [*self._machines, *machine.names()],
            )
            described = None
        if described is None:
            return []
        count = int(entry.get('count', 1))
        name = entry.get('name', kind)
        domains = entries.texts(entry.get('domains', {}))
        width = max(2, len(str(count)))
        return [
            PlannedHost(
                name if count == 1 else f'{name}-{number:0{width}}',
                described,
                domains,
            )
            for number in range(1, count + 1)
        ]

    def _surveyed(
        self, path: Path, entry: Data, cpu_ratio: float
    ) -> list[PlannedHost]:
        file = self._folder / entry['survey']
        patterns = tuple(map(str, entry.get('hosts', ['*'])))
        try:
            hosts = list(residual_hosts.hosts_of(file, patterns, cpu_ratio))
        except residual_hosts.SurveyDataError as error:
            self._document.report((*path, 'survey'), str(error))
            return []
        if not hosts:
            text = f'no enabled host of {file} matches {" ".join(patterns)}'
            self._document.report((*path, 'survey'), text)
        return hosts

    # Steps

    def _steps(self) -> Iterator[Step]:
        instances = 0
        for path, entry in self._document.valid_entries('steps'):
            if 'replay' in entry:
                steps = self._replayed(path, entry['replay'])
            else:
                steps = self._step(self._document, path, entry)
            for step in steps:
                if isinstance(step, BootStep | MixStep):
                    instances += step.count
                if instances > MOST_INSTANCES:
                    text = f'more than {MOST_INSTANCES} instances in all'
                    self._document.report(path, text)
                    return
                yield step

    def _replayed(self, path: Path, name: str) -> Iterator[Step]:
        """Steps that were recorded."""
        file = self._folder / name
        if not file.is_file():
            self._document.report(
                (*path, 'replay'), f'there is no file {file}'
            )
            return
        try:
            text = source.read_text(file, _MOST_REPLAYED)
        except ScenarioError as error:
            self.problems += error.problems
            return
        for document in replay.read(
            str(file), text, source.request_validator(), self.problems
        ):
            if not document.problems:
                yield from self._step(document, (), document.data)
            self.problems += document.problems

    def _step(
        self, document: Document, path: Path, entry: Data
    ) -> Iterator[Step]:
        """The step of a valid entry; none if a name in it is unknown."""
        [action] = entry.keys() & {'boot', 'mix', 'delete', 'lose', 'drain'}
        section = entry[action]
        below = (*path, action)
        step: Step | None
        match action:
            case 'boot':
                step = self._boot(document, below, section)
            case 'mix':
                step = self._mix(document, below, section)
            case 'delete':
                step = entries.delete_step(section)
            case 'drain':
                step = self._of_hosts(document, below, section, DrainStep)
            case _:
                step = self._of_hosts(document, below, section, LoseStep)
        if step is not None:
            yield step

    def _boot(
        self, document: Document, path: Path, section: Data
    ) -> BootStep | None:
        flavor = self._flavor_of(document, path, section['flavor'])
        group = None
        if 'group' in section:
            group = self._group_of(document, path, section['group'])
            if group is None:
                return None
        if flavor is None:
            return None
        hints = section.get('hints', {})
        return BootStep(
            flavor=flavor,
            count=int(section.get('count', 1)),
            name=section.get('name', flavor.name),
            group=group,
            hints={
                name: entries.text_list(value) for name, value in hints.items()
            },
            image=entries.texts(section.get('image', {})),
            together=section.get('together', False),
        )

    def _flavor_of(
        self, document: Document, path: Path, value: str | Data
    ) -> SimulatedFlavor | None:
        """A flavor by name, or one that the step describes."""
        if not isinstance(value, str):
            flavor = _flavor(document, (*path, 'flavor'), value)
            self._flavors[flavor.name] = flavor
            return flavor
        if value not in self._flavors:
            self._report_unknown(
                (*path, 'flavor'), 'flavor', value, self._flavors, document
            )
        return self._flavors.get(value)

    def _group_of(
        self, document: Document, path: Path, value: str | Data
    ) -> PlannedGroup | None:
        if not isinstance(value, str):
            group = entries.group(value)
            return self._groups.setdefault(group.name, group)
        if value not in self._groups:
            self._report_unknown(
                (*path, 'group'), 'group', value, self._groups, document
            )
        return self._groups.get(value)

    def _mix(
        self, document: Document, path: Path, section: Data
    ) -> MixStep | None:
        boots = []
        for name, weight in section['flavors'].items():
            if name not in self._flavors:
                place = (*path, 'flavors', name)
                self._report_unknown(
                    place, 'flavor', name, self._flavors, document
                )
            flavor = self._flavors.get(name)
            if flavor is not None:
                boots.append((BootStep(flavor, name=name), int(weight)))
        if not any(section['flavors'].values()):
            text = 'one of them needs a weight above 0'
            document.report((*path, 'flavors'), text)
        if len(boots) < len(section['flavors']):
            return None
        return MixStep(
            tuple(boots),
            int(section.get('count', 1)),
            int(section.get('seed', 1)),
        )

    def _of_hosts(
        self,
        document: Document,
        path: Path,
        section: Data,
        made: type[LoseStep | DrainStep],
    ) -> LoseStep | DrainStep | None:
        [(kind, value)] = section.items()
        step = made(kind, str(value))
        if not self._document.is_valid(('hosts',)):
            # Not all hosts and domains are known.
            return step
        kinds = {'host', *(k for host in self._hosts for k in host.domains)}
        if kind not in kinds:
            text = f'is unknown{did_you_mean(kind, kinds)}'
            document.report((*path, kind), text)
        elif not any(map(step.hits, self._hosts)):
            names = {
                host.name if kind == 'host' else host.domains.get(kind, '')
                for host in self._hosts
            } - {''}
            what = 'matches' if kind == 'host' else f'is in {kind}'
            text = f'no host {what} {value}{did_you_mean(str(value), names)}'
            document.report((*path, kind), text)
        return step

    def _report_unknown(
        self,
        path: Path,
        what: str,
        name: str,
        known: Sequence[str] | Mapping[str, Any],
        document: Document | None = None,
    ) -> None:
        document = document or self._document
        # Similar names take time.
        hint = '' if document.is_full else did_you_mean(name, known)
        document.report(path, f'there is no {what} {name}{hint}')


def _flavor(document: Document, path: Path, entry: Data) -> SimulatedFlavor:
    """A flavor, whose extra specs nova-api has to accept."""
    flavor = entries.flavor(entry)
    problems = extra_spec_validation.problems_of(flavor.extra_specs)
    for name, problem in problems.items():
        document.report((*path, 'extra_specs', name), problem)
    return flavor


def _cpu_ratio(options: Mapping[str, Any]) -> float:
    """The CPU allocation ratio that simulated hosts will have."""
    with settings.override(options):
        ratio = CONF.cpu_allocation_ratio or CONF.initial_cpu_allocation_ratio
    return float(ratio or 1.0)
