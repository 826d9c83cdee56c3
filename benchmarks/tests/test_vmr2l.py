"""Plans on mappings in the format of VMR2L."""

import json

import pytest

from benchmarks import vmr2l


def _pm(name, cpus=20, memory=40960):
    return {
        'node_id': name,
        'status': 'ACTIVE',
        'node_cpu': 2 * cpus,
        'node_mem_mb': 2.0 * memory,
        'numa': [
            {
                'node': node,
                'total_cpu': cpus,
                # Computed from the VMs; what the files say is not used.
                'free_cpu': 0,
                'memory_huge_total_mb': float(memory),
                'memory_huge_free_mb': 0,
            }
            for node in range(2)
        ],
        'rack_id': 1,
    }


def _vm(name, pm, cpus, *nodes, movable=True):
    return {
        'instance_id': name,
        'instance_type': f'c{cpus}',
        'host_id': pm,
        'numa': [
            {'node': node, 'cpu': cpus, 'mem_mb': cpus * 1024.0}
            for node in nodes
        ],
        'allow_migration': movable,
    }


@pytest.fixture
def written(tmp_path):
    """Write VMs on two PMs of two clusters."""

    def write(*vms):
        path = tmp_path / 'mapping.json'
        document = {
            'cluster_list': [
                {
                    'cluster_name': pm,
                    'host_info': [_pm(pm)],
                    'vm_type_info': [],
                    'vm_instance': [
                        each for each in vms if each['host_id'] == pm
                    ],
                    'other_requirement': {'deployment_set': []},
                }
                for pm in ('pm0', 'pm1')
            ],
            'vm_type_list': [],
            'general_requirement': {},
        }
        path.write_text(json.dumps(document))
        return path

    return write


def _fragmented(**values):
    """Four NUMA nodes, of which two take no instance of 16 CPUs."""
    return (
        _vm('a', 'pm0', 6, 0, **values),
        _vm('b', 'pm0', 6, 1, **values),
        _vm('c', 'pm1', 2, 0, **values),
        _vm('d', 'pm1', 4, 1),
    )


def test_the_fragment_rate_is_what_units_of_16_cpus_leave(written):
    free = vmr2l.read(written(*_fragmented())).free()
    # 14, 14, 18 and 16 are free.
    assert free.cpus() == 62
    assert free.units() == 2
    assert free.fragment_rate() == pytest.approx(30 / 62)


def test_the_cloud_has_what_the_mapping_leaves(written):
    placements = vmr2l.read(
        written(*_fragmented(), _vm('wide', 'pm1', 8, 0, 1))
    )
    cloud = vmr2l.cloud_of(placements)
    assert {
        name: [
            (len(cell.free_dedicated), cell.free_pages(2048))
            for cell in each.host.cells
        ]
        for name, each in cloud.projected_hosts.items()
    } == {
        'pm0': [(14, 17408), (14, 17408)],
        'pm1': [(10, 15360), (8, 14336)],
    }
    [wide] = [each for each in cloud.residents['pm1'] if each.name == 'wide']
    assert [cell.host_cell for cell in wide.held.cells] == [0, 1]
    assert wide.memory_mib == 16384


def _four_of_14(written):
    """14 CPUs are left on each of four NUMA nodes."""
    return vmr2l.read(
        written(
            _vm('a', 'pm0', 6, 0),
            _vm('b', 'pm0', 6, 1),
            _vm('c', 'pm1', 6, 0),
            _vm('d', 'pm1', 6, 1),
        )
    )


def test_a_plan_keeps_to_the_limit_and_leaves_fewer_fragments(written):
    placements = _four_of_14(written)
    assert placements.free().units() == 0
    units = []
    for limit in range(3):
        plan = vmr2l.plan(
            vmr2l.cloud_of(placements), limit, most=2, seconds=5.0
        )
        assert len(plan.steps) == limit
        left = vmr2l.after(placements, plan)
        units.append(left.units())
        [room] = plan.regained.shapes
        assert room.after == left.units()
        found, bound = vmr2l.AllPlans(placements).least(limit, 10.0)
        assert found == bound == pytest.approx(left.fragment_rate())
    # 14, 14, 14, 14; 20, 14, 8, 14; 20, 20, 8, 8.
    assert units == [0, 1, 2]


def test_all_plans_have_moves_within_a_pm(written):
    """The other PM is full, and hosts do not move instances to themselves."""
    placements = vmr2l.read(
        written(
            _vm('a', 'pm0', 6, 0),
            _vm('b', 'pm0', 6, 1),
            _vm('full', 'pm1', 20, 0, 1),
        )
    )
    plan = vmr2l.plan(vmr2l.cloud_of(placements), 1, most=2, seconds=5.0)
    assert plan.steps == ()
    found, bound = vmr2l.AllPlans(placements).least(1, 10.0)
    # Of 28 free CPUs 20 are on one node.
    assert found == bound == pytest.approx(12 / 28)


def test_the_greedy_rule_moves_while_that_brings_something(written):
    placements = _four_of_14(written)
    moves, left = vmr2l.greedy(placements, 1)
    assert (moves, left.units(), left.cpus()) == (1, 1, 56)
    moves, left = vmr2l.greedy(placements, 50)
    assert moves < 50
    assert left.cpus() == 56
    plan = vmr2l.plan(vmr2l.cloud_of(placements), 50, most=2, seconds=5.0)
    assert left.units() <= vmr2l.after(placements, plan).units()


def test_what_is_not_to_be_migrated_stays(written):
    placements = vmr2l.read(
        written(
            _vm('a', 'pm0', 6, 0, movable=False),
            _vm('b', 'pm0', 6, 1, movable=False),
            _vm('c', 'pm1', 6, 0),
            _vm('d', 'pm1', 2, 1),
        )
    )
    plan = vmr2l.plan(vmr2l.cloud_of(placements), 5, most=2, seconds=5.0)
    assert [step.name for step in plan.steps] == ['c']


def test_pms_cannot_have_more_than_they_hold(written):
    placements = vmr2l.read(
        written(_vm('a', 'pm0', 16, 0), _vm('b', 'pm0', 8, 0))
    )
    with pytest.raises(ValueError, match='pm0 is overcommitted on node 0'):
        placements.free()


def test_vms_have_as_much_of_each_node(written):
    uneven = _vm('a', 'pm0', 8, 0, 1)
    uneven['numa'][1]['cpu'] = 4
    with pytest.raises(ValueError, match='a has unequal NUMA nodes'):
        vmr2l.read(written(uneven))
