"""Host topology in Placement: provider trees, publisher and reader.

The entry points are :class:`nfv_sched.placement.reader.TopologyReader`,
:func:`nfv_sched.placement.publisher.publish` and
:mod:`nfv_sched.placement.removal`.
"""
