"""Whether nova-scheduler would start with nova.conf."""

from nova import exception
import nova.conf
from nova.scheduler import filters
from nova.scheduler import host_manager

from nfv_sched.model.similar_names import closest
from nfv_sched.nova.redact import describe_error

CONF = nova.conf.CONF


class _UnconnectedManager(host_manager.HostManager):  # type: ignore[misc]
    """Nova's host manager, which reads no database."""

    def refresh_cells_caches(self) -> None:
        """Read no cells."""

    def _init_aggregates(self) -> None:
        """Read no aggregates."""

    def _init_instance_info(self, computes_by_cell: object = None) -> None:
        """Read no instances."""


def problem() -> str | None:
    """Why nova-scheduler would not start; None if it would.

    Makes its host manager, with all filters and weighers that nova.conf names.
    """
    try:
        _UnconnectedManager()
    except Exception as error:
        # Whatever the import of a class and its constructor raise.
        return describe_error(error) + _hint(error)
    return None


def _hint(error: Exception) -> str:
    """The filters that were meant by names that are not there."""
    if not isinstance(error, exception.SchedulerHostFilterNotFound):
        return ''
    options = CONF.filter_scheduler
    known = {
        cls.__name__
        for cls in filters.HostFilterHandler().get_matching_classes(
            options.available_filters
        )
    }
    similar = [
        match
        for name in options.enabled_filters
        if name not in known and (match := closest(name, known))
    ]
    return f'; did you mean {", ".join(similar)}?' if similar else ''
