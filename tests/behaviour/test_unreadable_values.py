"""Values that PROTOCOL.md allows and the receiver cannot read: their message fails alone (section 5).

The receiver is the server, or a page of `webipc.testing`. A browser's page is in js-client/test/unreadable.test.ts.
"""

import asyncio
import json
import logging
from typing import Any

import pytest

from tests.support.connected import Site, contents_of
from tests.support.raw_sockets import connections_of
from tests.support.scripted_page import ScriptedPage, unaffected
from tests.support.waiting import until
from webipc import JSError, UnreadableError
from webipc.core.clone import Cloned
from webipc.core.envelope import ErrorReply, Send, decode_value, parse
from webipc.core.frame import RawMessage, encode_message
from webipc.core.frame.json_text import load_array
from webipc.core.limits import DEFAULT_LIMITS
from webipc.core.link.large import LARGE_TEXT, unpacked
from webipc.testing.errors import InvokeError

PEOPLE = [[None] * 6 for _ in range(6)]


def knowing(*path: int | str) -> list[Any]:
    """Return the fixups for six arrays at a path, each of which refers to all six."""
    return [["@", [*path, row, place], [*path, place]] for row in range(6) for place in range(6)]


def messages_to(scripted: ScriptedPage) -> list[Any]:
    return [message for frame in scripted.frames for message in frame[2:]]


@pytest.mark.parametrize("filler", ["", "x" * LARGE_TEXT], ids=["small", "large"])
async def test_a_call_with_such_arguments_is_answered_with_an_error_and_the_next_is_served(
    site: Site, filler: str
) -> None:
    app, ipc_main, page = site
    served: list[Any] = []
    ipc_main.handle("take", lambda event, *args: served.append(args))
    with unaffected(page):
        scripted = await ScriptedPage(app).connect()
        calls = [["invoke", 1, "take", [PEOPLE, filler], knowing(0)], ["invoke", 3, "take", [1]]]
        scripted.socket.write(json.dumps([1, 0, *calls]))
        await until(lambda: len(messages_to(scripted)) == 3)
        (kind, number, error), last = messages_to(scripted)[1:]
        assert (kind, number, error["code"]) == ("error", 1, "unreadable")
        assert "too many ways" in error["message"]
        assert (last, served, scripted.close) == (["result", 3, None], [(1,)], None)


async def test_a_blocking_call_with_such_arguments_is_answered_with_an_error(site: Site) -> None:
    _, ipc_main, page = site
    heard: list[Any] = []
    ipc_main.on("ask", lambda event, *args: heard.append(args))
    with unaffected(page):
        cloned = Cloned([PEOPLE], knowing(0), [])
        answer = await page._connection.call_sync("ask", cloned)
        assert isinstance(answer, ErrorReply)
        assert (dict(answer.value)["code"], heard) == ("unreadable", [])
        # The page is not blocked any longer.
        ipc_main.on("tell", lambda event: setattr(event, "return_value", 7))
        assert await page.send_sync("tell") == 7


async def test_a_message_with_such_a_value_is_dropped_with_a_line_in_the_log_and_its_ports_are_closed(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    app, ipc_main, page = site
    heard: list[Any] = []
    for channel in ("tell\n", "give"):
        ipc_main.on(channel, lambda event, *args: heard.append(args))
    caplog.set_level(logging.WARNING, "webipc")
    with unaffected(page):
        scripted = await ScriptedPage(app).connect()
        dropped = [["send", "tell\n", [PEOPLE], knowing(0)], ["post", "give", PEOPLE, [1, 3], knowing()]]
        scripted.socket.write(json.dumps([1, 0, *dropped, ["send", "give", [2]]]))
        await until(lambda: heard)
        await until(lambda: len(messages_to(scripted)) == 3)
        assert messages_to(scripted)[1:] == [["port-close", 1], ["port-close", 3]]
        assert (heard, scripted.close) == ([(2,)], None)
    lines = [record.getMessage() for record in caplog.records]
    assert ["tell\\n" in line for line in lines] == [True, False]
    assert all("is dropped: the value cannot be taken" in line for line in lines)


async def test_a_message_through_a_port_with_such_a_value_arrives_as_none(site: Site) -> None:
    app, ipc_main, page = site
    got: list[Any] = []

    @ipc_main.on("give")
    def give(event: Any, message: Any) -> None:
        event.ports[0].on("message", lambda event: got.append(event.data))
        event.ports[0].start()

    with unaffected(page):
        scripted = await ScriptedPage(app).connect()
        messages = [["post", "give", 0, [1]], ["port", 1, PEOPLE, [], knowing()], ["port", 1, 2, []]]
        scripted.socket.write(json.dumps([1, 0, *messages]))
        await until(lambda: len(got) == 2)
        assert (got, scripted.close) == ([None, 2], None)


@pytest.mark.parametrize(
    "answer, error",
    [
        (["result", 2, PEOPLE, knowing()], UnreadableError),
        (["error", 2, {"message": "no", "cause": PEOPLE}, knowing("cause")], JSError),
    ],
    ids=["result", "error"],
)
async def test_an_answer_of_a_page_with_such_a_value_fails_its_call(
    site: Site, answer: Any, error: type[Exception]
) -> None:
    app, ipc_main, _ = site
    scripted = await ScriptedPage(app, features=("ports", "invoke")).connect()
    contents = ipc_main.from_id(scripted.contents_id)
    assert contents is not None
    calling = asyncio.ensure_future(contents.execute_javascript("1"))
    await until(lambda: len(messages_to(scripted)) == 2)
    scripted.socket.write(json.dumps([1, 1, answer]))
    with pytest.raises(error, match=r"too many ways|^no$"):
        await calling
    assert scripted.close is None


async def test_a_page_of_the_test_library_treats_such_values_as_a_browsers_does(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    _, ipc_main, page = site
    begun: list[Any] = []

    @ipc_main.handle("wait")
    async def wait(event: Any) -> None:
        begun.append(event)
        await asyncio.sleep(60)

    with unaffected(page):
        (connection,) = connections_of(ipc_main)
        connection.post_here(encode_message(["send", "told"], Cloned([PEOPLE], knowing(0), [])))
        contents_of(ipc_main, page).send("told", 1)
        assert await page.received("told") == [1]
        assert "A message for 'told' is dropped" in caplog.text
        for call_id, kind, value, path, text in (
            (1, "result", PEOPLE, (), "too many ways"),
            (3, "error", {"message": "no", "data": PEOPLE}, ("data",), ": no$"),
        ):
            calling = asyncio.ensure_future(page.invoke("wait"))
            await until(lambda: begun)
            begun.clear()
            connection.post_here(encode_message([kind, call_id], Cloned(value, knowing(*path), [])))
            with pytest.raises(InvokeError, match=text):
                await calling


def test_a_large_message_with_such_a_value_is_unpacked_with_those_around_it() -> None:
    rows = [["send", "a", [1]], ["send", "b", PEOPLE, knowing()], ["send", "c", [None], [["u", [0]]]]]
    done, error = unpacked(parse([RawMessage(row, []) for row in rows]), DEFAULT_LIMITS, load_array, lambda _: True)
    assert (len(done), error) == (3, None)
    assert isinstance(done[1], Send)
    with pytest.raises(UnreadableError):
        decode_value(done[1])
