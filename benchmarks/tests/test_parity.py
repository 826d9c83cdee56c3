from benchmarks import parity
from nfv_sched.nova import request_spec
from nfv_sched_testing import builders


def described(scene):
    return (
        request_spec.read_guest(scene.spec),
        builders.host_of(scene).plain(),
        scene.candidates,
        scene.names,
    )


def test_a_seed_draws_the_same_pair_every_time():
    for kind in parity._KINDS.values():
        first, again = (parity.drawn(kind, 7) for _ in range(2))
        assert described(first) == described(again)
        assert described(first) != described(parity.drawn(kind, 8))


def test_pairs_are_counted_by_feature_and_outcome():
    counts = parity.batch((('plain', 'bandwidth'), 20, 1))
    assert counts['pairs'] == 20
    assert not counts['ours: false acceptance']
    assert not counts['ours: false rejection']
    covered = {
        name: accepted + rejected
        for name, accepted, rejected in parity.coverage(counts)
    }
    with_bandwidth = [
        number
        for name, number in covered.items()
        if name.startswith('port with bandwidth, ')
    ]
    # Placement may offer nothing of it.
    assert 5 < sum(with_bandwidth) <= 10
    assert counts['candidates'] > 20
