"""Checks of filters and weighers in nova.conf of the scheduler."""

import collections
from collections.abc import Sequence
from typing import Any

from nfv_sched.checking.result import count
from nfv_sched.checking.result import failure
from nfv_sched.checking.result import ok
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import verb
from nfv_sched.checking.result import warning

#: In the recommended order: the cheapest first.
OURS = (
    'HugePagesFilter',
    'CPUPinningFilter',
    'PCINUMAFilter',
    'NUMAFitFilter',
)
_LOADERS = ('nfv_sched.filters.all_filters', 'nfv_sched.filters.')
_WEIGHERS = 'nfv_sched.weighers.all_weighers'
_STOCK = ('NUMATopologyFilter', 'PciPassthroughFilter')
#: Multipliers of weighers that are meant to outweigh all others.
_DOMINANT = frozenset(
    ('build_failure_weight_multiplier', 'cross_cell_move_weight_multiplier')
)
#: Nova's weighers that react to builds, with a delay, and the largest
#: multiplier that does not outweigh ours.
_BUILD_WEIGHERS = (
    ('io_ops_weight_multiplier', 0.0),
    ('build_failure_weight_multiplier', 0.1),
)
_MULTIPLIERS = (
    'affinity_weight_multiplier',
    'anti_affinity_weight_multiplier',
    'fragmentation_weight_multiplier',
    'pci_locality_weight_multiplier',
)


def _enabled(conf: Any) -> list[str]:
    return list(conf.filter_scheduler.enabled_filters)


def filters_enabled(conf: Any) -> Result:
    """Check that NUMAFitFilter, which is complete, is enabled and loadable."""
    ours = [name for name in _enabled(conf) if name in OURS]
    available = conf.filter_scheduler.available_filters
    loadable = any(name.startswith(_LOADERS) for name in available)
    if ours and not loadable:
        return failure(
            f'{", ".join(ours)} {verb(len(ours))} enabled, but not '
            'available: nova-scheduler does not start',
            '[filter_scheduler] available_filters = '
            'nfv_sched.filters.all_filters, beside the one of Nova',
        )
    if 'NUMAFitFilter' not in ours:
        return failure(
            f'{", ".join(ours)} alone '
            f'{verb(len(ours), "accepts", "accept")} hosts whose claim fails'
            if ours
            else 'no filter of this package is enabled',
            'add NUMAFitFilter to [filter_scheduler] enabled_filters',
        )
    missing = [name for name in OURS if name not in ours]
    if missing:
        return warning(
            f'{", ".join(missing)} {verb(len(missing))} not enabled: the '
            'same hosts are accepted, but the log names the scarce resource '
            'less clearly',
            f'add {", ".join(missing)} to [filter_scheduler] '
            'enabled_filters, before NUMAFitFilter',
        )
    return ok()


def filters_doubled(conf: Any) -> Result:
    """Check that no filter is enabled twice."""
    counts = collections.Counter(_enabled(conf))
    repeated = [name for name, times in counts.items() if times > 1]
    if repeated:
        return warning(
            f'{", ".join(repeated)} {verb(len(repeated))} enabled more than '
            'once',
            'name each filter once in [filter_scheduler] enabled_filters',
        )
    return ok()


def filters_ordered(conf: Any) -> Result:
    """Check that cheap filters come first: Nova's, then ours."""
    names = list(dict.fromkeys(_enabled(conf)))
    ours = [name for name in names if name in OURS]
    recommended = [name for name in OURS if name in ours]
    if ours != recommended:
        return warning(
            f'the order is {", ".join(ours)}',
            f'use the order {", ".join(recommended)}',
        )
    first = min((names.index(name) for name in ours), default=len(names))
    late = [name for name in names[first:] if name not in (*OURS, *_STOCK)]
    if late:
        return warning(
            f'{", ".join(late)} {verb(len(late), "comes", "come")} after the '
            'filters of nfv_sched, which cost more per host',
            f'move {", ".join(late)} before {names[first]} in '
            '[filter_scheduler] enabled_filters',
        )
    return ok()


