"""Many nova-computes in one process, one per simulated host.

    python -m tests.stack.computes --config-file nova.conf

The environment variable ``NFV_STACK_HOSTS`` names them, separated by commas,
and ``NFV_STACK_LABELLED`` those whose NUMA nodes have labels.
All is as in ``nova-compute`` but the number of services, and that they report
their resources on a signal, besides once in ``update_resources_interval``.
"""

# isort: off
from nova import monkey_patch

monkey_patch.patch(backend='threading')
# isort: on

import os
import shlex
import signal
import sys
import threading

from nova import config
from nova import context
from nova import objects
from nova import service
from nova import utils
from nova.compute import rpcapi as compute_rpcapi
import nova.conf
from nova.conductor import rpcapi as conductor_rpcapi
import nova.db.main.api
from nova.objects import base as objects_base
import os_brick
import os_vif
from oslo_log import log as logging
from oslo_privsep import priv_context

from tests.stack import virt
from tests.stack.configuration import COMPUTES_READY
from tests.stack.configuration import REPORT
from tests.stack.configuration import REPORTED
from tests.stack.configuration import REPORTING

CONF = nova.conf.CONF
# Seconds between two looks for a signal.
_LOOK_EVERY = 0.05


def main() -> None:
    """Start the services and wait for a signal."""
    # Nova loads drivers from below nova.virt only.
    sys.modules['nova.virt.nfv_simulated'] = virt
    config.parse_args(sys.argv)
    logging.setup(CONF, 'nova')
    priv_context.init(root_helper=shlex.split(utils.get_root_helper()))
    objects.register_all()
    os_brick.setup(CONF)
    os_vif.initialize()
    nova.db.main.api.DISABLE_DB_ACCESS = True
    objects_base.NovaObject.indirection_api = conductor_rpcapi.ConductorAPI()
    objects.Service.enable_min_version_cache()
    stop, report = threading.Event(), threading.Event()
    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, lambda *_: stop.set())
    signal.signal(REPORT, lambda *_: report.set())
    services = []
    for host in os.environ[virt.HOSTS].split(','):
        made = service.Service.create(
            host=host,
            binary='nova-compute',
            topic=compute_rpcapi.RPC_TOPIC,
            topic_alt=compute_rpcapi.RPC_TOPIC_ALT,
        )
        made.start()
        services.append(made)
    _say(COMPUTES_READY)
    while not stop.wait(_LOOK_EVERY):
        if report.is_set():
            report.clear()
            _say(REPORTING)
            for made in services:
                made.manager.update_available_resource(
                    context.get_admin_context()
                )
            _say(REPORTED)
    # Their threads have nothing to save.
    os._exit(0)


def _say(text: str) -> None:
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


if __name__ == '__main__':
    main()
