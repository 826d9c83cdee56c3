"""Every option of nfv_sched, and the options of Nova that it recommends.

The scheduler's options are in the group ``[nfv_sched]``, those of the service
``nfv-sched-publisher`` in ``[nfv_sched_publisher]``.

Options are read at the edges (filters, weighers, commands) and passed down.
"""

import dataclasses
import enum

from oslo_config import cfg

GROUP = 'nfv_sched'
PUBLISHER_GROUP = 'nfv_sched_publisher'

#: Prefix of a multiplier's name in an aggregate's metadata.
AGGREGATE_PREFIX = 'nfv_'

READER_OPTS = [
    cfg.BoolOpt(
        'read_topology',
        default=True,
        help="""
Read the hosts' hardware topology from Placement.

A background thread of the scheduler keeps a snapshot of the
topology that ``nfv-sched publish`` wrote. No request waits for it:
without a snapshot, and for each host that is not in it, the filters
and weighers use what the host's nova-compute reported. The thread
also reads the names of the providers of guaranteed bandwidth, by
which the filters know the interface that a port gets. Disable this
option where no topology is published and no SR-IOV port has a
guaranteed bandwidth.

Related options:

* ``[nfv_sched] topology_refresh_interval``
* ``[placement]``: credentials and endpoint
""",
    ),
    cfg.IntOpt(
        'topology_refresh_interval',
        default=30,
        min=1,
        help="""
Seconds between two checks of Placement for changed topology.

A check of an unchanged cloud is one small request. Hardware seldom
changes, so a long interval costs little: until the next check, a new
host is evaluated on its nova-compute's report.
""",
    ),
    cfg.IntOpt(
        'placement_deadline',
        default=20,
        min=1,
        help="""
Total seconds that one read of the topology from Placement may
take.

Connecting, waiting and receiving count together, so that a server
that sends single bytes is also abandoned. The current snapshot
stays in use. Reading 5,000 hosts of 8 NUMA nodes takes about 5
seconds.
""",
    ),
]

COUNTER_OPTS = [
    cfg.StrOpt(
        'counters_folder',
        sample_default='/run/nfv-sched/counters',
        help="""
Folder in which each scheduler process writes its counters.

They are the times of filters and weighers and the requests that ended
without a host, for ``nfv-sched-exporter --scheduler-counters``. A
thread writes a small file every ten seconds; no request waits for it,
and none fails where it cannot. The folder must exist and be writable
for nova-scheduler. If unset, no file is written.
""",
    ),
]

JOURNAL_OPTS = [
    cfg.BoolOpt(
        'shadow',
        default=False,
        help="""
Let the filters and weighers judge and record, and change nothing.

All hosts pass the filters, and the weighers give every host the weight
0, as if they were not there. The decision journal has what they would
have done, which ``nfv-sched shadow`` compares with what became of the
instances. Keep Nova's own filters enabled. Commands such as
``nfv-sched explain`` answer as if this option were false.

Related options:

* ``[nfv_sched] journal_folder``
""",
    ),
    cfg.StrOpt(
        'journal_folder',
        sample_default='/var/lib/nova/nfv-sched-decisions',
        help="""
Folder of the decision journal, in which each scheduler process
records why it selected a host, or found none.

``nfv-sched why`` reads it. A thread writes the records; no request
waits for it, and none fails where it cannot. The folder must exist and
be writable for nova-scheduler. NUMAFitFilter must be enabled. Instances
that ask neither for a NUMA topology nor for devices are not recorded.
If unset, nothing is recorded.

Related options:

* ``[nfv_sched] journal_size``
""",
    ),
    cfg.IntOpt(
        'journal_size',
        default=64,
        min=1,
        help="""
MiB that the decision journal may take.

The oldest records are removed first. One record takes 1 to 3 KiB.

Related options:

* ``[nfv_sched] journal_folder``
""",
    ),
]

