"""Placement's candidates of some hosts at a time, for dry runs on these."""

from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
import json
import re
from typing import Any
import urllib.parse
import zlib

from nfv_sched.placement import amounts
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import BadAnswer

#: The key of the answer that :mod:`nfv_sched.placement.amounts` asks for.
AMOUNTS = (amounts.PATH, tuple(sorted(amounts.PARAMS.items())))

_RESOURCES, _IN_TREE = 'resources', 'in_tree'
# Names of request groups, which are new for each request.
_UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_REQUESTS, _SUMMARIES = 'allocation_requests', 'provider_summaries'


def packed(answer: Mapping[str, Any]) -> bytes:
    """An answer in a hundredth of the memory."""
    return zlib.compress(json.dumps(answer).encode(), 1)


def unpacked(text: bytes) -> dict[str, Any]:
    """What was packed."""
    answer: dict[str, Any] = json.loads(zlib.decompress(text))
    return answer


class Answers:
    """Answers for all hosts, kept in parts: one for each group of hosts.

    An answer for 5,000 hosts takes 100 MiB as objects, and a hundredth of
    that compressed.

    :param groups: uuids of compute nodes
    """

    def __init__(self, groups: Sequence[Collection[str]]) -> None:
        self._group_of = {
            uuid: number
            for number, group in enumerate(groups)
            for uuid in group
        }
        self._number = len(groups)
        self._parts: dict[Hashable, list[bytes]] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._parts

    def keep(self, key: Hashable, answer: Mapping[str, Any]) -> None:
        """Keep an answer for allocation candidates.

        :raises BadAnswer: it is malformed
        """
        parts: list[dict[str, Any]] = [
            {_REQUESTS: [], _SUMMARIES: {}} for _ in range(self._number)
        ]
        try:
            group_of = {}
            for uuid, summary in answer[_SUMMARIES].items():
                group = self._group_of.get(summary['root_provider_uuid'])
                if group is not None:
                    group_of[uuid] = group
                    parts[group][_SUMMARIES][uuid] = summary
            for request in answer[_REQUESTS]:
                first = next(iter(request['allocations']))
                if first in group_of:
                    parts[group_of[first]][_REQUESTS].append(request)
        except (LookupError, TypeError, AttributeError) as error:
            text = f'malformed answer: {type(error).__name__}: {error}'
            raise BadAnswer(text) from error
        self._parts[key] = list(map(packed, parts))

    def part(self, key: Hashable, group: int) -> dict[str, Any]:
        """What an answer has of a group."""
        return unpacked(self._parts[key][group])


class SomeHosts:
    """A client of Placement whose candidates are those of a group of hosts.

    As long as no provider shares its resources with several hosts these are
    the candidates that the hosts have in the answer for all.

    :param answers: has the one to :mod:`nfv_sched.placement.amounts`; gets
        those of other requests
    :param group: the number of the group
    :param hosts: uuids of its compute nodes
    :param one_by_one: whether to ask for each host, and not for all
    :param listed: answers of the same pass to other queries, by query
    """

    def __init__(  # noqa: PLR0913 - what there is, and what is asked
        self,
        client: PlacementClient,
        answers: Answers,
        group: int,
        hosts: Collection[str],
        *,
        one_by_one: bool,
        listed: dict[Hashable, dict[str, Any]],
    ) -> None:
        self._client = client
        self._answers = answers
        self._group = group
        self._hosts = sorted(hosts)
        self._one_by_one = one_by_one
        self._listed = listed

    def get(self, path: str, **params: str) -> dict[str, Any]:
        """As :meth:`PlacementClient.get`."""
        key = (path, tuple(sorted(params.items())))
        if key in self._answers:
            return self._answers.part(key, self._group)
        route, _, query = path.partition('?')
        if route == '/resource_providers':
            if key not in self._listed:
                self._listed[key] = self._client.get(path, **params)
            return self._listed[key]
        asked = dict(urllib.parse.parse_qsl(query)) | params
        if (
            route != amounts.PATH
            or _RESOURCES not in asked
            or _IN_TREE in asked
        ):
            return self._client.get(path, **params)
        if self._one_by_one or _UUID.search(query):
            return self._each(path, params)
        self._answers.keep(key, self._client.get(path, **params))
        return self._answers.part(key, self._group)

    def _each(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        requests: list[Any] = []
        summaries: dict[str, Any] = {}
        for uuid in self._hosts:
            answer = self._client.get(path, **params, in_tree=uuid)
            requests += answer[_REQUESTS]
            summaries.update(answer[_SUMMARIES])
        return {_REQUESTS: requests, _SUMMARIES: summaries}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
