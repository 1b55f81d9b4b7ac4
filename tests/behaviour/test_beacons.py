"""Beacons that are posted to a real uvicorn: what they deliver, when they end a link, and which are refused."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.raw_sockets import Site, beacon, closing, greeted, hello, post
from tests.support.serving import DIRECT, PATIENCE, STOCK, Live, live, wait_until
from webipc import Limits, WebContents
from webipc.core.frame import encode_body
from webipc.electron.ipc_event import WebContentsEvent


@pytest.fixture
def limits() -> Limits:
    """Replaced by a test that waits for a limit. All others have the defaults, which a busy machine does not reach."""
    return Limits()


@pytest.fixture
def site(limits: Limits) -> Site:
    return Site(limits=limits)


@pytest.fixture(params=[pytest.param(DIRECT, id="direct"), pytest.param(STOCK, id="stock")])
def server(request: pytest.FixtureRequest, site: Site) -> Iterator[Live]:
    with live(site.app, ws=request.param) as served:
        yield served


@pytest.mark.parametrize("limits", [Limits(goodbye_ms=200)])
def test_a_beacon_delivers_what_the_socket_did_not_and_ends_the_link(server: Live, site: Site) -> None:
    with greeted(server) as opened:
        opened.send('[1,0,["send","say",[1]]]')
        wait_until(lambda: site.said, "the first message arrives")
        opened.close()
    status, _ = post(server, "/ipc/beacon", beacon('[1,0,["send","say",[1]],["send","say",[2]]]', '[0,0,["bye",2]]'))
    assert status == 204
    wait_until(lambda: site.said == [[1], [2]], "the second message arrives, and the first only once")
    wait_until(lambda: not site.ipc_main.get_all_web_contents(), "the tab is destroyed")


def test_a_beacon_that_overtakes_the_socket_waits_for_its_frames(server: Live, site: Site) -> None:
    with greeted(server) as opened:
        assert post(server, "/ipc/beacon", beacon('[0,0,["bye",1]]'))[0] == 204
        (contents,) = site.ipc_main.get_all_web_contents()
        assert contents.main_frame is not None
        opened.send('[1,0,["send","say",["late"]]]')
        wait_until(lambda: contents.main_frame is None, "the link ends with the last message")
    wait_until(lambda: site.said == [["late"]], "the late message is dispatched")


@pytest.mark.parametrize("limits", [Limits(goodbye_ms=200)])
def test_missing_messages_are_waited_for_until_a_timeout(
    server: Live, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with greeted(server):
        post(server, "/ipc/beacon", beacon('[0,0,["bye",7]]'))
        wait_until(lambda: not site.ipc_main.get_all_web_contents(), "the tab is destroyed")
    assert "7 of its last messages did not arrive" in caplog.text


def send(first: int, last: int) -> str:
    """A frame with the numbered messages from one to another."""
    return json.dumps([first, 0, *(["send", "say", [number]] for number in range(first, last + 1))])


def test_beacons_are_taken_in_any_order(server: Live, site: Site) -> None:
    with greeted(server), ThreadPoolExecutor() as threads:
        bye = '[0,0,["bye",6]]'
        ranges = [(5, 6), (3, 4), (1, 2)]
        posted = []
        for first, last in ranges:
            body = beacon(send(first, last), bye, last=6)
            posted.append(threads.submit(post, server, "/ipc/beacon", body))
            if first > 1:
                wait_until(lambda: sum(waiting(site)) == len(posted), "it waits for those before it")
        assert [each.result()[0] for each in posted] == [204, 204, 204]
    wait_until(lambda: site.said == [[number] for number in range(1, 7)], "all messages arrive, in order")
    (contents,) = site.ipc_main.get_all_web_contents()
    assert contents.main_frame is None


def waiting(site: Site) -> list[int]:
    """How many bodies of each address are read at the moment."""
    hub = site.ipc_main._provider.hub
    assert hub is not None
    return [hub.bodies.held]


@pytest.mark.parametrize("limits", [Limits(goodbye_ms=200)])
def test_a_beacon_whose_predecessor_is_lost_is_given_up_and_ends_no_link(server: Live, site: Site) -> None:
    with greeted(server) as opened:
        assert post(server, "/ipc/beacon", beacon(send(3, 4)))[0] == 204
        opened.send(send(1, 4))
        wait_until(lambda: site.said == [[1], [2], [3], [4]], "the socket still carries the link")


def losses(site: Site) -> list[tuple[int, bool]]:
    """The arguments of `ipc-messages-lost`: how many, and whether their document is known."""
    lost: list[tuple[int, bool]] = []

    @site.ipc_main.web_contents_created
    def created(event: object, contents: WebContents) -> None:
        frame = contents.main_frame

        def note(event: WebContentsEvent, details: dict[str, Any]) -> None:
            assert event.sender is contents
            lost.append((details["count"], details["frame"] is frame))

        contents.on("ipc-messages-lost", note)

    return lost


GONE = {
    # What the page has told, and how it is given up.
    "said-bye": ({}, '[0,0,["bye",7]]', {"goodbye_ms": 200}),
    "left-without-a-bye": ({"last": 7}, "", {"grace_ms": 200}),
}


@pytest.mark.parametrize("told, bye, limits", GONE.values(), ids=GONE)
def test_messages_that_are_lost_when_a_page_leaves_are_counted_behind_the_last_that_came(
    told: dict[str, int], bye: str, limits: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(limits=Limits(**limits))
    lost = losses(site)
    order: list[Any] = []
    site.ipc_main.on("say", lambda event, number: order.append(len(lost)))
    with live(site.app) as server:
        with greeted(server) as opened:
            frames = [send(1, 2), bye] if bye else [send(1, 2)]
            assert post(server, "/ipc/beacon", beacon(*frames, **told))[0] == 204
            opened.close()
        wait_until(lambda: lost, "the loss is told")
        assert (site.said, lost, order) == ([[1], [2]], [(5, True)], [0, 0])
    (line,) = wait_until(
        lambda: [message for message in caplog.messages if "did not arrive" in message], "the log has it"
    )
    assert "has gone; 5 of its last messages did not arrive" in line


def test_a_page_that_is_reset_or_whose_server_ends_is_told_itself(caplog: pytest.LogCaptureFixture) -> None:
    site = Site()
    lost = losses(site)
    with live(site.app) as server, greeted(server, last=7) as opened, greeted(server, link="2" * 32, last=7):
        opened.send("nonsense")
        assert closing(opened)[0] == 4400
    assert lost == []
    assert "did not arrive" not in caplog.text


@pytest.mark.parametrize("limits", [Limits(goodbye_ms=200)])
def test_messages_of_a_page_that_leaves_before_its_first_welcome_are_dispatched(server: Live, site: Site) -> None:
    body = encode_body([hello(attempt=0), '[1,0,["send","say",["first and last"]]]', '[0,0,["bye",1]]'])
    assert post(server, "/ipc/beacon", body)[0] == 204
    wait_until(lambda: site.said == [["first and last"]], "the message arrives")
    assert site.frames == [(True, False)]
    wait_until(lambda: not site.ipc_main.get_all_web_contents(), "the tab is destroyed")


def test_a_beacon_that_is_too_large_is_not_read_to_its_end(server: Live) -> None:
    status, answer = post(server, "/ipc/beacon", bytes(200_000))
    assert (status, json.loads(answer)["code"]) == (413, 4413)


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/json"}, 415),
    ],
)
def test_a_beacon_of_another_site_or_type_is_refused(
    server: Live, site: Site, headers: dict[str, str], status: int
) -> None:
    with greeted(server):
        got, answer = post(server, "/ipc/beacon", beacon('[1,0,["send","say",[1]]]'), **headers)
        assert got == status
        assert set(json.loads(answer)) == {"code", "reason"}
    assert site.said == []


@pytest.mark.parametrize(
    "body, status",
    [
        (b"", 400),
        (b"\xff\xff\xff\xff", 413),
        (b"\x02\x00\x00\x00x", 400),
        (encode_body(['[1,0,["send","say",[1]]]']), 400),
        (beacon(secret="3" * 32), 403),
        (beacon(link="9" * 32), 204),
        (encode_body([hello(), '[0,0,["bye",0]]']), 204),
    ],
)
def test_a_wrong_beacon_is_answered_with_its_error(server: Live, body: bytes, status: int) -> None:
    with greeted(server):
        got, answer = post(server, "/ipc/beacon", body)
        assert got == status
        assert status == 204 or json.loads(answer)["code"] in (4400, 4403, 4413)


def test_the_preflight_of_a_listed_origin_is_answered_and_of_no_other() -> None:
    site = Site(origins=["https://app.example"])
    with live(site.app) as server:
        for origin, allowed in (("https://app.example", True), ("https://evil.example", False)):
            request = Request(f"{server.url}/ipc/beacon", headers={"Origin": origin}, method="OPTIONS")
            try:
                with urlopen(request, timeout=PATIENCE) as response:
                    headers = response.headers
            except HTTPError as error:
                headers = error.headers
            assert (headers.get("Access-Control-Allow-Origin") == origin) is allowed
            assert headers.get("Vary") == "Origin"
