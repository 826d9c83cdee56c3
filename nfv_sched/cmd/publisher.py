"""``nfv-sched-publisher``: the service that publishes host topology."""

import argparse
from collections.abc import Sequence
from importlib import metadata
import logging
import pathlib
import sys
from typing import Any
import warnings

import cotyledon
from oslo_config import cfg
from oslo_log import log as oslo_log

from nfv_sched import conf
from nfv_sched.nova import config as nova_config
from nfv_sched.nova import failure_domains
from nfv_sched.nova.config import CONF
from nfv_sched.nova.redact import describe_error
from nfv_sched.nova.redact import RedactingFilter
from nfv_sched.placement.client import PlacementClient
from nfv_sched.publishing.cells import CellsSource
from nfv_sched.publishing.counters import PublisherMetrics
from nfv_sched.publishing.leadership import ElectedLeader
from nfv_sched.publishing.leadership import SoleLeader
from nfv_sched.publishing.loop import Loop
from nfv_sched.publishing.status import Status
from nfv_sched.publishing.sysfs import SysfsSource

LOG = logging.getLogger(__name__)

PROGRAM = 'nfv-sched-publisher'
SOURCES = ('cells', 'sysfs')
conf.register_opts(CONF)

#: Seconds for the current host when the service ends. Then it is killed; its
#: next start repairs the host's tree.
_GRACEFUL = 30


def parser() -> argparse.ArgumentParser:
    """The parser of the service's command line."""
    arguments = argparse.ArgumentParser(
        PROGRAM,
        description='Publish the host topology that nova-computes report to '
        'Placement, and keep it up to date. SIGTERM ends the service, SIGHUP '
        'makes it read its options again.',
    )
    arguments.add_argument(
        '--version',
        action='version',
        version=f'%(prog)s {metadata.version("nfv-sched")}',
    )
    arguments.add_argument(
        '--config-file',
        action='append',
        default=[],
        metavar='PATH',
        help='nova.conf with [api_database], [placement] and '
        "[nfv_sched_publisher]; may be repeated. Default: Nova's usual "
        'places',
    )
    arguments.add_argument(
        '--source',
        choices=SOURCES,
        default='cells',
        help='where to read: cells, the compute nodes of all Nova cells, from '
        "Nova's databases; sysfs, the sysfs of this compute node, which adds "
        'to its published tree. Default: cells',
    )
    return arguments


def _set_up_logging() -> None:
    """Set up logging by the options, with passwords redacted."""
    oslo_log.setup(CONF, PROGRAM)
    for handler in logging.getLogger().handlers:
        handler.addFilter(RedactingFilter())


def make_loop(source: str, counters: PublisherMetrics) -> Loop:
    """A publisher with the configured options.

    :param source: one of ``SOURCES``
    :raises nfv_sched.nova.config.NoIdentityError: for sysfs only:
        the local compute node is not known
    """
    options = CONF.nfv_sched_publisher

    def connect() -> PlacementClient:
        return PlacementClient(
            nova_config.placement_adapter(),
            deadline=options.placement_deadline,
        )

    # A host's sysfs has one publisher only.
    url = options.coordination_url if source == 'cells' else None
    path = options.status_file
    return Loop(
        _cells()
        if source == 'cells'
        else SysfsSource(
            *nova_config.local_node(),
            dedicated=nova_config.local_dedicated_cpus(),
        ),
        connect,
        ElectedLeader(url) if url else SoleLeader(),
        counters,
        interval=options.pass_interval,
        status=Status(source, options.pass_interval),
        path=pathlib.Path(path) if path else None,
        metrics=counters.server(options.metrics_address, options.metrics_port)
        if options.metrics_port
        else None,
    )


def _cells() -> CellsSource:
    options = CONF.nfv_sched_publisher
    return CellsSource(
        failure_domains.domain_keys(CONF.nfv_sched.failure_domains),
        full_interval=options.full_interval,
        grace=options.orphan_grace_period,
        page=options.page_size,
        concurrency=options.concurrency,
    )


class PublisherService(cotyledon.Service):
    """The process that publishes; its parent restarts it on SIGHUP."""

    name = PROGRAM

    def __init__(self, worker_id: Any, source: str) -> None:
        super().__init__(worker_id)
        reconfigured = nova_config.reconfigure()
        _set_up_logging()
        if not reconfigured:
            LOG.error(
                'The configuration files cannot be read again: the options '
                'stay as they were'
            )
        self._loop = make_loop(source, PublisherMetrics())

    def run(self) -> None:
        """Publish until :meth:`terminate`."""
        LOG.info('Starting %s %s', PROGRAM, metadata.version('nfv-sched'))
        self._loop.run()

    def terminate(self) -> None:
        """End after the hosts that are being published."""
        if not self._loop.stop(_GRACEFUL):
            LOG.warning(
                'Stopped before the current host was completely published'
            )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the service; returns its exit code."""
    # futurist imports eventlet, which then warns that it is deprecated.
    warnings.filterwarnings('ignore', message=r'\s*Eventlet is deprecated')
    arguments = parser().parse_args(argv)
    try:
        nova_config.configure(arguments.config_file)
        if arguments.source == 'sysfs':
            nova_config.local_node()
    except (cfg.Error, nova_config.NoIdentityError) as error:
        print(f'{PROGRAM}: {describe_error(error)}', file=sys.stderr)  # noqa: T201
        return 2
    _set_up_logging()
    manager = cotyledon.ServiceManager(graceful_shutdown_timeout=_GRACEFUL + 5)
    manager.add(PublisherService, workers=1, args=(arguments.source,))
    manager.run()
    return 0


if __name__ == '__main__':
    sys.exit(main())
