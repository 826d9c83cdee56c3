"""The requests that are counted: flavors, and shapes of their instances."""

from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Sequence
import dataclasses
import re
from typing import Any

from nfv_sched.nova import boot_request
from nfv_sched.nova import host_changes
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.nova.boot_request import BootRequest
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.nova.shapes import shapes_of
from nfv_sched.nova.types import RequestSpec

# Names of request groups, which are new for each request.
_UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


@dataclasses.dataclass(frozen=True, slots=True)
class RequestKey:
    """A flavor, and the ports and image properties beyond it, as text.

    ``shape`` is empty for the flavor alone.
    """

    flavor: str
    shape: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class CountedRequest:
    """A request of which to count how many more fit."""

    key: RequestKey
    public: bool
    boot: BootRequest

    def spec(self, pipeline: Pipeline) -> RequestSpec:
        """A RequestSpec, for one use.

        :raises BadRequestError: Nova would refuse the request
        """
        # Nova changes the flavor of a request, too.
        boot = dataclasses.replace(
            self.boot, flavor=self.boot.flavor.obj_clone()
        )
        return boot_request.request_spec(pipeline.context, boot)

    def signature(self, pipeline: Pipeline) -> Hashable:
        """Another one where the request asks for something else.

        :raises BadRequestError: Nova would refuse the request
        """
        spec = self.spec(pipeline)
        refused = pipeline.run_request_filters(spec)
        queries: Sequence[str] = ()
        if refused is None:
            queries = pipeline.placement_query(spec).queries
        flavor = self.boot.flavor
        return (
            flavor.vcpus,
            flavor.memory_mb,
            tuple(sorted(flavor.extra_specs.items())),
            refused,
            tuple(
                tuple(sorted(_UUID.sub('', text).split('&')))
                for text in queries
            ),
        )


def chosen_flavors(names: Collection[str], most: int) -> list[str]:
    """The names of the flavors to count.

    :param names: of flavors; without any those of most instances
    :param most: how many at most
    """
    if names:
        return list(dict.fromkeys(names))[:most]
    return [str(each.name) for each in host_changes.most_used_flavors(most)]


def requests_of(
    pipeline: Pipeline, names: Sequence[str], shapes: int, problems: list[str]
) -> list[CountedRequest]:
    """The requests of flavors: each alone, then as its instances run.

    :param shapes: how many shapes of each flavor at most, beside it alone
    :param problems: gets a line for each flavor that is not there
    """
    found = []
    for name in names:
        try:
            flavor = boot_request.flavor_named(pipeline.context, name)
        except BadRequestError as error:
            problems.append(str(error))
            continue
        found += [
            _request(flavor, shape.text, shape.request)
            for shape in shapes_of(pipeline, flavor, shapes).shapes
        ]
    return found


def renewed(
    pipeline: Pipeline,
    requests: Sequence[CountedRequest],
    problems: list[str],
) -> list[CountedRequest]:
    """The same requests, with the flavors as they are now."""
    flavors: dict[str, Any] = {}
    for name in dict.fromkeys(each.key.flavor for each in requests):
        try:
            flavors[name] = boot_request.flavor_named(pipeline.context, name)
        except BadRequestError as error:
            problems.append(str(error))
    return [
        _request(
            flavors[each.key.flavor],
            each.key.shape,
            dataclasses.replace(each.boot, flavor=flavors[each.key.flavor]),
        )
        for each in requests
        if each.key.flavor in flavors
    ]


def _request(flavor: Any, shape: str, boot: BootRequest) -> CountedRequest:
    return CountedRequest(
        RequestKey(str(flavor.name), shape), bool(flavor.is_public), boot
    )
