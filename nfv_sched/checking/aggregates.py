"""Checks of host aggregates: multipliers and failure domains."""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import difflib
import math

from oslo_upgradecheck.upgradecheck import Code

from nfv_sched import conf
from nfv_sched.checking.result import Facts
from nfv_sched.checking.result import Finding
from nfv_sched.checking.result import of_findings
from nfv_sched.checking.result import of_host
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import skipped
from nfv_sched.checking.result import Subject
from nfv_sched.checking.result import SubjectKind
from nfv_sched.nova.compute_nodes import AggregateRecord
from nfv_sched.survey.values import HostSurvey

#: Keys of multipliers, with the least value that their options accept.
_MULTIPLIERS = {
    f'{conf.AGGREGATE_PREFIX}{option.name}': option.type.min
    for option in conf.WEIGHER_OPTS
    if option.name.endswith('_weight_multiplier')
}
_SIMILAR = 0.8


def multipliers(
    aggregates: Sequence[AggregateRecord], others: Collection[str]
) -> Result:
    """Check the multipliers of our weighers in metadata of aggregates.

    :param others: keys that something else reads: multipliers of Nova's
        weighers, kinds of failure domains
    """
    found: list[Finding] = []
    for aggregate in aggregates:
        for key, value in sorted(aggregate.metadata.items()):
            if key in _MULTIPLIERS:
                found += _wrong_value(aggregate.name, key, value)
            elif key not in others:
                found += _unknown_key(aggregate.name, key)
    return of_findings(found, 'problem')


def _of_aggregate(name: str) -> Subject:
    return Subject((name,), SubjectKind.AGGREGATE)


def _unknown_key(aggregate: str, key: str) -> Iterator[Finding]:
    similar = difflib.get_close_matches(key, _MULTIPLIERS, 1, _SIMILAR)
    if not similar and not key.startswith(conf.AGGREGATE_PREFIX):
        return
    hint = f', similar to {similar[0]}' if similar else ''
    yield Finding(
        _of_aggregate(aggregate),
        f'unknown key {key}{hint}: no weigher reads it',
        f'openstack aggregate unset --property {key} {aggregate}, and set the '
        'key that was meant',
        facts=Facts(key=key),
    )


def _wrong_value(aggregate: str, key: str, value: str) -> Iterator[Finding]:
    """As nova.scheduler.utils ``get_weight_multiplier`` reads it."""
    least = _MULTIPLIERS[key]
    code = Code.WARNING
    try:
        number = float(value)
    except ValueError:
        problem = 'is no number: the option is used instead'
    else:
        if not math.isfinite(number):
            problem = 'is no weight: hosts cannot be compared any more'
            code = Code.FAILURE
        elif least is not None and number < least:
            problem = f'is less than {least:g}'
        else:
            return
    yield Finding(
        _of_aggregate(aggregate),
        f'{key} = {value} {problem}',
        f'openstack aggregate set --property {key}=NUMBER {aggregate}',
        facts=Facts(key=key, value=value),
        code=code,
    )


def domains(
    hosts: Collection[HostSurvey],
    kinds: Sequence[str],
    aggregates: Sequence[AggregateRecord],
) -> Result:
    """Check that aggregates and nova.conf name the same failure domains.

    :param kinds: those of ``[nfv_sched] failure_domains``
    """
    if not kinds:
        return skipped('[nfv_sched] failure_domains is not set')
    found = [
        *_missing(hosts, kinds, aggregates),
        *_misspelt(kinds, aggregates),
        *_several(kinds, aggregates),
    ]
    return of_findings(found, 'problem')


def _missing(
    hosts: Collection[HostSurvey],
    kinds: Sequence[str],
    aggregates: Sequence[AggregateRecord],
) -> Iterator[Finding]:
    used = {key for aggregate in aggregates for key in aggregate.metadata}
    for kind in kinds:
        if kind not in used:
            yield Finding(
                Subject(('[nfv_sched] failure_domains',), SubjectKind.OPTION),
                f'no aggregate has the key {kind}',
                f'set {kind} for aggregates, or remove it from the option',
                facts=Facts(key=kind),
            )
            continue
        without = [
            host.topology.name
            for host in hosts
            if kind not in host.topology.domains
        ]
        if without:
            yield Finding(
                of_host(*without),
                f'no aggregate gives the {kind}',
                f'add each host to an aggregate with the key {kind}',
                facts=Facts(key=kind),
            )


def _misspelt(
    kinds: Sequence[str], aggregates: Sequence[AggregateRecord]
) -> Iterator[Finding]:
    for aggregate in aggregates:
        for key in sorted(aggregate.metadata.keys() - set(kinds)):
            if similar := _similar_kind(key, kinds):
                yield Finding(
                    _of_aggregate(aggregate.name),
                    f'unknown key {key}, similar to {similar}',
                    'use the same keys in aggregates and in [nfv_sched] '
                    'failure_domains',
                    facts=Facts(key=key),
                )


def _similar_kind(key: str, kinds: Sequence[str]) -> str | None:
    """The kind that a metadata key resembles, such as rack for Racks."""
    folded = {kind.casefold(): kind for kind in kinds}
    plain = key.strip().casefold()
    matches = difflib.get_close_matches(plain, folded, 1, _SIMILAR)
    return folded[matches[0]] if matches else None


def _several(
    kinds: Sequence[str], aggregates: Sequence[AggregateRecord]
) -> Iterator[Finding]:
    """Hosts in several domains of a kind, of which the first counts."""
    for kind in kinds:
        named: dict[str, dict[str, list[str]]] = {}
        for aggregate in aggregates:
            if value := aggregate.metadata.get(kind, '').strip():
                for host in aggregate.hosts:
                    names = named.setdefault(host, {})
                    names.setdefault(value, []).append(aggregate.name)
        for host, by_value in sorted(named.items()):
            if len(by_value) > 1:
                yield _in_several(host, kind, by_value)


def _in_several(
    host: str, kind: str, by_value: Mapping[str, Sequence[str]]
) -> Finding:
    first, *others = sorted(by_value)
    wrong = [name for value in others for name in by_value[value]]
    return Finding(
        of_host(host),
        f'in several failure domains of the kind {kind}: '
        f'{", ".join((first, *others))}; the first one counts',
        f'keep it in one aggregate of the kind, such as by openstack '
        f'aggregate remove host {wrong[0]} {host}',
        facts=Facts(key=kind, value=first),
    )
