"""Requests from the options that describe an instance."""

import argparse
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import logging
from typing import Any

from keystoneauth1 import exceptions as ksa_errors

from nfv_sched.cmd.backends import Backends
from nfv_sched.cmd.backends import NoBackendError
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.model.similar_names import did_you_mean
from nfv_sched.nova import boot_ports
from nfv_sched.nova import boot_request
from nfv_sched.nova import config as nova_config
from nfv_sched.nova import extra_spec_validation
from nfv_sched.nova import flavors

LOG = logging.getLogger(__name__)

#: What stored requests lack.
NOT_STORED = (
    'Networks of ports without devices and the guaranteed bandwidth of ports '
    'are not stored with a request and not considered; --port adds them with '
    '--flavor.'
)


def is_flavor(name: str, sources: Backends) -> bool:
    """Whether there is a flavor of this name or id.

    :raises NoBackendError: Nova's API, the only backend, does not answer
    """
    try:
        if sources.databases:
            boot_request.flavor_named(nova_config.admin_context(), name)
        else:
            _flavor_by_api(sources, name)
    except boot_request.BadRequestError:
        return False
    return True


def weighted_flavor(
    option: str, text: str, sources: Backends
) -> tuple[str, int]:
    """The name and the weight of a flavor, whose name may have ``=``.

    :raises nfv_sched.nova.boot_request.BadRequestError: the weight is invalid
    :raises NoBackendError: Nova's API, the only backend, does not answer
    """
    if '=' in text and is_flavor(text, sources):
        return text, 1
    try:
        return flavors.parse_weight(text)
    except ValueError as error:
        raise boot_request.BadRequestError(f'{option}: {error}') from error


def flavor_of(
    parsed: argparse.Namespace, name: str | None, sources: Backends
) -> Any:
    """The flavor that the options describe.

    :raises nfv_sched.nova.boot_request.BadRequestError: there is no such
        flavor, or nova-api would not accept its extra specs
    :raises NoBackendError: Nova's API, the only backend, does not answer
    """
    context = nova_config.admin_context()
    extra = dict(parsed.extra_spec)
    if problems := extra_spec_validation.problems_of(extra):
        raise boot_request.BadRequestError(
            '; '.join(f'--extra-spec {n}: {p}' for n, p in problems.items())
        )
    if name is not None:
        known = (
            boot_request.flavor_named(context, name)
            if sources.databases
            else _flavor_by_api(sources, name)
        )
        base = (known.vcpus, known.memory_mb, known.root_gb)
        stored = known.extra_specs or {}
        for spec, problem in extra_spec_validation.problems_of(stored).items():
            LOG.warning('Flavor %s has %s: %s', name, spec, problem)
        extra = {**stored, **extra}
    if profile := extra.get('accel:device_profile'):
        LOG.warning(
            'What the device profile %s asks is known to Cyborg only and not '
            'considered; --port with accelerator=CLASS asks for the same',
            profile,
        )
    if name is not None:
        if not parsed.extra_spec and not any(_by_hand(parsed)):
            return known
    else:
        base = (0, 0, 0)
        if not parsed.vcpus or not parsed.ram:
            raise boot_request.BadRequestError(
                'a flavor by hand needs --vcpus and --ram; or name one with '
                '--flavor'
            )
    vcpus, ram, disk = (
        value if value is not None else default
        for value, default in zip(_by_hand(parsed), base, strict=True)
    )
    return boot_request.flavor_of(
        context,
        name or 'by hand',
        vcpus=vcpus,
        ram_mib=ram,
        disk_gib=disk,
        extra_specs=extra,
    )


def _by_hand(parsed: argparse.Namespace) -> tuple[int | None, ...]:
    return parsed.vcpus, parsed.ram, parsed.disk


def unknown_names(
    parsed: argparse.Namespace, scheduler: DryRunScheduler
) -> Iterator[str]:
    """What nothing in the cloud has or reads, of what was typed.

    Networks, image properties and hints.
    """
    known = scheduler.physnets()
    ports = [port for port in parsed.port if isinstance(port, boot_ports.Port)]
    for name in sorted({p.physnet for p in ports if p.physnet} - known):
        yield (
            'No host has a device or a NUMA node of physical network '
            f'{name}{did_you_mean(name, known)}'
        )
    yield from boot_request.unread_properties(
        [name for name, _ in parsed.image_property]
    )
    yield from scheduler.unread_hints({name for name, _ in parsed.hint})


def boot_request_of(
    parsed: argparse.Namespace, flavor: Any, sources: Backends
) -> boot_request.BootRequest:
    """The request that the options describe.

    :raises nfv_sched.nova.boot_request.BadRequestError: there is no such zone
    :raises NoBackendError: the image cannot be read
    """
    if parsed.availability_zone and sources.databases:
        boot_request.require_zone(parsed.availability_zone)
    image = _image(sources, parsed.image) if parsed.image else {}
    return boot_request.BootRequest(
        flavor,
        image={**image, **dict(parsed.image_property)},
        ports=[
            port for port in parsed.port if isinstance(port, boot_ports.Port)
        ],
        port_uuids=[uuid for uuid in parsed.port if isinstance(uuid, str)],
        hints=_hints(parsed.hint),
        group=parsed.group,
        zone=parsed.availability_zone,
        project=parsed.project,
        flavor_name=flavor.name if parsed.flavor else '',
        image_id=parsed.image or '',
        typed=frozenset(
            name for name, _ in (*parsed.extra_spec, *parsed.image_property)
        ),
    )


def _hints(pairs: Sequence[tuple[str, str]]) -> Mapping[str, list[str]]:
    hints: dict[str, list[str]] = {}
    for name, value in pairs:
        hints.setdefault(name, []).append(value)
    return hints


def _flavor_by_api(sources: Backends, name: str) -> Any:
    """A flavor from Nova's API."""
    client = sources.cloud('compute')
    try:
        answer = client.get(
            '/flavors/detail',
            params={'is_public': 'None'},
            microversion='2.61',
        ).json()
    except (ksa_errors.ClientException, ValueError) as error:
        raise NoBackendError(f'flavor {name}: {error}') from error
    flavors = answer.get('flavors', ())
    for flavor in flavors:
        if name in (flavor['name'], flavor['id']):
            return boot_request.flavor_of(
                nova_config.admin_context(),
                flavor['name'],
                vcpus=flavor['vcpus'],
                ram_mib=flavor['ram'],
                disk_gib=flavor['disk'],
                extra_specs=flavor.get('extra_specs', {}),
            )
    hint = did_you_mean(name, [flavor['name'] for flavor in flavors])
    raise boot_request.BadRequestError(f'there is no flavor {name}{hint}')


def _image(sources: Backends, image: str) -> dict[str, str]:
    """The properties of an image in Glance."""
    client = sources.cloud('image')
    try:
        answer = client.get(
            f'/v2/images/{image}', headers={'Accept': 'application/json'}
        )
        facts = answer.json()
    except (ksa_errors.ClientException, ValueError) as error:
        raise NoBackendError(f'image {image}: {error}') from error
    return {
        name: str(value)
        for name, value in facts.items()
        if name.startswith(boot_request.IMAGE_PREFIXES)
    }
