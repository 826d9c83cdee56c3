"""A host's provider tree as a value, and what Placement shows of one."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import hashlib
import json

from nfv_sched.placement import schema

# Bytes hashed at once. From 2,048 on hashlib releases the interpreter lock,
# and takes it back before other threads wake up: thousands of trees in a
# row, digested like that, keep them waiting for more than a second.
_CHUNK = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Inventory:
    """One inventory, with Placement's defaults."""

    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int = schema.MAX_INT
    step_size: int = 1
    allocation_ratio: float = 1.0

    @property
    def capacity(self) -> int:
        """The amount that can be allocated, as provider summaries show it."""
        return int((self.total - self.reserved) * self.allocation_ratio)


@dataclasses.dataclass(frozen=True, slots=True)
class Provider:
    """One provider as it should be."""

    uuid: str
    name: str
    parent: str | None
    inventories: Mapping[str, Inventory]
    traits: frozenset[str]


#: Amounts by provider uuid and resource class; never 0, never empty.
Allocations = Mapping[str, Mapping[str, int]]


@dataclasses.dataclass(frozen=True, slots=True)
class Tree:
    """A host's tree as it should be: ``providers``, parents before children.

    ``host`` is its name, ``compute`` the uuid of its compute node.
    ``usage`` are the allocations of the consumer
    :func:`nfv_sched.placement.schema.usage_uuid`, none above its capacity;
    ``clamped`` counts the amounts that were cut to it. ``supplement`` is the
    provider of what sysfs adds, None where it must stay as it is.
    ``omitted`` says which facts of the host the tree does not hold, and why.
    """

    host: str
    compute: str
    providers: tuple[Provider, ...]
    usage: Allocations
    clamped: int = 0
    supplement: Provider | None = None
    omitted: tuple[str, ...] = ()

    @property
    def root(self) -> Provider:
        """The provider with the sentinel and the digest."""
        return self.providers[0]

    def names(self) -> tuple[frozenset[str], frozenset[str]]:
        """All resource classes and all traits that the tree needs."""
        return (
            frozenset(c for p in self.everything for c in p.inventories),
            frozenset(t for p in self.everything for t in p.traits),
        )

    @property
    def everything(self) -> tuple[Provider, ...]:
        """The providers and the supplement."""
        more = () if self.supplement is None else (self.supplement,)
        return self.providers + more


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """One provider as a bulk answer shows it."""

    parent: str | None
    capacity: Mapping[str, int]
    used: Mapping[str, int]
    traits: frozenset[str]

    @property
    def ours(self) -> bool:
        """Whether the provider has a class or trait of ours."""
        return any(map(schema.is_ours, (*self.capacity, *self.traits)))

    @property
    def reported(self) -> bool:
        """Whether it has one for facts that nova-compute reports."""
        return any(map(schema.is_reported, (*self.capacity, *self.traits)))


#: The summaries of one tree by provider uuid.
Summaries = Mapping[str, Summary]


def summaries_of(tree: Tree) -> dict[str, Summary]:
    """What a bulk answer shows once ``tree`` is published."""
    return {
        provider.uuid: Summary(
            parent=provider.parent,
            capacity={c: i.capacity for c, i in provider.inventories.items()},
            used=tree.usage.get(provider.uuid, {}),
            traits=provider.traits,
        )
        for provider in tree.everything
    }


def digest(summaries: Summaries) -> int:
    """31 bits over all reported facts; without usage and the digest itself.

    Providers without reported facts are left out: neither another client's
    provider below our root nor the supplement makes the tree incomplete.
    """
    return _number(
        [
            uuid,
            summary.parent,
            sorted(
                (name, amount)
                for name, amount in summary.capacity.items()
                if schema.is_reported(name) and name != schema.DIGEST
            ),
            sorted(filter(schema.is_reported, summary.traits)),
        ]
        for uuid, summary in sorted(summaries.items())
        if summary.reported
    )


def supplement_digest(
    uuid: str, parent: str | None, traits: Iterable[str]
) -> int:
    """31 bits over the traits of the supplement."""
    ours = sorted(filter(schema.is_supplement, traits))
    return _number(iter([uuid, parent, ours]))


def hidden_digest(providers: tuple[Provider, ...]) -> int:
    """31 bits over names and reserved amounts, which bulk answers lack.

    Published as an inventory, the digest makes a change of these visible.
    """
    return _number(
        [
            provider.uuid,
            provider.name,
            sorted(
                (name, inventory.reserved)
                for name, inventory in provider.inventories.items()
                if inventory.reserved
            ),
        ]
        for provider in sorted(providers, key=lambda p: p.uuid)
    )


def _number(facts: Iterator[object]) -> int:
    text = json.dumps(list(facts), sort_keys=True, separators=(',', ':'))
    raw = text.encode()
    hashed = hashlib.sha256()
    for start in range(0, len(raw), _CHUNK):
        hashed.update(raw[start : start + _CHUNK])
    head = hashed.digest()[:8]
    # An inventory's total is 1 to 2^31-1.
    return int.from_bytes(head) % schema.MAX_INT + 1
