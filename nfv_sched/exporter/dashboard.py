"""The Grafana dashboard, made of a list of panels.

``grafana/nfv-sched.json`` is what this module makes; a test compares the two.
The JSON is that of Grafana's dashboard schema version 39, which Grafana 10.4
and later import.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import enum
import json
from typing import Any

_SOURCE = {'type': 'prometheus', 'uid': '${datasource}'}
_SCHEMA_VERSION = 39
_COLUMNS = 24


class Kind(enum.StrEnum):
    """Types of panels, by the names of Grafana's plugins."""

    SERIES = 'timeseries'
    BARS = 'bargauge'
    STAT = 'stat'
    TABLE = 'table'


@dataclasses.dataclass(frozen=True, slots=True)
class Panel:
    """A panel; ``queries`` are pairs of an expression and its legend.

    ``unit`` is one of Grafana's, ``width`` is of 24 columns. Of bars and
    tables only the present values are read.
    """

    title: str
    about: str
    queries: Sequence[tuple[str, str]]
    kind: Kind = Kind.SERIES
    unit: str = 'short'
    width: int = 12


_CLOUD = 'kind="all"'
_PLACE = 'kind="$kind"'
_FLAVOR = 'flavor_name=~"$flavor"'

ROWS: Mapping[str, Sequence[Panel]] = {
    'Capacity': (
        Panel(
            'Instances that fit',
            'How many more of each flavor fit, each by itself: exactly, by '
            'hypothetical claims.',
            [
                (
                    f'nfv_sched_capacity_instances{{{_CLOUD}, {_FLAVOR}}}',
                    '{{flavor_name}} {{shape}}',
                )
            ],
        ),
        Panel(
            'By failure domain',
            'How many more fit each rack, zone or the like.',
            [
                (
                    f'nfv_sched_capacity_instances{{{_PLACE}, {_FLAVOR}}}',
                    '{{domain}} {{flavor_name}}',
                )
            ],
            Kind.BARS,
        ),
        Panel(
            'What hosts run out of first',
            'Hosts by what the next instance would lack.',
            [
                (
                    'sum by (flavor_name, condition) '
                    f'(nfv_sched_capacity_short_hosts{{{_FLAVOR}}})',
                    '{{flavor_name}}: {{condition}}',
                )
            ],
        ),
        Panel(
            'Instances without a host after a loss',
            'Of each failure domain: the instances that would not fit on '
            'the other hosts once it is lost.',
            [
                (
                    'nfv_sched_loss_unplaced_instances',
                    '{{kind}} {{domain}}',
                )
            ],
        ),
    ),
    'Resources': (
        Panel(
            'Dedicated CPUs',
            'Free and all dedicated CPUs of the cloud.',
            [
                (f'nfv_sched_dedicated_cpus_free{{{_CLOUD}}}', 'free'),
                (f'nfv_sched_dedicated_cpus{{{_CLOUD}}}', 'all'),
            ],
            width=8,
        ),
        Panel(
            'Free pages',
            'The share of pages of each size that are free.',
            [
                (
                    f'nfv_sched_pages_free{{{_CLOUD}}} '
                    f'/ nfv_sched_pages{{{_CLOUD}}}',
                    '{{size_kib}} KiB',
                )
            ],
            unit='percentunit',
            width=8,
        ),
        Panel(
            'Free devices',
            'Free PCI devices by type and physical network.',
            [
                (
                    f'nfv_sched_devices_free{{{_CLOUD}}}',
                    '{{type}} {{physnet}}',
                )
            ],
            width=8,
        ),
        Panel(
            'Fragmentation',
            'The share of free dedicated CPUs lost to their spread over '
            'NUMA nodes.',
            [
                (
                    f'nfv_sched_fragmentation_ratio{{{_PLACE}}}',
                    '{{domain}}',
                )
            ],
            unit='percentunit',
            width=8,
        ),
        Panel(
            'Stranded devices',
            'Free devices beside which no instance can run.',
            [(f'nfv_sched_stranded_devices{{{_PLACE}}}', '{{domain}}')],
            width=8,
        ),
        Panel(
            'Hosts',
            'All, usable and empty compute nodes.',
            [
                (f'nfv_sched_hosts{{{_CLOUD}}}', 'all'),
                (f'nfv_sched_usable_hosts{{{_CLOUD}}}', 'usable'),
                (f'nfv_sched_empty_hosts{{{_CLOUD}}}', 'empty'),
            ],
            width=8,
        ),
    ),
    'NUMA nodes': (
        Panel(
            'NUMA nodes by free dedicated CPUs',
            'How many NUMA nodes have as many free dedicated CPUs. Not in '
            'clouds of more hosts than --max-hosts.',
            [
                (
                    'sort_desc(count_values("free", '
                    'nfv_sched_numa_node_dedicated_cpus_free))',
                    '{{free}} free CPUs',
                )
            ],
            Kind.BARS,
        ),
        Panel(
            'Most fragmented hosts',
            'The ten hosts with most fragmentation. Not in clouds of more '
            'hosts than --max-hosts.',
            [
                (
                    'topk(10, nfv_sched_host_fragmentation_ratio)',
                    '{{hypervisor}}',
                )
            ],
            Kind.TABLE,
            unit='percentunit',
        ),
    ),
    'Scheduler': (
        Panel(
            'Time of filters, 99th percentile',
            'Of a request, on all hosts that the filter sees.',
            [
                (
                    'histogram_quantile(0.99, sum by (le, filter) '
                    '(rate(nfv_sched_filter_seconds_bucket'
                    '[$__rate_interval])))',
                    '{{filter}}',
                )
            ],
            unit='s',
            width=8,
        ),
        Panel(
            'Time of weighers, 99th percentile',
            'Of an instance, on all hosts that are left.',
            [
                (
                    'histogram_quantile(0.99, sum by (le, weigher) '
                    '(rate(nfv_sched_weigher_seconds_bucket'
                    '[$__rate_interval])))',
                    '{{weigher}}',
                )
            ],
            unit='s',
            width=8,
        ),
        Panel(
            'Requests without a host',
            'Within an hour, by flavor and what most hosts lacked.',
            [
                (
                    'sum by (flavor_name, reason) '
                    '(increase(nfv_sched_refused_requests_total[1h]))',
                    '{{flavor_name}}: {{reason}}',
                )
            ],
            width=8,
        ),
    ),
    'Publication and exporter': (
        Panel(
            'Published topology',
            'Hosts whose published topology agrees with their report, has '
            'drifted, or is not there.',
            [('nfv_sched_published_hosts', '{{state}}')],
            width=8,
        ),
        Panel(
            'Age of the values',
            'Seconds since the last pass of the exporter without a problem.',
            [('nfv_sched_exporter_age_seconds', '{{instance}}')],
            Kind.STAT,
            's',
            width=8,
        ),
        Panel(
            'Passes of the exporter',
            'Duration of the last pass, and hosts counted again per minute.',
            [
                ('nfv_sched_exporter_pass_seconds', 'seconds'),
                (
                    '60 * rate(nfv_sched_exporter_hosts_counted_total'
                    '[$__rate_interval])',
                    'hosts per minute',
                ),
            ],
            width=8,
        ),
    ),
}