DOMAIN_OPTS = [
    cfg.ListOpt(
        'failure_domains',
        default=[],
        sample_default='rack, row',
        help="""
Kinds of failure domains wider than a host, the narrowest first.

Each is a metadata key of host aggregates. The value names the
domain: hosts in aggregates with ``rack=r7`` are in the rack r7. A
name stands for one domain in the whole cloud. Nova's own key
``availability_zone`` can be used, too.

AffinityWeigher and AntiAffinityWeigher grade hosts by these domains,
and ``nfv-sched publish`` writes each host's domains to Placement.
With an empty list the host is the only failure domain.

Related options:

* ``[nfv_sched] affinity_weight_multiplier``
* ``[nfv_sched] anti_affinity_weight_multiplier``
""",
    ),
]

WEIGHER_OPTS = [
    cfg.FloatOpt(
        'affinity_weight_multiplier',
        default=10.0,
        help="""
Multiplier of AffinityWeigher, which places an instance close to
others: the members of its server group, for the policies affinity
and soft-affinity, and the servers and groups that the scheduler hint
``nfv:near`` names.

The weight is at least 1/2 on a host where one of them runs, 1/4 in
the narrowest failure domain of one, 1/8 in the next. With the
default, the tenant's request outweighs free memory, CPUs and disk,
each of which Nova's own weighers rate from 0 to 1.

Overridden per aggregate by the metadata key
``nfv_affinity_weight_multiplier``. Zero disables the weigher. A
negative value is refused: use the anti-affinity policies instead.

Related options:

* ``[nfv_sched] failure_domains``
""",
        min=0.0,
    ),
    cfg.FloatOpt(
        'anti_affinity_weight_multiplier',
        default=10.0,
        help="""
Multiplier of AntiAffinityWeigher, which spreads instances: the
members of the server group, for the policies anti-affinity (which
allows several per host by ``max_server_per_host``) and
soft-anti-affinity, and the servers and groups that the scheduler
hint ``nfv:apart`` names.

The weight is 1 where they stay as even as possible. One instance too
many in a domain of the widest kind costs 1/2, in a domain of the
next kind 1/4, and so on down to the host.

Overridden per aggregate by the metadata key
``nfv_anti_affinity_weight_multiplier``. Zero disables the weigher.

Related options:

* ``[nfv_sched] failure_domains``
""",
        min=0.0,
    ),
    cfg.FloatOpt(
        'fragmentation_weight_multiplier',
        default=10.0,
        min=0.0,
        help="""
Multiplier of FragmentationWeigher, which compares hosts by their
headroom after the claim: the expected instances that still fit.

The weights are on an absolute scale from 0 to 1, on which hosts
often differ by a few hundredths only. Therefore the default is above
the multipliers of Nova's own weighers.

Overridden per aggregate by the metadata key
``nfv_fragmentation_weight_multiplier``. Zero disables the weigher.

Related options:

* ``[nfv_sched] host_selection``
* ``[nfv_sched] reference_flavors``
""",
    ),
    cfg.StrOpt(
        'host_selection',
        default='pack',
        choices=[
            ('pack', 'the host that loses the least headroom'),
            ('spread', 'the host that keeps the most headroom'),
        ],
        deprecated_name='placement',
        help="""
Which hosts FragmentationWeigher prefers.

The flavor's extra spec ``nfv:placement`` overrides this option.
""",
    ),
    cfg.BoolOpt(
        'choose_nodes',
        default=False,
        help="""
Choose the NUMA nodes of an instance, not only its host.

Applies to hosts whose NUMA nodes are labelled, see ``nfv-sched
labels``; on other hosts nova-compute chooses the nodes. The
scheduler weighs each host by its best set of nodes, and restricts
the claim there to this set where nova-compute would choose a worse
one. Hosts of several NUMA nodes with different devices or networks
profit most.

Related options:

* ``[nfv_sched] choose_nodes_margin``
* ``[nfv_sched] fragmentation_weight_multiplier``
* ``[nfv_sched] pci_locality_weight_multiplier``
""",
    ),
    cfg.FloatOpt(
        'choose_nodes_margin',
        default=0.05,
        min=0.0,
        help="""
Difference of weights below which sets of NUMA nodes count as equal.

The weights are those of FragmentationWeigher and PCILocalityWeigher
with their multipliers. A claim is not restricted if the nodes that
nova-compute would choose are worse than the best ones by no more
than this. A larger margin lets fewer claims fail while several
schedulers place instances at the same time, and packs less densely.

Related options:

* ``[nfv_sched] choose_nodes``
""",
    ),
    cfg.ListOpt(
        'reference_flavors',
        default=[],
        help="""
Flavors that stand for the expected instances, as ``NAME`` or
``NAME=WEIGHT``. The weight, 1 by default, says how often the flavor
is requested relative to the others, as in
``vrouter.large=3, vims.small``.

If unset, demand is estimated from recent requests; the weight of a
request halves every 256 requests. Set it where recent requests say
little about future ones: in a new cloud, or where a batch of one
flavor precedes all others. Devices count if the flavor names them by
PCI alias. The option is read when the first instance is weighed.
""",
    ),
    cfg.FloatOpt(
        'pci_locality_weight_multiplier',
        default=2.0,
        min=0.0,
        help="""
Multiplier of PCILocalityWeigher. Instances with devices or
accelerators prefer hosts where these are near the NUMA nodes that
the claim takes. Instances without either prefer hosts where the
claim takes NUMA nodes without free devices.

Overridden per aggregate by the metadata key
``nfv_pci_locality_weight_multiplier``. Zero disables the weigher.
""",
    ),
    cfg.FloatOpt(
        'in_flight_weight_multiplier',
        default=2.0,
        min=0.0,
        help="""
Multiplier of InFlightWeigher, which avoids hosts to which a
scheduler has just sent instances that the host has not reported yet.

While instances are in flight, a host is weighed by the share of its
headroom that is left after them and the requested instance.
Otherwise all hosts weigh the same. Zero disables the weigher.

Overridden per aggregate by the metadata key
``nfv_in_flight_weight_multiplier``.

Related options:

* ``[nfv_sched] share_picks``
""",
    ),
    cfg.BoolOpt(
        'share_picks',
        default=True,
        help="""
Tell the other nova-schedulers to which hosts this one sends
instances.

The schedulers share it over Nova's message bus, so that each avoids
hosts that another one has just filled and prefers its own partition of
the hosts, see InFlightWeigher. No request waits for the bus:
without it the schedulers decide as if they did not know of each other.
Each worker of nova-scheduler listens on a fanout queue of the topic
``nfv_sched_picks``.

Related options:

* ``[DEFAULT] transport_url``
* ``[nfv_sched] in_flight_weight_multiplier``
""",
    ),
    cfg.FloatOpt(
        'scatter_weight_multiplier',
        default=0.1,
        min=0.0,
        help="""
Multiplier of ScatterWeigher, which orders hosts of about equal
weight differently for each instance, so that schedulers that decide
at the same time do not choose the same host.

It decides between hosts whose weights differ by less than the
multiplier. A larger value means fewer failed claims and less tightly
filled hosts. Zero disables the weigher, which suits a cloud with one
scheduler of one worker.

Overridden per aggregate by the metadata key
``nfv_scatter_weight_multiplier``.

Related options:

* ``[scheduler] workers``
* ``[scheduler] max_attempts``
""",
    ),
]

