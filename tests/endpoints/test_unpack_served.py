"""Large messages over real sockets, with the WebSocket class of `webipc run` and with uvicorn's own: other pages are
served while one is decoded, and nothing overtakes it. The helper thread waits for the test.
"""

import json
import threading
from collections.abc import Iterator

import pytest
from websockets.sync.client import ClientConnection

from tests.support.raw_sockets import Site, closing, greeted, hello, parts_of, socket
from tests.support.serving import DIRECT, PATIENCE, STOCK, Live, live, wait_until
from webipc.hub.hub import Hub

TEXT = "x" * 300_000


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture(params=[pytest.param(DIRECT, id="direct"), pytest.param(STOCK, id="stock")])
def server(request: pytest.FixtureRequest, site: Site) -> Iterator[Live]:
    with live(site.app, ws=request.param) as served:
        yield served


@pytest.fixture
def gate(server: Live, site: Site) -> Iterator[threading.Event]:
    """The helper thread is busy until this is set."""
    event = threading.Event()
    server.call(lambda: hub_of(site).unpacker.run("another", "another", event.wait, lambda _: None))
    yield event
    event.set()


def hub_of(site: Site) -> Hub:
    hub = site.ipc_main._provider.hub
    assert hub is not None
    return hub


def say(seq: int, *args: object) -> str:
    return json.dumps([seq, 0, ["send", "say", list(args)]])


def is_served(page: ClientConnection) -> bool:
    """Call a handler; return whether it answers."""
    page.send('[1,0,["invoke",1,"echo",["served"]]]')
    return "served" in str(page.recv(PATIENCE))


def waits(site: Site) -> bool:
    return hub_of(site).unpacker.waiting > 0


def test_others_are_served_and_the_same_page_waits(server: Live, site: Site, gate: threading.Event) -> None:
    with greeted(server) as page, greeted(server, link="c" * 32) as other:
        page.send(say(1, "large", TEXT))
        page.send(say(2, "small"))
        wait_until(lambda: waits(site), "the large message waits for the helper thread")
        assert is_served(other)
        assert site.said == []
        gate.set()
        wait_until(lambda: site.said == [["large", TEXT], ["small"]], "both messages arrive, in their order")


def test_a_newer_socket_in_the_middle_waits_for_what_the_older_one_has_brought(
    server: Live, site: Site, gate: threading.Event
) -> None:
    with greeted(server) as older, greeted(server, link="c" * 32) as other:
        for frame in parts_of(json.dumps(["send", "say", ["large", TEXT * 4]])):
            older.send(frame)
        wait_until(lambda: waits(site), "the parcel waits for the helper thread")
        with socket(server) as newer:
            newer.send(hello(attempt=2, fresh=False))
            assert json.loads(newer.recv(PATIENCE))[2][1]["received"] == 2
            newer.send(say(3, "small"))
            assert is_served(other)
            assert site.said == []
            gate.set()
            wait_until(lambda: [said[0] for said in site.said] == ["large", "small"], "both arrive, in their order")


def test_what_is_wrong_closes_the_socket_with_code_and_reason(server: Live, site: Site) -> None:
    with greeted(server) as page, greeted(server, link="c" * 32) as other:
        page.send(say(1, "good"))
        page.send('[2,0,["send","say",["' + TEXT + '"],[["d",[7]]]]]')
        code, reason = closing(page)
        assert code == 4400
        assert reason.endswith("leads nowhere")
        assert is_served(other)
    assert site.said == [["good"]]
