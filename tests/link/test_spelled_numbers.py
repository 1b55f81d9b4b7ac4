"""Numbers as a page of another make spells them, in every way into a server: each is its IEEE value (PROTOCOL.md 5)."""

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from tests.support.port_listeners import PortListener
from tests.support.raw_sockets import Site, beacon, greeted, hello, parts_of, post, socket
from tests.support.serving import PATIENCE, Live, live, wait_until
from tests.support.smallest_peer import SmallestPeer
from webipc import IpcMainEvent
from webipc.core.frame import encode_body, encode_frame, sized
from webipc.core.link.large import LARGE_TEXT

# The texts are no numbers: they stay what they are.
SPELLED = '-0,[9007199254740993],{"a":-9007199254740993},123456789012345678901234,"-0,","[-9007199254740993]",1.0'
VALUES = [-0.0, [2.0**53], {"a": -(2.0**53)}, 123456789012345678901234.0, "-0,", "[-9007199254740993]", 1]
FILLER = f'"{"x" * LARGE_TEXT}",'

Way = Callable[[ClientConnection, Live, str], None]


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def server(site: Site) -> Iterator[Live]:
    with live(site.app) as served:
        yield served


def as_a_frame(page: ClientConnection, server: Live, values: str) -> None:
    page.send(f'[1,0,["send","say",[{values}]]]')


def as_a_frame_with_bytes(page: ClientConnection, server: Live, values: str) -> None:
    frame = encode_frame(1, 0, [sized(f'["send","say",[null,{values}],[["b",[0],0]]]'.encode(), [b"1"])])
    page.send(frame)


def as_a_large_frame(page: ClientConnection, server: Live, values: str) -> None:
    as_a_frame(page, server, FILLER + values)


def as_a_parcel(page: ClientConnection, server: Live, values: str) -> None:
    for frame in parts_of(f'["send","say",[{values}]]'):
        page.send(frame)


def as_a_large_parcel(page: ClientConnection, server: Live, values: str) -> None:
    as_a_parcel(page, server, FILLER + values)


def in_a_beacon(page: ClientConnection, server: Live, values: str) -> None:
    status, _ = post(server, "/ipc/beacon", beacon(f'[1,0,["send","say",[{values}]]]'))
    assert status == 204


WAYS: list[Way] = [
    as_a_frame,
    as_a_frame_with_bytes,
    as_a_large_frame,
    as_a_parcel,
    as_a_large_parcel,
    in_a_beacon,
]


def is_exact(values: list[Any]) -> bool:
    """Tell whether they are `VALUES`: equality does not know -0, and takes an int for a float."""
    return values == VALUES and math.copysign(1, values[0]) == -1 and type(values[1][0]) is float


def said_in(site: Site) -> list[Any]:
    wait_until(lambda: site.said, "the message arrives")
    values: list[Any] = site.said[0][-len(VALUES) :]
    return values


@pytest.mark.parametrize("way", WAYS)
def test_a_message_has_the_ieee_values(server: Live, site: Site, way: Way) -> None:
    with greeted(server) as page:
        way(page, server, SPELLED)
        assert is_exact(said_in(site))


@pytest.mark.parametrize("way", WAYS)
def test_the_numbers_of_a_page_that_has_promised_doubles_are_not_looked_for(server: Live, site: Site, way: Way) -> None:
    """The parser reads these as ints. Such a page writes them as fixups."""
    with greeted(server, features=["doubles"]) as page:
        way(page, server, SPELLED)
        values = said_in(site)
        assert (math.copysign(1, values[0]), values[1]) == (1, [2**53 + 1])


def test_the_last_hello_of_a_link_says_what_its_page_promises(server: Live, site: Site) -> None:
    with greeted(server, features=["doubles"]), greeted(server, attempt=2, fresh=False) as page:
        as_a_frame(page, server, SPELLED)
        assert is_exact(said_in(site))


def test_a_blocking_call_has_the_ieee_values(server: Live, site: Site) -> None:
    got: list[Any] = []

    def ask(event: IpcMainEvent, *args: Any) -> None:
        got.extend(args)
        event.return_value = None

    site.ipc_main.on("ask", ask)
    frames = [hello(attempt=0), f'[1,0,["sync",1,"ask",[{SPELLED}]]]', '[0,0,["await",1]]']
    assert post(server, "/ipc/sync", encode_body(frames))[0] == 200
    assert is_exact(got)


@pytest.mark.parametrize("filler", ["", FILLER], ids=["small", "large"])
@pytest.mark.parametrize("is_started", [False, True], ids=["kept", "taken"])
def test_a_message_of_a_port_has_the_ieee_values(server: Live, site: Site, filler: str, is_started: bool) -> None:
    events: list[Any] = []
    site.ipc_main.on("port", lambda event, value: events.append(event))
    with greeted(server, features=["ports"]) as page:
        page.send('[1,0,["post","port",null,[1]]]')
        wait_until(lambda: events, "the port arrives")
        listener = server.call(lambda: PortListener(events[0].ports[0])) if is_started else None
        for frame in parts_of(f'["port",1,[{filler}{SPELLED}],[]]', seq=2):
            page.send(frame)
        listener = listener or server.call(lambda: PortListener(events[0].ports[0]))
        wait_until(lambda: listener.received, "the message arrives")
        assert is_exact(listener.received[0][-len(VALUES) :])


@pytest.mark.parametrize("filler", ["", FILLER], ids=["small", "large"])
def test_what_is_sent_to_another_page_has_the_ieee_values(server: Live, filler: str) -> None:
    with socket(server) as first:
        # Messages go from page to page within one browser.
        assert first.response is not None
        browser = {"Cookie": first.response.headers["Set-Cookie"].partition(";")[0]}
    with socket(server, headers=browser) as opened, greeted(server, browser) as other:
        opened.send(hello(link="c" * 32))
        contents = json.loads(opened.recv(PATIENCE))[2][1]["webContentsId"]
        other.send(f'[1,0,["send-to",{contents},"told",[{filler}{SPELLED}]]]')
        message = json.loads(opened.recv(PATIENCE))[2]
        assert message[:2] == ["send", "told"]
        assert is_exact(message[2][-len(VALUES) :])


def test_the_smallest_peer_writes_numbers_as_its_language_does(server: Live, site: Site) -> None:
    site.ipc_main.handle("seen", lambda event, *args: [f"{type(number).__name__} {number}" for number in args])
    with socket(server) as opened:
        peer = SmallestPeer(opened)
        assert peer.call("seen", -0.0, 2**53 + 1) == ["float -0.0", "float 9007199254740992.0"]
        assert peer.call_with("seen", "-0,9007199254740993,1.0,-1e0") == [
            "float -0.0",
            "float 9007199254740992.0",
            "float 1.0",
            "float -1.0",
        ]
