"""The control plane: brought up, asked, broken and brought down."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import functools
import operator
import os
import pathlib
import shutil
import subprocess
import sys
import time
from typing import Any

import openstack

from nfv_sched.placement import parallel
from tests.stack import configuration
from tests.stack import virt
from tests.stack.configuration import DATABASE_USER
from tests.stack.configuration import Options
from tests.stack.configuration import PASSWORD
from tests.stack.configuration import Ports
from tests.stack.configuration import REPORT
from tests.stack.processes import answers
from tests.stack.processes import free_ports
from tests.stack.processes import Processes
from tests.stack.processes import speaks_http

_PROJECT = pathlib.Path(__file__).parents[2]
_BIN = pathlib.Path(sys.executable).parent
_RABBIT = '/usr/lib/rabbitmq/bin/rabbitmq-server'
#: What has to be installed beside Python's packages.
NEEDED = ('mariadbd', 'mariadb-install-db', 'epmd', _RABBIT)
SCHEDULERS = tuple(f'nova-scheduler-{number}' for number in range(1, 5))
#: How many of them run at first.
INITIAL_SCHEDULERS = 2
CONDUCTOR = 'nova-conductor'
PUBLISHER = 'nfv-sched-publisher'

_DATABASES = (
    'keystone',
    'placement',
    'glance',
    'nova_api',
    'nova_cell0',
    'nova_cell1',
)


class Failed(Exception):
    """A command that had to succeed did not; the text has its output."""


class Plane:
    """Made by :func:`plane`."""

    def __init__(
        self,
        root: pathlib.Path,
        hosts: Sequence[str],
        labelled: Sequence[str],
    ) -> None:
        self.root = root
        self.hosts = tuple(hosts)
        #: Those of the hosts whose NUMA nodes have labels.
        self.labelled = tuple(labelled)
        self.ports = Ports(*free_ports(9))
        logs = root / 'log'
        logs.mkdir(parents=True)
        (root / 'nova').mkdir()
        self.processes = Processes(logs)
        #: The nova-schedulers that run.
        self.schedulers: tuple[str, ...] = ()
        self._etc = root / 'etc'

    @functools.cached_property
    def cloud(self) -> Any:
        """An openstacksdk connection as admin."""
        return self._connect()

    @property
    def credentials(self) -> dict[str, str]:
        """Those of the administrator, as openstack.connect takes them."""
        return {
            'auth_url': f'{self.ports.url("keystone")}/v3',
            'username': 'admin',
            'password': PASSWORD,
            'project_name': 'admin',
            'user_domain_id': 'default',
            'project_domain_id': 'default',
            'region_name': 'RegionOne',
        }

    def _connect(self) -> Any:
        return openstack.connect(
            **self.credentials,
            compute_api_version='2.95',
            compute_default_microversion='2.95',
            placement_api_version='1.39',
            placement_default_microversion='1.39',
        )

    def bring_up(self, scheduler: Options) -> None:
        """Start everything; about a minute."""
        self._configure()
        self._start_database()
        self._start_queue()
        self._create_databases()
        # Each fills a database of its own first.
        works = (
            self._start_keystone,
            self._fill_nova,
            self._fill_and_start_placement,
            self._start_glance,
        )
        for _ in parallel.results(operator.call, works, len(works)):
            pass
        port = str(self.ports.neutron)
        self._python('neutron', 'tests.stack.network', port)
        self.processes.wait('rabbitmq', lambda: answers(self.ports.queue))
        self._wsgi('nova-api', 'nova.wsgi.osapi_compute', 'NOVA', 'nova')
        self.start_schedulers(scheduler)
        self._start_computes()
        self.start_publisher()
        for name in 'glance', 'nova-api':
            service = name.removesuffix('-api')
            url = self.ports.url(service)
            self.processes.wait(name, functools.partial(speaks_http, url))

    def start_schedulers(
        self, scheduler: Options, count: int = INITIAL_SCHEDULERS
    ) -> None:
        """Start some nova-schedulers, configured like this.

        And nova-conductor, which counts attempts by an option of its own.
        """
        self.schedulers = SCHEDULERS[:count]
        for name in (CONDUCTOR, *self.schedulers):
            conf = self.write_conf(name, scheduler)
            program = name.rstrip('-1234')
            self._command(name, program, f'--config-file={conf}')
        for name in self.schedulers:
            log = self.processes.log(name)
            self.processes.wait(
                name, lambda log=log: 'Starting scheduler' in log.read_text()
            )

    def write_conf(self, name: str, scheduler: Options) -> pathlib.Path:
        """Write the configuration of a nova-scheduler or nova-conductor."""
        return configuration.write(
            self._etc / f'{name}.conf',
            configuration.merge(
                configuration.nova(self.root, self.ports, virt.MACHINE),
                configuration.nova_databases(self.ports),
                scheduler,
                {'DEFAULT': {'host': name}},
            ),
        )

    def restart_schedulers(
        self, scheduler: Options, count: int = INITIAL_SCHEDULERS
    ) -> None:
        """Run them with other options from now on."""
        for name in (CONDUCTOR, *self.schedulers):
            self.processes.stop(name)
            self.processes.log(name).unlink()
        self.start_schedulers(scheduler, count)

    def kill_scheduler(self) -> None:
        """Kill one of the nova-schedulers."""
        *kept, killed = self.schedulers
        self.schedulers = tuple(kept)
        self.processes.kill(killed)

    def restart_queue(self) -> None:
        """Kill RabbitMQ and start it again, with what it has on disk."""
        self.processes.kill('rabbitmq')
        self._start_rabbitmq()
        self.processes.wait('rabbitmq', lambda: answers(self.ports.queue))

    def restart_computes(self) -> None:
        """Stop all nova-computes and start them again; guests are lost."""
        self.processes.stop('computes')
        self.processes.log('computes').unlink()
        self._start_computes()

    def report_computes(self) -> None:
        """Have every nova-compute report its resources, and wait for it.

        A report that is under way has read what may have changed since.
        """
        before = self.count('computes', configuration.REPORTING)
        self.processes.send('computes', REPORT)

        def reported() -> bool:
            begun = self.count('computes', configuration.REPORTING)
            ended = self.count('computes', configuration.REPORTED)
            return before < begun == ended

        self.processes.wait('computes', reported)

    def start_publisher(self) -> None:
        """Start our publisher."""
        self._command(
            PUBLISHER, PUBLISHER, f'--config-file={self._etc}/nova.conf'
        )

    def start_placement(self) -> None:
        """Start Placement, at first and after it was killed."""
        self._wsgi('placement', 'placement.wsgi.api', 'PLACEMENT')
        url = self.ports.url('placement')
        self.processes.wait('placement', lambda: speaks_http(url))

    def sql(self, *statements: str) -> None:
        """Execute statements in MariaDB as root."""
        _must(
            [
                'mariadb',
                '--no-defaults',
                '-uroot',
                '-h127.0.0.1',
                f'-P{self.ports.database}',
                '-e',
                ';'.join(statements),
            ]
        )

    def run(self, command: str, *arguments: str, code: int = 0) -> str:
        """Run one of our or Nova's commands; returns what it prints.

        :raises Failed: its exit code is not ``code``
        """
        done = subprocess.run(
            [str(_BIN / command), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                **{
                    f'OS_{name.upper()}': value
                    for name, value in self.credentials.items()
                },
            },
        )
        if done.returncode != code:
            raise Failed(
                f'{command} {" ".join(arguments)}: {done.returncode}\n'
                f'{done.stdout[-2000:]}\n{done.stderr[-2000:]}'
            )
        return done.stdout

    @property
    def nova_conf(self) -> pathlib.Path:
        """nova.conf of the control plane."""
        return self._etc / 'nova.conf'

    @property
    def placement_conf(self) -> pathlib.Path:
        """placement.conf of the control plane."""
        return self._etc / 'placement.conf'

    def count(self, name: str, text: str) -> int:
        """How often a service has logged a text."""
        return self.processes.log(name).read_text(errors='replace').count(text)

    def _configure(self) -> None:
        root, ports = self.root, self.ports
        for name, options in (
            ('keystone.conf', configuration.keystone(root, ports)),
            ('placement.conf', configuration.placement(root, ports)),
            ('glance-api.conf', configuration.glance(root, ports)),
            (
                'nova-compute.conf',
                configuration.nova(root, ports, virt.MACHINE),
            ),
            (
                'nova.conf',
                configuration.merge(
                    configuration.nova(root, ports, virt.MACHINE),
                    configuration.nova_databases(ports),
                ),
            ),
        ):
            configuration.write(self._etc / name, options)
        # nova-api looks for it beside its configuration only.
        paste = pathlib.Path(sys.prefix) / 'etc/nova/api-paste.ini'
        shutil.copy(paste, self._etc)

    def _command(
        self,
        name: str,
        command: str,
        *arguments: str,
        environment: Mapping[str, str] = {},
    ) -> None:
        path = command if command.startswith('/') else str(_BIN / command)
        self.processes.start(name, [path, *arguments], environment)

    def _python(
        self,
        name: str,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] = {},
    ) -> None:
        command = [sys.executable, '-W', 'ignore', '-m', module, *arguments]
        paths = {'PYTHONPATH': str(_PROJECT)}
        self.processes.start(name, command, {**paths, **environment})

    def _wsgi(
        self, name: str, module: str, project: str, port: str | None = None
    ) -> None:
        self._command(
            name,
            'uwsgi',
            f'--http-socket=127.0.0.1:{getattr(self.ports, port or name)}',
            f'--module={module}',
            '--callable=application',
            f'--virtualenv={sys.prefix}',
            '--master',
            '--processes=1',
            '--threads=8',
            '--enable-threads',
            '--lazy-apps',
            '--need-app',
            # Its sockets are not kept alive: clients must know.
            '--add-header=Connection: close',
            '--thunder-lock',
            '--buffer-size=65535',
            '--die-on-term',
            '--disable-logging',
            environment={f'OS_{project}_CONFIG_DIR': str(self._etc)},
        )

    def _start_database(self) -> None:
        folder = self.root / 'mariadb'
        folder.mkdir()
        # mariadbd refuses to run as root without being told whom to be.
        shutil.chown(folder, 'mysql')
        _must(
            [
                'mariadb-install-db',
                '--no-defaults',
                '--user=mysql',
                f'--datadir={folder}',
                '--auth-root-authentication-method=normal',
                '--skip-test-db',
            ]
        )
        self.processes.start(
            'mariadb',
            [
                'mariadbd',
                '--no-defaults',
                '--user=mysql',
                f'--datadir={folder}',
                f'--socket={folder}/socket',
                f'--pid-file={folder}/pid',
                '--bind-address=127.0.0.1',
                f'--port={self.ports.database}',
                '--skip-name-resolve',
                '--skip-log-bin',
                # Nothing here must survive a crash of the machine.
                '--innodb-flush-log-at-trx-commit=0',
                '--max-connections=1000',
            ],
        )
        self.processes.wait('mariadb', lambda: answers(self.ports.database))

    def _start_queue(self) -> None:
        epmd = shutil.which('epmd') or 'epmd'
        self._command('epmd', epmd, '-port', str(self.ports.epmd))
        self._start_rabbitmq()

    def _start_rabbitmq(self) -> None:
        folder = self.root / 'rabbitmq'
        folder.mkdir(exist_ok=True)
        (folder / 'rabbitmq.conf').write_text(
            f'listeners.tcp.1 = 127.0.0.1:{self.ports.queue}\n'
        )
        (folder / 'advanced.config').write_text('[].\n')
        (folder / 'enabled_plugins').write_text('[].\n')
        environment = {
            'HOME': str(folder),
            'ERL_EPMD_ADDRESS': '127.0.0.1',
            'ERL_EPMD_PORT': str(self.ports.epmd),
            'RABBITMQ_NODENAME': 'stack@localhost',
            'RABBITMQ_MNESIA_BASE': str(folder),
            'RABBITMQ_LOG_BASE': str(self.root / 'log'),
            'RABBITMQ_CONFIG_FILE': str(folder / 'rabbitmq'),
            'RABBITMQ_ADVANCED_CONFIG_FILE': str(folder / 'advanced.config'),
            'RABBITMQ_ENABLED_PLUGINS_FILE': str(folder / 'enabled_plugins'),
            'RABBITMQ_DIST_PORT': str(self.ports.queue_peers),
            'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': '-kernel '
            'inet_dist_use_interface {127,0,0,1} +sbwt none',
            'RABBITMQ_PID_FILE': str(folder / 'pid'),
        }
        self._command('rabbitmq', _RABBIT, environment=environment)

    def _create_databases(self) -> None:
        self.sql(
            f"create user {DATABASE_USER} identified by '{PASSWORD}'",
            f'grant all on *.* to {DATABASE_USER}',
            *(
                f'create database {name} character set utf8mb4'
                for name in _DATABASES
            ),
        )

    def _fill_nova(self) -> None:
        nova = ('nova-manage', f'--config-file={self._etc}/nova.conf')
        self.run(*nova, 'api_db', 'sync')
        cell0, cell1 = map(self.ports.cell_url, ('nova_cell0', 'nova_cell1'))
        self.run(
            *nova, 'cell_v2', 'map_cell0', f'--database_connection={cell0}'
        )
        self.run(
            *nova,
            'cell_v2',
            'create_cell',
            '--name=cell1',
            f'--database_connection={cell1}',
        )
        self.run(*nova, 'db', 'sync')

    def _fill_and_start_placement(self) -> None:
        conf = f'--config-file={self.placement_conf}'
        self.run('placement-manage', conf, 'db', 'sync')
        self.start_placement()

    def _start_glance(self) -> None:
        conf = f'--config-file={self._etc}/glance-api.conf'
        self.run('glance-manage', conf, 'db_sync')
        self._wsgi('glance', 'glance.wsgi.api', 'GLANCE')

    def _start_keystone(self) -> None:
        keystone = (
            'keystone-manage',
            f'--config-file={self._etc}/keystone.conf',
        )
        who = ('--keystone-user=root', '--keystone-group=root')
        url = f'{self.ports.url("keystone")}/v3'
        self.run(*keystone, 'db_sync')
        self.run(*keystone, 'fernet_setup', *who)
        self.run(*keystone, 'credential_setup', *who)
        self.run(
            *keystone,
            'bootstrap',
            f'--bootstrap-password={PASSWORD}',
            '--bootstrap-region-id=RegionOne',
            f'--bootstrap-public-url={url}',
            f'--bootstrap-internal-url={url}',
            f'--bootstrap-admin-url={url}',
        )
        self._wsgi('keystone', 'keystone.wsgi.api', 'KEYSTONE')
        self.processes.wait('keystone', lambda: speaks_http(url))
        # Not the connection for later: its catalog is empty.
        identity = self._connect().identity
        identity.create_project(name='service', domain_id='default')
        for name, kind, path in (
            ('nova', 'compute', '/v2.1'),
            ('placement', 'placement', ''),
            ('glance', 'image', ''),
            ('neutron', 'network', ''),
        ):
            self.create_user(name, ('admin', 'service'))
            service = identity.create_service(name=name, type=kind)
            for interface in 'public', 'internal':
                identity.create_endpoint(
                    service_id=service.id,
                    interface=interface,
                    region_id='RegionOne',
                    url=self.ports.url(name) + path,
                )

    def create_user(self, name: str, roles: Sequence[str]) -> None:
        """Create a user of Keystone, in the project of the services."""
        identity = self._connect().identity
        [project] = identity.projects(name='service')
        user = identity.create_user(
            name=name, password=PASSWORD, domain_id='default'
        )
        for role in identity.roles():
            if role.name in roles:
                identity.assign_project_role_to_user(project, user, role)

    def _start_computes(self) -> None:
        conf = f'--config-file={self._etc}/nova-compute.conf'
        self._python(
            'computes',
            'tests.stack.computes',
            conf,
            environment={
                virt.HOSTS: ','.join(self.hosts),
                virt.LABELLED: ','.join(self.labelled),
            },
        )
        log = self.processes.log('computes')
        self.processes.wait(
            'computes', lambda: configuration.COMPUTES_READY in log.read_text()
        )
        nova = f'--config-file={self._etc}/nova.conf'
        # Without it a boot in the first minute finds no host.
        self.run('nova-manage', nova, 'cell_v2', 'discover_hosts')


def _must(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f'{" ".join(command)}:\n{done.stdout}\n{done.stderr}')


def missing() -> list[str]:
    """Programs that are needed and not there."""
    return [name for name in NEEDED if shutil.which(name) is None]


@contextlib.contextmanager
def plane(
    root: pathlib.Path,
    hosts: Sequence[str],
    labelled: Sequence[str],
    scheduler: Options,
) -> Iterator[Plane]:
    """Run a control plane with these computes.

    :param labelled: the hosts whose NUMA nodes have labels
    """
    made = Plane(root, hosts, labelled)
    begin = time.monotonic()
    try:
        made.bring_up(scheduler)
        sys.stdout.write(f'up after {time.monotonic() - begin:.0f} s\n')
        yield made
    finally:
        made.processes.stop_all()
