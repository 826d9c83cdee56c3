"""Simulated clouds: simulated hosts under a real nova-scheduler.

Used by the demo, simulations, benchmarks and tests. Needs the extra
``nfv-sched[demo]``.
"""
