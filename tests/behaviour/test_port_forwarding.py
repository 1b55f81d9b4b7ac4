"""Ports that lead from page to page through the program."""

from typing import Any

import pytest

from tests.support.connected import Site
from tests.support.port_listeners import PortListener, forward_to, open_ports
from tests.support.waiting import until
from webipc import (
    MessageChannelMain,
    MessagePortMain,
    undefined,
)


async def test_a_port_is_forwarded_to_another_page(site: Site) -> None:
    """Electron: can forward a port from one renderer to another renderer."""
    _, ipc_main, page = site
    async with page.open() as other:
        forward_to(ipc_main, other)
        channel = MessageChannelMain()
        here = PortListener(channel.port1)
        channel.port1.post_message("early")
        page.post_message("forward", "for you", [channel.port2])
        event, args = await other.arrival("port")
        there = PortListener(event.ports[0])
        value: dict[str, Any] = {"bytes": b"\x01\x02", "deep": [{"n": undefined}]}
        value["self"] = value
        channel.port1.post_message(value)
        await until(lambda: len(there.received) == 2)
        there.port.post_message("back")
        await until(lambda: here.received)
        assert (args, there.received[0], here.received) == (["for you"], "early", ["back"])
        came = there.received[1]
        assert (came["bytes"], came["deep"], came["self"] is came) == (b"\x01\x02", [{"n": undefined}], True)
        there.port.close()
        await until(lambda: here.received[-1] == "close")
        assert open_ports(ipc_main) == [0, 0]


async def test_forwarded_messages_are_not_decoded_on_the_way(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _, ipc_main, page = site
    async with page.open() as other:
        forward_to(ipc_main, other)
        channel = MessageChannelMain()
        page.post_message("forward", None, [channel.port2])
        event, _ = await other.arrival("port")
        listener = PortListener(event.ports[0])

        def refuse(*_: Any) -> None:
            raise AssertionError("decoded in transit")

        with monkeypatch.context() as patched:
            patched.setattr("webipc.ports.value.decode_value", refuse)
            patched.setattr("webipc.ports.value.clone.decode", refuse)
            channel.port1.post_message({"n": 1}, [MessageChannelMain().port1])
            # The receiving page runs in this process too: the only decoding is its own, which fails here.
            with pytest.raises(AssertionError, match="decoded in transit"):
                await decoded_by(listener.port)


async def decoded_by(port: MessagePortMain) -> None:
    """Wait for the next message of a port, and decode it."""
    end = port._end
    assert end is not None
    end.pause()
    await until(lambda: end.pending)
    message = end.take()
    assert message is not None
    message.value.decode()
