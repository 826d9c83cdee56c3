"""Checks of filters and weighers in nova.conf of the scheduler."""

import collections
from collections.abc import Sequence
from typing import Any

from nfv_sched import conf
from nfv_sched.checking.result import count
from nfv_sched.checking.result import Facts
from nfv_sched.checking.result import failure
from nfv_sched.checking.result import Finding
from nfv_sched.checking.result import of_findings
from nfv_sched.checking.result import ok
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import skipped
from nfv_sched.checking.result import Subject
from nfv_sched.checking.result import SubjectKind
from nfv_sched.checking.result import verb
from nfv_sched.checking.result import warning

OURS = conf.OUR_FILTERS
_LOADERS = ('nfv_sched.filters.all_filters', 'nfv_sched.filters.')
_WEIGHERS = 'nfv_sched.weighers.all_weighers'
_STOCK = ('NUMATopologyFilter', 'PciPassthroughFilter')
#: Multipliers of weighers that are meant to outweigh all others.
_DOMINANT = frozenset(('cross_cell_move_weight_multiplier',))
_RECOMMENDED = {option.name: option for option in conf.RECOMMENDED}
#: Nova's weighers that react to builds, with a delay.
_BUILD_WEIGHERS = (
    'io_ops_weight_multiplier',
    'build_failure_weight_multiplier',
)
#: Recommended options that have a check of their own.
_OWN_CHECK = frozenset((*_BUILD_WEIGHERS, 'disable_fallback_pcpu_query'))
_MULTIPLIERS = (
    'affinity_weight_multiplier',
    'anti_affinity_weight_multiplier',
    'fragmentation_weight_multiplier',
    'pci_locality_weight_multiplier',
)


def starts(problem: str | None) -> Result:
    """Check that nova-scheduler starts with the filters and weighers.

    :param problem: why it does not, as Nova's host manager says
    """
    if problem is None:
        return ok()
    return failure(
        f'nova-scheduler does not start: {problem}',
        'correct available_filters, enabled_filters or weight_classes in '
        '[filter_scheduler]',
    )


def recommended(options: Any) -> Result:
    """Check the options of Nova that the installation guide sets.

    Those that other checks look at are left to them.
    """
    found = [
        Finding(
            Subject((f'[{option.group}] {option.name}',), SubjectKind.OPTION),
            f'{problem}: {option.why}',
            f'{option.line} in {option.place}',
            facts=Facts(
                key=option.name,
                value=_plain(options[option.group][option.name]),
            ),
        )
        for option in conf.RECOMMENDED
        if option.name not in _OWN_CHECK
        and (problem := _deviation(options[option.group][option.name], option))
    ]
    return of_findings(found, 'option')


def _plain(value: Any) -> Any:
    """A value of an option as documents hold it."""
    return ', '.join(value) if isinstance(value, list | tuple) else value


def _deviation(value: Any, option: conf.Recommendation) -> str | None:
    """How a value differs from what is recommended; None if it does not."""
    match option.bound, option.value:
        case conf.Bound.INCLUDES, tuple() as names:
            missing = [
                name
                for name in names
                if name not in value
                # Other checks say more about those.
                and name not in OURS
                and not name.startswith('nfv_sched.')
            ]
            return f'{", ".join(missing)} left out' if missing else None
        case conf.Bound.AT_LEAST, float() | int() as number:
            wrong = value < number
        case conf.Bound.AT_MOST, float() | int() as number:
            wrong = abs(value) > number
        case _, recommended:
            wrong = value != recommended
    return f'{value:g}' if wrong else None


def _enabled(options: Any) -> list[str]:
    return list(options.filter_scheduler.enabled_filters)


