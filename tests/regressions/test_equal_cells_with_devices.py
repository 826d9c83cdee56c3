"""Equal guest cells are pinned to another cell's CPUs, too.

Devices sit on the two host cells that Nova tries last, so it tries others
first. On the way guest cell 1 takes a host cell on the strength of what it
remembers under an id of its own past, and keeps the CPUs of the cell before.
"""

import uuid

from nova import objects
import pytest

from nfv_sched.model import Resource
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle


def devices_on_the_last_cells():
    """Cells with more devices, of whatever kind, come first."""
    others = {1: 1, 2: 2, 3: 3}
    devices = [
        builders.device(
            f'0000:8{node}:00.{n}', 'type-PCI', node, product='0435'
        )
        for node, count in others.items()
        for n in range(count)
    ]
    devices += [
        builders.device(f'0000:9{node}:00.0', 'type-PCI', node, product='1111')
        for node in (0, 1)
    ]
    wanted = objects.InstancePCIRequest(
        count=2,
        spec=[{'vendor_id': '8086', 'product_id': '1111'}],
        alias_name='accelerator',
        request_id=str(uuid.UUID(int=1)),
        numa_policy='required',
    )
    return builders.scene(
        [builders.host_cell(i, pages={}) for i in range(4)],
        [builders.guest_cell(i) for i in range(2)],
        devices,
        [wanted],
    )


def test_the_fit_succeeds_and_the_claim_raises():
    scene = devices_on_the_last_cells()
    assert nova_oracle.exists(scene)
    assert builders.nova_fit(scene) is not None
    with pytest.raises(nova_oracle.Refused, match='CPUPinningUnknown'):
        nova_oracle.claim(scene)


def test_we_refuse_it():
    (reason,) = builders.evaluate(devices_on_the_last_cells()).reasons
    assert reason.resource is Resource.CLAIM
    assert 'pins guest NUMA node 1 to CPUs of NUMA node 2' in reason.text