PUBLISHER_OPTS = [
    cfg.IntOpt(
        'pass_interval',
        default=60,
        min=1,
        deprecated_name='interval',
        help="""
Seconds from the end of one pass of the publisher to the next.

A pass in which nothing changed reads a few columns of all compute
nodes and lists the roots of the trees in Placement.

Related options:

* ``[nfv_sched_publisher] full_interval``
""",
    ),
    cfg.IntOpt(
        'full_interval',
        default=3600,
        min=1,
        help="""
Seconds after which a pass compares every host with Placement again,
whether it changed or not.

This repairs changes that other clients made below the roots of the
trees. The first pass is always a full one.
""",
    ),
    cfg.IntOpt(
        'orphan_grace_period',
        default=3600,
        min=0,
        deprecated_name='grace',
        help="""
Seconds for which a compute node must be missing from every Nova cell
before its tree, an orphaned tree, is removed.

Each publisher counts from its own start, and only while every cell
answers. Choose it long enough to restore a compute node that was
deleted by mistake.
""",
    ),
    cfg.IntOpt(
        'page_size',
        default=500,
        min=1,
        help="""
Number of compute nodes that are read from a cell's database at once.

A compute node with 8 NUMA nodes and 64 devices takes some 100 KiB of
memory.
""",
    ),
    cfg.IntOpt(
        'concurrency',
        default=4,
        min=1,
        max=10,
        help="""
Number of hosts that are published at the same time.

Each of them has one request to Placement at a time. Increase the number
for the first publication of a large cloud, if Placement has processes
that are idle meanwhile; decrease it if nova-scheduler and the computes
wait for Placement.

``nfv-sched publish`` uses this option, too, unless ``--concurrency`` is
given.
""",
    ),
    cfg.IntOpt(
        'placement_deadline',
        default=60,
        min=1,
        help="""
Total seconds that one request to Placement may take.

The largest answer describes all trees of the cloud: about 5 seconds
for 5,000 hosts of 8 NUMA nodes.
""",
    ),
    cfg.StrOpt(
        'coordination_url',
        secret=True,
        help="""
URL of a coordination service of tooz, such as
``etcd3+http://controller:2379``, through which several publishers
elect one that works while the others stand by.

If unset, all of them work. That does no harm, since each writes only
differences, but it reads the databases several times. A publisher
that cannot reach the service works as well.
""",
    ),
    cfg.PortOpt(
        'metrics_port',
        default=0,
        help="""
Port on which the publisher serves metrics to Prometheus; 0 disables
it.

Related options:

* ``[nfv_sched_publisher] metrics_address``
""",
    ),
    cfg.HostAddressOpt(
        'metrics_address',
        default='127.0.0.1',
        help="""
Address on which the publisher serves metrics to Prometheus.

The metrics are numbers only, but any client that can connect can
read them.

Related options:

* ``[nfv_sched_publisher] metrics_port``
""",
    ),
    cfg.StrOpt(
        'status_file',
        sample_default='/run/nfv-sched/publisher.json',
        help="""
File to which the publisher writes when it last made a pass and what
it found, for ``nfv-sched check``.

Its folder must exist and be writable for the publisher. If unset, no
file is written.
""",
    ),
]