def filters_enabled(options: Any) -> Result:
    """Check that NUMAFitFilter, which is complete, is enabled and loadable."""
    ours = [name for name in _enabled(options) if name in OURS]
    available = options.filter_scheduler.available_filters
    loadable = any(name.startswith(_LOADERS) for name in available)
    if ours and not loadable:
        return failure(
            f'{", ".join(ours)} {verb(len(ours))} enabled, but not '
            'available: nova-scheduler does not start',
            '[filter_scheduler] available_filters = '
            'nfv_sched.filters.all_filters, beside the one of Nova',
            ours,
        )
    if 'NUMAFitFilter' not in ours:
        return failure(
            f'{", ".join(ours)} alone '
            f'{verb(len(ours), "accepts", "accept")} hosts whose claim fails'
            if ours
            else 'no filter of this package is enabled',
            'add NUMAFitFilter to [filter_scheduler] enabled_filters',
            ['NUMAFitFilter'],
        )
    missing = [name for name in OURS if name not in ours]
    if missing:
        return warning(
            f'{", ".join(missing)} {verb(len(missing))} not enabled: the '
            'same hosts are accepted, but the log names the scarce resource '
            'less clearly',
            f'add {", ".join(missing)} to [filter_scheduler] '
            'enabled_filters, before NUMAFitFilter',
            missing,
        )
    return ok()


def filters_doubled(options: Any) -> Result:
    """Check that no filter is enabled twice."""
    counts = collections.Counter(_enabled(options))
    repeated = [name for name, times in counts.items() if times > 1]
    if repeated:
        return warning(
            f'{", ".join(repeated)} {verb(len(repeated))} enabled more than '
            'once',
            'name each filter once in [filter_scheduler] enabled_filters',
            repeated,
        )
    return ok()


def filters_ordered(options: Any) -> Result:
    """Check that cheap filters come first: Nova's, then ours."""
    names = list(dict.fromkeys(_enabled(options)))
    ours = [name for name in names if name in OURS]
    recommended = [name for name in OURS if name in ours]
    if ours != recommended:
        return warning(
            f'the order is {", ".join(ours)}',
            f'use the order {", ".join(recommended)}',
            ours,
        )
    first = min((names.index(name) for name in ours), default=len(names))
    late = [name for name in names[first:] if name not in (*OURS, *_STOCK)]
    if late:
        return warning(
            f'{", ".join(late)} {verb(len(late), "comes", "come")} after the '
            'filters of nfv_sched, which cost more per host',
            f'move {", ".join(late)} before {names[first]} in '
            '[filter_scheduler] enabled_filters',
            late,
        )
    return ok()


def stock_filters(options: Any) -> Result:
    """Check that the stock filters that ours replace are not enabled.

    In shadow mode these decide, and have to be.
    """
    enabled = _enabled(options)
    stock = [name for name in _STOCK if name in enabled]
    if options.nfv_sched.shadow:
        return _shadow(options, [name for name in _STOCK if name not in stock])
    if options.nfv_sched.choose_nodes and _replaces_limits(enabled):
        return failure(
            'NUMATopologyFilter comes after NUMAFitFilter and replaces the '
            'limits by which NUMA nodes are chosen',
            'remove NUMATopologyFilter from [filter_scheduler] '
            'enabled_filters',
            ['NUMATopologyFilter'],
        )
    if stock and 'NUMAFitFilter' in enabled:
        return warning(
            f'{", ".join(stock)} {verb(len(stock))} enabled beside '
            'NUMAFitFilter: the scheduler takes longer and rejects hosts '
            'that fit',
            f'remove {", ".join(stock)} from [filter_scheduler] '
            'enabled_filters',
            stock,
        )
    return ok()


def _shadow(options: Any, missing: Sequence[str]) -> Result:
    if missing:
        return failure(
            'with [nfv_sched] shadow = true the filters of nfv_sched reject '
            f'no host, and {", ".join(missing)} {verb(len(missing))} not '
            'enabled: claims fail',
            f'add {", ".join(missing)} to [filter_scheduler] '
            'enabled_filters, or set [nfv_sched] shadow = false',
            missing,
        )
    if not options.nfv_sched.journal_folder:
        return warning(
            'with [nfv_sched] shadow = true the filters and weighers of '
            'nfv_sched only record, and there is no journal',
            'set [nfv_sched] journal_folder',
        )
    return ok()


def _replaces_limits(enabled: Sequence[str]) -> bool:
    """Whether the stock filter writes its own limits after ours."""
    if not {'NUMATopologyFilter', 'NUMAFitFilter'}.issubset(enabled):
        return False
    return enabled.index('NUMATopologyFilter') > enabled.index('NUMAFitFilter')


