"""The options that say what guest is meant, and what is made of them."""

import argparse
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from keystoneauth1 import exceptions as ksa_errors
from nova import context as nova_context

from nfv_sched.cmd.backends import Backends
from nfv_sched.cmd.backends import NoBackendError
from nfv_sched.nova import boot_request

_IMAGE_PREFIXES = ('hw_', 'os_', 'img_', 'trait:')


def pair(text: str) -> tuple[str, str]:
    """``k=v`` as a pair."""
    name, equals, value = text.partition('=')
    if not equals or not name:
        raise argparse.ArgumentTypeError(f'{text!r} is not NAME=VALUE')
    return name, value


def positive(text: str) -> int:
    """A number from 1."""
    number = not_negative(text)
    if not number:
        raise argparse.ArgumentTypeError('must be at least 1')
    return number


def not_negative(text: str) -> int:
    """A number from 0."""
    try:
        number = int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'{text!r} is no number') from error
    if number < 0:
        raise argparse.ArgumentTypeError('must not be negative')
    return number


def port(text: str) -> str | boot_request.Port:
    """A port's uuid, or one to be imagined."""
    if boot_request.is_uuid(text):
        return text
    try:
        return boot_request.port_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_flavor_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what describes a flavor that nobody has created."""
    group = parser.add_argument_group('a flavor by hand')
    group.add_argument(
        '--extra-spec',
        type=pair,
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='extra spec, may be repeated; on top of those of --flavor',
    )
    for name, kind, what in (
        ('vcpus', positive, 'CPUs'),
        ('ram', positive, 'memory in MiB'),
        # Guests of volumes have none.
        ('disk', not_negative, 'root disk in GiB'),
    ):
        group.add_argument(f'--{name}', type=kind, metavar='N', help=what)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a tenant may say beside the flavor."""
    group = parser.add_argument_group('what else the tenant asks')
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
        'physical network, normal, direct (default) or direct-physical, and '
        'the NUMA affinity policy; may be repeated',
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
        help='project, where hosts are kept for some projects',
    )


def guest_options_given(parsed: argparse.Namespace) -> list[str]:
    """Those of the options above that are on the command line."""
    parser = argparse.ArgumentParser(add_help=False)
    add_flavor_arguments(parser)
    add_arguments(parser)
    return [
        f'--{name.replace("_", "-")}'
        for name, unsaid in vars(parser.parse_args([])).items()
        if getattr(parsed, name) != unsaid
    ]


def flavor_of(
    parsed: argparse.Namespace, name: str | None, sources: Backends
) -> Any:
    """The flavor that is meant.

    :raises nfv_sched.nova.boot_request.BadRequestError: there is none such
    :raises NoSourceError: Nova's API, which alone is there, does not tell
    """
    context = nova_context.get_admin_context()
    extra = dict(parsed.extra_spec)
    if name is not None:
        known = (
            boot_request.flavor_named(context, name)
            if sources.databases
            else _flavor_by_api(sources, name)
        )
        base = (known.vcpus, known.memory_mb, known.root_gb)
        extra = {**(known.extra_specs or {}), **extra}
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
        given if given is not None else was
        for given, was in zip(_by_hand(parsed), base, strict=True)
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


def boot_request_of(
    parsed: argparse.Namespace, flavor: Any, sources: Backends
) -> boot_request.BootRequest:
    """The guest that the options ask for.

    :raises nfv_sched.nova.boot_request.BadRequestError: there is no such zone
    :raises NoSourceError: the image cannot be read
    """
    if parsed.availability_zone and sources.databases:
        boot_request.require_zone(parsed.availability_zone)
    image = _image(sources, parsed.image) if parsed.image else {}
    return boot_request.BootRequest(
        flavor,
        image={**image, **dict(parsed.image_property)},
        ports=[
            one for one in parsed.port if isinstance(one, boot_request.Port)
        ],
        port_uuids=[one for one in parsed.port if isinstance(one, str)],
        hints=_hints(parsed.hint),
        group=parsed.group,
        zone=parsed.availability_zone,
        project=parsed.project,
    )


def _hints(pairs: Sequence[tuple[str, str]]) -> Mapping[str, list[str]]:
    hints: dict[str, list[str]] = {}
    for name, value in pairs:
        hints.setdefault(name, []).append(value)
    return hints


def _flavor_by_api(sources: Backends, name: str) -> Any:
    """A flavor as Nova's API tells it."""
    client = sources.cloud('compute')
    try:
        answer = client.get(
            '/flavors/detail',
            params={'is_public': 'None'},
            microversion='2.61',
        ).json()
    except (ksa_errors.ClientException, ValueError) as error:
        raise NoBackendError(f'flavor {name}: {error}') from error
    for one in answer.get('flavors', ()):
        if name in (one['name'], one['id']):
            return boot_request.flavor_of(
                nova_context.get_admin_context(),
                one['name'],
                vcpus=one['vcpus'],
                ram_mib=one['ram'],
                disk_gib=one['disk'],
                extra_specs=one.get('extra_specs', {}),
            )
    raise boot_request.BadRequestError(f'there is no flavor {name}')


def _image(sources: Backends, image: str) -> dict[str, str]:
    """The properties of an image that Glance has."""
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
        if name.startswith(_IMAGE_PREFIXES)
    }
