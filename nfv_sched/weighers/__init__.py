"""Host weighers for nova-scheduler."""

from nfv_sched import plugin_loader

NAMESPACE = 'nfv_sched.weighers'


def all_weighers() -> list[type]:
    """Every weigher class, for ``[filter_scheduler] weight_classes``."""
    return plugin_loader.classes(NAMESPACE)
