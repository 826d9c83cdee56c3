"""A fanout topic on the message bus that nova-schedulers share.

Nova's own transport carries it (``[DEFAULT] transport_url``). The servers of
the topic are named after their hosts, as those of Nova are, so that a restart
does not leave a queue behind.
"""

from collections.abc import Callable
from typing import Any

from nova import context as nova_context
from nova import rpc
import nova.conf
import oslo_messaging
from oslo_utils import eventletutils

CONF = nova.conf.CONF

#: The topic, which is also the namespace of its methods.
TOPIC = 'nfv_sched_picks'
# Of the method and its arguments. The messages have versions of their own.
_VERSION = '1.0'


class _Endpoint:
    """What the server of the topic calls."""

    target = oslo_messaging.Target(namespace=TOPIC, version=_VERSION)

    def __init__(self, receive: Callable[[object], None]) -> None:
        self._receive = receive

    def share(self, context: object, message: object) -> None:
        """Take a message of any scheduler, also of this one."""
        del context
        self._receive(message)


def available() -> bool:
    """Whether this process is a Nova service, with a transport."""
    return rpc.TRANSPORT is not None


def cast(message: dict[str, Any]) -> None:
    """Send a message to all that listen; waits for the bus, but not long.

    :param message: of JSON's types
    :raises Exception: the bus is down, or whatever else its driver raises
    """
    target = oslo_messaging.Target(
        topic=TOPIC, namespace=TOPIC, version=_VERSION
    )
    client = rpc.get_client(target).prepare(fanout=True, retry=0)
    client.cast(
        nova_context.get_admin_context(),
        'share',
        message=message,
    )


def listen(receive: Callable[[object], None]) -> Callable[[], None]:
    """Receive messages, in threads of the server's own.

    Waits for a bus that is down.

    :param receive: takes each message; must not raise
    :returns: ends it
    :raises Exception: whatever the bus's driver raises
    """
    # As nova.rpc.get_server. That of Nova 31 takes eventlet for granted.
    eventlet = eventletutils.is_monkey_patched('thread')
    server = oslo_messaging.get_rpc_server(
        rpc.TRANSPORT,
        oslo_messaging.Target(topic=TOPIC, server=CONF.host),
        [_Endpoint(receive)],
        executor='eventlet' if eventlet else 'threading',
        serializer=rpc.RequestContextSerializer(None),
    )
    server.start()

    def stop() -> None:
        server.stop()
        server.wait()

    return stop
