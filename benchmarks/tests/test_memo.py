"""Remembered answers place guests as asking again does."""

import dataclasses
import heapq

import pytest

from benchmarks.packing import bounds
from benchmarks.packing import clouds
from benchmarks.packing import loads
from benchmarks.packing import scheduler
from benchmarks.packing.columns import COLUMNS
from benchmarks.packing.computes import Compute

_SMALL = {
    'one-sided': (3,),
    'both-sided': (2,),
    'nps4': (1,),
    'mixed': (1, 1, 1, 1),
}


def _placements(cloud, load, column, *, remember):
    """Where each guest of a short churn goes: host, cells, CPUs, devices."""
    shapes = {one.name: one for one in bounds.shapes_of(load)}
    resident = bounds.expected(cloud, load)
    found = []
    leaving = []
    with scheduler.configured(column):
        computes = [
            Compute(f'host{place}', machine)
            for place, machine in enumerate(cloud.machines)
        ]
        one = scheduler.Scheduler(column, computes, remember=remember)
        for arrival in loads.churn(load, 1, resident, int(3 * resident)):
            while leaving and leaving[0][0] <= arrival.time:
                _, _, compute, held = heapq.heappop(leaving)
                compute.release(held)
            placed = one.place(arrival.number, shapes[arrival.flavor])
            if placed is None:
                found.append(None)
                continue
            compute, held = placed
            end = arrival.time + arrival.lifetime
            heapq.heappush(leaving, (end, arrival.number, compute, held))
            found.append(
                (
                    compute.name,
                    [
                        (cell.id, cell.pagesize, cell.cpu_pinning)
                        for cell in held.topology.cells
                    ],
                    [device.address for device in held.devices],
                )
            )
    return found


@pytest.mark.parametrize(
    ('column', 'load'),
    [
        ('stock', 'vnf'),
        ('tuned-spread', 'small-first'),
        ('tuned-pack', 'vnf'),
        ('tuned-pack', 'one-shape'),
    ],
)
@pytest.mark.parametrize('name', _SMALL)
def test_memo_equals_plain(name, column, load):
    cloud = clouds.CLOUDS[name]
    small = dataclasses.replace(
        cloud,
        name=f'small-{name}',
        kinds=tuple(
            (machine, count)
            for (machine, _), count in zip(
                cloud.kinds, _SMALL[name], strict=True
            )
        ),
    )
    plain, remembered = (
        _placements(
            small, loads.LOADS[load], COLUMNS[column], remember=remember
        )
        for remember in (False, True)
    )
    assert remembered == plain
    assert None in plain
