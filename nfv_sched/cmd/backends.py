"""Backends from which the operator's commands read a cloud.

On a controller nova.conf names Nova's databases, which have everything.
Elsewhere the published trees in Placement are read, with credentials from
clouds.yaml or OS_* variables as OpenStack's clients use them.
"""

import argparse
from collections.abc import Callable
import dataclasses
import logging
import os
from typing import Any

from keystoneauth1 import adapter as ksa_adapter
from keystoneauth1 import exceptions as ksa_errors
from openstack import config as cloud_config
from openstack import exceptions as cloud_errors

from nfv_sched import conf
from nfv_sched.cmd.backend_options import CLOUD_REGION
from nfv_sched.model import HostTopology
from nfv_sched.nova import config as nova_config
from nfv_sched.nova import failure_domains
from nfv_sched.nova.config import CONF
from nfv_sched.nova.redact import redact
from nfv_sched.nova.redact import remember_named
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import PlacementError
from nfv_sched.survey import apis
from nfv_sched.survey import nova as nova_survey
from nfv_sched.survey import placement as placement_survey
from nfv_sched.survey.accelerators import with_accelerators
from nfv_sched.survey.one_time_use import with_reservations
from nfv_sched.survey.values import Survey

LOG = logging.getLogger(__name__)

conf.register_opts(CONF)

_VARIABLES = ('OS_CLOUD', 'OS_AUTH_URL', 'OS_ENDPOINT')


class NoBackendError(Exception):
    """No backend is configured; the text names the options to give."""


class Backends:
    """The backends that command line and environment select.

    ``databases`` is whether Nova's databases can be read, ``configured``
    whether nova.conf was.

    :raises NoBackendError: there is no backend
    """

    def __init__(self, parsed: argparse.Namespace) -> None:
        self._cloud: str | None = parsed.os_cloud
        #: Of the client that this command is a part of, if it is.
        self._region: Any = getattr(parsed, CLOUD_REGION, None)
        self._deadline: float = parsed.deadline
        self.databases = False
        alone = self._cloud is None and self._region is None
        self.configured = alone or bool(parsed.config_file)
        if self.configured:
            nova_config.configure(parsed.config_file)
            self.databases = bool(CONF.api_database.connection)
            named = any(os.environ.get(name) for name in _VARIABLES)
            if alone and not self.databases and not named:
                raise NoBackendError(
                    'there is no nova.conf with an [api_database] '
                    'connection, and no cloud is named: give --config-file '
                    'or --os-cloud'
                )

    def require_databases(self, why: str) -> None:
        """Require Nova's databases.

        :param why: what needs them, as a clause
        :raises NoBackendError: only Placement is available
        """
        if not self.databases:
            raise NoBackendError(
                f"{why}: that needs Nova's databases, not only Placement; "
                'run the command where nova.conf names them'
            )

    def placement(self) -> PlacementClient:
        """A client for Placement.

        :raises NoBackendError: the credentials are invalid
        """
        adapter = (
            nova_config.placement_adapter()
            if self.databases
            else self.cloud('placement')
        )
        return PlacementClient(adapter, deadline=self._deadline)

    def cloud(self, service: str) -> Any:
        """A keystoneauth adapter for a service, from clouds.yaml or OS_*.

        :raises NoBackendError: the credentials are invalid
        """
        try:
            region = self._region or cloud_config.OpenStackConfig().get_one(
                cloud=self._cloud
            )
            remember_named(region.config.get('auth') or {})
            # Not the SDK's own client, which retries requests.
            return ksa_adapter.Adapter(
                session=region.get_session(),
                service_type=service,
                interface=region.get_interface(service),
                region_name=region.get_region_name(service),
                endpoint_override=region.get_endpoint(service),
            )
        except (
            cloud_errors.SDKException,
            ksa_errors.ClientException,
        ) as error:
            raise NoBackendError(
                f'no credentials for {service}: {error}'
            ) from error

    def survey(
        self, wanted: Callable[[str, str], bool] = lambda host, node: True
    ) -> Survey:
        """All hosts, from databases those that are wanted.

        :param wanted: as of :func:`nfv_sched.survey.nova.read`
        :raises NoBackendError: the credentials are invalid
        :raises PlacementError: Placement is read and does not answer
        """
        if self.databases:
            return _masked(
                nova_survey.read(failure_domain_kinds(), wanted=wanted)
            )
        return _masked(placement_survey.read(self.placement()))

    def survey_with_instances(
        self,
        tell: Callable[[int, int], None] = lambda done, total: None,
        wanted: Callable[[str, str], bool] = lambda host, node: True,
    ) -> Survey:
        """All hosts, without databases with what Nova's API tells.

        Where it does not, that is logged, and usage is as published.

        :param wanted: as of :func:`nfv_sched.survey.nova.read`, and of
            :func:`nfv_sched.survey.apis.add_instances`
        :param tell: called with the numbers of instances read and to be read
        :raises NoBackendError: the credentials are invalid
        :raises PlacementError: Placement is read and does not answer
        """
        survey = self.survey(wanted)
        if self.databases:
            return survey
        try:
            return _masked(
                apis.add_instances(
                    survey, self.cloud('compute'), wanted=wanted, tell=tell
                )
            )
        except (apis.APIError, NoBackendError) as error:
            LOG.warning(
                'Instances are not known, and usage is as of the last '
                'publishing: %s',
                error,
            )
            return survey

    def survey_with_distances(
        self, wanted: Callable[[str, str], bool] = lambda host, node: True
    ) -> Survey:
        """All hosts, with what Placement alone has.

        The published distances between NUMA nodes, accelerators, and devices
        that are reserved.

        :param wanted: as of :meth:`survey_with_instances`

        :raises NoBackendError: the credentials are invalid
        :raises PlacementError: Placement is read and does not answer
        """
        if not self.databases:
            return _masked(
                with_accelerators(
                    self.survey_with_instances(wanted=wanted),
                    self.placement(),
                )
            )
        survey = self.survey(wanted)
        published = self._published(survey)
        if published is None:
            return survey
        survey = nova_survey.with_published(survey, published)
        client = self.placement()
        try:
            return with_reservations(with_accelerators(survey, client), client)
        except (PlacementError, ksa_errors.ClientException) as error:
            LOG.warning(
                'Accelerators and reserved devices are not known: Placement '
                'does not answer: %s',
                error,
            )
            return survey

    def _published(self, survey: Survey) -> dict[str, HostTopology] | None:
        """The published topologies by uuid; None without an answer."""
        uuids = {host.topology.uuid for host in survey.hosts}
        try:
            view = placement_survey.view_of(
                self.placement(), uuids if survey.unread else None
            )
        except (PlacementError, ksa_errors.ClientException) as error:
            LOG.warning(
                'NUMA distances and accelerators are not known: Placement '
                'does not answer: %s',
                error,
            )
            return None
        return {
            tree.host.uuid: tree.host
            for tree in view.trees.values()
            if tree.host is not None
        }


def _masked(survey: Survey) -> Survey:
    """The survey without secrets in its problems."""
    return dataclasses.replace(
        survey, problems=tuple(map(redact, survey.problems))
    )


def failure_domain_kinds() -> tuple[str, ...]:
    """The kinds of failure domains that nova.conf names."""
    return failure_domains.domain_keys(CONF.nfv_sched.failure_domains)
