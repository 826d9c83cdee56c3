"""Moves stay in their Nova cell."""

import types

from nova import objects

from nfv_sched.nova import scheduler_pipeline

EAST = objects.CellMapping(
    uuid='00000000-0000-4000-8000-00000000ce11', name='east'
)


def why(cell_uuid, **destination):
    spec = objects.RequestSpec(
        ignore_hosts=None,
        force_hosts=None,
        force_nodes=None,
        requested_destination=objects.Destination(**destination),
    )
    state = types.SimpleNamespace(host='h', nodename='h', cell_uuid=cell_uuid)
    return scheduler_pipeline.excluded_by_request(spec, state)


def test_hosts_of_other_nova_cells_are_no_destinations():
    assert why(EAST.uuid, cell=EAST) is None
    assert why('another', cell=EAST) == (
        'the instance moves within Nova cell east'
    )
    # Any cell will do.
    assert why('another', cell=None) is None
    assert why('another') is None
