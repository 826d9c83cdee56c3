"""Builders, strategies and servers that tests and benchmarks share."""
