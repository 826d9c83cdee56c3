"""Failure domains of hosts, as the metadata of host aggregates name them."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import logging
from typing import Any

from nova import objects

from nfv_sched.nova.types import Aggregate
from nfv_sched.nova.types import HostState

LOG = logging.getLogger(__name__)

#: Of which hosts it has been said that they are in several domains at once.
_WARNED: set[tuple[str, str]] = set()
_MAX_WARNED = 1000

#: A host and its domains, see :mod:`nfv_sched.fit.topology_spread`.
DomainPath = tuple[str | None, ...]


def domain_keys(option: Iterable[str]) -> tuple[str, ...]:
    """The metadata keys that ``[nfv_sched] failure_domains`` names."""
    return tuple(dict.fromkeys(filter(None, map(str.strip, option))))


def read_domains(
    context: Any, kinds: Sequence[str]
) -> Mapping[str, Mapping[str, str]]:
    """The domains of all hosts, from the API database: one query."""
    if not kinds:
        return {}
    return domains_by_host(objects.AggregateList.get_all(context), kinds)


def domains_by_host(
    aggregates: Iterable[Aggregate], keys: Sequence[str]
) -> dict[str, dict[str, str]]:
    """The domains of every host that is in any, by key.

    :param aggregates: ``nova.objects.Aggregate``, all that there are
    """
    names_by_host: dict[str, list[Mapping[str, str]]] = {}
    for aggregate in aggregates:
        if named := _named(aggregate, keys):
            for host in aggregate.hosts:
                names_by_host.setdefault(host, []).append(named)
    return {
        host: {
            key: value
            for key in keys
            if (value := _domain_of(host, key, named)) is not None
        }
        for host, named in names_by_host.items()
    }


def domain_paths(
    states: Iterable[HostState],
    others: Collection[str],
    keys: Sequence[str],
    published: Callable[[], Mapping[str, Mapping[str, str]]],
) -> dict[str, DomainPath]:
    """The places of the hosts of ``states`` and of ``others``.

    The aggregates of the host states list all of their hosts, those without
    a state among them. For a host that they do not list, ``published`` is
    called: domains by host name. A host that is not there either has a place
    that ends with its own name.

    :param states: HostStates
    :param others: names of hosts
    """
    named: dict[int, Mapping[str, str]] = {}
    listed: dict[str, list[Mapping[str, str]]] = {}
    paths: dict[str, DomainPath] = {}
    for state in states:
        own = []
        for aggregate in state.aggregates:
            # Aggregates are shared by the states of their hosts.
            if (names := named.get(id(aggregate))) is None:
                names = named[id(aggregate)] = _named(aggregate, keys)
                for host in _listed(aggregate, others) if names else ():
                    listed.setdefault(host, []).append(names)
            own.append(names)
        paths[state.host] = _path(state.host, keys, own)
    if keys:
        for host in listed.keys() - paths.keys():
            paths[host] = _path(host, keys, listed[host])
        if lost := set(others) - paths.keys():
            known = published()
            for host in lost & known.keys():
                paths[host] = _path(host, keys, [known[host]])
    for host in set(others) - paths.keys():
        paths[host] = (host,)
    return paths


def _listed(aggregate: Aggregate, others: Collection[str]) -> Iterable[str]:
    hosts = aggregate.hosts if 'hosts' in aggregate else ()
    return [host for host in hosts if host in others]


def _path(
    host: str, keys: Sequence[str], named: Sequence[Mapping[str, str]]
) -> DomainPath:
    return (host, *(_domain_of(host, key, named) for key in keys))


def _named(aggregate: Aggregate, keys: Sequence[str]) -> Mapping[str, str]:
    """What an aggregate says about domains; blank values say nothing."""
    metadata = aggregate.metadata
    return {
        key: value
        for key in keys
        if key in metadata and (value := metadata[key].strip())
    }


def _domain_of(
    host: str, key: str, named: Iterable[Mapping[str, str]]
) -> str | None:
    """The domain of a kind; the first by name where aggregates overlap."""
    values = {names[key] for names in named if key in names}
    if len(values) > 1:
        _warn(host, key, sorted(values))
    return min(values, default=None)


def _warn(host: str, key: str, values: list[str]) -> None:
    if (host, key) in _WARNED or len(_WARNED) >= _MAX_WARNED:
        return
    _WARNED.add((host, key))
    LOG.warning(
        'Host %s is in several failure domains of the kind %s: %s. The first '
        'one counts; a host is to be in one aggregate of each kind.',
        host,
        key,
        ', '.join(values),
    )
