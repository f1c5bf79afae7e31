"""Flow control of a client's connection: twisted's signals, reached through what daphne passes as `send`."""

import asyncio
from collections import defaultdict

import pytest
from daphne.server import Server

from streams.transports.backpressure import ClientSender, FlowControl


class Protocol:
    """The part of daphne's HTTP protocol, which is a twisted request, that a producer registers at."""

    producer = None

    def registerProducer(self, producer, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None


async def send_of_daphne(protocol: Protocol):
    """The `send` that daphne passes to an application for a connection."""
    sends = asyncio.Queue()

    async def application(scope, receive, send) -> None:
        sends.put_nowait(send)

    server = Server(application, endpoints=["tcp:port=0"])  # never run
    server.connections = defaultdict(dict, {protocol: {}})
    server.create_application(protocol, {})
    return await sends.get()


def test_daphne_s_send_leads_to_the_connection_s_flow_control():  # B28
    """Without it, which a change in daphne would cause, this process buffers all that a client does not read."""

    async def scenario() -> None:
        protocol = Protocol()
        sender = ClientSender(await send_of_daphne(protocol))
        assert isinstance(protocol.producer, FlowControl)
        protocol.producer.pauseProducing()
        assert not sender.can_send
        protocol.producer.resumeProducing()
        assert sender.can_send
        sender.close()
        assert protocol.producer is None

    asyncio.run(scenario())


@pytest.mark.parametrize("acknowledges", [True, False])
def test_a_server_whose_send_waits_has_no_flow_control(acknowledges):
    async def send(message: dict) -> None:
        """As uvicorn's: no `partial`."""

    async def scenario() -> None:
        assert ClientSender(send, acknowledges).can_send

    asyncio.run(scenario())
