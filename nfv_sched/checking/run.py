"""The list of all checks, and running them."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import enum
import logging
from typing import Any

from oslo_upgradecheck.upgradecheck import Code

from nfv_sched.checking import aggregates
from nfv_sched.checking import allocations
from nfv_sched.checking import hosts
from nfv_sched.checking import instances
from nfv_sched.checking import own_hosts
from nfv_sched.checking import placement
from nfv_sched.checking import publisher
from nfv_sched.checking import scheduler
from nfv_sched.checking.allocations import Allocations
from nfv_sched.checking.own_hosts import Requests
from nfv_sched.checking.publisher import PublisherStatus
from nfv_sched.checking.result import failure
from nfv_sched.checking.result import ok
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import skipped
from nfv_sched.nova.compute_nodes import AggregateRecord
from nfv_sched.nova.redact import describe_error
from nfv_sched.survey.values import Source
from nfv_sched.survey.values import Survey

LOG = logging.getLogger(__name__)


class Part(enum.StrEnum):
    """A part of a deployment that checks read."""

    PLACEMENT = 'Placement'
    DATABASES = "Nova's databases"


@dataclasses.dataclass(frozen=True, slots=True)
class CheckInput:
    """The facts that the checks use.

    ``unread`` says which parts of the deployment could not be read, and why:
    facts from there are missing.

    ``conf`` is nova.conf, None where only Placement is read; ``trees`` are
    the published topologies by compute node uuid, ``bad`` says by provider
    name why other trees cannot be used; ``versions`` are those of Placement's
    API, ``options`` those of placement.conf, None without that file.
    ``kinds`` are those of ``[nfv_sched] failure_domains``; ``publisher`` is
    the content of its status file, ``allocations`` those of compute nodes,
    ``requests`` those that are stored. ``start_problem`` is why
    nova-scheduler does not start, None if it does.
    """

    survey: Survey
    unread: Mapping[Part, str] = dataclasses.field(default_factory=dict)
    trees: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    bad: Mapping[str, str] = dataclasses.field(default_factory=dict)
    versions: Sequence[Any] = ()
    conf: Any = None
    options: Any = None
    kinds: Sequence[str] = ()
    aggregates: Sequence[AggregateRecord] = ()
    publisher: PublisherStatus = dataclasses.field(
        default_factory=PublisherStatus
    )
    allocations: Allocations = dataclasses.field(default_factory=Allocations)
    requests: Requests = dataclasses.field(default_factory=Requests)
    start_problem: str | None = None

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


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """A check by its name, and the parts of a deployment that it needs."""

    name: str
    result: Callable[[CheckInput], Result]
    needs: frozenset[Part] = frozenset()


def _if_read(facts: CheckInput, result: Result) -> Result:
    """The result, unless this scheduler does not read the trees."""
    if facts.conf.nfv_sched.read_topology:
        return result
    return skipped('[nfv_sched] read_topology is off: the trees are not read')


def _if_complete(facts: CheckInput, result: Result) -> Result:
    """The result, unless some hosts could not be read.

    The tree of a host that could not be read would look orphaned.
    """
    if facts.survey.problems:
        return skipped('not every Nova cell or record could be read')
    return result


_HOSTS = frozenset((Part.DATABASES,))
_TREES = frozenset((Part.PLACEMENT,))
_BOTH = _HOSTS | _TREES

#: The checks that need Placement only.
_PLACEMENT: tuple[Check, ...] = (
    Check('Placement readable', lambda f: _read(f, Part.PLACEMENT)),
    Check(
        'Placement microversion',
        lambda f: placement.microversion(f.versions),
        _TREES,
    ),
    Check('Placement retries', lambda f: placement.retries(f.options)),
    Check(
        'Placement candidates',
        lambda f: placement.candidates(f.options, len(f.survey.hosts)),
        _HOSTS,
    ),
    Check('Incomplete trees', lambda f: hosts.incomplete(f.bad), _TREES),
)
#: The checks that also need Nova's databases and nova.conf.
_NOVA: tuple[Check, ...] = (
    Check('Databases readable', lambda f: _read(f, Part.DATABASES)),
    Check(
        'Records readable',
        lambda f: hosts.readable(f.survey.problems),
        _HOSTS,
    ),
    Check('Scheduler starts', lambda f: scheduler.starts(f.start_problem)),
    Check('Recommended options', lambda f: scheduler.recommended(f.conf)),
    Check('Filters enabled', lambda f: scheduler.filters_enabled(f.conf)),
    Check('Filters doubled', lambda f: scheduler.filters_doubled(f.conf)),
    Check('Filters in order', lambda f: scheduler.filters_ordered(f.conf)),
    Check('Stock filters', lambda f: scheduler.stock_filters(f.conf)),
    Check('Weighers', lambda f: scheduler.weighers(f.conf)),
    Check('Weigher multipliers', lambda f: scheduler.multipliers(f.conf)),
    Check('Boots at once', lambda f: scheduler.boots_at_once(f.conf)),
    Check(
        'Fallback query',
        lambda f: scheduler.fallback_query(
            f.conf, every_host_dedicates=f.every_host_dedicates
        ),
        _HOSTS,
    ),
    Check(
        'Placement results',
        lambda f: scheduler.placement_results(f.conf, len(f.survey.hosts)),
        _HOSTS,
    ),
    Check(
        'Candidates of all hosts',
        lambda f: placement.generation(f.options, f.survey.hosts),
        _HOSTS,
    ),
    Check(
        'Wide provider trees',
        lambda f: placement.wide_trees(f.options, f.survey.hosts),
        _HOSTS,
    ),
    Check('Publisher', lambda f: publisher.age(f.publisher)),
    Check(
        'Unpublished hosts',
        lambda f: _if_read(f, hosts.published(f.survey.hosts, f.trees)),
        _BOTH,
    ),
    Check(
        'Drifted hosts',
        lambda f: _if_read(f, hosts.drifted(f.survey.hosts, f.trees)),
        _BOTH,
    ),
    Check(
        'Orphaned trees',
        lambda f: _if_complete(f, hosts.orphaned(f.survey.hosts, f.trees)),
        _BOTH,
    ),
    Check('CPU sets', lambda f: hosts.cpu_sets(f.survey.hosts), _HOSTS),
    Check('Instances', lambda f: instances.check(f.survey.hosts), _HOSTS),
    Check(
        'Allocations',
        lambda f: allocations.check(f.survey.hosts, f.allocations),
        _BOTH,
    ),
    Check(
        'Requests on own hosts',
        lambda f: own_hosts.check(f.survey.hosts, f.requests),
        _HOSTS,
    ),
    Check(
        'Reserved huge pages',
        lambda f: hosts.reserved_pages(
            f.survey.hosts, f.conf.reserved_huge_pages or ()
        ),
        _HOSTS,
    ),
    Check(
        'Node labels',
        lambda f: hosts.labels(
            f.survey.hosts, chooses=f.conf.nfv_sched.choose_nodes
        ),
        _HOSTS,
    ),
    Check(
        'Failure domains',
        lambda f: aggregates.domains(f.survey.hosts, f.kinds, f.aggregates),
        _HOSTS,
    ),
    Check(
        'Multipliers of aggregates',
        lambda f: aggregates.multipliers(
            f.aggregates, (*f.kinds, *f.conf.filter_scheduler)
        ),
        _HOSTS,
    ),
)
CHECKS = (*_PLACEMENT, *_NOVA)


def _read(facts: CheckInput, part: Part) -> Result:
    """Check that a part of the deployment could be read."""
    problem = facts.unread.get(part)
    if problem is None:
        return ok()
    return failure(
        problem, f'repair {part.value}; checks that need it are skipped'
    )


def run(facts: CheckInput) -> list[NamedResult]:
    """The results of all checks that the facts allow.

    A check whose facts are missing is skipped. One that fails by itself is a
    failure, and does not end the others.
    """
    nova = facts.survey.source is Source.NOVA
    return [
        NamedResult(check.name, _result(check, facts))
        for check in (CHECKS if nova else _PLACEMENT)
    ]


def _result(check: Check, facts: CheckInput) -> Result:
    missing = sorted(check.needs & facts.unread.keys())
    if missing:
        parts = ' and '.join(part.value for part in missing)
        return skipped(f'{parts} could not be read')
    try:
        return check.result(facts)
    except Exception as error:
        # What a record or an option that no check expects may raise.
        LOG.exception('The check "%s" failed', check.name)
        return failure(
            f'the check itself failed: {describe_error(error)}',
            'report this as a bug of nfv-sched',
        )


def worst(results: Sequence[NamedResult]) -> Code:
    """The highest code of the results."""
    return max((named.result.code for named in results), default=Code.SUCCESS)
