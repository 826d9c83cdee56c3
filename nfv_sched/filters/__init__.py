"""Host filters for nova-scheduler."""

from nfv_sched import plugin_loader

NAMESPACE = 'nfv_sched.filters'


def all_filters() -> list[type]:
    """Every filter class, for ``[filter_scheduler] available_filters``."""
    return plugin_loader.classes(NAMESPACE)