def stock_filters(conf: Any) -> Result:
    """Check that the stock filters that ours replace are not enabled."""
    enabled = _enabled(conf)
    stock = [name for name in _STOCK if name in enabled]
    if conf.nfv_sched.choose_nodes and _replaces_limits(enabled):
        return failure(
            'NUMATopologyFilter comes after NUMAFitFilter and replaces the '
            'limits by which NUMA nodes are chosen',
            'remove NUMATopologyFilter from [filter_scheduler] '
            'enabled_filters',
        )
    if stock and 'NUMAFitFilter' in enabled:
        return warning(
            f'{", ".join(stock)} {verb(len(stock))} enabled beside '
            'NUMAFitFilter: the scheduler takes longer and rejects hosts '
            'that fit',
            f'remove {", ".join(stock)} from [filter_scheduler] '
            'enabled_filters',
        )
    return ok()


def _replaces_limits(enabled: Sequence[str]) -> bool:
    """Whether the stock filter writes its own limits after ours."""
    if not {'NUMATopologyFilter', 'NUMAFitFilter'}.issubset(enabled):
        return False
    return enabled.index('NUMATopologyFilter') > enabled.index('NUMAFitFilter')


def weighers(conf: Any) -> Result:
    """Check that our weighers are enabled, each once."""
    classes: Sequence[str] = conf.filter_scheduler.weight_classes
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
        )
    return ok()


def multipliers(conf: Any) -> Result:
    """Check that our weighers are on, and that Nova's do not outweigh them."""
    off = [name for name in _MULTIPLIERS if not getattr(conf.nfv_sched, name)]
    if off:
        return warning(
            f'{", ".join(off)} {verb(len(off))} 0: '
            f'{verb(len(off), "this weigher is", "these weighers are")} off',
            f'set {", ".join(off)} in [nfv_sched], unless 0 is intended',
        )
    ours = conf.nfv_sched.fragmentation_weight_multiplier
    group = conf.filter_scheduler
    strong = [
        f'{name} = {value:g}'
        for name in sorted(group)
        if name.endswith('_weight_multiplier')
        and name not in _DOMINANT
        and abs(value := getattr(group, name)) >= ours
    ]
    if strong:
        return warning(
            f'{", ".join(strong)} '
            f'{verb(len(strong), "outweighs", "outweigh")} '
            f'fragmentation_weight_multiplier = {ours:g}: '
            f'{verb(len(strong), "it alone spreads", "they alone spread")} '
            f'or {verb(len(strong), "stacks", "stack")} instances',
            'use lower values in [filter_scheduler], or higher values in '
            '[nfv_sched]',
        )
    return ok()


def boots_at_once(conf: Any) -> Result:
    """Check Nova's weighers that react to builds with a delay.

    They send instances that boot at the same time to the same hosts.
    """
    ours = conf.nfv_sched.in_flight_weight_multiplier
    if not ours:
        return ok('in_flight_weight_multiplier is 0')
    group = conf.filter_scheduler
    strong = [
        f'{name} = {value:g}'
        for name, limit in _BUILD_WEIGHERS
        if abs(value := getattr(group, name)) > limit
    ]
    if strong:
        return warning(
            f'{" and ".join(strong)} '
            f'{verb(len(strong), "outweighs", "outweigh")} '
            f'in_flight_weight_multiplier = {ours:g}: of many concurrent '
            'boots some fail on the same few hosts',
            ' and '.join(
                f'{name} = {limit:g}' for name, limit in _BUILD_WEIGHERS
            )
            + ' in [filter_scheduler]',
        )
    return ok()


def fallback_query(conf: Any, *, every_host_dedicates: bool) -> Result:
    """Check that the fallback query is off if every host reports PCPU."""
    if conf.workarounds.disable_fallback_pcpu_query:
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
    )


def placement_results(conf: Any, hosts: int) -> Result:
    """Check that Placement's answers to Nova can include every host."""
    limit = conf.scheduler.max_placement_results
    if limit < hosts:
        return warning(
            f'max_placement_results = {limit} is less than the '
            f'{count(hosts, "host")}: all results may be hosts on which no '
            'NUMA instance fits',
            f'[scheduler] max_placement_results = {hosts} or more',
        )
    return ok()
