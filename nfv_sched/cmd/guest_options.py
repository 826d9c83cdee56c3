"""Options that describe an instance."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nfv_sched.nova.boot_ports import Port

#: The most frequent shapes that are shown by default.
SHAPES_SHOWN = 3


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


def port(text: str) -> 'str | Port':
    """The uuid of a port, or a hypothetical port."""
    from nfv_sched.nova import boot_ports
    from nfv_sched.nova import boot_request

    if boot_request.is_uuid(text):
        return text
    try:
        return boot_ports.port_of(text)
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
        'egress_kbps=N,ingress_kbps=N,accelerator=CLASS; may be repeated',
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
        default=SHAPES_SHOWN,
        metavar='N',
        help='count with the ports and image properties of running '
        f'instances, too: the N most frequent (default: {SHAPES_SHOWN})',
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
