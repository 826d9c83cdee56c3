"""Explanations as rows."""

from collections.abc import Sequence
from typing import Any

from nfv_sched.dryrun.values import Explanation
from nfv_sched.dryrun.values import HostFinding
from nfv_sched.dryrun.values import TableData
from nfv_sched.explain.suggestions import Suggestion


def headline(found: Explanation) -> str:
    """How many hosts there are, and how many fit."""
    fitting = 'none fits' if not found.fitting else f'{found.fitting} fit'
    return f'{found.hosts} hosts: {fitting}'


def conditions(found: Explanation) -> TableData:
    """How many hosts each condition rejects; the numbers add up."""
    rows: list[tuple[Any, ...]] = [
        (
            one.stage,
            one.name,
            one.hosts,
            f'{one.nearest.host}: {one.nearest.text}',
        )
        for one in found.conditions
    ]
    if found.fitting:
        first = next(one.host for one in found.findings if one.fits)
        rows.append(('', 'fits', found.fitting, f'{first}: fits'))
    return ('Asked by', 'Condition', 'Hosts', 'Nearest miss'), rows


def hosts(found: Sequence[HostFinding]) -> TableData:
    """What each host lacks, one row per thing."""
    columns = (
        'Host',
        'Fits',
        'Asked by',
        'Condition',
        'NUMA node',
        'Asked',
        'Available',
        'All else fits',
        'What it lacks',
    )
    rows: list[tuple[Any, ...]] = []
    for finding in found:
        if finding.fits:
            rows.append(
                (finding.host, True, '', '', None, None, None, True, '')
            )
        rows += [
            (
                finding.host,
                False,
                blocker.stage,
                blocker.condition,
                blocker.cell,
                blocker.asked,
                blocker.available,
                finding.all,
                blocker.text,
            )
            for blocker in finding.blockers
        ]
    return columns, rows


def nearest(found: Explanation, count: int) -> TableData:
    """The nearest of the hosts that do not fit, in a sentence each."""
    missed = [one for one in found.findings if not one.fits]
    rows = [(one.host, one.text) for one in missed[:count]]
    return ('Host', 'What it lacks'), rows


def suggestions(found: Sequence[Suggestion]) -> TableData:
    """What would let the instance fit."""
    columns = ('Change', 'Hosts', 'Host', 'Instances', 'They fit on')
    return columns, [
        (
            one.change,
            one.hosts,
            one.host,
            ', '.join(name for name, _ in one.guests),
            ', '.join(one.to),
        )
        for one in found
    ]
