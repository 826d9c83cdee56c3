"""Host topology in Placement: model/ <-> provider trees.

What others may call is :class:`TopologyReader`, :func:`publish` and the
values and errors around them.
"""