class OptionReader(enum.StrEnum):
    """A service that reads recommended options."""

    SCHEDULER = 'nova-scheduler'
    CONDUCTOR = 'nova-conductor'
    PLACEMENT = 'Placement'


class Bound(enum.Enum):
    """How the value of a recommended option may differ."""

    EXACT = 'exactly'
    AT_LEAST = 'at least'
    AT_MOST = 'at most, as a magnitude'
    INCLUDES = 'among others'


@dataclasses.dataclass(frozen=True, slots=True)
class Recommendation:
    """An option of Nova or Placement as the files in ``etc`` set it.

    ``why`` says what happens otherwise, as a clause. ``readers`` are the
    services that read the option.
    """

    group: str
    name: str
    value: bool | float | tuple[str, ...]
    bound: Bound
    why: str
    readers: tuple[OptionReader, ...] = (OptionReader.SCHEDULER,)

    @property
    def text(self) -> str:
        """The value as in the file, a list on one line."""
        value = self.value
        if isinstance(value, tuple):
            return ','.join(value)
        return str(value) if isinstance(value, bool) else f'{value:g}'

    @property
    def line(self) -> str:
        """The option and its value as in the file."""
        return f'[{self.group}] {self.name} = {self.text}'

    @property
    def place(self) -> str:
        """The file to which the option belongs, and its readers."""
        if OptionReader.PLACEMENT in self.readers:
            return 'placement.conf'
        return f'nova.conf of {" and ".join(self.readers)}'


