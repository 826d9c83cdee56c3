"""The decision journal: what schedulers record of their decisions.

Files of a folder, written by the scheduler processes of a controller. See
:mod:`nfv_sched.journal.record` for what they hold.
"""
