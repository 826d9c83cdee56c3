"""How long explain, capacity, check and a survey take on a large cloud.

A few simulated hosts are filled with guests, and then copied, row by row, in
the databases of Nova and Placement: so the states are as many as the hosts
that were filled, unless ``--distinct`` makes each copy differ.
"""

import argparse
import json
import logging
import pathlib
import random
import sqlite3
import sys
import time
from typing import Any
import uuid
import warnings

import nova.conf

from nfv_sched.capacity import CapacityCounter
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.explain.suggestions import suggest
from nfv_sched.nova import request_template
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.sim import flavors
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import Cloud
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched.survey import nova as nova_survey

CONF = nova.conf.CONF
_MACHINES = ('dell-2x6230r-64vf', 'epyc7451-4node', 'turin-nps4')
_FULL = SimulatedFlavor(
    'full',
    4,
    64 * 1024,
    1,
    {
        'hw:cpu_policy': 'dedicated',
        'hw:mem_page_size': '1GB',
        'hw:numa_nodes': '1',
    },
)


def _fill(cloud: Cloud, hosts: int, guests: int) -> None:
    for number in range(hosts):
        kind = _MACHINES[number % len(_MACHINES)]
        cloud.add_host(f'h{number}', machine.load(kind))
    coming = flavors.arrivals(1)
    for _ in range(guests):
        cloud.boot(next(coming).flavor)


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


def _multiply(
    folder: pathlib.Path, total: int, distinct: random.Random | None
) -> None:
    cell = _Copier(folder / 'nova_cell1.sqlite')
    api = _Copier(folder / 'nova_api.sqlite')
    place = _Copier(folder / 'placement.sqlite')
    nodes = cell.rows('compute_nodes')
    services = {row['host']: row for row in cell.rows('services')}
    mapping = api.rows('host_mappings')[0]
    guests: dict[str, list[dict[str, Any]]] = {}
    for row in cell.rows('instances', 'deleted = 0'):
        guests.setdefault(row['host'], []).append(row)
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
            topology = _vary(topology, distinct)
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


def _vary(text: str, dice: random.Random) -> str:
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


def _timed(what: str, work: Any) -> Any:
    begin = time.perf_counter()
    found = work()
    seconds = time.perf_counter() - begin
    sys.stdout.write(f'{what:40} {seconds:7.2f} s\n')
    sys.stdout.flush()
    return found


def main() -> int:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--hosts', type=int, default=5000)
    parser.add_argument('--filled', type=int, default=12)
    parser.add_argument('--guests', type=int, default=60)
    parser.add_argument('--distinct', action='store_true')
    parsed = parser.parse_args()
    warnings.simplefilter('ignore')
    logging.disable(logging.CRITICAL)
    options = settings.profile_options(settings.NFV)
    with (
        simulated_cloud(settings.NFV, aliases=flavors.aliases()) as cloud,
        settings.override(options),
    ):
        _fill(cloud, parsed.filled, parsed.guests)
        folder = pathlib.Path(CONF.state_path)
        # Not for secrets: for the same cloud again.
        dice = random.Random(1) if parsed.distinct else None  # noqa: S311
        _timed('copying', lambda: _multiply(folder, parsed.hosts, dice))
        client = PlacementClient(cloud.placement, deadline=300)
        pipeline = Pipeline()
        scheduler = _timed(
            'reading all host states',
            lambda: DryRunScheduler(pipeline, client),
        )
        known = flavors.flavors()
        for flavor in (_FULL, known['opnfv-vrouter-2port']):
            template = request_template.of_stored(cloud.request_spec(flavor))
            dry_run = _timed(
                f'explain {flavor.name}',
                lambda template=template: scheduler.run(template.request()),
            )
            found = dry_run.explanation
            sys.stdout.write(f'  {found.fitting} of {found.hosts} fit: ')
            sys.stdout.write(
                ', '.join(f'{c.name} {c.hosts}' for c in found.conditions)
                + '\n'
            )
            if not found.fitting:
                _timed(
                    '  suggestions',
                    lambda dry_run=dry_run, template=template: suggest(
                        scheduler, dry_run, template
                    ),
                )
        for name in ('opnfv-vrouter-2port', 'anuket-HS.large'):
            counter = CapacityCounter(scheduler)
            counted = _timed(
                f'capacity {name}',
                lambda name=name, counter=counter: counter.count(
                    cloud.request_spec(known[name])
                ),
            )
            sys.stdout.write(
                f'  {counted.in_all} guests, {counter.filled} different '
                'states\n'
            )
        survey = _timed('survey', nova_survey.read)
        guests = sum(len(host.residents) for host in survey.hosts)
        sys.stdout.write(f'  {len(survey.hosts)} hosts, {guests} guests\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
