"""Guests of the cloud, through the public API."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import concurrent.futures
import dataclasses
import io
import time
from typing import Any

from tests.stack.plane import Plane

_PATIENCE = 300.0
_AT_ONCE = 32
#: The last version of the API that says how many CPUs of a host are used.
_WITH_USAGE = '2.87'
#: A cell of ``machine.yaml`` takes three of them: by CPUs, of which Placement
#: believes that the host has enough for a seventh.
VNF = {
    'hw:cpu_policy': 'dedicated',
    'hw:cpu_thread_policy': 'prefer',
    'hw:mem_page_size': '1GB',
    'hw:numa_nodes': '1',
    'pci_passthrough:alias': 'vf:1',
}
VCPUS = 4
RAM_MIB = 4096
PER_HOST = 6


@dataclasses.dataclass(frozen=True, slots=True)
class Pins:
    """Host CPUs of a guest by host cell."""

    by_cell: dict[int, frozenset[int]]

    @property
    def cpus(self) -> frozenset[int]:
        """All of them."""
        return frozenset().union(*self.by_cell.values())


class Guests:
    """Boots guests, and looks at them."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._cloud = plane.cloud
        self._compute = plane.cloud.compute
        # Nobody reads it: the guests are records.
        self._image = self._cloud.image.create_image(
            name='tiny',
            disk_format='raw',
            container_format='bare',
            visibility='public',
            data=io.BytesIO(bytes(65536)),
            validate_checksum=False,
        )

    def flavor(
        self,
        name: str,
        specs: dict[str, str] = VNF,
        vcpus: int = VCPUS,
        ram_mib: int = RAM_MIB,
    ) -> Any:
        """Create a flavor."""
        flavor = self._compute.create_flavor(
            name=name, vcpus=vcpus, ram=ram_mib, disk=1
        )
        self._compute.create_flavor_extra_specs(flavor, specs)
        return flavor

    def ask(self, name: str, flavor: Any, **body: Any) -> Any:
        """Ask for a guest; returns before it is there."""
        return self._compute.create_server(
            name=name,
            flavor_id=flavor.id,
            image_id=self._image.id,
            networks='none',
            **body,
        )

    def boot_several(
        self, name: str, flavor: Any, number: int, **body: Any
    ) -> list[Any]:
        """Boot guests in one request and wait for all."""
        self.ask(name, flavor, min_count=number, max_count=number, **body)
        return self.all_settled(self._compute.servers(name=name))

    def boot(self, name: str, flavor: Any, **body: Any) -> Any:
        """Boot a guest and wait until it runs, or has failed."""
        return self.settled(self.ask(name, flavor, **body))

    def storm(
        self,
        names: Sequence[str],
        flavors: Sequence[Any],
        amid: Callable[[int], None] = lambda _: None,
        patience: float | None = None,
    ) -> list[Any]:
        """Boot many guests, each of its flavor, as many at once as it goes.

        ``amid`` is called after each one that was asked for. ``patience`` is
        for those that Nova has lost: they are returned as they are after so
        many seconds.
        """
        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
            asked = []
            for number, guest in enumerate(pool.map(self.ask, names, flavors)):
                asked.append(guest)
                amid(number)
        return self.all_settled(asked, patience)

    def all_settled(
        self, guests: Iterable[Any], patience: float | None = None
    ) -> list[Any]:
        """Wait for all; one request tells of many guests.

        :param patience: seconds after which guests may still be building
        :raises TimeoutError: some are, and there is no ``patience``
        """
        wanted = [guest.id for guest in guests]
        end = time.monotonic() + (patience or _PATIENCE)
        while True:
            by_id = {server.id: server for server in self._compute.servers()}
            left = [
                uuid
                for uuid in wanted
                if by_id[uuid].status == 'BUILD' or by_id[uuid].task_state
            ]
            if not left or (patience and time.monotonic() > end):
                return [by_id[uuid] for uuid in wanted]
            if time.monotonic() > end:
                raise TimeoutError(f'{len(left)} guests are still building')
            time.sleep(1.0)

    def settled(self, guest: Any) -> Any:
        """Wait until nothing is under way for a guest."""
        end = time.monotonic() + _PATIENCE
        while True:
            server = self._compute.get_server(guest.id)
            if server.status != 'BUILD' and server.task_state is None:
                return server
            if time.monotonic() > end:
                raise TimeoutError(f'{server.name} is {server.task_state}')
            time.sleep(0.2)

    def reaches(self, guest: Any, status: str) -> Any:
        """Wait until a guest has a status.

        :raises AssertionError: it failed instead
        """
        return self._until(guest, lambda server: server.status == status)

    def leaves(self, guest: Any) -> Any:
        """Wait until a guest is on another host than it was.

        :raises AssertionError: it failed instead
        """
        left = guest.hypervisor_hostname
        return self._until(
            guest, lambda server: server.hypervisor_hostname != left
        )

    def _until(self, guest: Any, so: Callable[[Any], bool]) -> Any:
        end = time.monotonic() + _PATIENCE
        while True:
            server = self._compute.get_server(guest.id)
            if server.task_state is None and so(server):
                return server
            assert server.status != 'ERROR', server.fault
            if time.monotonic() > end:
                raise TimeoutError(f'{server.name} is {server.status}')
            time.sleep(0.2)

    def action(self, guest: Any, name: str, body: Any = None) -> None:
        """Ask for an action on a guest, by its name in the API."""
        answer = self._compute.post(
            f'/servers/{guest.id}/action',
            json={name: body},
            microversion='2.95',
        )
        assert answer.ok, answer.text

    def pins(self, guest: Any) -> Pins:
        """Where a guest is, by the API's own account."""
        answer = self._compute.get(
            f'/servers/{guest.id}/topology', microversion='2.95'
        )
        assert answer.ok, answer.text
        by_cell: dict[int, frozenset[int]] = {}
        for node in answer.json()['nodes']:
            cell = node['host_node']
            pinned = frozenset((node.get('cpu_pinning') or {}).values())
            by_cell[cell] = by_cell.get(cell, frozenset()) | pinned
        return Pins(by_cell)

    def running(self) -> list[Any]:
        """All guests that run."""
        return [
            server
            for server in self._compute.servers()
            if server.status == 'ACTIVE'
        ]

    def delete_all(self) -> None:
        """Delete every guest and wait until they are gone.

        Also for nova-scheduler, which ignores a report of the second in which
        it sent a guest to the host (``HostState.update`` compares with
        ``updated_at``, which has whole seconds). And nova-compute reports a
        guest's CPUs as free after the guest is gone for the API; those of a
        guest that moved there only with its next full report, because until
        then the guest is not one of its ``tracked_instances``
        (``ResourceTracker._update_usage_from_instance``).
        """
        time.sleep(1 - time.time() % 1)
        there = list(self._compute.servers())
        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._compute.delete_server, there))
        end = time.monotonic() + _PATIENCE
        while list(self._compute.servers()):
            if time.monotonic() > end:
                raise TimeoutError('guests are not deleted')
            time.sleep(0.2)
        while self._used():
            if time.monotonic() > end:
                raise TimeoutError(f'{self._used()} still count guests')
            self._plane.report_computes()

    def _used(self) -> list[str]:
        """The hosts that report CPUs as used."""
        answer = self._compute.get(
            '/os-hypervisors/detail', microversion=_WITH_USAGE
        )
        assert answer.ok, answer.text
        return [
            host['hypervisor_hostname']
            for host in answer.json()['hypervisors']
            if host['vcpus_used']
        ]

    def overlaps(self) -> Iterator[str]:
        """Guests that share a CPU that only one of them may have."""
        holder: dict[tuple[str, int], str] = {}
        for guest in self.running():
            for cpu in self.pins(guest).cpus:
                place = guest.hypervisor_hostname, cpu
                if place in holder:
                    yield f'{guest.name} and {holder[place]} on {place}'
                holder[place] = guest.name
