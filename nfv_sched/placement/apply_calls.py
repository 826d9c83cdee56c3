"""Carry planned calls out, with the generations that Placement requires."""

import collections
from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import logging
import time
from typing import Any

from nfv_sched.placement import api
from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.diff import Call
from nfv_sched.placement.diff import CallKind
from nfv_sched.placement.diff import Present
from nfv_sched.placement.diff import PresentTree
from nfv_sched.placement.errors import BadAnswer
from nfv_sched.placement.errors import Conflict
from nfv_sched.placement.errors import NotFound
from nfv_sched.placement.errors import PlacementError
from nfv_sched.placement.errors import Refused
from nfv_sched.placement.errors import Unavailable

LOG = logging.getLogger(__name__)

#: Attempts to write a host that other clients write at the same time.
ATTEMPTS = 8
#: The status of a call that Placement's policy does not allow.
_FORBIDDEN = 403
#: The allocations of a consumer that does not exist yet.
NO_ALLOCATIONS = api.Consumer({}, None)


@dataclasses.dataclass(slots=True)
class TreeState:
    """A host's tree and our consumer's allocations, as they were read.

    ``generations`` holds the generation of each provider by uuid, and is
    updated after each of our own writes; without those that a call for the
    inventories of several providers has moved. An ``assumed`` state was not
    read: the tree should not exist.
    """

    present: PresentTree
    consumer: api.Consumer
    generations: dict[str, int] = dataclasses.field(default_factory=dict)
    assumed: bool = False

    @classmethod
    def of(
        cls, present: PresentTree, consumer: api.Consumer = NO_ALLOCATIONS
    ) -> 'TreeState':
        """The state before the first write."""
        generations = {
            uuid: provider.generation for uuid, provider in present.items()
        }
        return cls(present, consumer, generations)

    @classmethod
    def assume_nothing(cls) -> 'TreeState':
        """The state if the tree does not exist, which no call has shown."""
        return cls({}, NO_ALLOCATIONS, assumed=True)


@dataclasses.dataclass(frozen=True, slots=True)
class ApplyResult:
    """The calls that were made, and the problem that ended them, if any.

    ``conflicts`` counts the concurrent writes by other clients.
    """

    calls: tuple[Call, ...]
    problem: PlacementError | None
    conflicts: int


def read_usage(client: PlacementClient, root: str) -> api.Consumer:
    """The allocations that mirror the usage of the host of ``root``."""
    return api.consumer(client, schema.usage_uuid(root))


def read_tree(client: PlacementClient, root: str) -> Mapping[str, Present]:
    """The tree of ``root`` by provider uuid; empty if there is none.

    :raises Conflict: the tree changed while it was read
    """
    tree = {}
    for uuid, listed in api.tree_of(client, root).items():
        try:
            generation, inventories = api.inventories(client, uuid)
            traits_generation, traits = api.traits(client, uuid)
        except NotFound as error:
            raise Conflict(404, error.code, str(error)) from error
        if generation != traits_generation:
            raise Conflict(409, '', f'{listed.name} changed while read')
        tree[uuid] = Present(
            uuid, listed.name, listed.parent, generation, inventories, traits
        )
    return tree


def apply_with_retries(
    client: PlacementClient,
    planned: Callable[[PlacementError | None], tuple[list[Call], TreeState]],
) -> ApplyResult:
    """Make the planned calls; plan and make them again after each conflict.

    :param planned: called with the problem of the attempt before
    :raises Unavailable: Placement does not answer
    :raises BadAnswer: Placement does not answer correctly
    """
    calls_made: list[Call] = []
    problem: PlacementError | None = None
    conflicts = 0
    for attempt in range(ATTEMPTS):
        time.sleep(0.02 * attempt)
        calls_before = len(calls_made)
        state: TreeState | None = None
        try:
            calls, state = planned(problem)
            _apply_all(client, calls, state, calls_made)
        except Conflict as error:
            # Only ever about generations that we read ourselves, or about a
            # tree that we assumed not to exist: all of it is read again, and
            # only what still differs is written.
            LOG.debug('Attempt %d: %s', attempt, error)
            problem = error
            if not (
                state is not None
                and state.assumed
                and len(calls_made) == calls_before
            ):
                conflicts += 1
        except (Unavailable, BadAnswer):
            raise
        except PlacementError as error:
            problem = error
            break
        else:
            problem = None
            break
    return ApplyResult(tuple(calls_made), problem, conflicts)


def _apply_all(
    client: PlacementClient,
    calls: list[Call],
    state: TreeState,
    calls_made: list[Call],
) -> None:
    """Make the calls, and append each one that was made to ``calls_made``.

    By default, Placement allows the call for several inventories to the role
    ``service`` only. A client without it makes the parts of that call.
    """
    pending = collections.deque(calls)
    while pending:
        call = pending.popleft()
        if call.parts and not client.may_reshape:
            pending.extendleft(reversed(call.parts))
            continue
        try:
            apply(client, call, state)
        except Refused as error:
            if not call.parts or error.status != _FORBIDDEN:
                raise
            if client.may_reshape:
                LOG.info(
                    'Placement does not allow POST /reshaper to this user, '
                    'who may lack the role "service": the inventories of '
                    'each provider are written in a request of their own'
                )
            client.may_reshape = False
            pending.appendleft(call)
            continue
        calls_made.append(call)


def apply(client: PlacementClient, call: Call, state: TreeState) -> None:
    """Make one call and record the generations that it moves.

    :raises Conflict: another client wrote the provider or consumer
    """
    body = dict(call.body or {})
    name = 'resource_provider_generation'
    match call.kind:
        case CallKind.REMOVAL:
            try:
                client.delete(call.path)
            except NotFound:
                LOG.debug('%s is already removed', call.name)
        case CallKind.USAGE:
            body['consumer_generation'] = state.consumer.generation
            client.put(call.path, body)
            _read_generations(client, call, state)
        case CallKind.PROVIDER:
            if call.method == 'POST':
                answer = client.post(call.path, body)
            else:
                answer = client.put(call.path, body)
            state.generations[call.uuid] = _generation(
                answer.get('generation')
            )
        case CallKind.INVENTORIES | CallKind.TRAITS:
            body[name] = state.generations[call.uuid]
            answer = client.put(call.path, body)
            state.generations[call.uuid] = _generation(answer.get(name))
        case CallKind.RESHAPE:
            inventories = {
                part.uuid: {
                    **(part.body or {}),
                    name: state.generations[part.uuid],
                }
                for part in call.parts
            }
            client.post(
                call.path, {'inventories': inventories, 'allocations': {}}
            )
            # The answer does not contain them.
            for uuid in inventories:
                del state.generations[uuid]


def _generation(value: Any) -> int:
    if not isinstance(value, int):
        raise BadAnswer(f'generation {value!r}')
    return value


def _read_generations(
    client: PlacementClient, call: Call, state: TreeState
) -> None:
    """Read the generations that our own allocations moved.

    Our write moves each provider by one. A larger step is the write of
    another client.
    """
    if not state.present:
        return
    root = next(uuid for uuid, p in state.present.items() if not p.parent)
    for uuid, listed in api.tree_of(client, root).items():
        known = state.generations.get(uuid)
        if known is not None and listed.generation > known + 1:
            raise Conflict(409, '', f'{listed.name} was changed meanwhile')
        state.generations[uuid] = listed.generation
    state.consumer = api.consumer(client, call.uuid)
