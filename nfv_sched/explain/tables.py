"""Explanations as rows."""

from collections.abc import Sequence
from typing import Any

from nfv_sched.dryrun.values import Explanation
from nfv_sched.dryrun.values import HostFinding
from nfv_sched.dryrun.values import TableData
from nfv_sched.explain.suggestions import Suggestion


def headline(explanation: Explanation) -> str:
    """How many hosts there are, and how many fit."""
    fitting = (
        'none fits'
        if not explanation.fitting
        else f'{explanation.fitting} fit'
    )
    return f'{explanation.hosts} hosts: {fitting}'


def conditions(explanation: Explanation) -> TableData:
    """How many hosts each condition rejects; the numbers add up."""
    rows: list[tuple[Any, ...]] = [
        (
            condition.stage,
            condition.name,
            condition.hosts,
            f'{condition.nearest.host}: {condition.nearest.text}',
        )
        for condition in explanation.conditions
    ]
    if explanation.fitting:
        first = next(
            finding.host for finding in explanation.findings if finding.fits
        )
        rows.append(('', 'fits', explanation.fitting, f'{first}: fits'))
    return ('Asked by', 'Condition', 'Hosts', 'Nearest miss'), rows


def hosts(findings: Sequence[HostFinding]) -> TableData:
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
    for finding in findings:
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


def nearest(explanation: Explanation, count: int) -> TableData:
    """The nearest of the hosts that do not fit, in a sentence each."""
    missed = [finding for finding in explanation.findings if not finding.fits]
    rows = [(finding.host, finding.text) for finding in missed[:count]]
    return ('Host', 'What it lacks'), rows


def suggestions(suggested: Sequence[Suggestion]) -> TableData:
    """What would let the instance fit."""
    columns = ('Change', 'Hosts', 'Host', 'Instances', 'They fit on')
    return columns, [
        (
            suggestion.change,
            suggestion.hosts,
            suggestion.host,
            ', '.join(name for name, _ in suggestion.guests),
            ', '.join(suggestion.to),
        )
        for suggestion in suggested
    ]
