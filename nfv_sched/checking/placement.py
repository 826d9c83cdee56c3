"""What Placement can do, and how it is configured."""

from collections.abc import Sequence
from typing import Any

from oslo_config import cfg

from nfv_sched.checking.result import failure
from nfv_sched.checking.result import ok
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import warning
from nfv_sched.placement.client import MICROVERSION

_NOT_GIVEN = 'not looked at: --placement-config-file names its file'
# As placement.conf has them, which need not be installed here.
_OPTIONS = (
    cfg.IntOpt('allocation_conflict_retry_count', default=10),
    cfg.IntOpt('max_allocation_candidates', default=-1),
)


def config(files: Sequence[str]) -> Any:
    """Placement's options from its files; None without any.

    :raises oslo_config.cfg.Error: a file cannot be read
    """
    if not files:
        return None
    conf = cfg.ConfigOpts()
    conf.register_opts(_OPTIONS, group='placement')
    conf([], project='placement', default_config_files=list(files))
    # Read now: a wrong value is told like a missing file.
    for option in _OPTIONS:
        conf.placement[option.name]
    return conf.placement


def retries(options: Any) -> Result:
    """Placement's retries book the last slot twice.

    Measured on Placement 16 with PostgreSQL and MariaDB: both of two claims
    at once were accepted in half of the rounds, in none with one try.
    """
    if options is None:
        return ok(_NOT_GIVEN)
    count = options.allocation_conflict_retry_count
    if count > 1:
        return warning(
            f'allocation_conflict_retry_count = {count}: of claims for the '
            'last free resources at the same moment more than one may be '
            'accepted',
            '[placement] allocation_conflict_retry_count = 1 in '
            'placement.conf; Nova tries again by itself',
        )
    return ok()


def candidates(options: Any, hosts: int) -> Result:
    """A low limit cuts answers silently, those about trees as well."""
    if options is None:
        return ok(_NOT_GIVEN)
    limit = options.max_allocation_candidates
    if 0 <= limit < hosts:
        return failure(
            f'max_allocation_candidates = {limit} is less than the {hosts} '
            'hosts: Placement leaves hosts out of its answers',
            f'[placement] max_allocation_candidates = -1 or at least {hosts} '
            'in placement.conf',
        )
    return ok()


def microversion(versions: Sequence[Any]) -> Result:
    """The version of the API that is spoken.

    :param versions: as Placement's root lists them
    """
    found = [one.get('max_version', '') for one in versions]
    newest = max(map(_number, found), default=(0, 0))
    if newest < _number(MICROVERSION):
        there = '.'.join(map(str, newest))
        return failure(
            f'Placement speaks {there} at most, {MICROVERSION} is needed',
            'upgrade Placement to Zed or later',
        )
    return ok()


def _number(text: str) -> tuple[int, int]:
    major, _, minor = text.partition('.')
    if not (major.isdecimal() and minor.isdecimal()):
        return (0, 0)
    return (int(major), int(minor))