def weighers(options: Any) -> Result:
    """Check that our weighers are enabled, each once."""
    classes: Sequence[str] = options.filter_scheduler.weight_classes
    ours = [name for name in classes if name.startswith('nfv_sched.')]
    if not ours:
        return warning(
            "no weigher of this package is enabled: only Nova's weighers "
            'choose among the hosts that fit',
            f'[filter_scheduler] weight_classes = {_WEIGHERS}, beside those '
            'of Nova',
        )
    if len(set(classes)) < len(classes) or (
        _WEIGHERS in ours and len(ours) > 1
    ):
        return warning(
            'weighers are named more than once, which multiplies their '
            'weights',
            'name each weigher once in [filter_scheduler] weight_classes',
            ours,
        )
    return ok()


def multipliers(options: Any) -> Result:
    """Check that our weighers are on, and that Nova's do not outweigh them."""
    off = [
        name for name in _MULTIPLIERS if not getattr(options.nfv_sched, name)
    ]
    if off:
        return warning(
            f'{", ".join(off)} {verb(len(off))} 0: '
            f'{verb(len(off), "this weigher is", "these weighers are")} off',
            f'set {", ".join(off)} in [nfv_sched], unless 0 is intended',
            off,
            dict.fromkeys(off, 0),
        )
    ours = options.nfv_sched.fragmentation_weight_multiplier
    group = options.filter_scheduler
    strong = {
        name: value
        for name in sorted(group)
        if name.endswith('_weight_multiplier')
        and name not in _DOMINANT
        and name not in _RECOMMENDED
        and abs(value := getattr(group, name)) >= ours
    }
    if strong:
        values = [f'{name} = {value:g}' for name, value in strong.items()]
        return warning(
            f'{", ".join(values)} '
            f'{verb(len(strong), "outweighs", "outweigh")} '
            f'fragmentation_weight_multiplier = {ours:g}: '
            f'{verb(len(strong), "it alone spreads", "they alone spread")} '
            f'or {verb(len(strong), "stacks", "stack")} instances',
            'use lower values in [filter_scheduler], or higher values in '
            '[nfv_sched]',
            strong,
            {**strong, 'fragmentation_weight_multiplier': ours},
        )
    return ok()


def boots_at_once(options: Any) -> Result:
    """Check Nova's weighers that react to builds with a delay.

    They send instances that boot at the same time to the same hosts.
    """
    ours = options.nfv_sched.in_flight_weight_multiplier
    if not ours:
        return skipped('[nfv_sched] in_flight_weight_multiplier is 0')
    group = options.filter_scheduler
    strong = [
        (name, getattr(group, name))
        for name in _BUILD_WEIGHERS
        if _deviation(getattr(group, name), _RECOMMENDED[name])
    ]
    if strong:
        values = ' and '.join(f'{name} = {value:g}' for name, value in strong)
        return warning(
            f'{values} {verb(len(strong), "outweighs", "outweigh")} '
            f'in_flight_weight_multiplier = {ours:g}: of many concurrent '
            'boots some fail on the same few hosts',
            ' and '.join(_RECOMMENDED[name].line for name in _BUILD_WEIGHERS),
            dict(strong),
            {**dict(strong), 'in_flight_weight_multiplier': ours},
        )
    return ok()


def fallback_query(options: Any, *, every_host_dedicates: bool) -> Result:
    """Check that the fallback query is off if every host reports PCPU."""
    if options.workarounds.disable_fallback_pcpu_query:
        return ok()
    if not every_host_dedicates:
        return ok(
            'some hosts have no dedicated CPUs: pinned instances may need '
            'the fallback query'
        )
    return warning(
        'for each pinned instance nova-scheduler also queries Placement for '
        'VCPU, although all hosts report PCPU: it then filters hosts that '
        'cannot fit',
        '[workarounds] disable_fallback_pcpu_query = True for nova-scheduler',
        ['disable_fallback_pcpu_query'],
    )


def placement_results(options: Any, hosts: int) -> Result:
    """Check that Placement's answers to Nova can include every host."""
    limit = options.scheduler.max_placement_results
    if limit < hosts:
        return warning(
            f'max_placement_results = {limit} is less than the '
            f'{count(hosts, "host")}: all results may be hosts on which no '
            'NUMA instance fits',
            f'[scheduler] max_placement_results = {hosts} or more',
            ['max_placement_results'],
            {'max_placement_results': limit, 'hosts': hosts},
        )
    return ok()
