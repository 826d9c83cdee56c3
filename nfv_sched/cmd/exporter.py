"""``nfv-sched-exporter``: the service that exports capacity as metrics."""

import argparse
from collections.abc import Sequence
from importlib import metadata
import logging
import pathlib
import signal
import sys
import threading
import warnings

from oslo_config import cfg
from oslo_log import log as oslo_log
import prometheus_client

from nfv_sched import conf
from nfv_sched.cmd import backend_options
from nfv_sched.cmd import backends
from nfv_sched.exporter import server
from nfv_sched.exporter.loop import ExporterLoop
from nfv_sched.exporter.losses import Losses
from nfv_sched.exporter.recount import CountOptions
from nfv_sched.exporter.recount import Recount
from nfv_sched.exporter.recount import SynchronousReader
from nfv_sched.exporter.scheduler_files import SchedulerFiles
from nfv_sched.nova import config as nova_config
from nfv_sched.nova.config import CONF
from nfv_sched.nova.redact import describe_error
from nfv_sched.nova.redact import RedactingFilter
from nfv_sched.placement.client import PlacementClient
from nfv_sched.scheduler import rejection_log

LOG = logging.getLogger(__name__)

PROGRAM = 'nfv-sched-exporter'
LISTEN = '127.0.0.1:9817'
#: After which a signal that came to another thread is noticed.
_SIGNAL_SECONDS = 1.0
conf.register_opts(CONF)


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f'{text} is not more than 0')
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f'{text} is less than 0')
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not from 0 to 1')
    return value


def _address(text: str) -> tuple[str, int]:
    try:
        return server.address_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parser() -> argparse.ArgumentParser:
    """The parser of the service's command line."""
    arguments = argparse.ArgumentParser(
        PROGRAM,
        description='Export to Prometheus how many more instances fit, what '
        'runs out first, and what is free on each NUMA node. Nothing is '
        'written. SIGTERM ends the service.',
    )
    arguments.add_argument(
        '--version',
        action='version',
        version=f'%(prog)s {metadata.version("nfv-sched")}',
    )
    backend_options.add_config_file(arguments)
    backend_options.add_deadline(arguments)
    arguments.add_argument(
        '--listen',
        type=_address,
        default=LISTEN,
        metavar='ADDRESS:PORT',
        help=f'where to serve the metrics, without authentication (default: '
        f'{LISTEN})',
    )
    arguments.add_argument(
        '--interval',
        type=_positive,
        default=60.0,
        metavar='SECONDS',
        help='from the beginning of a pass to that of the next (default: 60)',
    )
    arguments.add_argument(
        '--full-interval',
        type=_positive,
        default=3600.0,
        metavar='SECONDS',
        help='after which all hosts are counted again, changed or not '
        '(default: 3600)',
    )
    arguments.add_argument(
        '--flavor',
        action='append',
        default=[],
        metavar='NAME',
        help='flavor to count; may be repeated (default: the flavors that '
        'most instances have)',
    )
    arguments.add_argument(
        '--max-flavors',
        type=_count,
        default=20,
        metavar='N',
        help='most flavors that are counted (default: 20)',
    )
    arguments.add_argument(
        '--shapes',
        type=_count,
        default=0,
        metavar='N',
        help='most shapes of the running instances that are counted for '
        'each flavor, beside the flavor alone (default: 0)',
    )
    arguments.add_argument(
        '--max-hosts',
        type=_count,
        default=1000,
        metavar='N',
        help='most hosts of a cloud whose single hosts and NUMA nodes are '
        'exported, too (default: 1000)',
    )
    arguments.add_argument(
        '--loss-share',
        type=_share,
        default=0.05,
        metavar='SHARE',
        help='share of the time in which to compute which instances would '
        'not fit after the loss of a failure domain; 0 for none (default: '
        '0.05)',
    )
    arguments.add_argument(
        '--scheduler-counters',
        type=pathlib.Path,
        metavar='FOLDER',
        help='[nfv_sched] counters_folder of the nova-schedulers of this '
        'machine, whose counters are exported, too',
    )
    return arguments


def make_loop(parsed: argparse.Namespace) -> ExporterLoop:
    """The exporter with the options of the command line and nova.conf."""
    kinds = backends.failure_domain_kinds()

    def connect() -> PlacementClient:
        return PlacementClient(
            nova_config.placement_adapter(), deadline=parsed.deadline
        )

    folder = parsed.scheduler_counters
    return ExporterLoop(
        Recount(
            CountOptions(
                tuple(parsed.flavor), parsed.max_flavors, parsed.shapes, kinds
            ),
            SynchronousReader(connect, deadline=parsed.deadline),
        ),
        Losses(kinds, share=parsed.loss_share, longest=parsed.interval / 2),
        connect,
        interval=parsed.interval,
        full_interval=parsed.full_interval,
        most_hosts=parsed.max_hosts,
        others=SchedulerFiles(folder).families if folder else tuple,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the service; returns its exit code."""
    warnings.filterwarnings('ignore', message=r'\s*Eventlet is deprecated')
    parsed = parser().parse_args(argv)
    try:
        nova_config.configure(parsed.config_file)
    except cfg.Error as error:
        print(f'{PROGRAM}: {describe_error(error)}', file=sys.stderr)  # noqa: T201
        return 2
    if not CONF.api_database.connection:
        print(  # noqa: T201
            f'{PROGRAM}: nova.conf names no [api_database] connection; '
            '--config-file names another file',
            file=sys.stderr,
        )
        return 2
    oslo_log.setup(CONF, PROGRAM)
    for handler in logging.getLogger().handlers:
        handler.addFilter(RedactingFilter())
    # Where a dry run finds no host, no instance has failed to boot.
    logging.getLogger(rejection_log.__name__).setLevel(logging.WARNING)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    loop = make_loop(parsed)
    registry = prometheus_client.CollectorRegistry(auto_describe=False)
    registry.register(loop)
    prometheus_client.ProcessCollector(registry=registry)
    serving = server.Server(registry, parsed.listen)
    LOG.info('Starting %s %s', PROGRAM, metadata.version('nfv-sched'))
    # Neither a database nor an address can keep the service from its end.
    for work in (serving.run, loop.run):
        threading.Thread(target=work, daemon=True).start()
    # With a timeout: the kernel may deliver the signal to another thread. That
    # does not wake this one, and only this one runs Python's handlers.
    while not ended.wait(_SIGNAL_SECONDS):
        pass
    loop.stop()
    serving.stop()
    return 0


if __name__ == '__main__':
    sys.exit(main())
