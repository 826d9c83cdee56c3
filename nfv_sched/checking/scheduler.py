"""What nova.conf of the scheduler says about filters and weighers."""

import collections
from collections.abc import Sequence
from typing import Any

from nfv_sched.checking.result import failure
from nfv_sched.checking.result import ok
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import warning

#: In the order in which they are to be: cheap ones first.
OURS = (
    'HugePagesFilter',
    'CPUPinningFilter',
    'PCINUMAFilter',
    'NUMAFitFilter',
)
_LOADERS = ('nfv_sched.filters.all_filters', 'nfv_sched.filters.')
_WEIGHERS = 'nfv_sched.weighers.all_weighers'
_STOCK = ('NUMATopologyFilter', 'PciPassthroughFilter')
#: Their weights are about something else, and meant to outweigh everything.
_ALWAYS_FIRST = frozenset(
    ('build_failure_weight_multiplier', 'cross_cell_move_weight_multiplier')
)
#: What Nova weighs that is seen of builds, late, and by how much at the most.
_OF_BUILDS = (
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
    """The filter that is complete has to be there, and to be loadable."""
    ours = [name for name in _enabled(conf) if name in OURS]
    available = conf.filter_scheduler.available_filters
    loadable = any(name.startswith(_LOADERS) for name in available)
    if ours and not loadable:
        return failure(
            f'{", ".join(ours)} are enabled, but not available: '
            'nova-scheduler does not start',
            '[filter_scheduler] available_filters = '
            'nfv_sched.filters.all_filters, beside the one of Nova',
        )
    if 'NUMAFitFilter' not in ours:
        return failure(
            f'{", ".join(ours)} alone let hosts pass whose claim fails'
            if ours
            else 'no filter of this package is enabled',
            'add NUMAFitFilter to [filter_scheduler] enabled_filters',
        )
    missing = [name for name in OURS if name not in ours]
    if missing:
        return warning(
            f'{", ".join(missing)} are not enabled: the answers are the '
            'same, but the log names the scarce resource less clearly',
            'add them to [filter_scheduler] enabled_filters, before '
            'NUMAFitFilter',
        )
    return ok()


def filters_doubled(conf: Any) -> Result:
    """Each filter once is enough."""
    counts = collections.Counter(_enabled(conf))
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        return warning(
            f'{", ".join(twice)} are enabled more than once',
            'name each once in [filter_scheduler] enabled_filters',
        )
    return ok()


def filters_ordered(conf: Any) -> Result:
    """Cheap ones first: those of Nova, then ours, the joint one last."""
    names = list(dict.fromkeys(_enabled(conf)))
    ours = [name for name in names if name in OURS]
    right = [name for name in OURS if name in ours]
    if ours != right:
        return warning(
            f'the order is {", ".join(ours)}',
            f'order them {", ".join(right)}',
        )
    first = min((names.index(name) for name in ours), default=len(names))
    late = [name for name in names[first:] if name not in (*OURS, *_STOCK)]
    if late:
        return warning(
            f'{", ".join(late)} come after ours, which cost more per host',
            'name them before ours in [filter_scheduler] enabled_filters',
        )
    return ok()


def stock_filters(conf: Any) -> Result:
    """What ours stand in for rejects hosts that fit."""
    left = [name for name in _STOCK if name in _enabled(conf)]
    if left and 'NUMAFitFilter' in _enabled(conf):
        return warning(
            f'{", ".join(left)} are enabled beside NUMAFitFilter: they take '
            'longer and reject hosts that fit',
            f'remove {", ".join(left)} from [filter_scheduler] '
            'enabled_filters',
        )
    return ok()


def weighers(conf: Any) -> Result:
    """Ours have to be there, once, and to have a say."""
    classes: Sequence[str] = conf.filter_scheduler.weight_classes
    ours = [name for name in classes if name.startswith('nfv_sched.')]
    if not ours:
        return warning(
            'no weigher of this package is enabled: hosts that fit are '
            'chosen by Nova alone',
            f'[filter_scheduler] weight_classes = {_WEIGHERS}, beside those '
            'of Nova',
        )
    if len(set(classes)) < len(classes) or (
        _WEIGHERS in ours and len(ours) > 1
    ):
        return warning(
            'weighers are named more than once, and count as often',
            'name each once in [filter_scheduler] weight_classes',
        )
    return ok()


def multipliers(conf: Any) -> Result:
    """Ours rate what tenants ask for, which general wishes must not bury."""
    off = [name for name in _MULTIPLIERS if not getattr(conf.nfv_sched, name)]
    if off:
        return warning(
            f'{", ".join(off)} are 0: these weighers are off',
            'set them in [nfv_sched], unless that is meant',
        )
    mine = conf.nfv_sched.fragmentation_weight_multiplier
    group = conf.filter_scheduler
    strong = [
        f'{name} = {value:g}'
        for name in sorted(group)
        if name.endswith('_weight_multiplier')
        and name not in _ALWAYS_FIRST
        and abs(value := getattr(group, name)) >= mine
    ]
    if strong:
        return warning(
            f'{", ".join(strong)} outweigh fragmentation_weight_multiplier '
            f'= {mine:g}: guests are spread or stacked by that alone',
            'lower them in [filter_scheduler], or raise those in [nfv_sched]',
        )
    return ok()


def boots_at_once(conf: Any) -> Result:
    """Nova's weighers of builds send guests that boot at once one way."""
    mine = conf.nfv_sched.in_flight_weight_multiplier
    if not mine:
        return ok('in_flight_weight_multiplier is 0')
    group = conf.filter_scheduler
    strong = [
        f'{name} = {value:g}'
        for name, most in _OF_BUILDS
        if abs(value := getattr(group, name)) > most
    ]
    if strong:
        return warning(
            f'{" and ".join(strong)} outweigh in_flight_weight_multiplier '
            f'= {mine:g}: many boots at once fail on the same few hosts',
            ' and '.join(f'{name} = {most:g}' for name, most in _OF_BUILDS)
            + ' in [filter_scheduler]',
        )
    return ok()


def fallback_query(conf: Any, *, every_host_dedicates: bool) -> Result:
    """A second question to Placement that nobody needs any more."""
    if conf.workarounds.disable_fallback_pcpu_query:
        return ok()
    if not every_host_dedicates:
        return ok(
            'some hosts have no dedicated CPUs: the fallback query for '
            'pinned guests may be of use'
        )
    return warning(
        'for each pinned guest Placement is asked a second time for VCPU, '
        'although all hosts report PCPU: hosts without room are looked at',
        '[workarounds] disable_fallback_pcpu_query = True for nova-scheduler',
    )


def placement_results(conf: Any, hosts: int) -> Result:
    """Hosts beyond the limit are never looked at."""
    limit = conf.scheduler.max_placement_results
    if limit < hosts:
        return warning(
            f'max_placement_results = {limit}, but there are {hosts} hosts: '
            'it can be filled with hosts on which no NUMA guest fits',
            f'[scheduler] max_placement_results = {hosts} or more',
        )
    return ok()
