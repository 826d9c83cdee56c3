"""Plans without scipy."""

import sys

from nfv_sched.plan import planner
from nfv_sched.plan import solver
from nfv_sched.plan.defragment import defragment
from nfv_sched.plan.defragment import ExpectedShape
from nfv_sched_testing import planned_clouds as clouds


def test_each_goes_to_the_first_host_and_a_note_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, 'scipy', None)
    cloud, _ = clouds.random_cloud(3, hosts=4, fill=0.4)
    plan = planner.relocate(cloud, ['host0'])
    going = cloud.residents['host0']
    assert len(plan.steps) + len(plan.unplaced) == len(going)
    assert plan.steps
    assert plan.at_most is None
    [note] = plan.notes
    assert note.startswith("scipy is not installed (pip install 'nfv-sched")
    assert note.endswith(planner.FIRST_FIT)
    monkeypatch.undo()
    assert planner.relocate(cloud, ['host0']).at_most is not None
    assert solver.solve(solver.ChoiceProblem((), (1,))).unplaced == 1


def test_no_room_is_regained_and_a_note_says_so(monkeypatch):
    cloud, _ = clouds.random_cloud(3, hosts=4, fill=0.5)
    expected = [ExpectedShape('two', clouds.request(2, 6, 2), 1.0)]
    assert defragment(cloud, expected, 3).steps
    monkeypatch.setitem(sys.modules, 'scipy', None)
    plan = defragment(cloud, expected, 3)
    assert (plan.steps, plan.regained.value) == ((), 0)
    assert plan.regained.at_most is None
    [note] = plan.notes
    assert note.endswith('. Without it no moves are found.')
