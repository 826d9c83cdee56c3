"""What is left of a host takes the guests that the host takes."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from nfv_sched import fit
from nfv_sched.model import CellTopology
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage
from nfv_sched.model import PageCapacity
from nfv_sched.model import PagePool
from nfv_sched.nova import host_states
from nfv_sched.scenario import residual_hosts
from nfv_sched.sim.numa_devices import numa_topology
from nfv_sched.survey import HostSurvey
from nfv_sched.survey.export import document
from tests.render import examples
from tests.render.examples import G1

PAGES = 8


@st.composite
def cells(draw, number):
    """A cell of four cores, some of whose CPUs and pages are taken."""
    whole = examples.cell(number, 4, 4 * number, 8)
    taken = draw(st.sets(st.sampled_from(sorted(whole.dedicated_cpus))))
    shared = draw(st.sets(st.sampled_from(sorted(whole.dedicated_cpus))))
    used = draw(st.integers(0, PAGES))
    dedicated = whole.dedicated_cpus - shared
    return dataclasses.replace(
        whole,
        dedicated_cpus=dedicated,
        shared_cpus=frozenset(shared),
        pinned_cpus=frozenset(taken & dedicated),
        memory_mib=16384,
        memory_used_mib=1024 * used,
        pages=(PagePool(4, 2 * G1 // 4 * 4), PagePool(G1, PAGES, used)),
    )


def survey_of(cells):
    topology = HostTopology(
        'host',
        examples.guest_uuid(1),
        cells=tuple(
            CellTopology(
                cell.id,
                cell.memory_mib,
                len(cell.dedicated_cpus),
                len(cell.shared_cpus),
                socket=cell.socket,
                pages=(PageCapacity(G1, PAGES),),
            )
            for cell in cells
        ),
        usage=HostUsage(
            memory_mib={cell.id: cell.memory_used_mib for cell in cells},
            pages={(cell.id, G1): cell.pages[1].used for cell in cells},
        ),
    )
    return HostSurvey(
        'host', topology, Host('host', cells), (), devices=(), enabled=True
    )


@given(
    cells(0),
    cells(1),
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(1, PAGES)),
        min_size=1,
        max_size=2,
    ),
)
def test_the_same_guests_fit(first, second, wanted):
    host = Host('host', (first, second))
    guest = Guest(
        tuple(
            GuestCell(
                number,
                1024 * pages,
                dedicated=frozenset(range(10 * number, 10 * number + cpus)),
                page_size=G1,
                cpu_policy='dedicated',
            )
            for number, (cpus, pages) in enumerate(wanted)
        )
    )
    survey = dataclasses.replace(
        examples.survey(), hosts=(survey_of(host.cells),)
    )
    [data] = document(survey)['hosts']
    left = Host(
        'host',
        host_states.cells_of(
            numa_topology(residual_hosts.machine_of(data, 4.0))
        ),
    )
    assert fit.evaluate(guest, left).fits == fit.evaluate(guest, host).fits
