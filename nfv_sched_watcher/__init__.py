"""Plans of ``nfv-sched`` as strategies of Watcher.

Watcher and Nova define options of the same names, so that no process can
import both: plans are made by ``nfv-sched`` in a process of its own.
"""
