"""Checks of Placement: its API version and its configuration."""

from collections.abc import Collection
from collections.abc import Sequence
from typing import Any

from oslo_config import cfg

from nfv_sched import conf
from nfv_sched.checking.result import count
from nfv_sched.checking.result import failure
from nfv_sched.checking.result import name_some
from nfv_sched.checking.result import ok
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import skipped
from nfv_sched.checking.result import warning
from nfv_sched.placement.client import MICROVERSION
from nfv_sched.survey.values import HostSurvey

_NOT_GIVEN = 'name placement.conf with --placement-config-file'
_NO_DEVICES = 'no host has PCI devices in Placement'
# Defined here because the placement package need not be installed.
_STRATEGY = 'allocation_candidates_generation_strategy'
[_RETRIES_OPTION] = conf.PLACEMENT_RECOMMENDED
_RETRIES = _RETRIES_OPTION.name
_OPTIONS = {
    'placement': (
        cfg.IntOpt(_RETRIES, default=10),
        cfg.IntOpt('max_allocation_candidates', default=-1),
        cfg.StrOpt(_STRATEGY, default='depth-first'),
    ),
    'workarounds': (
        cfg.BoolOpt('optimize_for_wide_provider_trees', default=False),
    ),
}
#: Providers of one class in a tree from which it is wide, as Placement says.
_WIDE = 8


def config(files: Sequence[str]) -> Any:
    """Placement's options from its files; None without files.

    :raises oslo_config.cfg.Error: a file cannot be read
    """
    if not files:
        return None
    opts = cfg.ConfigOpts()
    for group, options in _OPTIONS.items():
        opts.register_opts(options, group=group)
    opts([], project='placement', default_config_files=list(files))
    # Read now, so that an invalid value is reported like a missing file.
    for group, options in _OPTIONS.items():
        for option in options:
            opts[group][option.name]
    return opts


def retries(options: Any) -> Result:
    """Check that Placement does not retry claims, which overbooks.

    Measured on Placement 16 with PostgreSQL and MariaDB: of two concurrent
    claims for the last free resources both were accepted in half of the
    rounds, in none with one attempt.
    """
    if options is None:
        return skipped(_NOT_GIVEN)
    attempts = options.placement[_RETRIES]
    if attempts > _RETRIES_OPTION.value:
        return warning(
            f'{_RETRIES} = {attempts}: {_RETRIES_OPTION.why}',
            f'{_RETRIES_OPTION.line} in {_RETRIES_OPTION.place}; Nova retries '
            'the claim itself',
            [_RETRIES],
            {_RETRIES: attempts},
        )
    return ok()


def candidates(options: Any, hosts: int) -> Result:
    """Check that the limit of candidates does not truncate answers."""
    if options is None:
        return skipped(_NOT_GIVEN)
    limit = options.placement.max_allocation_candidates
    if 0 <= limit < hosts:
        return failure(
            f'max_allocation_candidates = {limit} is less than the '
            f'{count(hosts, "host")}: Placement leaves hosts out of its '
            'answers',
            f'[placement] max_allocation_candidates = -1 or at least {hosts} '
            'in placement.conf',
            ['max_allocation_candidates'],
            {'max_allocation_candidates': limit, 'hosts': hosts},
        )
    return ok()


def generation(options: Any, hosts: Collection[HostSurvey]) -> Result:
    """Check that candidates come from all hosts where PCI is in Placement.

    A host with many devices has many candidates for one request, and Nova
    asks for ``[scheduler] max_placement_results``.
    """
    if options is None:
        return skipped(_NOT_GIVEN)
    if not any(map(_device_providers, hosts)):
        return skipped(_NO_DEVICES)
    strategy = options.placement[_STRATEGY]
    if strategy != 'breadth-first':
        return warning(
            f'{_STRATEGY} = {strategy}: the limited number of candidates may '
            'all be of a few hosts, and the others are left out',
            f'[placement] {_STRATEGY} = breadth-first in placement.conf',
            [_STRATEGY],
            {_STRATEGY: strategy},
        )
    return ok()


def wide_trees(options: Any, hosts: Collection[HostSurvey]) -> Result:
    """Check that Placement is prepared for hosts with many devices in it."""
    if options is None:
        return skipped(_NOT_GIVEN)
    wide = [
        host.topology.name
        for host in hosts
        if _device_providers(host) >= _WIDE
    ]
    if not wide:
        return skipped(f'no host has {_WIDE} or more PCI devices in Placement')
    if not options.workarounds.optimize_for_wide_provider_trees:
        return warning(
            f'{count(len(wide), "host")} with {_WIDE} or more PCI devices in '
            f'Placement: {name_some(wide)}: requests for several devices may '
            'time out',
            '[workarounds] optimize_for_wide_provider_trees = True in '
            'placement.conf, where Placement has the option',
            wide,
        )
    return ok()


def _device_providers(host: HostSurvey) -> int:
    """How many providers of PCI devices Nova reports of a host."""
    pools = host.state.pools if host.state is not None else ()
    return len({pool.rp_uuid for pool in pools} - {None})


def microversion(versions: Sequence[Any]) -> Result:
    """Check that Placement supports the microversion of our requests.

    :param versions: as Placement's root lists them
    """
    supported = [version.get('max_version', '') for version in versions]
    newest = max(map(_number, supported), default=(0, 0))
    if newest < _number(MICROVERSION):
        return failure(
            f'Placement supports microversion {newest[0]}.{newest[1]}, '
            f'{MICROVERSION} is required',
            'upgrade Placement to Zed or later',
            values={'microversion': f'{newest[0]}.{newest[1]}'},
        )
    return ok()


def _number(text: str) -> tuple[int, int]:
    major, _, minor = text.partition('.')
    if not (major.isdecimal() and minor.isdecimal()):
        return (0, 0)
    return (int(major), int(minor))