#: Filters of this package in the recommended order: the cheapest first.
OUR_FILTERS = (
    'HugePagesFilter',
    'CPUPinningFilter',
    'PCINUMAFilter',
    'NUMAFitFilter',
)
_FILTER_SCHEDULER = 'filter_scheduler'
_ALONE = "Nova's weigher decides, too, how hosts are filled"
#: nova-conductor refuses server groups without their filter or weigher
#: (nova.scheduler.utils ``setup_instance_group``), and counts the attempts of
#: a boot (``populate_retry``).
_BOTH = (OptionReader.SCHEDULER, OptionReader.CONDUCTOR)

#: Every option of Nova that the installation guide sets, in its order.
RECOMMENDED = (
    Recommendation(
        _FILTER_SCHEDULER,
        'available_filters',
        (
            'nova.scheduler.filters.all_filters',
            'nfv_sched.filters.all_filters',
        ),
        Bound.INCLUDES,
        'these filters cannot be enabled',
    ),
    Recommendation(
        _FILTER_SCHEDULER,
        'enabled_filters',
        (
            'ComputeFilter',
            'ComputeCapabilitiesFilter',
            'ImagePropertiesFilter',
            'ServerGroupAntiAffinityFilter',
            'ServerGroupAffinityFilter',
            *OUR_FILTERS,
        ),
        Bound.INCLUDES,
        'hosts that these filters reject are accepted',
        _BOTH,
    ),
    Recommendation(
        _FILTER_SCHEDULER,
        'weight_classes',
        (
            'nova.scheduler.weights.all_weighers',
            'nfv_sched.weighers.all_weighers',
        ),
        Bound.INCLUDES,
        'these weighers do not choose among hosts',
        _BOTH,
    ),
    *(
        Recommendation(
            _FILTER_SCHEDULER,
            f'{name}_weight_multiplier',
            0.0,
            Bound.AT_MOST,
            _ALONE,
        )
        for name in ('ram', 'cpu', 'disk', 'pci')
    ),
    Recommendation(
        _FILTER_SCHEDULER,
        'io_ops_weight_multiplier',
        0.0,
        Bound.AT_MOST,
        'concurrent boots are sent to the same hosts',
    ),
    Recommendation(
        _FILTER_SCHEDULER,
        'build_failure_weight_multiplier',
        0.1,
        Bound.AT_MOST,
        'a failed claim keeps instances away from its host',
    ),
    Recommendation(
        'scheduler',
        'max_attempts',
        25,
        Bound.AT_LEAST,
        'with several schedulers instances fail although other hosts are left',
        _BOTH,
    ),
    Recommendation(
        'workarounds',
        'disable_fallback_pcpu_query',
        True,
        Bound.EXACT,
        'Placement is asked twice for pinned instances',
    ),
)

#: Every option of Placement that the installation guide sets.
PLACEMENT_RECOMMENDED = (
    Recommendation(
        'placement',
        'allocation_conflict_retry_count',
        1,
        Bound.AT_MOST,
        'Placement may accept more than one of several concurrent claims for '
        'the last free resources',
        (OptionReader.PLACEMENT,),
    ),
)

ALL_OPTS = (
    READER_OPTS + COUNTER_OPTS + JOURNAL_OPTS + DOMAIN_OPTS + WEIGHER_OPTS
)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Every option by group, for oslo-config-generator."""
    return [(GROUP, ALL_OPTS), (PUBLISHER_GROUP, PUBLISHER_OPTS)]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options on ``conf``; registering twice is harmless."""
    conf.register_opts(ALL_OPTS, group=GROUP)
    conf.register_opts(PUBLISHER_OPTS, group=PUBLISHER_GROUP)
