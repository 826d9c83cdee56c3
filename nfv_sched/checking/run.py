"""The list of all checks, and running them."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from oslo_upgradecheck.upgradecheck import Code

from nfv_sched.checking import hosts
from nfv_sched.checking import instances
from nfv_sched.checking import placement
from nfv_sched.checking import publisher
from nfv_sched.checking import scheduler
from nfv_sched.checking.instances import Allocations
from nfv_sched.checking.publisher import PublisherStatus
from nfv_sched.checking.result import ok
from nfv_sched.checking.result import Result
from nfv_sched.survey.values import Source
from nfv_sched.survey.values import Survey


@dataclasses.dataclass(frozen=True, slots=True)
class CheckInput:
    """The facts that the checks use.

    ``conf`` is nova.conf, None where only Placement is read; ``trees`` are
    the published topologies by compute node uuid, ``bad`` says by provider
    name why other trees cannot be used; ``versions`` are those of Placement's
    API, ``options`` those of placement.conf, None without that file.
    ``kinds`` are those of ``[nfv_sched] failure_domains``, ``aggregates``
    names and metadata; ``publisher`` is the content of its status file,
    ``allocations`` those of compute nodes.
    """

    survey: Survey
    trees: Mapping[str, Any]
    bad: Mapping[str, str]
    versions: Sequence[Any]
    conf: Any = None
    options: Any = None
    kinds: Sequence[str] = ()
    aggregates: Sequence[tuple[str, Mapping[str, str]]] = ()
    publisher: PublisherStatus = dataclasses.field(
        default_factory=PublisherStatus
    )
    allocations: Allocations = dataclasses.field(default_factory=Allocations)

    @property
    def every_host_dedicates(self) -> bool:
        """Whether every host has dedicated CPUs."""
        return all(
            any(cell.dedicated_cpus for cell in host.topology.cells)
            for host in self.survey.hosts
        )


@dataclasses.dataclass(frozen=True, slots=True)
class NamedResult:
    """The result of a check, with the check's name."""

    name: str
    result: Result


Check = Callable[[CheckInput], Result]


def _if_read(facts: CheckInput, result: Result) -> Result:
    """The result, or a success if this scheduler does not read the trees."""
    if facts.conf.nfv_sched.read_topology:
        return result
    return ok('[nfv_sched] read_topology is off: the trees are not read')


def _if_complete(facts: CheckInput, result: Result) -> Result:
    """The result, or a success if some hosts could not be read.

    The tree of a host that could not be read would look orphaned.
    """
    if facts.survey.problems:
        return ok('not checked: not every Nova cell or record could be read')
    return result


#: The checks that need Placement only, by name.
_PLACEMENT: tuple[tuple[str, Check], ...] = (
    ('Placement microversion', lambda f: placement.microversion(f.versions)),
    ('Placement retries', lambda f: placement.retries(f.options)),
    (
        'Placement candidates',
        lambda f: placement.candidates(f.options, len(f.survey.hosts)),
    ),
    ('Incomplete trees', lambda f: hosts.incomplete(f.bad)),
)
#: The checks that also need Nova's databases and nova.conf.
_NOVA: tuple[tuple[str, Check], ...] = (
    ('Records readable', lambda f: hosts.readable(f.survey.problems)),
    ('Filters enabled', lambda f: scheduler.filters_enabled(f.conf)),
    ('Filters doubled', lambda f: scheduler.filters_doubled(f.conf)),
    ('Filters in order', lambda f: scheduler.filters_ordered(f.conf)),
    ('Stock filters', lambda f: scheduler.stock_filters(f.conf)),
    ('Weighers', lambda f: scheduler.weighers(f.conf)),
    ('Weigher multipliers', lambda f: scheduler.multipliers(f.conf)),
    ('Boots at once', lambda f: scheduler.boots_at_once(f.conf)),
    (
        'Fallback query',
        lambda f: scheduler.fallback_query(
            f.conf, every_host_dedicates=f.every_host_dedicates
        ),
    ),
    (
        'Placement results',
        lambda f: scheduler.placement_results(f.conf, len(f.survey.hosts)),
    ),
    ('Publisher', lambda f: publisher.age(f.publisher)),
    (
        'Unpublished hosts',
        lambda f: _if_read(f, hosts.published(f.survey.hosts, f.trees)),
    ),
    (
        'Drifted hosts',
        lambda f: _if_read(f, hosts.drifted(f.survey.hosts, f.trees)),
    ),
    (
        'Orphaned trees',
        lambda f: _if_complete(f, hosts.orphaned(f.survey.hosts, f.trees)),
    ),
    ('CPU sets', lambda f: hosts.cpu_sets(f.survey.hosts)),
    ('Instances', lambda f: instances.check(f.survey.hosts)),
    (
        'Allocations',
        lambda f: instances.check_allocations(f.survey.hosts, f.allocations),
    ),
    (
        'Reserved huge pages',
        lambda f: hosts.reserved_pages(
            f.survey.hosts, f.conf.reserved_huge_pages or ()
        ),
    ),
    (
        'Node labels',
        lambda f: hosts.labels(
            f.survey.hosts, chooses=f.conf.nfv_sched.choose_nodes
        ),
    ),
    (
        'Failure domains',
        lambda f: hosts.domains(f.survey.hosts, f.kinds, f.aggregates),
    ),
)
CHECKS = (*_PLACEMENT, *_NOVA)


def run(facts: CheckInput) -> list[NamedResult]:
    """The results of all checks that the facts allow."""
    nova = facts.survey.source is Source.NOVA
    checks = CHECKS if nova else _PLACEMENT
    return [NamedResult(name, check(facts)) for name, check in checks]


def worst(results: Sequence[NamedResult]) -> Code:
    """The highest code of the results."""
    return max((named.result.code for named in results), default=Code.SUCCESS)
