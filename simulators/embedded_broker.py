"""A broker inside the demo's process (amqtt): nothing to install, nothing to configure, loopback only.

It carries what the demo needs: QoS 1, retained messages, wills, sessions that outlive their
connection. What it cannot, and why it is no broker for a building:

- Nothing survives `EmbeddedBroker.stop`: it always starts empty.
- A message to a client that does not acknowledge within 5 s is dropped.
- A message that waited for an absent client says that it was retained, whether it was or not.
- Nothing in it is bounded: not the queue of an absent client, not the size of a message.
- Anybody on this machine may connect.
- It speaks MQTT 3.1.1 only, and says so to who begins in version 5.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from contextlib import suppress
from typing import Any, cast

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

START_S = 10.0
STOP_S = 10.0
REST_S = 2.0

GRACE_S = 30
"""Added to a client's keep-alive: a client asks for it when it has passed, which is too late without."""


VERSION = b"\x04"
"""What a CONNECT of MQTT 3.1.1 says."""

WRONG_VERSION = bytes.fromhex("20020001")
"""The answer to any other."""


class Anybody(BaseAuthPlugin):
    """Lets everybody in under the own name. amqtt's anonymous clients would have no lasting sessions."""

    async def authenticate(self, *, session: Session) -> bool:
        """Nobody is refused."""
        return True


class EmbeddedBroker:
    """Runs on a thread of its own, from `start` to `stop`.

    Args:
        port: on loopback; 0 takes a free one, the same at each start.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port or _free_port()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._started: threading.Event = threading.Event()
        self._ended = asyncio.Event()
        self._error: BaseException | None = None

    def start(self) -> None:
        """Return when it takes connections.

        Raises:
            OSError: it does not start, most likely because somebody else has the port.
        """
        self._started.clear()
        self._error = None
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._thread.start()
        if not self._started.wait(START_S) or self._error is not None:
            raise OSError(f"the embedded broker does not start on port {self.port}: {self._error}") from self._error

    def stop(self) -> None:
        """End all connections; return when the port is free again."""
        thread, self._thread = self._thread, None
        if thread is not None:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._ended.set)
            thread.join(STOP_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - told by `start`, which waits for it
            self._error = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        # it tells at length what is normal life here: clients that come and go
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        broker = _SteadyBroker(
            BrokerConfig(
                listeners={"default": ListenerConfig(bind=f"127.0.0.1:{self.port}")},
                timeout_disconnect_delay=GRACE_S,
                plugins={f"{Anybody.__module__}.{Anybody.__name__}": {}},
            )
        )
        await broker.start()
        self._started.set()
        await self._ended.wait()
        await broker.shutdown()
        await _quiet()


async def _quiet() -> None:
    """Let all that was begun end, and what that begins: a loop that ends earlier leaves sockets open."""
    with suppress(TimeoutError):
        async with asyncio.timeout(REST_S):
            while rest := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(rest)


class _SteadyBroker(Broker):
    """amqtt's broker without faults that a demo with a dozen clients meets."""

    def __init__(self, config: BrokerConfig) -> None:
        super().__init__(config)
        self._closed = False
        self._wires: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        """Converse with a client, and close its socket however that ends."""
        if self._closed:  # it slipped in while the door was closing
            writer.transport.abort()
            return
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._wires[task] = writer
        try:
            # amqtt would wait for ever for the end of a CONNECT of version 5, whose middle it does not understand
            head = await _up_to_version(reader)
            if head.endswith(VERSION):
                await self.external_connected(_Reread(head, reader), StreamWriterAdapter(writer), listener_name)
            elif head:
                writer.write(WRONG_VERSION)
        finally:
            del self._wires[task]
            writer.close()

    async def shutdown(self) -> None:
        """End: close the door, cut the wires, and only then stop.

        A client that is thrown out while the door is open comes in again and is never let go; and to
        cancel amqtt's reading tasks may hang for ever, whereas at the end of the wire they end.
        """
        self._closed = True
        loop = asyncio.get_running_loop()
        servers = [cast(asyncio.Server, server.instance) for server in self._servers.values()]
        for server in servers:
            for door in server.sockets:
                loop.remove_reader(door.fileno())
        await asyncio.sleep(0)  # who was let in by asyncio, but not yet by us, is not lost in between
        for server in servers:
            server.close()
        for writer in self._wires.values():
            writer.transport.abort()
        if self._wires:
            await asyncio.wait(list(self._wires), timeout=REST_S)
        await super().shutdown()

    async def _client_message_loop(self, client_session: Session, handler: BrokerProtocolHandler) -> None:
        # A client that is back before its end was noticed takes its own session over; amqtt then believes
        # it to be away, and keeps from it what comes in.
        self._believe_connected(client_session)
        await super()._client_message_loop(client_session, handler)

    async def _handle_disconnect(
        self, client_session: Session, handler: BrokerProtocolHandler, disconnect_waiter: asyncio.Future[Any]
    ) -> None:
        await super()._handle_disconnect(client_session, handler, disconnect_waiter)
        _, successor = self._sessions.get(client_session.client_id or "", (None, handler))
        if successor is not handler:
            self._believe_connected(client_session)

    def _believe_connected(self, session: Session) -> None:
        if not session.transitions.is_connected():
            session.transitions.connect()

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        # After each CONNECT amqtt sends, at QoS 0, what is retained for the subscriptions of all clients, and
        # fails if one of them subscribes meanwhile. What a client subscribes to comes anyway, at its own QoS.
        if subscription[1] > 0:
            await super()._publish_retained_messages_for_subscription(subscription, session)


class _Reread(StreamReaderAdapter):
    """Reads what was looked at already, and then the rest."""

    def __init__(self, head: bytes, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self._head = head

    async def read(self, n: int = -1) -> bytes:
        """As asked: amqtt never reads beyond the head in the same breath."""
        if not self._head:
            return await super().read(n)
        read, self._head = self._head[:n], self._head[n:]
        return read


async def _up_to_version(reader: asyncio.StreamReader) -> bytes:
    """The beginning of a CONNECT: its kind, its length in 1 to 4 bytes, the protocol's name and version.

    Nothing, of a client that leaves before it has said so much.
    """
    try:
        head = await reader.readexactly(2)
        while head[-1] & 0x80 and len(head) < 5:
            head += await reader.readexactly(1)
        return head + await reader.readexactly(7)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
