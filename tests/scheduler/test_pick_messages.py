"""Messages about picks: read as they were written, whatever they hold."""

import contextlib
import copy
import json

from hypothesis import given
from hypothesis import strategies as st
import pytest

from nfv_sched import fit
from nfv_sched.model import DeviceRequest
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import NodeChoice
from nfv_sched.model import PAGES_LARGE
from nfv_sched.scheduler import pick_messages
from nfv_sched.scheduler.pick_messages import InvalidMessage
from nfv_sched.scheduler.pick_messages import SharedPick

_NAMES = st.text('abc-é', min_size=1, max_size=6)
_CPUS = st.frozensets(st.integers(0, 63), max_size=4)
_CELLS = st.builds(
    GuestCell,
    st.integers(0, 7),
    st.integers(0, 1 << 40),
    _CPUS,
    _CPUS,
    st.sampled_from([None, PAGES_LARGE, 2048]),
    st.sampled_from([None, 'dedicated', 'mixed', 'shared']),
    st.sampled_from([None, 'prefer', 'require', 'isolate']),
)
_DEVICES = st.builds(
    DeviceRequest,
    st.integers(0, 4),
    st.lists(
        st.dictionaries(_NAMES, st.none() | _NAMES, max_size=2), max_size=2
    ).map(tuple),
    st.sampled_from(['required', 'socket', 'legacy', 'preferred']),
    st.none() | _NAMES,
    st.booleans(),
    st.none() | _NAMES,
    st.lists(_NAMES, max_size=2).map(tuple),
)
GUESTS = st.builds(
    Guest,
    st.lists(_CELLS, max_size=3).map(tuple),
    st.lists(_DEVICES, max_size=3).map(tuple),
    st.booleans(),
    st.frozensets(_NAMES, max_size=2),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 'preferred', 'required']),
    st.frozensets(_NAMES, max_size=2),
)
_NODES = st.frozensets(st.integers(0, 7), max_size=3)


@st.composite
def picks(draw):
    fit_request = fit.FitRequest(draw(GUESTS), pack=draw(st.booleans()))
    providers = tuple(
        tuple(draw(st.lists(_NAMES, max_size=2)))
        for _ in fit_request.guest.devices
    )
    return SharedPick(
        draw(_NAMES),
        draw(_NAMES),
        draw(_NAMES),
        fit_request,
        providers,
        draw(st.none() | st.builds(NodeChoice, _NODES, _NODES)),
        draw(st.floats(0.0, 1e6)),
    )


def sent(*shared):
    message = pick_messages.encode('me', 5.0, shared)
    # As it is on the bus.
    return json.loads(json.dumps(message))


def without_ids(guest):
    return pick_messages.decode_guest(pick_messages.encode_guest(guest))


def test_strategy_fills_every_field():
    """A field that is added to the model has to be added above, too."""
    assert len(Guest.__dataclass_fields__) == 8
    assert len(GuestCell.__dataclass_fields__) == 7
    assert len(DeviceRequest.__dataclass_fields__) == 7


@given(GUESTS)
def test_guest_is_read_as_it_was_written(guest):
    read = without_ids(guest)
    assert read.cells == guest.cells
    for name in Guest.__dataclass_fields__:
        if name != 'devices':
            assert getattr(read, name) == getattr(guest, name)
    for got, given_request in zip(read.devices, guest.devices, strict=True):
        for name in DeviceRequest.__dataclass_fields__:
            if name != 'request_id':
                assert getattr(got, name) == getattr(given_request, name)


@given(st.lists(picks(), max_size=3))
def test_picks_are_read_as_they_were_written(shared):
    message = pick_messages.decode(sent(*shared))
    assert (message.sender, message.sent) == ('me', 5.0)
    for got, pick in zip(message.picks, shared, strict=True):
        assert got._replace(fit_request=None) == pick._replace(
            fit_request=None
        )
        assert got.fit_request.pack == pick.fit_request.pack
        assert got.fit_request.guest == without_ids(pick.fit_request.guest)


def simple(**changes):
    guest = Guest((GuestCell(0, 1024, dedicated=frozenset({0, 1})),))
    pick = SharedPick(
        'instance', 'node', 'host', fit.FitRequest(guest), (), None, 0.0
    )
    return pick._replace(**changes)


