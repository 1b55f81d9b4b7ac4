"""Pages that break PROTOCOL.md's rules about ports: what ends their link, and that no other link is affected."""

import pytest

from tests.support.connected import Site
from tests.support.port_listeners import Ear, Taking, forward_to
from tests.support.scripted_page import Liar, alive
from tests.support.waiting import until
from webipc.core.errors import CloseCode

LIES = {
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


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_a_violation_of_the_rules_about_ports_ends_only_that_link(site: Site, lie: str) -> None:
    app, ipc_main, page = site
    taking = Taking(ipc_main)
    with alive(page):
        liar = await Liar(app).connect()
        liar.socket.write(f"[1,0,{lie}]")
        await until(lambda: liar.close)
        assert liar.close is not None
        assert liar.close[0] == CloseCode.PROTOCOL_ERROR
        page.post_message("port", "next")
        await until(lambda: taking.messages[-1:] == ["next"])
        # What came before the lie was heard, and its ports are over.
        await until(lambda: all(ear.heard[-1:] == ["close"] for ear in taking.ears))


async def test_a_message_to_a_port_that_is_closed_here_is_ignored_and_its_ports_are_closed(site: Site) -> None:
    app, ipc_main, _ = site
    ipc_main.on("port", lambda event, message: [port.close() for port in event.ports])
    liar = await Liar(app).connect()
    liar.socket.write('[1,0,["post","port",1,[1]]]')
    await until(lambda: ["port-close", 1] in [message for frame in liar.frames for message in frame[2:]])
    liar.socket.write('[2,1,["port",1,"late",[3]],["port-close",1],["send","end",[]]]')
    await until(lambda: ["port-close", 3] in [message for frame in liar.frames for message in frame[2:]])
    assert liar.close is None


UNREADABLE = {
    "no such path": '["port",1,"x",[],[["d",[7]]]]',
    "no such code": '["port",1,"x",[],[["?",[]]]]',
}


@pytest.mark.parametrize("message", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_value_that_cannot_be_decoded_arrives_as_none_and_ends_no_link(
    site: Site, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    app, ipc_main, page = site
    taking = Taking(ipc_main)
    with alive(page):
        liar = await Liar(app).connect()
        liar.socket.write(f'[1,0,["post","port",1,[1]],{message},["port",1,"next",[]]]')
        await until(lambda: taking.ears and len(taking.ears[0].heard) == 2)
        assert (taking.ears[0].heard, liar.close) == ([None, "next"], None)
        assert "cannot be read, and arrives as None" in caplog.text


@pytest.mark.parametrize("message", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_forwarded_value_that_cannot_be_decoded_ends_no_link(site: Site, message: str) -> None:
    app, ipc_main, page = site
    forward_to(ipc_main, page)
    with alive(page):
        liar = await Liar(app).connect()
        liar.socket.write('[1,0,["post","forward",1,[1]]]')
        ear = Ear((await page.arrival("port"))[0].ports[0])
        liar.socket.write(f'[2,0,{message},["port",1,"next",[]]]')
        await until(lambda: len(ear.heard) == 2)
        assert (ear.heard, liar.close) == ([None, "next"], None)


async def test_a_value_too_deep_to_forward_closes_the_port_and_ends_no_link(site: Site) -> None:
    app, ipc_main, page = site
    forward_to(ipc_main, page)
    with alive(page):
        liar = await Liar(app).connect()
        liar.socket.write('[1,0,["post","forward",1,[1]]]')
        ear = Ear((await page.arrival("port"))[0].ports[0])
        liar.socket.write(f'[2,0,["port",1,{"[" * 1010}{"]" * 1010},[]],["port",1,"next",[]]]')
        # How deep a Python can go is its own affair; either way no message is left out in the middle.
        await until(lambda: ear.heard[-1:] in (["close"], ["next"]))
        assert len(ear.heard) == (1 if ear.heard[-1] == "close" else 2)
        assert liar.close is None
