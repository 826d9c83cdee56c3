"""Affinity and spread scores of hosts over failure domains.

Pure: paths in, weights from 0 to 1 out, on the same scale for every request.

The domain path of a host is its name and its failure domains, narrowest
first: ``('compute3', 'rack1', 'rowA')``. ``None`` stands for no domain of that
kind. A path that ends early is one whose wider domains are unknown. Domains
of a kind are identified by name alone, as topology keys of Kubernetes are.
"""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence

DomainPath = tuple[str | None, ...]


def lexicographic_score(counts: Iterable[int]) -> float:
    """Counts from the most to the least important one, as one in [0, 1).

    Ordered as the sequences are: whatever follows, one more of the first is
    more than any number of the second. Each number takes half of what is
    left, and each further unit half of what that leaves: (1, 0) is 1/2,
    (2, 0) is 3/4, (0, 1) is 1/4.
    """
    weight = 0.0
    unit = 1.0
    for count in counts:
        weight += unit * (1 - 0.5**count)
        unit *= 0.5 ** (count + 1)
    # Beyond 53 units a float cannot represent it, and may round up.
    return min(weight, 1.0)


def affinity_scores(
    hosts: Sequence[DomainPath], members: Iterable[DomainPath]
) -> list[float]:
    """The weights of hosts by the members on them, then by those around.

    A host with one more member weighs more than any with fewer; where there
    are as many, the narrowest domain decides by its members, then the next.
    From 1/2 on there is a member on the host, from 1/4 on one in the
    narrowest domain, from 1/8 on one in the next. Hosts without a domain of
    some kind are near to no member by it.
    """
    inside = _count(members)
    return [
        lexicographic_score(
            0 if name is None else inside[level][name]
            for level, name in _levels(place, inside)
        )
        for place in hosts
    ]


def spread_scores(
    hosts: Sequence[DomainPath], members: Iterable[DomainPath]
) -> list[float]:
    """The weights of hosts by how little they skew the members' spread.

    The widest domains are evened out first, then the narrower ones within
    each, then the hosts. The skew of a domain is what its members are more
    than those of the emptiest one that could take the guest instead, among
    the domains with the same wider ones: as in Kubernetes' topology spread
    (``PodTopologySpread``), but the emptiest one must have a host left. One
    member too many in the widest domain costs 1/2, in the next 1/4, and so
    on: a host without any skew weighs 1. Hosts without a domain of some kind
    share one, since nothing says that they fail apart.
    """
    inside = _count(members)
    skews: list[list[int]] = [[] for _ in hosts]
    depth = max(map(len, hosts), default=0)
    for level in reversed(range(depth)):
        held = [
            inside[level][place[level]] if level < len(inside) else 0
            for place in hosts
        ]
        least: dict[DomainPath, int] = {}
        for place, count in zip(hosts, held, strict=True):
            wider = place[level + 1 :]
            least[wider] = min(count, least.get(wider, count))
        for place, count, skew in zip(hosts, held, skews, strict=True):
            skew.append(count - least[place[level + 1 :]])
    return [1 - lexicographic_score(skew) for skew in skews]


def _count(members: Iterable[DomainPath]) -> list[Counter[str | None]]:
    """Members by domain, for each level."""
    inside: list[Counter[str | None]] = []
    for place in members:
        for level, name in enumerate(place):
            if level == len(inside):
                inside.append(Counter())
            inside[level][name] += 1
    return inside


def _levels(
    place: DomainPath, inside: Sequence[Counter[str | None]]
) -> Iterable[tuple[int, str | None]]:
    """Those levels of a place at which any member is known."""
    return enumerate(place[: len(inside)])
