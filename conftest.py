"""Fixtures that the tests and the benchmarks' tests share."""

pytest_plugins = ['nfv_sched_testing.pytest_plugin']
