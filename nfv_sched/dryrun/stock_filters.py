"""Why Nova's own filters reject hosts, in words.

They say only yes or no: the words are derived from what they check.
"""

from collections.abc import Callable

from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec

_Text = Callable[[HostState, RequestSpec], str]

#: Filters that ours replace.
REPLACED_FILTERS = frozenset(('NUMATopologyFilter', 'PciPassthroughFilter'))


def condition_of(name: str) -> str:
    """A filter's name as a condition: ``image properties``."""
    return _CONDITIONS.get(name, name)


def rejection_text(name: str, state: HostState, spec: RequestSpec) -> str:
    """Why a filter rejects a host."""
    text = _WORDS.get(name)
    if text is None:
        return f'{name} rejects it'
    try:
        return text(state, spec)
    except Exception:
        # A text must not fail the command.
        return f'{name} rejects it'


def _service(state: HostState, _: RequestSpec) -> str:
    service = state.service
    if service['disabled']:
        reason = service.get('disabled_reason')
        return 'nova-compute is disabled' + (f' ({reason})' if reason else '')
    if service.get('forced_down'):
        return 'nova-compute is forced down'
    seen = service.get('last_seen_up') or service.get('updated_at')
    return 'nova-compute is down' + (f', last seen {seen}' if seen else '')


def _anti_affinity(state: HostState, spec: RequestSpec) -> str:
    group = spec.instance_group
    limit = int((group.rules or {}).get('max_server_per_host', 1))
    there = len(set(state.instances) & set(group.members))
    return (
        f'{there} of at most {limit} instances of the server group are there '
        '(anti-affinity)'
    )


def _affinity(_: HostState, spec: RequestSpec) -> str:
    hosts = ', '.join(sorted(spec.instance_group.hosts)[:3])
    return f'the server group is on {hosts} (affinity)'


def _aggregate_specs(state: HostState, _: RequestSpec) -> str:
    names = ', '.join(sorted(aggregate.name for aggregate in state.aggregates))
    return 'no aggregate of the host matches the extra specs ' + (
        f'(it is in {names})' if names else '(it is in none)'
    )


def _hints(name: str) -> _Text:
    def text(_: HostState, spec: RequestSpec) -> str:
        value = ', '.join((spec.scheduler_hints or {}).get(name) or ())
        return f'the hint {name}={value} rules it out'

    return text


_CONDITIONS = {
    'ComputeFilter': 'service',
    'ServerGroupAntiAffinityFilter': 'server group',
    'ServerGroupAffinityFilter': 'server group',
    'AggregateInstanceExtraSpecsFilter': 'aggregate',
    'AggregateImagePropertiesIsolation': 'aggregate',
    'AggregateMultiTenancyIsolation': 'aggregate',
    'AggregateTypeAffinityFilter': 'aggregate',
    'ImagePropertiesFilter': 'image properties',
    'ComputeCapabilitiesFilter': 'capabilities',
    'NumInstancesFilter': 'number of instances',
    'AggregateNumInstancesFilter': 'number of instances',
    'IoOpsFilter': 'busy',
    'AggregateIoOpsFilter': 'busy',
    'DifferentHostFilter': 'hint',
    'SameHostFilter': 'hint',
    'JsonFilter': 'hint',
    'SimpleCIDRAffinityFilter': 'hint',
    'NUMATopologyFilter': 'NUMA topology',
    'PciPassthroughFilter': 'devices',
}

_WORDS: dict[str, _Text] = {
    'ComputeFilter': _service,
    'ServerGroupAntiAffinityFilter': _anti_affinity,
    'ServerGroupAffinityFilter': _affinity,
    'AggregateInstanceExtraSpecsFilter': _aggregate_specs,
    'AggregateMultiTenancyIsolation': lambda *_: (
        'its aggregates are reserved for other projects'
    ),
    'ImagePropertiesFilter': lambda *_: (
        'the image asks for another architecture, hypervisor or VM mode'
    ),
    'ComputeCapabilitiesFilter': lambda *_: (
        'its capabilities do not match the extra specs'
    ),
    'NumInstancesFilter': lambda state, _: (
        f'it has {state.num_instances} instances already'
    ),
    'IoOpsFilter': lambda state, _: (
        f'{state.num_io_ops} instances are being built, moved or resized there'
    ),
    'DifferentHostFilter': _hints('different_host'),
    'SameHostFilter': _hints('same_host'),
}
