"""The bounds against brute force, and against what is really placed."""

import random

import numpy as np
import pytest

from benchmarks.packing import bounds
from benchmarks.packing import ideal
from benchmarks.packing import loads
from benchmarks.packing import simulate
from benchmarks.packing.columns import COLUMNS
from benchmarks.tests import tiny


def _names(seed, count):
    dice = random.Random(seed)  # noqa: S311 - nothing secret
    return dice.choices([one.name for one in tiny.SHAPES], k=count)


@pytest.mark.parametrize('seed', range(12))
def test_equals_brute_force(seed):
    hosts = 1 + seed % 2
    names = _names(seed, 10 * hosts)
    packer = bounds.Packer(tiny.cloud(hosts), tiny.SHAPES)
    found = bounds.prefix(packer, tiny.SHAPES, names)
    assert found.exact
    assert found.at_most == tiny.brute_force(hosts, names)


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('column', COLUMNS)
def test_no_scheduler_places_more(column, seed):
    cloud = tiny.cloud(3)
    placed = simulate.fill(cloud, tiny.LOAD, COLUMNS[column], seed).placed
    coming = simulate.sequence(cloud, tiny.LOAD, seed)
    names = [next(coming).flavor for _ in range(60)]
    packer = bounds.Packer(cloud, tiny.SHAPES)
    assert placed <= bounds.prefix(packer, tiny.SHAPES, names).at_most


def test_cuts_hold_what_fits():
    packer = bounds.Packer(tiny.cloud(2), tiny.SHAPES)
    cut = packer.cut(np.full(len(tiny.SHAPES), 9))
    names = _names(1, 20)
    fits = names[: tiny.brute_force(2, names)]
    counts = np.array([fits.count(one.name) for one in tiny.SHAPES])
    assert cut.weights @ counts <= cut.room + 1e-6


def test_repacking_rejects_no_less_than_foresight():
    cloud = tiny.cloud(3)
    guests = list(loads.churn(tiny.LOAD, 1, 12, 600))
    region = ideal.Region(bounds.Packer(cloud, tiny.SHAPES))
    repacked = ideal.repacked(region, tiny.SHAPES, guests, 4.0)
    foresight = ideal.foresight(region, tiny.SHAPES, guests, 4.0)
    assert 0 < foresight <= repacked < 1
