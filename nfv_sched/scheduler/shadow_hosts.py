"""Copies of host states, on which filters judge in shadow mode."""

from collections.abc import Iterable

from nfv_sched.nova.types import HostState
from nfv_sched.scheduler import host_cycle


class ShadowHosts:
    """The copies of host states that filters accept, by the hosts' uuids.

    They belong to one instance of a request.

    :param states: all hosts that the first filter is given
    """

    __slots__ = ('accepted', 'instance')

    def __init__(
        self, instance: str | None, states: Iterable[HostState]
    ) -> None:
        self.instance = instance
        self.accepted = {state.uuid: copy_of(state) for state in states}


def copy_of(state: HostState) -> HostState:
    """A copy whose attributes can be replaced, and whose limits are its own.

    Nothing else of a host state is changed in place before Nova selects a
    host.
    """
    copied: HostState = object.__new__(type(state))
    copied.__dict__.update(state.__dict__)
    copied.__dict__.pop(host_cycle.ATTRIBUTE, None)
    copied.limits = dict(state.limits)
    return copied
