"""Simulated clouds: hosts, guests, a real nova-scheduler on top.

For the demo, benchmarks and tests. Needs the extra ``nfv-sched[demo]``.
"""
