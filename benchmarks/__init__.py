"""Measurements, run from the repository's root: see doc/source/benchmarks."""

from nova import objects

# Before anything names one of Nova's objects.
objects.register_all()
