"""Copies keep every field, of lazy values and of fields yet to come."""

import dataclasses

from hypothesis import given
from hypothesis import settings
import pytest

from nfv_sched import fit
from nfv_sched.dryrun import placement_ledger
from nfv_sched.fit import drift
from nfv_sched.fit import gap
from nfv_sched.fit.apply_claim import apply_claim
from nfv_sched.model import Cell
from nfv_sched.model import CellTopology
from nfv_sched.model import DevicePool
from nfv_sched.model import DeviceRequest
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.model import PagePool
from nfv_sched.model import PoolTopology
from nfv_sched.model import Reason
from nfv_sched.model import Resource
from nfv_sched.nova import host_states
from nfv_sched.survey import departures
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import InstanceCell
from nfv_sched.survey.values import SurveyedDevice
from nfv_sched.survey.values import SurveyedInstance
from nfv_sched_testing import scheduling
from nfv_sched_testing import strategies

GIB = 1024 * 1024


def every_value(value):
    """A model value and all that are nested in it."""
    yield value
    for field in dataclasses.fields(value):
        nested = getattr(value, field.name)
        for part in nested if isinstance(nested, list | tuple) else ():
            if dataclasses.is_dataclass(part):
                yield from every_value(part)


@settings(max_examples=100)
@given(strategies.scenes())
def test_a_lazy_host_is_copied_as_its_plain_form_is(scene):
    lazy = host_states.host_of(scheduling.host_state(scene))
    plain = lazy.plain()
    assert {type(value) for value in every_value(plain)} <= {
        Host,
        Cell,
        PagePool,
        DevicePool,
    }
    for field in dataclasses.fields(Host):
        if field.name not in ('cells', 'pools'):
            assert getattr(lazy, field.name) == getattr(plain, field.name)
    pairs = [
        *zip(lazy.cells, plain.cells, strict=True),
        *zip(lazy.pools, plain.pools, strict=True),
    ]
    for part, copy in pairs:
        assert type(part) is not type(copy)
        assert part.evolve().plain() == copy.evolve() == copy
    assert lazy.evolve(cells=plain.cells, pools=plain.pools) == plain
    assert lazy.evolve(name='other').name == 'other'


def test_an_unknown_field_is_refused():
    with pytest.raises(TypeError, match='colour'):
        Host('host').evolve(colour='blue')


# As if each class had a field more.


@dataclasses.dataclass(frozen=True)
class MorePages(PagePool):
    more: str = ''


@dataclasses.dataclass(frozen=True)
class MoreCell(Cell):
    more: str = ''


@dataclasses.dataclass(frozen=True)
class MorePool(DevicePool):
    more: str = ''


@dataclasses.dataclass(frozen=True)
class MoreHost(Host):
    more: str = ''


def more_cell(number):
    cpus = frozenset(range(number * 8, number * 8 + 8))
    return MoreCell(
        number,
        8192,
        memory_used_mib=1024,
        shared_cpus=frozenset({100 + number}),
        dedicated_cpus=cpus,
        pinned_cpus=frozenset({number * 8}),
        siblings=tuple(frozenset({cpu, cpu + 1}) for cpu in sorted(cpus)[::2]),
        pages=(
            MorePages(4, 1 << 20, more='small'),
            MorePages(GIB, 4, used=1, more='huge'),
        ),
        more=f'cell {number}',
    )


def more_host():
    return MoreHost(
        'host',
        (more_cell(0), more_cell(1)),
        (
            MorePool('8086', '1572', 'type-VF', 3, 0, more='first'),
            MorePool('8086', '1572', 'type-VF', 3, 1, more='second'),
        ),
        more='host',
    )


def asked(cpus=2, memory_mib=1024, count=1, **fields):
    return Guest(
        (
            GuestCell(
                0,
                memory_mib,
                dedicated=frozenset(range(cpus)),
                page_size=GIB,
                cpu_policy='dedicated',
                **fields,
            ),
        ),
        (DeviceRequest(count, ({'product_id': '1572'},), 'required'),),
    )


def claimed():
    """The host after a claim, and the instance that holds it."""
    host, guest = more_host(), asked()
    [outcome] = [fit.evaluate(guest, host).outcome]
    return apply_claim(guest, host, outcome)


def published():
    host = more_host()
    tree = HostTopology(
        'host',
        'uuid',
        tuple(CellTopology(cell.id) for cell in host.cells),
        tuple(
            PoolTopology('8086', '1572', 'type-VF', 3, node, '0000:01:00.0')
            for node in (0, 1)
        ),
    )
    return drift.with_parents(host, tree)


def relaxed(resource, **reason):
    """The host with more of a resource."""
    fit_request = fit.FitRequest(asked(8, 8192, 9, thread_policy='require'))
    reasons = [Reason(resource, '', asked=9, available=1, **reason)]
    return gap.relax(
        fit_request, more_host(), reasons, fit_request.no_providers
    )


def left():
    """The host without an instance that held something."""
    leaving = SurveyedInstance(
        'uuid', 'name', 'flavor', (InstanceCell(0, 0, 1024, ((0, 0),)),)
    )
    device = SurveyedDevice(
        '0000:01:00.1', '8086', '1572', 'type-VF', 0, guest='uuid'
    )
    survey = HostSurvey(
        'host',
        HostTopology('host', 'uuid'),
        residents=(leaving,),
        devices=(device,),
    )
    return departures.host_without(survey, more_host(), [leaving])


TRANSFORMATIONS = {
    'claim': claimed,
    'published parents': published,
    'instance left': left,
    'more pages': lambda: relaxed(Resource.PAGES, cell=0, guest_cell=0),
    'more memory': lambda: relaxed(Resource.MEMORY, cell=0),
    'more CPUs': lambda: relaxed(Resource.DEDICATED_CPUS, cell=0),
    'more siblings': lambda: relaxed(Resource.SIBLINGS, cell=0),
    'more shared CPUs': lambda: relaxed(Resource.SHARED_CPUS, cell=0),
    'more devices': lambda: relaxed(Resource.DEVICES),
}


@pytest.mark.parametrize('name', TRANSFORMATIONS)
def test_a_new_field_survives_every_transformation(name):
    before, after = more_host(), TRANSFORMATIONS[name]()
    assert after != before
    values = list(every_value(after))
    assert len(values) == len(list(every_value(before)))
    assert [value.more for value in values] == [
        value.more for value in every_value(before)
    ]


def test_hosts_that_differ_in_a_new_field_are_counted_apart():
    host = more_host()
    key = placement_ledger.host_key(host)
    assert key == placement_ledger.host_key(host.evolve(name='other'))
    others = [
        host.evolve(more='other'),
        host.evolve(cells=(host.cells[0].evolve(more=''), host.cells[1])),
        host.evolve(pools=(host.pools[0].evolve(more=''), host.pools[1])),
    ]
    assert all(placement_ledger.host_key(other) != key for other in others)
