"""A tempest plugin: guests with pinned CPUs, huge pages and devices.

Through the public API alone, on any cloud with our filters: what a guest got
is asked of ``/servers/{id}/topology``.
"""
