"""Add the accelerators that Placement allocates to a survey.

One request lists all providers, and two more read the amounts of each card.
"""

from collections.abc import Iterator
import dataclasses

from nfv_sched.fit import accelerators
from nfv_sched.model import HostTopology
from nfv_sched.placement import api
from nfv_sched.placement.client import PlacementClient
from nfv_sched.survey.values import Survey
from nfv_sched.survey.values import SurveyedAccelerator


def with_accelerators(survey: Survey, client: PlacementClient) -> Survey:
    """The survey with the cards below the providers of its compute nodes.

    :raises nfv_sched.placement.errors.PlacementError: Placement does not
        answer, or not correctly
    """
    topologies = {host.topology.uuid: host.topology for host in survey.hosts}
    cards: dict[str, list[SurveyedAccelerator]] = {
        uuid: [] for uuid in topologies
    }
    for provider in api.unmanaged_providers(client):
        address = accelerators.address_of(provider.name)
        if address is not None and provider.root in topologies:
            topology = topologies[provider.root]
            cards[provider.root] += _accelerators(
                client, provider.uuid, address, topology
            )
    return dataclasses.replace(
        survey,
        hosts=tuple(
            dataclasses.replace(
                host,
                accelerators=tuple(
                    sorted(
                        cards[host.topology.uuid],
                        key=lambda card: (card.address, card.resource_class),
                    )
                ),
            )
            for host in survey.hosts
        ),
    )


def _accelerators(
    client: PlacementClient,
    provider: str,
    address: str,
    topology: HostTopology,
) -> Iterator[SurveyedAccelerator]:
    card = accelerators.card_at(address, topology.functions)
    _, inventories = api.inventories(client, provider)
    used = api.usages(client, provider) if inventories else {}
    for name, inventory in inventories.items():
        yield SurveyedAccelerator(
            address=address,
            resource_class=name,
            total=inventory.capacity,
            used=used.get(name, 0),
            numa_node=card.numa_node if card else None,
            pcie_root=card.pcie_root if card else None,
        )
