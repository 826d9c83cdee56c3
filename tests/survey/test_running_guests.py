"""What the instances that run were requested with, from the databases."""

import collections

from nova import context as nova_context
from nova import objects
from nova.db.main import models
import pytest
import sqlalchemy as sa

from nfv_sched import fit
from nfv_sched.nova import cell_databases
from nfv_sched.nova import flavors
from nfv_sched.nova import request_spec
from nfv_sched.nova import running_guests
from nfv_sched.scheduler import demand


def shapes(guests):
    return collections.Counter(fit.FitRequest(guest).shape for guest in guests)


@pytest.fixture
def requested(populated):
    """The shapes of the instances as nova-scheduler was asked for them."""
    return shapes(
        request_spec.read_guest(populated.request_spec(guest.flavor))
        for guest in populated.guests
    )


def test_guests_are_those_that_were_requested(requested):
    guests, problems = running_guests.newest_guests(256)
    assert problems == []
    assert shapes(guests) == requested
    assert any(guest.devices for guest in guests)


def test_no_more_than_the_newest_are_read(populated):
    guests, _ = running_guests.newest_guests(2)
    newest = [guest.flavor for guest in populated.guests[-2:]]
    assert shapes(guests) == shapes(
        request_spec.read_guest(populated.request_spec(flavor))
        for flavor in newest
    )


def test_a_malformed_instance_costs_no_more_than_itself(populated, requested):
    broken = populated.guests[0]
    extra = models.InstanceExtra
    row = sa.select(extra.flavor).where(extra.instance_uuid == broken.uuid)

    def store(text):
        with nova_context.target_cell(
            populated.context, populated.cell
        ) as targeted:
            [[before]] = cell_databases.rows(targeted, row)
            with cell_databases.main_db.get_context_manager(
                targeted
            ).writer.using(targeted) as session:
                session.execute(
                    sa.update(extra)
                    .where(extra.instance_uuid == broken.uuid)
                    .values(flavor=text)
                )
        return before

    before = store('{"cur": []}')
    try:
        guests, [problem] = running_guests.newest_guests(256)
    finally:
        store(before)
    assert broken.uuid in problem
    assert len(guests) == requested.total() - 1


@pytest.fixture
def unused_flavor(populated):
    """A flavor that no instance has."""
    flavor = objects.Flavor(
        populated.context,
        name='unused',
        flavorid='unused',
        vcpus=3,
        memory_mb=3072,
        root_gb=0,
        ephemeral_gb=0,
        swap=0,
        rxtx_factor=1.0,
        is_public=True,
        extra_specs={'hw:numa_nodes': '1'},
    )
    flavor.create()
    yield flavor
    flavor.destroy()


def test_a_new_scheduler_expects_what_runs(requested, unused_flavor):
    histogram = fit.DemandHistogram()
    demand.prime(histogram)
    expected = {
        fit_request.shape: share
        for fit_request, share in zip(
            histogram.expected.shapes, histogram.expected.shares, strict=True
        )
    }
    wanted = {
        fit.FitRequest(flavors.guest_of(unused_flavor)).shape: (
            demand.FLAVORS_WEIGHT
        )
    }
    for fit_request in histogram.expected.shapes:
        wanted.setdefault(
            fit_request.shape, float(requested[fit_request.shape])
        )
    total = sum(wanted.values())
    assert expected == pytest.approx(
        {shape: weight / total for shape, weight in wanted.items()}
    )
    assert len(expected) > 3
    # Each request from then on counts as one more.
    shares = histogram.expected.shares
    for _ in range(64):
        histogram.record(histogram.expected.shapes[0])
    assert histogram.expected.shares[0] > shares[0]


def down(*_):
    raise OSError('mysql://nova:secret@host/nova is down')


@pytest.fixture
def primed(monkeypatch, caplog):
    """What a new scheduler expects and logs while sources cannot be read."""

    def prime(*sources):
        for source in sources:
            monkeypatch.setattr(*source, down)
        histogram = fit.DemandHistogram()
        with caplog.at_level('INFO'):
            demand.prime(histogram)
        assert caplog.text.count('is down') == len(sources)
        assert 'secret' not in caplog.text
        return {request.shape for request in histogram.expected.shapes}

    return prime


INSTANCES = (running_guests, 'newest_guests')
FLAVORS = (flavors, 'existing_guests')


def test_without_the_flavors_the_instances_still_count(
    primed, caplog, requested
):
    guests, _ = running_guests.newest_guests(demand.MOST_INSTANCES)
    running = {
        fit.FitRequest(guest).shape
        for guest in guests
        if not guest.asks_nothing
    }
    assert primed(FLAVORS) == running != set()
    assert 'flavors that exist could not' in caplog.text


def test_without_the_instances_the_flavors_still_count(
    primed, caplog, unused_flavor
):
    assert fit.FitRequest(flavors.guest_of(unused_flavor)).shape in primed(
        INSTANCES
    )
    assert 'instances that run could not' in caplog.text


def test_without_any_database_nothing_is_expected(primed):
    assert primed(INSTANCES, FLAVORS) == set()
