"""Pages that break PROTOCOL.md's rules about ports: which violations end their link, and only that link."""

import pytest

from tests.support.connected import Site
from tests.support.port_listeners import PortListener, PortReceiver, forward_to
from tests.support.scripted_page import ScriptedPage, unaffected
from tests.support.waiting import until
from webipc.core.errors import CloseCode

VIOLATIONS = {
    "an id of the server's": '["post","port",1,[2]]',
    "an id twice": '["post","port",1,[1,1]]',
    "ids that shrink": '["post","port",1,[3,1]]',
    "a message through a port that never was": '["port",1,"x",[]]',
    "a message through a port that the server never sent": '["port",2,"x",[]]',
    "a close of a port that never was": '["port-close",7]',
    "an id used again": '["post","port",1,[1]],["port-close",1],["post","port",1,[1]]',
    "an id used again in a port": '["post","port",1,[1]],["port",1,"x",[1]]',
    "a value of a post": '["post","port",1,[],[["d",[7]]]]',
    "no ids": '["post","port",1]',
    "an id that is none": '["post","port",1,["1"]]',
}


@pytest.mark.parametrize("violation", VIOLATIONS.values(), ids=VIOLATIONS)
async def test_a_violation_of_the_rules_about_ports_ends_only_that_link(site: Site, violation: str) -> None:
    app, ipc_main, page = site
    receiver = PortReceiver(ipc_main)
    with unaffected(page):
        scripted = await ScriptedPage(app).connect()
        scripted.socket.write(f"[1,0,{violation}]")
        await until(lambda: scripted.close)
        assert scripted.close is not None
        assert scripted.close[0] == CloseCode.PROTOCOL_ERROR
        page.post_message("port", "next")
        await until(lambda: receiver.messages[-1:] == ["next"])
        # Messages before the violation were delivered, and their ports are closed with the link.
        await until(lambda: all(listener.received[-1:] == ["close"] for listener in receiver.listeners))


async def test_a_message_to_a_port_that_is_closed_here_is_ignored_and_its_ports_are_closed(site: Site) -> None:
    app, ipc_main, _ = site
    ipc_main.on("port", lambda event, message: [port.close() for port in event.ports])
    scripted = await ScriptedPage(app).connect()
    scripted.socket.write('[1,0,["post","port",1,[1]]]')
    await until(lambda: ["port-close", 1] in [message for frame in scripted.frames for message in frame[2:]])
    scripted.socket.write('[2,1,["port",1,"late",[3]],["port-close",1],["send","end",[]]]')
    await until(lambda: ["port-close", 3] in [message for frame in scripted.frames for message in frame[2:]])
    assert scripted.close is None


UNDECODABLE = {
    "no such path": '["port",1,"x",[],[["d",[7]]]]',
    "no such code": '["port",1,"x",[],[["?",[]]]]',
}


@pytest.mark.parametrize("message", UNDECODABLE.values(), ids=UNDECODABLE)
async def test_a_value_that_cannot_be_decoded_arrives_as_none_and_ends_no_link(
    site: Site, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    app, ipc_main, page = site
    receiver = PortReceiver(ipc_main)
    with unaffected(page):
        scripted = await ScriptedPage(app).connect()
        scripted.socket.write(f'[1,0,["post","port",1,[1]],{message},["port",1,"next",[]]]')
        await until(lambda: receiver.listeners and len(receiver.listeners[0].received) == 2)
        assert (receiver.listeners[0].received, scripted.close) == ([None, "next"], None)
        assert "cannot be decoded and is delivered as None" in caplog.text


@pytest.mark.parametrize("message", UNDECODABLE.values(), ids=UNDECODABLE)
async def test_a_forwarded_value_that_cannot_be_decoded_ends_no_link(site: Site, message: str) -> None:
    app, ipc_main, page = site
    forward_to(ipc_main, page)
    with unaffected(page):
        scripted = await ScriptedPage(app).connect()
        scripted.socket.write('[1,0,["post","forward",1,[1]]]')
        listener = PortListener((await page.arrival("port"))[0].ports[0])
        scripted.socket.write(f'[2,0,{message},["port",1,"next",[]]]')
        await until(lambda: len(listener.received) == 2)
        assert (listener.received, scripted.close) == ([None, "next"], None)


async def test_a_value_too_deep_to_forward_closes_the_port_and_ends_no_link(site: Site) -> None:
    app, ipc_main, page = site
    forward_to(ipc_main, page)
    with unaffected(page):
        scripted = await ScriptedPage(app).connect()
        scripted.socket.write('[1,0,["post","forward",1,[1]]]')
        listener = PortListener((await page.arrival("port"))[0].ports[0])
        scripted.socket.write(f'[2,0,["port",1,{"[" * 1010}{"]" * 1010},[]],["port",1,"next",[]]]')
        # How deep Python can recurse differs by version. In either case no message in between is lost.
        await until(lambda: listener.received[-1:] in (["close"], ["next"]))
        assert len(listener.received) == (1 if listener.received[-1] == "close" else 2)
        assert scripted.close is None