def dashboard() -> dict[str, Any]:
    """The dashboard, as Grafana imports it."""
    return {
        'uid': 'nfv-sched',
        'title': 'NFV capacity',
        'description': 'What nfv-sched-exporter exports: room for more '
        'instances, by flavor and failure domain, and what limits it.',
        'tags': ['openstack', 'nova', 'nfv-sched'],
        'schemaVersion': _SCHEMA_VERSION,
        'version': 1,
        'editable': True,
        'graphTooltip': 1,
        'refresh': '1m',
        'time': {'from': 'now-24h', 'to': 'now'},
        'timepicker': {},
        'annotations': {'list': []},
        'templating': {'list': list(_variables())},
        'panels': list(_panels()),
    }


def text() -> str:
    """The dashboard as JSON."""
    return json.dumps(dashboard(), indent=2) + '\n'


def _variables() -> Iterator[dict[str, Any]]:
    yield {
        'name': 'datasource',
        'label': 'Prometheus',
        'type': 'datasource',
        'query': 'prometheus',
        'current': {},
        'hide': 0,
    }
    for name, label, query, several in (
        (
            'kind',
            'Failure domain',
            'label_values(nfv_sched_hosts, kind)',
            False,
        ),
        (
            'flavor',
            'Flavor',
            'label_values(nfv_sched_capacity_instances, flavor_name)',
            True,
        ),
    ):
        yield {
            'name': name,
            'label': label,
            'type': 'query',
            'datasource': _SOURCE,
            'query': {'query': query, 'refId': name},
            'refresh': 2,
            'sort': 1,
            'multi': several,
            'includeAll': several,
            'current': {},
            'hide': 0,
        }


def _panels() -> Iterator[dict[str, Any]]:
    """Rows and their panels, from the top left."""
    number, top = 0, 0
    for title, panels in ROWS.items():
        number += 1
        yield {
            'id': number,
            'type': 'row',
            'title': title,
            'collapsed': False,
            'gridPos': {'h': 1, 'w': _COLUMNS, 'x': 0, 'y': top},
            'panels': [],
        }
        top += 1
        left = 0
        for panel in panels:
            number += 1
            if left + panel.width > _COLUMNS:
                left, top = 0, top + 8
            place = {'h': 8, 'w': panel.width, 'x': left, 'y': top}
            yield _panel(number, panel, place)
            left += panel.width
        top += 8


def _panel(
    number: int, panel: Panel, place: Mapping[str, int]
) -> dict[str, Any]:
    now = panel.kind in (Kind.BARS, Kind.TABLE)
    return {
        'id': number,
        'type': str(panel.kind),
        'title': panel.title,
        'description': panel.about,
        'datasource': _SOURCE,
        'gridPos': dict(place),
        'fieldConfig': {
            'defaults': {'unit': panel.unit, 'min': 0},
            'overrides': [],
        },
        'options': dict(_OPTIONS[panel.kind]),
        'targets': [
            {
                'refId': chr(ord('A') + place),
                'datasource': _SOURCE,
                'expr': expression,
                'legendFormat': legend,
                'instant': now,
                'range': not now,
                'format': 'table'
                if panel.kind is Kind.TABLE
                else 'time_series',
            }
            for place, (expression, legend) in enumerate(panel.queries)
        ],
    }


_LAST = {'calcs': ['lastNotNull'], 'fields': '', 'values': False}
_OPTIONS: Mapping[Kind, Mapping[str, Any]] = {
    Kind.SERIES: {
        'legend': {
            'displayMode': 'list',
            'placement': 'bottom',
            'showLegend': True,
            'calcs': [],
        },
        'tooltip': {'mode': 'multi', 'sort': 'desc'},
    },
    Kind.BARS: {
        'displayMode': 'gradient',
        'orientation': 'horizontal',
        'reduceOptions': _LAST,
    },
    Kind.STAT: {
        'colorMode': 'value',
        'graphMode': 'area',
        'reduceOptions': _LAST,
    },
    Kind.TABLE: {'showHeader': True, 'cellHeight': 'sm'},
}
