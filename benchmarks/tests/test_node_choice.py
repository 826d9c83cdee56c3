from benchmarks import node_choice
from nfv_sched.nova import node_labels
from nfv_sched_testing import builders
from nfv_sched_testing import node_choices


def test_claims_take_the_chosen_nodes():
    counts = node_choice.batch((9_000_000, 60))
    assert counts['pairs'] == 60
    assert counts['differ'] == 0
    assert counts['sets of 1 node'] > 10
    assert counts['sets of 2 nodes'] > 10
    assert counts['with devices'] > 5
    assert counts['on a nova-compute of Nova 33'] > 5


def test_a_claim_that_takes_another_node_is_noticed(monkeypatch):
    scene = builders.scene(
        [builders.host_cell(node, cores=4, pages={}) for node in range(3)],
        [builders.guest_cell(0)],
    )
    node_choices.add_labels(scene.topology)
    assert list(node_choice.differing([scene])) == []
    # Limits without labels: the claim takes the first node each time.
    monkeypatch.setattr(node_labels, 'labels_of', lambda _: frozenset())
    differing = list(node_choice.differing([scene]))
    assert [choice.excluded for _, choice, _ in differing] == [
        {0, 2},
        {0, 1},
    ] * 2
