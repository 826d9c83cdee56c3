"""Every option of nfv_sched.

The scheduler's are in the group ``[nfv_sched]``, those of the service
``nfv-sched-publisher`` in ``[nfv_sched_publisher]``.

Options are read at the edges (filters, weighers, commands) and passed down.
"""

from oslo_config import cfg

GROUP = 'nfv_sched'
PUBLISHER_GROUP = 'nfv_sched_publisher'

#: What an aggregate's metadata puts before a multiplier's name.
AGGREGATE_PREFIX = 'nfv_'

READER_OPTS = [
    cfg.BoolOpt(
        'read_topology',
        default=True,
        help="""
Read the hosts' hardware topology from Placement.

A background thread of the scheduler keeps a snapshot of the
topology that ``nfv-sched publish`` wrote. No request ever waits
for it: without a snapshot, and for each host that it does not
describe, hosts are decided on what their nova-compute reported.
Disable it where nothing is published.

Related options:

* ``[nfv_sched] topology_refresh_interval``
* ``[placement]``, whose credentials and endpoint are used
""",
    ),
    cfg.IntOpt(
        'topology_refresh_interval',
        default=30,
        min=1,
        help="""
Seconds between two looks at Placement for changed topology.

A look at an unchanged cloud is one small request. Hardware seldom
changes, so a long interval costs little; a new host is decided on
its nova-compute's report until the next look.
""",
    ),
    cfg.IntOpt(
        'placement_deadline',
        default=20,
        min=1,
        help="""
Total seconds that one read of the topology from Placement may
take.

Connecting, waiting and receiving count together: a server that
sends a byte now and then is given up, too. The snapshot in hand
stays in use. Reading 5,000 hosts of 8 NUMA cells takes about 5
seconds.
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

Each is a metadata key of host aggregates, whose value names the
domain: hosts in aggregates with ``rack=r7`` are in the rack r7.
A name means one domain in the whole cloud. Nova's own key
``availability_zone`` is as good as any.

AffinityWeigher and AntiAffinityWeigher grade hosts by them, and
``nfv-sched publish`` writes each host's domains to Placement. With
an empty list there are hosts only.

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
Multiplier of AffinityWeigher, which pulls guests towards others:
members of the server group, for the policies affinity and
soft-affinity, and what the scheduler hint ``nfv:near`` names.

The weight is at least 1/2 on a host where one of them is, 1/4 in
the narrowest failure domain of one, 1/8 in the next. The default
puts what the tenant asks for before free memory, CPUs and disk,
which Nova's own weighers rate from 0 to 1 each.

Overridden per aggregate by the metadata key
``nfv_affinity_weight_multiplier``. Zero switches the weigher off;
a negative value is refused, use the anti-affinity policies
instead.

Related options:

* ``[nfv_sched] failure_domains``
""",
        min=0.0,
    ),
    cfg.FloatOpt(
        'anti_affinity_weight_multiplier',
        default=10.0,
        help="""
Multiplier of AntiAffinityWeigher, which spreads guests: members of
the server group, for the policies anti-affinity (which allows
several per host by ``max_server_per_host``) and
soft-anti-affinity, and what the scheduler hint ``nfv:apart``
names.

The weight is 1 where they stay as even as they can be. One guest
too many in a domain of the widest kind costs 1/2, in one of the
next kind 1/4, and so on down to the host.

Overridden per aggregate by the metadata key
``nfv_anti_affinity_weight_multiplier``. Zero switches the weigher
off.

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
Multiplier of FragmentationWeigher, which compares hosts by the
guests of the expected mix for which they still have room after the
claim.

The weights are on an absolute scale from 0 to 1, on which hosts
often differ by a few hundredths only, hence a multiplier above
those of Nova's own weighers.

Overridden per aggregate by the metadata key
``nfv_fragmentation_weight_multiplier``. Zero switches the weigher
off.

Related options:

* ``[nfv_sched] placement``
* ``[nfv_sched] reference_flavors``
""",
    ),
    cfg.StrOpt(
        'placement',
        default='pack',
        choices=[
            ('pack', 'the host that loses the least room for others'),
            ('spread', 'the host that keeps the most room for others'),
        ],
        help="""
What FragmentationWeigher prefers.

A flavor's extra spec ``nfv:placement`` overrides it for its
guests.
""",
    ),
    cfg.ListOpt(
        'reference_flavors',
        default=[],
        help="""
Flavors that stand for the guests to be expected, as ``NAME`` or
``NAME=WEIGHT``: each as often as its weight, by default 1, says, as
in ``vrouter.large=3, vims.small``.

Without any, the guests that this scheduler was asked for lately are
expected; a request counts half after 256 others. Name flavors where
that says little of what is to come: in a new cloud, or where a
batch of one flavor precedes all others. Devices count if they are
named by PCI alias in the flavor. Read when the first guest is
weighed.
""",
    ),
    cfg.FloatOpt(
        'pci_locality_weight_multiplier',
        default=2.0,
        min=0.0,
        help="""
Multiplier of PCILocalityWeigher: guests with devices weigh more on
hosts where the claim finds those near the guest's cells, guests
without on hosts where it puts them on cells that have no free
devices.

Overridden per aggregate by the metadata key
``nfv_pci_locality_weight_multiplier``. Zero switches the weigher
off.
""",
    ),
    cfg.FloatOpt(
        'in_flight_weight_multiplier',
        default=2.0,
        min=0.0,
        help="""
Multiplier of InFlightWeigher, which keeps guests off hosts to which
this scheduler has sent others a moment ago and which have not
reported those yet.

While any are in flight, a host weighs by the share of its room that
they and the guest itself leave; else the weigher leaves the choice
alone. Zero switches it off.

Overridden per aggregate by the metadata key
``nfv_in_flight_weight_multiplier``.
""",
    ),
    cfg.FloatOpt(
        'scatter_weight_multiplier',
        default=0.1,
        min=0.0,
        help="""
Multiplier of ScatterWeigher, which puts hosts that are about as good
as each other into another order for each guest, so that schedulers
that decide at once do not all want the same one.

It decides between hosts whose weights differ by less than this: the
more, the fewer claims fail, and the worse hosts are filled. Zero
switches the weigher off, which suits a cloud with one scheduler of
one worker.

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
        'interval',
        default=60,
        min=1,
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
Seconds after which a pass compares every host with Placement
again, whether it changed or not.

That mends what others changed below the roots of the trees. The
first pass is always a full one.
""",
    ),
    cfg.IntOpt(
        'grace',
        default=3600,
        min=0,
        help="""
Seconds for which a compute node must be in no cell before its tree
is removed.

Counted by each publisher since it began, and only while every cell
answers. Long enough for a compute node that is deleted by mistake
to come back.
""",
    ),
    cfg.IntOpt(
        'page_size',
        default=500,
        min=1,
        help="""
Compute nodes that are read from a cell's database at once.

With 8 NUMA cells and 64 devices each takes some 100 KiB of memory.
""",
    ),
    cfg.IntOpt(
        'placement_deadline',
        default=60,
        min=1,
        help="""
Total seconds that one request to Placement may take.

The largest answer describes all trees of the cloud: about 5
seconds for 5,000 hosts of 8 NUMA cells.
""",
    ),
    cfg.StrOpt(
        'coordination_url',
        secret=True,
        help="""
URL of a coordination service of tooz, such as
``etcd3+http://controller:2379``, by which several publishers agree
that one of them works and the others stand by.

Without, all of them work. That does no harm, since each writes only
what differs, but reads the databases several times. A publisher
that cannot reach the service works, too.
""",
    ),
    cfg.PortOpt(
        'metrics_port',
        default=0,
        help="""
Port on which the publisher answers Prometheus, 0 for none.

Related options:

* ``[nfv_sched_publisher] metrics_address``
""",
    ),
    cfg.HostAddressOpt(
        'metrics_address',
        default='127.0.0.1',
        help="""
Address on which the publisher answers Prometheus.

What it tells are numbers only, yet to everybody who can connect.

Related options:

* ``[nfv_sched_publisher] metrics_port``
""",
    ),
    cfg.StrOpt(
        'status_file',
        sample_default='/run/nfv-sched/publisher.json',
        help="""
File in which the publisher says when it last made a pass and what
it found, for ``nfv-sched check``.

Its folder must exist and be writable for the publisher. Without a
name there is no such file.
""",
    ),
]

ALL_OPTS = READER_OPTS + DOMAIN_OPTS + WEIGHER_OPTS


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Every option by group, for oslo-config-generator."""
    return [(GROUP, ALL_OPTS), (PUBLISHER_GROUP, PUBLISHER_OPTS)]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options on ``conf``; registering twice is harmless."""
    conf.register_opts(ALL_OPTS, group=GROUP)
    conf.register_opts(PUBLISHER_OPTS, group=PUBLISHER_GROUP)
