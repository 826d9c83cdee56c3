"""Checks of Placement: its API version and its configuration."""

from collections.abc import Sequence
from typing import Any

from oslo_config import cfg

from nfv_sched.checking.result import count
from nfv_sched.checking.result import failure
from nfv_sched.checking.result import ok
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import skipped
from nfv_sched.checking.result import warning
from nfv_sched.placement.client import MICROVERSION

_NOT_GIVEN = 'name placement.conf with --placement-config-file'
# Defined here because the placement package need not be installed.
_OPTIONS = (
    cfg.IntOpt('allocation_conflict_retry_count', default=10),
    cfg.IntOpt('max_allocation_candidates', default=-1),
)


def config(files: Sequence[str]) -> Any:
    """Placement's options from its files; None without files.

    :raises oslo_config.cfg.Error: a file cannot be read
    """
    if not files:
        return None
    conf = cfg.ConfigOpts()
    conf.register_opts(_OPTIONS, group='placement')
    conf([], project='placement', default_config_files=list(files))
    # Read now, so that an invalid value is reported like a missing file.
    for option in _OPTIONS:
        conf.placement[option.name]
    return conf.placement


def retries(options: Any) -> Result:
    """Check that Placement does not retry claims, which overbooks.

    Measured on Placement 16 with PostgreSQL and MariaDB: of two concurrent
    claims for the last free resources both were accepted in half of the
    rounds, in none with one attempt.
    """
    if options is None:
        return skipped(_NOT_GIVEN)
    attempts = options.allocation_conflict_retry_count
    if attempts > 1:
        return warning(
            f'allocation_conflict_retry_count = {attempts}: Placement may '
            'accept more than one of several concurrent claims for the last '
            'free resources',
            '[placement] allocation_conflict_retry_count = 1 in '
            'placement.conf; Nova retries the claim itself',
        )
    return ok()


def candidates(options: Any, hosts: int) -> Result:
    """Check that the limit of candidates does not truncate answers."""
    if options is None:
        return skipped(_NOT_GIVEN)
    limit = options.max_allocation_candidates
    if 0 <= limit < hosts:
        return failure(
            f'max_allocation_candidates = {limit} is less than the '
            f'{count(hosts, "host")}: Placement leaves hosts out of its '
            'answers',
            f'[placement] max_allocation_candidates = -1 or at least {hosts} '
            'in placement.conf',
        )
    return ok()


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
        )
    return ok()


def _number(text: str) -> tuple[int, int]:
    major, _, minor = text.partition('.')
    if not (major.isdecimal() and minor.isdecimal()):
        return (0, 0)
    return (int(major), int(minor))
