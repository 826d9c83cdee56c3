"""Configuration files of the services."""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import pathlib
import signal
import sys

from nfv_sched import conf
from nfv_sched.sim import numa_devices
from nfv_sched.sim import settings
from nfv_sched.sim.machine import Machine

PASSWORD = 'secret'  # noqa: S105 - of services that end with the test

#: The user of the services in MariaDB, who may do everything.
DATABASE_USER = 'stack'

#: What the process of the computes prints when all are started.
COMPUTES_READY = 'All computes are started'

#: The signal on which the computes report their resources.
REPORT = signal.SIGUSR1

#: What their process prints before and after such a report.
REPORTING = 'All computes report'
REPORTED = 'All computes have reported'

#: Options by section; a list is an option that stands several times.
Options = Mapping[str, Mapping[str, object]]


def merge(*parts: Options) -> Options:
    """Options of later parts win."""
    merged: dict[str, dict[str, object]] = {}
    for part in parts:
        for section, options in part.items():
            merged.setdefault(section, {}).update(options)
    return merged


def _scheduler(profile: settings.Profile) -> Options:
    """A profile's options; of lists, one alone stands several times."""
    options: dict[str, dict[str, object]] = {}
    for name, value in settings.profile_options(profile).items():
        section, _, option = name.rpartition('.')
        joined = isinstance(value, list) and option != 'available_filters'
        options.setdefault(section, {})[option] = (
            ','.join(value) if joined else value
        )
    return options


#: The scheduler as Nova's documents say it is set up for NFV.
STOCK: Options = _scheduler(settings.STOCK)


def recommended(options: Iterable[conf.Recommendation]) -> Options:
    """What the examples in ``etc`` set, and nothing else."""
    found: dict[str, dict[str, object]] = {}
    for option in options:
        several = option.name == 'available_filters'
        found.setdefault(option.group, {})[option.name] = (
            list(option.value) if several else option.text
        )
    return found


#: The scheduler as our README says; the trees are read more often.
OURS: Options = merge(
    recommended(conf.RECOMMENDED),
    {'nfv_sched': {'topology_refresh_interval': 5}},
)

#: Stock filters and weighers with the other options that our README sets.
EQUAL: Options = merge(
    STOCK,
    {
        'workarounds': OURS['workarounds'],
        'scheduler': OURS['scheduler'],
        'filter_scheduler': {
            name: OURS['filter_scheduler'][name]
            for name in (
                'build_failure_weight_multiplier',
                'io_ops_weight_multiplier',
            )
        },
    },
)

#: As our README says, without knowing of each other's picks.
APART: Options = merge(OURS, {'nfv_sched': {'share_picks': False}})

#: Stock filters decide, and ours judge beside them.
SHADOW: Options = merge(
    EQUAL,
    {
        'filter_scheduler': {
            'available_filters': OURS['filter_scheduler']['available_filters'],
            'weight_classes': OURS['filter_scheduler']['weight_classes'],
            'enabled_filters': ','.join(
                [
                    str(STOCK['filter_scheduler']['enabled_filters']),
                    *conf.OUR_FILTERS,
                ]
            ),
        },
        'scheduler': {'max_attempts': 3},
        'nfv_sched': {'shadow': True, 'topology_refresh_interval': 5},
    },
)

#: As our README says, choosing NUMA nodes on hosts that have labels.
CHOOSING: Options = merge(
    OURS,
    {
        'nfv_sched': {
            'choose_nodes': True,
            'reference_flavors': 'vnf,vnf.node',
        },
    },
)


def with_journal(options: Options, root: pathlib.Path) -> Options:
    """Schedulers that record their decisions."""
    folder = root / 'decisions'
    folder.mkdir(exist_ok=True)
    return merge(options, {'nfv_sched': {'journal_folder': folder}})


@dataclasses.dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports of the services."""

    database: int
    queue: int
    queue_peers: int
    epmd: int
    keystone: int
    placement: int
    glance: int
    neutron: int
    nova: int

    def url(self, service: str) -> str:
        """Where a service is."""
        return f'http://127.0.0.1:{getattr(self, service)}'

    def database_url(self, name: str, user: str = DATABASE_USER) -> str:
        """Where a database is."""
        return (
            f'mysql+pymysql://{user}:{PASSWORD}@127.0.0.1:{self.database}/'
            f'{name}?charset=utf8mb4'
        )

    def cell_url(self, name: str) -> str:
        """Where a cell's database is, for the user of each service."""
        return self.database_url(name).replace(
            f'//{DATABASE_USER}:{PASSWORD}@', '//{username}:{password}@'
        )


def write(path: pathlib.Path, options: Options) -> pathlib.Path:
    """Write an INI file."""
    lines = []
    for section, values in options.items():
        lines.append(f'[{section}]')
        for name, value in values.items():
            several = value if isinstance(value, list) else [value]
            lines += [f'{name} = {one}' for one in several]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')
    return path


