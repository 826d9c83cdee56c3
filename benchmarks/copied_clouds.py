"""Large clouds: a few hosts that were filled, copied in all databases.

The states are as many as the hosts that were filled, unless each copy is made
to differ.
"""

import json
import pathlib
import random
import sqlite3
from typing import Any
import uuid

from nfv_sched.sim import flavors
from nfv_sched.sim import machine
from nfv_sched.sim.cloud import Cloud

_MACHINES = ('dell-2x6230r-64vf', 'epyc7451-4node', 'turin-nps4')


def fill(cloud: Cloud, hosts: int, guests: int) -> None:
    """Add hosts of several kinds, and boot instances with stored requests."""
    for number in range(hosts):
        kind = _MACHINES[number % len(_MACHINES)]
        cloud.add_host(f'h{number}', machine.load(kind))
    coming = flavors.arrivals(1)
    for _ in range(guests):
        for guest in cloud.boot(next(coming).flavor):
            if guest.booted:
                cloud.store_request(guest)


class _Copier:
    """Copies rows of one SQLite database."""

    def __init__(self, path: pathlib.Path) -> None:
        self.db = sqlite3.connect(path)
        self.db.row_factory = sqlite3.Row

    def rows(self, table: str, where: str = '1') -> list[dict[str, Any]]:
        found = self.db.execute(f'SELECT * FROM {table} WHERE {where}')  # noqa: S608
        return [dict(row) for row in found]

    def add(self, table: str, row: dict[str, Any]) -> int:
        names = ', '.join(row)
        marks = ', '.join('?' * len(row))
        cursor = self.db.execute(
            f'INSERT INTO {table} ({names}) VALUES ({marks})',  # noqa: S608
            list(row.values()),
        )
        return int(cursor.lastrowid or 0)


def _new(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**{k: v for k, v in row.items() if k != 'id'}, **changes}


def multiply(
    folder: pathlib.Path, total: int, distinct: random.Random | None = None
) -> None:
    """Copy the hosts until there are ``total``, with all that they have.

    :param folder: of the databases, which nobody uses meanwhile
    :param distinct: makes the state of each copy differ
    """
    cell = _Copier(folder / 'nova_cell1.sqlite')
    api = _Copier(folder / 'nova_api.sqlite')
    place = _Copier(folder / 'placement.sqlite')
    nodes = cell.rows('compute_nodes')
    services = {row['host']: row for row in cell.rows('services')}
    mapping = api.rows('host_mappings')[0]
    guests: dict[str, list[dict[str, Any]]] = {}
    for row in cell.rows('instances', 'deleted = 0'):
        guests.setdefault(row['host'], []).append(row)
    requests = {row['instance_uuid']: row for row in api.rows('request_specs')}
    extras = {row['instance_uuid']: row for row in cell.rows('instance_extra')}
    devices: dict[int, list[dict[str, Any]]] = {}
    for row in cell.rows('pci_devices'):
        devices.setdefault(row['compute_node_id'], []).append(row)
    providers = {row['uuid']: row for row in place.rows('resource_providers')}
    for number in range(len(nodes), total):
        node = nodes[number % len(nodes)]
        name, ident = f'h{number}', str(uuid.uuid4())
        cell.add(
            'services',
            _new(services[node['host']], host=name, uuid=str(uuid.uuid4())),
        )
        topology = node['numa_topology']
        if distinct is not None:
            topology = vary(topology, distinct)
        copy = cell.add(
            'compute_nodes',
            _new(
                node,
                host=name,
                hypervisor_hostname=name,
                uuid=ident,
                numa_topology=topology,
            ),
        )
        api.add('host_mappings', _new(mapping, host=name))
        names = {}
        for guest in guests.get(node['host'], ()):
            names[guest['uuid']] = str(uuid.uuid4())
            mine = names[guest['uuid']]
            cell.add('instances', _new(guest, uuid=mine, host=name, node=name))
            extra = extras[guest['uuid']]
            cell.add('instance_extra', _new(extra, instance_uuid=mine))
            if request := requests.get(guest['uuid']):
                text = request['spec'].replace(guest['uuid'], mine)
                api.add(
                    'request_specs',
                    _new(request, instance_uuid=mine, spec=text),
                )
        for device in devices.get(node['id'], ()):
            owner = names.get(device['instance_uuid'])
            cell.add(
                'pci_devices',
                _new(
                    device,
                    compute_node_id=copy,
                    instance_uuid=owner,
                    uuid=str(uuid.uuid4()),
                ),
            )
        _copy_provider(place, providers[node['uuid']], name, ident, names)
    for one in (cell, api, place):
        one.db.commit()
        one.db.close()


def _copy_provider(
    place: _Copier,
    provider: dict[str, Any],
    name: str,
    ident: str,
    names: dict[str, str],
) -> None:
    old = provider['id']
    new = place.add(
        'resource_providers', _new(provider, name=name, uuid=ident)
    )
    place.db.execute(
        'UPDATE resource_providers SET root_provider_id = ? WHERE id = ?',
        (new, new),
    )
    for table in ('inventories', 'resource_provider_traits'):
        for row in place.rows(table, f'resource_provider_id = {old}'):
            place.add(table, _new(row, resource_provider_id=new))
    for row in place.rows('allocations', f'resource_provider_id = {old}'):
        consumer = names.get(row['consumer_id'], str(uuid.uuid4()))
        known = place.rows('consumers', f"uuid = '{row['consumer_id']}'")
        if known and not place.rows('consumers', f"uuid = '{consumer}'"):
            place.add('consumers', _new(known[0], uuid=consumer))
        place.add(
            'allocations',
            _new(row, resource_provider_id=new, consumer_id=consumer),
        )


def vary(text: str, dice: random.Random) -> str:
    """Take a few more pages and CPUs, so that no two hosts are alike."""
    topology = json.loads(text)
    for cell in topology['nova_object.data']['cells']:
        data = cell['nova_object.data']
        free = sorted(set(data['pcpuset']) - set(data['pinned_cpus']))
        taken = dice.sample(free, min(len(free), dice.randint(0, 3)))
        data['pinned_cpus'] = sorted([*data['pinned_cpus'], *taken])
        for pages in data['mempages']:
            values = pages['nova_object.data']
            left = values['total'] - values['used'] - values['reserved']
            values['used'] += dice.randint(0, max(0, left) // 4)
    return json.dumps(topology)
