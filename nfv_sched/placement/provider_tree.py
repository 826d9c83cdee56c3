"""The providers from which Placement may allocate to one host, as values.

They are those of the host's tree, and providers of other trees that share
with it: with the trait MISC_SHARES_VIA_AGGREGATE, and in an aggregate with a
provider of the tree.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses

from nfv_sched.placement.schema import MAX_INT
from nfv_sched.placement.tree import Inventory

#: The trait of providers that share.
SHARING = 'MISC_SHARES_VIA_AGGREGATE'

#: A set of aggregates that a request names, any of which counts.
Aggregates = frozenset[str]


@dataclasses.dataclass(frozen=True, slots=True)
class ProviderState:
    """One provider as Placement has it.

    ``name`` is empty where it was not read. ``refused`` are amounts, by
    class, that min_unit, max_unit or step_size exclude, where the inventory
    itself was not read. ``memberships`` are those sets of aggregates of a
    request of which the provider is in at least one.
    """

    uuid: str
    parent: str | None = None
    inventories: Mapping[str, Inventory] = dataclasses.field(
        default_factory=dict
    )
    used: Mapping[str, int] = dataclasses.field(default_factory=dict)
    traits: frozenset[str] = frozenset()
    memberships: frozenset[Aggregates] = frozenset()
    name: str = ''
    refused: Mapping[str, frozenset[int]] = dataclasses.field(
        default_factory=dict
    )

    def free(self, resource_class: str) -> int:
        """What is neither used nor reserved of a class."""
        inventory = self.inventories.get(resource_class)
        if inventory is None:
            return 0
        return max(0, inventory.capacity - self.used.get(resource_class, 0))

    def fits(self, resource_class: str, amount: int) -> bool:
        """Whether it gives an amount to a request group.

        As placement.objects.research_context ``_capacity_check_clause``.
        """
        return (
            self.has_room(resource_class, amount)
            and self.excluding_limit(resource_class, amount) is None
        )

    def has_room(self, resource_class: str, amount: int) -> bool:
        """Whether its capacity and its max_unit suffice for an amount.

        That is all that Placement checks for the sum over request groups, see
        placement.objects.research_context ``exceeds_capacity``.
        """
        inventory = self.inventories.get(resource_class)
        return (
            inventory is not None
            and amount <= inventory.max_unit
            and amount + self.used.get(resource_class, 0) <= inventory.capacity
        )

    def excluding_limit(self, resource_class: str, amount: int) -> str | None:
        """The limit that excludes an amount, in Placement's terms.

        None where no limit does.
        """
        inventory = self.inventories[resource_class]
        if amount < inventory.min_unit:
            return f'min_unit {inventory.min_unit}'
        if amount > inventory.max_unit:
            return f'max_unit {inventory.max_unit}'
        if amount % inventory.step_size:
            return f'step_size {inventory.step_size}'
        if amount in self.refused.get(resource_class, ()):
            return 'min_unit, max_unit or step_size'
        return None

    def raised(self, resource_class: str, amount: int) -> 'ProviderState':
        """The provider with room for an amount more than is used."""
        inventory = self.inventories.get(resource_class)
        least = amount + self.used.get(resource_class, 0)
        if inventory is not None:
            least = max(least, inventory.capacity)
        return dataclasses.replace(
            self,
            inventories={
                **self.inventories,
                resource_class: Inventory(least, max_unit=MAX_INT),
            },
            refused={
                name: amounts
                for name, amounts in self.refused.items()
                if name != resource_class
            },
        )


@dataclasses.dataclass(frozen=True, slots=True)
class HostTree:
    """What one host may draw from: its ``own`` providers, and ``shared`` ones.

    Both by uuid; ``root`` is the uuid of the compute node's provider.
    """

    root: str
    own: Mapping[str, ProviderState]
    shared: Mapping[str, ProviderState] = dataclasses.field(
        default_factory=dict
    )

    def providers(self) -> Iterator[ProviderState]:
        """All providers, those of the tree first."""
        yield from self.own.values()
        yield from self.shared.values()

    def provider(self, uuid: str) -> ProviderState:
        """The provider with this uuid."""
        return self.own.get(uuid) or self.shared[uuid]

    def replaced(self, provider: ProviderState) -> 'HostTree':
        """The tree with another state of one provider."""
        uuid = provider.uuid
        if uuid in self.own:
            return dataclasses.replace(self, own={**self.own, uuid: provider})
        return dataclasses.replace(
            self, shared={**self.shared, uuid: provider}
        )

    def ancestors(self, uuid: str) -> frozenset[str]:
        """A provider and those above it, by uuid."""
        chain = [uuid]
        while (provider := self._known(chain[-1])) and provider.parent:
            chain.append(provider.parent)
        return frozenset(chain)

    def _known(self, uuid: str) -> ProviderState | None:
        return self.own.get(uuid) or self.shared.get(uuid)