def test_instances_of_a_flavor_share_their_shape():
    request = DeviceRequest(1, ({'product_id': '154c'},), request_id='a')
    shared = []
    for number in range(2):
        device = DeviceRequest(
            **{
                **{
                    name: getattr(request, name)
                    for name in DeviceRequest.__dataclass_fields__
                },
                'request_id': f'of-{number}',
            }
        )
        fit_request = fit.FitRequest(Guest((), (device,)))
        shared.append(simple(fit_request=fit_request, providers=((),)))
    one, other = pick_messages.decode(sent(*shared)).picks
    assert one.fit_request is other.fit_request


def test_fields_of_a_newer_release_are_ignored():
    message = sent(simple())
    message['version'][1] += 1
    message['more'] = message['picks'][0]['more'] = {'any': 'thing'}
    guest = json.loads(message['picks'][0]['guest'])
    guest['more'] = guest['cells'][0]['more'] = [1]
    message['picks'][0]['guest'] = json.dumps(guest)
    [pick] = pick_messages.decode(message).picks
    assert pick.fit_request.guest == simple().fit_request.guest


def test_fields_that_an_older_release_lacks_have_defaults():
    message = sent(simple(choice=NodeChoice(frozenset({1})), age=3.0))
    for name in 'pack', 'providers', 'age', 'excluded_nodes':
        del message['picks'][0][name]
    [pick] = pick_messages.decode(message).picks
    assert (pick.age, pick.choice.required) == (0.0, {1})


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda message: [], r'\$ is not valid'),
        (lambda message: {**message, 'version': [2, 0]}, 'version 2.0'),
        (lambda message: {**message, 'version': '1.0'}, r'\$.version is'),
        (lambda message: {**message, 'picks': [{}]}, r'\$.picks\[0\] is'),
        (
            lambda message: {**message, 'picks': message['picks'] * 65},
            r'\$.picks is not valid \(maxItems\)',
        ),
        (
            lambda message: with_guest(message, '{'),
            'a guest is not JSON',
        ),
        (
            lambda message: with_guest(message, '[' * 60000),
            'a guest is not JSON',
        ),
        (
            lambda message: with_guest(message, ' ' * 65537),
            r'\$.picks\[0\].guest is not valid \(maxLength\)',
        ),
        (
            lambda message: with_guest(message, '{"cells": [{"id": -1}]}'),
            r'\$.cells\[0\]',
        ),
        (
            lambda message: {
                **message,
                'picks': [{**message['picks'][0], 'providers': [['a']]}],
            },
            'providers of 1 device requests, not of 0',
        ),
    ],
)
def test_invalid_messages(change, said):
    message = change(sent(simple()))
    with pytest.raises(InvalidMessage, match=said):
        pick_messages.decode(message)


def test_devices_may_be_left_open():
    guest = '{"devices": [{"count": 1, "specs": []}]}'
    [pick] = pick_messages.decode(with_guest(sent(simple()), guest)).picks
    assert pick.providers == pick.fit_request.no_providers


def with_guest(message, text):
    return {**message, 'picks': [{**message['picks'][0], 'guest': text}]}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value, here=()):
    yield here
    entries = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in entries:
        yield from places(inner, (*here, key))


def changed(value, place, new):
    if not place:
        return new
    value = copy.copy(value)
    value[place[0]] = changed(value[place[0]], place[1:], new)
    return value


@given(picks(), st.data())
def test_damaged_messages_are_read_or_invalid(shared, data):
    message = sent(shared)
    # Their texts are JSON, too, and as likely damaged.
    message['picks'][0]['guest'] = json.loads(message['picks'][0]['guest'])
    place = data.draw(st.sampled_from(list(places(message))))
    message = changed(message, place, data.draw(_JSON))
    with contextlib.suppress(TypeError, KeyError, IndexError, ValueError):
        guest = message['picks'][0]['guest']
        message['picks'][0]['guest'] = json.dumps(guest)
    for pick in readable(message):
        assert isinstance(pick.fit_request.guest, Guest)
        hash(pick.fit_request.guest.cells)


def readable(message):
    with contextlib.suppress(InvalidMessage):
        return pick_messages.decode(message).picks
    return ()


def test_what_is_said_of_a_message_is_short():
    guest = {'devices': [{'count': 1, 'specs': [{'x' * 60000: 1}]}]}
    message = with_guest(sent(simple()), json.dumps(guest))
    with pytest.raises(InvalidMessage, match='is not valid') as raised:
        pick_messages.decode(message)
    assert len(str(raised.value)) < 300
