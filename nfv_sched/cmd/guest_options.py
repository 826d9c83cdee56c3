"""Options that describe an instance, and the request made from them."""

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
from nfv_sched.nova import boot_request
from nfv_sched.nova import config as nova_config
from nfv_sched.nova import extra_spec_validation
from nfv_sched.nova import shapes

LOG = logging.getLogger(__name__)

#: What stored requests lack.
NOT_STORED = (
    'Networks of ports without devices and the guaranteed bandwidth of ports '
    'are not stored with a request and not considered; --port adds them with '
    '--flavor.'
)


def pair(text: str) -> tuple[str, str]:
    """The pair of ``NAME=VALUE``."""
    name, equals, value = text.partition('=')
    if not equals or not name:
        raise argparse.ArgumentTypeError(f'{text!r} is not NAME=VALUE')
    return name, value


def positive(text: str) -> int:
    """A number of at least 1."""
    number = not_negative(text)
    if not number:
        raise argparse.ArgumentTypeError('must be at least 1')
    return number


def not_negative(text: str) -> int:
    """A number of at least 0."""
    try:
        number = int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'{text!r} is no number') from error
    if number < 0:
        raise argparse.ArgumentTypeError('must not be negative')
    return number


def port(text: str) -> str | boot_request.Port:
    """The uuid of a port, or a hypothetical port."""
    if boot_request.is_uuid(text):
        return text
    try:
        return boot_request.port_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_flavor_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe a flavor which does not exist yet."""
    group = parser.add_argument_group('flavor by hand')
    group.add_argument(
        '--extra-spec',
        type=pair,
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='extra spec, in addition to those of --flavor; may be repeated',
    )
    for name, kind, what in (
        ('vcpus', positive, 'CPUs'),
        ('ram', positive, 'memory in MiB'),
        # Instances that boot from a volume have none.
        ('disk', not_negative, 'root disk in GiB'),
    ):
        group.add_argument(f'--{name}', type=kind, metavar='N', help=what)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options for everything in a request but the flavor."""
    group = parser.add_argument_group('rest of the request')
    group.add_argument(
        '--image',
        metavar='ID',
        help='image, read from Glance by OS_CLOUD or --os-cloud',
    )
    group.add_argument(
        '--image-property',
        type=pair,
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='image property such as hw_mem_page_size=1GB, may be repeated',
    )
    group.add_argument(
        '--port',
        type=port,
        action='append',
        default=[],
        metavar='PORT',
        help='uuid of a neutron port, or NETWORK[:VNIC[:POLICY]] with the '
        'physical network, the VNIC type (default: direct) and the NUMA '
        'affinity policy, or these and more as physnet=NETWORK,'
        'vnic_type=VNIC,numa_policy=POLICY,trusted=true,tunneled=true,'
        'egress_kbps=N,ingress_kbps=N; may be repeated',
    )
    group.add_argument(
        '--hint',
        type=pair,
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='scheduler hint, may be repeated',
    )
    group.add_argument('--group', metavar='UUID', help='server group')
    group.add_argument(
        '--availability-zone', metavar='ZONE', help='availability zone'
    )
    group.add_argument(
        '--project',
        metavar='ID',
        help='project, where hosts are reserved for some projects',
    )


def add_shapes_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option for the shapes of running instances."""
    parser.add_argument(
        '--shapes',
        type=not_negative,
        default=shapes.SHOWN,
        metavar='N',
        help='count with the ports and image properties of running '
        f'instances, too: the N most frequent (default: {shapes.SHOWN})',
    )


def guest_options_given(parsed: argparse.Namespace) -> list[str]:
    """The options of this module that are on the command line."""
    parser = argparse.ArgumentParser(add_help=False)
    add_flavor_arguments(parser)
    add_arguments(parser)
    return [
        f'--{name.replace("_", "-")}'
        for name, default in vars(parser.parse_args([])).items()
        if getattr(parsed, name) != default
    ]


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
    """The networks and hints that nothing in the cloud has or reads."""
    known = scheduler.physnets()
    ports = [
        port for port in parsed.port if isinstance(port, boot_request.Port)
    ]
    for name in sorted({p.physnet for p in ports if p.physnet} - known):
        yield (
            'No host has a device or a NUMA node of physical network '
            f'{name}{did_you_mean(name, known)}'
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
            port for port in parsed.port if isinstance(port, boot_request.Port)
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
