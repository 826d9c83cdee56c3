"""What a query for allocation candidates asks, as values."""

import collections
from collections.abc import Mapping
import dataclasses
import re
import urllib.parse

from nfv_sched.placement.provider_tree import Aggregates

#: ``resources``, ``required1``, ``member_of_PORT``, as placement.lib has them.
_KEY = re.compile(
    '(resources|required|member_of|in_tree)([a-zA-Z0-9_-]{1,64})?'
)


@dataclasses.dataclass(frozen=True, slots=True)
class RequestGroup:
    """One request group.

    Without a ``suffix`` each resource class may come from another provider of
    the tree, or from one that shares with it; with a suffix all come from
    one. ``required`` are sets of traits, one trait of each is required; the
    providers of a group without suffix have them together. Of ``member_of``
    each set is required.
    """

    suffix: str
    resources: Mapping[str, int]
    required: tuple[frozenset[str], ...] = ()
    forbidden: frozenset[str] = frozenset()
    member_of: tuple[Aggregates, ...] = ()
    forbidden_aggregates: Aggregates = frozenset()
    in_tree: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class CandidateRequest:
    """All request groups, and what holds for the request as a whole.

    ``isolate`` is whether each group with a suffix needs a provider of its
    own; the groups of each of ``same_subtrees`` need providers below one of
    these providers.
    """

    groups: tuple[RequestGroup, ...] = ()
    root_required: frozenset[str] = frozenset()
    root_forbidden: frozenset[str] = frozenset()
    isolate: bool = False
    same_subtrees: tuple[frozenset[str], ...] = ()

    @property
    def numbered(self) -> tuple[RequestGroup, ...]:
        """The groups with a suffix."""
        return tuple(group for group in self.groups if group.suffix)

    def amounts(self) -> collections.Counter[str]:
        """What all groups ask together, by class."""
        total: collections.Counter[str] = collections.Counter()
        for group in self.groups:
            total.update(group.resources)
        return total

    def contested(self) -> frozenset[str]:
        """The classes that more than one group asks."""
        counts = collections.Counter(
            name for group in self.groups for name in group.resources
        )
        return frozenset(name for name, count in counts.items() if count > 1)

    def aggregates(self) -> frozenset[Aggregates]:
        """The sets of aggregates that the request names."""
        return frozenset(
            aggregates
            for group in self.groups
            for aggregates in (*group.member_of, group.forbidden_aggregates)
            if aggregates
        )


def parse(query: str) -> CandidateRequest:
    """The request of a query string of ``GET /allocation_candidates``.

    Of what a query without a request group asks, nothing is known.
    """
    found: dict[str, dict[str, list[str]]] = {}
    whole: dict[str, list[str]] = {}
    for key, value in urllib.parse.parse_qsl(query):
        match = _KEY.fullmatch(key)
        if match is None:
            whole.setdefault(key, []).append(value)
        else:
            values = found.setdefault(match[2] or '', {})
            values.setdefault(match[1], []).append(value)
    root = [
        name
        for value in whole.get('root_required', ())
        for name in value.split(',')
    ]
    return CandidateRequest(
        tuple(_group(suffix, found[suffix]) for suffix in sorted(found)),
        frozenset(name for name in root if not name.startswith('!')),
        frozenset(name[1:] for name in root if name.startswith('!')),
        whole.get('group_policy') == ['isolate'],
        tuple(
            frozenset(value.split(','))
            for value in whole.get('same_subtree', ())
        ),
    )


def _group(suffix: str, values: Mapping[str, list[str]]) -> RequestGroup:
    resources: dict[str, int] = {}
    for pair in ','.join(values.get('resources', ())).split(','):
        name, _, amount = pair.partition(':')
        if amount:
            resources[name] = int(amount)
    required: list[frozenset[str]] = []
    forbidden: set[str] = set()
    for value in values.get('required', ()):
        if value.startswith('in:'):
            required.append(frozenset(value[3:].split(',')))
            continue
        for name in value.split(','):
            if name.startswith('!'):
                forbidden.add(name[1:])
            else:
                required.append(frozenset((name,)))
    member_of: list[Aggregates] = []
    forbidden_aggregates: set[str] = set()
    for value in values.get('member_of', ()):
        names = value.removeprefix('!').removeprefix('in:').split(',')
        if value.startswith('!'):
            forbidden_aggregates.update(names)
        else:
            member_of.append(frozenset(names))
    return RequestGroup(
        suffix,
        resources,
        tuple(dict.fromkeys(required)),
        frozenset(forbidden),
        tuple(dict.fromkeys(member_of)),
        frozenset(forbidden_aggregates),
        next(iter(values.get('in_tree', ())), None),
    )