def credentials(ports: Ports, user: str) -> Mapping[str, object]:
    """What a service says to Keystone."""
    return {
        'auth_url': f'{ports.url("keystone")}/v3',
        'www_authenticate_uri': f'{ports.url("keystone")}/v3',
        'auth_type': 'password',
        'project_domain_id': 'default',
        'user_domain_id': 'default',
        'project_name': 'service',
        'username': user,
        'password': PASSWORD,
        'region_name': 'RegionOne',
    }


def keystone(root: pathlib.Path, ports: Ports) -> Options:
    """keystone.conf."""
    return {
        'database': {'connection': ports.database_url('keystone')},
        'token': {'provider': 'fernet', 'expiration': 86400},
        'fernet_tokens': {'key_repository': root / 'fernet-keys'},
        'credential': {'key_repository': root / 'credential-keys'},
        'identity': {'password_hash_rounds': 4},
        'cache': {'enabled': True, 'backend': 'dogpile.cache.memory'},
    }


def placement(root: pathlib.Path, ports: Ports) -> Options:
    """placement.conf."""
    return {
        'api': {'auth_strategy': 'keystone'},
        'placement_database': {'connection': ports.database_url('placement')},
        'keystone_authtoken': credentials(ports, 'placement'),
        **recommended(conf.PLACEMENT_RECOMMENDED),
    }


def glance(root: pathlib.Path, ports: Ports) -> Options:
    """glance-api.conf."""
    folder = root / 'glance'
    for name in 'images', 'staging', 'tasks':
        (folder / name).mkdir(parents=True, exist_ok=True)
    return {
        'DEFAULT': {'enabled_backends': 'fs:file', 'workers': 1},
        'glance_store': {'default_backend': 'fs'},
        'fs': {'filesystem_store_datadir': folder / 'images'},
        'os_glance_staging_store': {
            'filesystem_store_datadir': folder / 'staging'
        },
        'os_glance_tasks_store': {
            'filesystem_store_datadir': folder / 'tasks'
        },
        'database': {'connection': ports.database_url('glance')},
        'keystone_authtoken': credentials(ports, 'glance'),
        'paste_deploy': {
            'flavor': 'keystone',
            'config_file': pathlib.Path(sys.prefix)
            / 'etc/glance/glance-api-paste.ini',
        },
        'oslo_concurrency': {'lock_path': root / 'glance' / 'lock'},
    }


def nova(root: pathlib.Path, ports: Ports, machine: Machine) -> Options:
    """nova.conf, as nova-compute may see it."""
    return {
        'DEFAULT': {
            'host': 'control',
            'my_ip': '127.0.0.1',
            'state_path': root / 'nova',
            'transport_url': f'rabbit://guest:guest@127.0.0.1:{ports.queue}//',
            'compute_driver': 'nfv_simulated.Driver',
            'osapi_compute_workers': 1,
            'graceful_shutdown_timeout': 5,
            'manager_shutdown_timeout': 0,
            'initial_disk_allocation_ratio': 1.0,
            'initial_ram_allocation_ratio': 1.0,
            'service_down_time': 180,
            'report_interval': 20,
            'running_deleted_instance_poll_interval': 0,
            'sync_power_state_interval': 600,
            'update_resources_interval': 60,
            'reserved_host_memory_mb': 0,
        },
        'keystone_authtoken': credentials(ports, 'nova'),
        'service_user': {
            'send_service_user_token': True,
            **credentials(ports, 'nova'),
        },
        'placement': credentials(ports, 'placement'),
        'glance': {'endpoint_override': ports.url('glance')},
        'neutron': credentials(ports, 'neutron'),
        'quota': dict.fromkeys(
            (
                'cores',
                'ram',
                'instances',
                'server_groups',
                'server_group_members',
            ),
            -1,
        ),
        'vnc': {'enabled': False},
        'oslo_concurrency': {'lock_path': root / 'nova' / 'lock'},
        'oslo_messaging_rabbit': {'heartbeat_in_pthread': False},
        'conductor': {'workers': 1},
        'nfv_sched_publisher': {'status_file': root / 'publisher.json'},
        'scheduler': {'workers': 1},
        'pci': {
            'device_spec': numa_devices.device_spec(machine),
            'alias': [
                '{"name": "vf", "vendor_id": "8086", "product_id": "154c", '
                '"device_type": "type-VF", "numa_policy": "required"}',
                '{"name": "pf", "vendor_id": "8086", "product_id": "158b", '
                '"device_type": "type-PF"}',
            ],
        },
    }


def nova_databases(ports: Ports, user: str = DATABASE_USER) -> Options:
    """What nova-compute must not see."""
    return {
        'api_database': {'connection': ports.database_url('nova_api', user)},
        'database': {'connection': ports.database_url('nova_cell1', user)},
    }
