"""Moves of an instance, as the filters decide on them."""

import contextlib
from unittest import mock

from nova import objects
from nova.pci import request as pci_request

from nfv_sched.filters.cpu_pinning import CPUPinningFilter
from nfv_sched.filters.huge_pages import HugePagesFilter
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.filters.pci_numa import PCINUMAFilter
from nfv_sched.nova import instances
from nfv_sched_testing import scheduling

ALL = (HugePagesFilter, CPUPinningFilter, PCINUMAFilter, NUMAFitFilter)
CELL = objects.CellMapping(
    uuid='00000000-0000-4000-8000-00000000ce11', name='east'
)
PROVIDER = '00000000-0000-4000-8000-0000000000a1'
OTHER_PROVIDER = '00000000-0000-4000-8000-0000000000a2'


@contextlib.contextmanager
def moving(stored, aliases):
    """A cloud whose instance is stored like this."""
    instance = instances.StoredInstance(
        stored.task_state, stored.topology, stored.pci_requests
    )
    with (
        mock.patch.object(instances, 'find_stored', return_value=instance),
        mock.patch.object(
            pci_request, 'get_alias_from_config', return_value=aliases
        ),
    ):
        yield


def kept(scene, candidates, classes):
    """The candidates that filters keep for a move."""
    state = scheduling.host_state(scene, candidates=candidates)
    spec = scheduling.request(
        scene,
        flavor=scene.spec.flavor,
        requested_destination=objects.Destination(cell=CELL),
        requested_resources=(
            scene.spec.requested_resources
            if 'requested_resources' in scene.spec
            else []
        ),
    )
    if all(cls().host_passes(state, spec) for cls in classes):
        return state.allocation_candidates
    return []
