"""The commands of ``openstack nfv``: those of ``nfv-sched``.

With the same options, on the cloud and with the credentials of the client.
"""

import argparse
import inspect
import logging
import os
from typing import Any
from typing import Protocol

from nfv_sched.cmd.backend_options import CLOUD_REGION
from nfv_sched.cmd.capacity import CapacityCommand
from nfv_sched.cmd.explain import ExplainCommand
from nfv_sched.cmd.plan import PlanConsolidateCommand
from nfv_sched.cmd.plan import PlanDefragmentCommand
from nfv_sched.cmd.plan import PlanDrainCommand
from nfv_sched.cmd.plan import PlanRoomCommand
from nfv_sched.cmd.plan import PlanSurviveCommand
from nfv_sched.cmd.topology import TopologyCommand
from nfv_sched.nova.redact import RedactingFilter
from nfv_sched.nova.redact import remember_named


class _Runs(Protocol):
    app: Any

    def run(self, parsed_args: argparse.Namespace) -> int: ...


class ClientCommand:
    """What a command of the OpenStack client does before it runs.

    Nova's databases are read with ``--config-file`` only: a nova.conf on this
    machine may be that of another cloud than the client's.
    """

    auth_required = True

    def get_description(self) -> str:
        """The description of the command of ``nfv-sched``."""
        return inspect.getdoc(type(self).__bases__[1]) or ''

    def run(self: _Runs, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        remember_named(os.environ)
        for handler in logging.getLogger().handlers:
            handler.addFilter(RedactingFilter())
        connection = self.app.client_manager.sdk_connection
        setattr(parsed_args, CLOUD_REGION, connection.config)
        return super().run(parsed_args)  # type: ignore[safe-super]


class ClientHostList(ClientCommand, TopologyCommand):
    """List hosts: free resources, fragmentation, stranded devices."""

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        parsed_args.summary = True
        return super().run(parsed_args)


class ClientHostShow(ClientCommand, TopologyCommand):
    """Show the NUMA maps of hosts: NUMA nodes, cores, instances, devices."""


class ClientExplain(ClientCommand, ExplainCommand):
    """Explain why hosts do not fit an instance."""


class ClientCapacity(ClientCommand, CapacityCommand):
    """Count how many more instances of a flavor fit."""


class ClientPlanConsolidate(ClientCommand, PlanConsolidateCommand):
    """Plan moves that empty as many hosts as possible."""


class ClientPlanDefragment(ClientCommand, PlanDefragmentCommand):
    """Plan moves that regain the most room."""


class ClientPlanDrain(ClientCommand, PlanDrainCommand):
    """Plan how to move all instances off hosts."""


class ClientPlanRoom(ClientCommand, PlanRoomCommand):
    """Plan the fewest moves so that more instances fit."""


class ClientPlanSurvive(ClientCommand, PlanSurviveCommand):
    """Plan for the loss of hosts: what would fit elsewhere."""
