"""A page that is asked again resumes as the user that it still is, and otherwise is refused: at every step of an
attach, in `sendSync`, in uploads and in a resume.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import Cookie

from tests.support.applications import application
from tests.support.connected import contents_of
from tests.support.logins import LoggedInPage, Logins, cookie
from tests.support.uploads import Upload
from tests.support.waiting import settled, until
from webipc.core.frame import encode_control
from webipc.core.limits import Limits
from webipc.testing import ClosedError, Renderer
from webipc.testing.client import Client
from webipc.testing.memory_socket import MemorySocket

ASK_AGAIN = (4411, "the server asks who the user of this page is now")
NOT_LOGGED_IN = (4401, "not logged in")


@pytest.fixture
async def logins() -> Logins:
    return Logins()


@contextlib.asynccontextmanager
async def connecting(page: LoggedInPage) -> AsyncIterator["asyncio.Task[None]"]:
    """Let a page connect meanwhile; at the end it has a welcome or a close code."""
    task = asyncio.create_task(page.connect())
    yield task
    await task


async def reauthenticate(logins: Logins) -> None:
    await logins.ipc_main.reauthenticate(user="ada")


# --- which pages are asked --------------------------------------------------------------------------------------------


async def test_of_two_sessions_of_a_user_the_one_goes_on_and_the_other_is_refused(logins: Logins) -> None:
    kept, ended = LoggedInPage(logins, "a1", "a" * 32), LoggedInPage(logins, "a2", "c" * 32)
    for page in (kept, ended):
        await page.connect()
    logins.log_out("a2")
    await reauthenticate(logins)
    await until(lambda: kept.closes and ended.closes)
    assert kept.closes == ended.closes == [ASK_AGAIN]
    logins.ipc_main.broadcast("note", "kept meanwhile")
    for page in (kept, ended):
        await page.connect()
    await until(lambda: kept.arrived)
    assert kept.resets == []
    assert [message.channel for message in kept.arrived] == ["note"]
    assert ended.closes == [ASK_AGAIN, NOT_LOGGED_IN]
    assert ended.arrived == []


async def test_other_users_and_nobody_are_not_asked(logins: Logins) -> None:
    bob = LoggedInPage(logins, "b1")
    await bob.connect()
    await reauthenticate(logins)
    await settled()
    assert (bob.closes, logins.asked) == ([], 1)


async def test_one_tab_is_asked_again_by_its_contents(logins: Logins) -> None:
    async with Renderer(logins.app, headers=cookie("a1")) as page, Renderer(logins.app, headers=cookie("a2")) as other:
        await contents_of(logins.ipc_main, page).reauthenticate()
        await until(lambda: not page.connected)
        assert other.connected
        await page.connect()
        assert (page.connected, logins.asked) == (True, 3)


async def test_a_tab_that_is_gone_is_an_error() -> None:
    logins = Logins(Limits(goodbye_ms=20))
    async with Renderer(logins.app, headers=cookie("a1")) as page:
        contents = contents_of(logins.ipc_main, page)
        await page.close()
        await until(contents.is_destroyed)
        with pytest.raises(TypeError, match="Object has been destroyed"):
            await contents.reauthenticate()


@pytest.mark.parametrize("user", [None, True, 1.5, ["ada"]])
async def test_what_is_no_identity_is_refused(logins: Logins, user: Any) -> None:
    with pytest.raises(TypeError, match="expected what identifies a user"):
        await logins.ipc_main.reauthenticate(user=user)


async def test_without_a_running_application_nothing_happens(logins: Logins) -> None:
    await reauthenticate(logins)


async def test_it_may_be_called_in_another_event_loop(logins: Logins) -> None:
    page = LoggedInPage(logins, "a1")
    await page.connect()
    await asyncio.to_thread(lambda: asyncio.run(reauthenticate(logins)))
    await until(lambda: page.closes)
    assert page.closes == [ASK_AGAIN]


# --- at every step of an attach ---------------------------------------------------------------------------------------


async def is_refused_in_the_end(logins: Logins, page: LoggedInPage) -> None:
    """Assert that a page whose session has ended is not logged in, and is refused when it comes again."""
    assert page.closes in ([ASK_AGAIN], [NOT_LOGGED_IN])
    assert page._welcomed == 0
    assert logins.tabs == []
    await page.connect()
    assert page.closes[-1] == NOT_LOGGED_IN
    assert (logins.tabs, logins.ran) == ([], [])


async def test_before_the_session_is_looked_up(logins: Logins) -> None:
    page = LoggedInPage(logins, "a1")
    logins.before.set()
    async with connecting(page):
        await logins.before.reached()
        logins.log_out("a1")
        await reauthenticate(logins)
        logins.before.clear()
    await is_refused_in_the_end(logins, page)


async def test_after_the_session_was_looked_up(logins: Logins) -> None:
    page = LoggedInPage(logins, "a1")
    logins.after.set()
    async with connecting(page):
        await logins.after.reached()
        logins.log_out("a1")
        await reauthenticate(logins)
        logins.after.clear()
    assert page.closes == [ASK_AGAIN]
    await is_refused_in_the_end(logins, page)


async def test_while_it_waits_in_line(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    others = [LoggedInPage(logins, "b1", f"{number:032x}") for number in range(32)]
    logins.before.set()
    asking = [asyncio.create_task(other.connect()) for other in others]
    await logins.before.reached(len(others))
    page = LoggedInPage(logins, "a1")
    async with connecting(page):
        await until(lambda: logins.ipc_main._provider.here().asks.waiting == 1)
        logins.log_out("a1")
        await reauthenticate(logins)
        logins.before.clear()
    await asyncio.gather(*asking)
    assert page.closes == [NOT_LOGGED_IN]
    assert logins.tabs == ["bob"] * 32


async def test_while_it_waits_for_its_place_in_the_tab(logins: Logins) -> None:
    async with Renderer(logins.app, headers=cookie("a1")) as first:
        contents = contents_of(logins.ipc_main, first)
        second = Renderer(logins.app, headers=cookie("a1"))
        second._connection.tab = first._connection.tab
        attaching = asyncio.create_task(second.connect())
        await until(lambda: logins.asked == 2)
        await settled()
        logins.log_out("a1")
        # It lets the one before it in the tab go, so the one that waits goes on at once.
        await reauthenticate(logins)
        with pytest.raises(ClosedError) as refused:
            await attaching
        assert refused.value.close_code == 4411
        with pytest.raises(ClosedError) as refused:
            await second.connect()
        assert refused.value.close_code == 4401
        assert contents.main_frame is not None
        assert len(logins.tabs) == 1


async def test_before_its_hello(logins: Logins) -> None:
    # The headers of a socket are read before its hello: a middleware may have looked up the user there.
    page = LoggedInPage(logins, "a1")
    socket = page._socket = MemorySocket(Client(logins.app, headers=cookie("a1")), "/ipc/socket", page)
    await socket.start()
    await reauthenticate(logins)
    socket.write(page.hello(1))
    await until(lambda: page.closes)
    assert page.closes == [ASK_AGAIN]


async def test_after_it_has_attached(logins: Logins) -> None:
    page = LoggedInPage(logins, "a1")
    await page.connect()
    logins.log_out("a1")
    await reauthenticate(logins)
    await until(lambda: page.closes)
    await page.connect()
    assert page.closes == [ASK_AGAIN, NOT_LOGGED_IN]


# --- requests ---------------------------------------------------------------------------------------------------------


async def test_a_request_is_asked_once_more_in_its_place(logins: Logins) -> None:
    page = LoggedInPage(logins, "a1")
    logins.after.set()
    answer = page.upload(page.ask("answer", "one"))
    await logins.after.reached()
    await reauthenticate(logins)
    logins.after.clear()
    status, _ = await answer
    assert (status, logins.asked, logins.ran) == (200, 2, [("ada", "one")])


async def test_a_request_whose_session_has_ended_meanwhile_is_refused_in_its_place(logins: Logins) -> None:
    page = LoggedInPage(logins, "a1")
    logins.after.set()
    answer = page.upload(page.ask("answer", "one"))
    await logins.after.reached()
    logins.log_out("a1")
    await reauthenticate(logins)
    logins.after.clear()
    assert await answer == (401, {"code": 4401, "reason": "not logged in"})
    assert (logins.tabs, logins.ran) == ([], [])


@pytest.mark.parametrize("is_logged_out", [False, True])
async def test_a_beacon_is_asked_once_more_in_its_place(logins: Logins, *, is_logged_out: bool) -> None:
    page = LoggedInPage(logins, "a1")
    await page.connect()
    page.post("send", "say", value=["last words"])
    logins.after.set()
    answer = page.upload(page.body(), path="/ipc/beacon")
    await logins.after.reached()
    if is_logged_out:
        logins.log_out("a1")
    await reauthenticate(logins)
    logins.after.clear()
    assert (await answer)[0] == 204
    assert logins.ran == ([] if is_logged_out else [("ada", "last words")])
    assert logins.asked == 3


async def test_a_send_sync_that_waits_is_answered(logins: Logins) -> None:
    go_on = asyncio.Event()

    async def slow(event: Any) -> str:
        await go_on.wait()
        return f"for {event.user.id}"

    @logins.ipc_main.on("slow")
    async def listen(event: Any) -> None:
        event.return_value = await slow(event)

    page = LoggedInPage(logins, "a1")
    await page.connect()
    answer = page.upload(page.ask("slow"))
    await settled()
    logins.log_out("a1")
    await reauthenticate(logins)
    await until(lambda: page.closes)
    go_on.set()
    status, content = await answer
    assert (status, b"for ada" in content) == (200, True)
    # The next one is asked, as every request is.
    assert await page.upload(page.ask("answer", "two")) == (401, {"code": 4401, "reason": "not logged in"})
    assert logins.ran == []


@pytest.mark.parametrize("is_logged_out", [False, True])
async def test_what_arrives_of_a_body_later_is_received_after_another_ask(
    logins: Logins, *, is_logged_out: bool
) -> None:
    page = LoggedInPage(logins, "a1")
    page.post("send", "say", value=["one"])
    async with Upload(logins.app, "/ipc/sync", headers=page.headers) as upload:
        upload.frames(page.hello(0), *page.link.backlog())
        await until(lambda: logins.ran)
        if is_logged_out:
            logins.log_out("a1")
        await reauthenticate(logins)
        page.post("send", "say", value=["two"])
        page.ask("answer", "three")
        # With the first message again, which is dropped by its number.
        upload.frames(*page.link.backlog(), encode_control(0, "await", page._call_id), last=True)
        status, _ = await upload.answer()
    assert status == (401 if is_logged_out else 200)
    later = [] if is_logged_out else [("ada", "two"), ("ada", "three")]
    assert logins.ran == [("ada", "one"), *later]
    assert logins.asked == 2


# --- messages that are cut, and resumes -------------------------------------------------------------------------------


@pytest.mark.parametrize("is_logged_out", [False, True])
async def test_an_upload_goes_on_behind_it(*, is_logged_out: bool) -> None:
    logins = Logins(Limits(part_bytes=1_000))
    page = LoggedInPage(logins, "a1")
    await page.connect()
    page.post("send", "say", value=["x" * 5_000])
    frames = [page.link.take_frame(beyond_window=True) for _ in range(5)]
    for frame in frames[:3]:
        assert frame is not None
        page.write(frame)
    (connection,) = logins.ipc_main._provider.here()._links
    await until(lambda: connection.link.received == 3)
    if is_logged_out:
        logins.log_out("a1")
    await reauthenticate(logins)
    await until(lambda: page.closes)
    # What comes by the socket that was closed is not received.
    assert frames[3] is not None
    page.write(frames[3])
    await settled()
    assert connection.link.received == 3
    await page.connect()
    if is_logged_out:
        assert (page.closes[-1], logins.ran) == (NOT_LOGGED_IN, [])
        return
    assert page.link.first == 4
    page.flush()
    await until(lambda: logins.ran)
    assert logins.ran == [("ada", "x" * 5_000)]


@pytest.mark.parametrize("is_logged_out", [False, True])
async def test_a_page_that_was_away_meanwhile_is_asked_when_it_resumes(logins: Logins, *, is_logged_out: bool) -> None:
    page = LoggedInPage(logins, "a1")
    await page.connect()
    await page.end()
    if is_logged_out:
        logins.log_out("a1")
    await reauthenticate(logins)
    logins.ipc_main.broadcast("note", "kept")
    await page.connect()
    if is_logged_out:
        assert (page.closes, page.arrived) == ([NOT_LOGGED_IN], [])
    else:
        await until(lambda: page.arrived)
        assert (page.closes, page.resets) == ([], [])


async def test_a_resume_whose_ask_began_before_is_asked_again_and_loses_nothing(logins: Logins) -> None:
    page = LoggedInPage(logins, "a1")
    await page.connect()
    await page.end()
    logins.after.set()
    async with connecting(page):
        await logins.after.reached()
        await reauthenticate(logins)
        logins.after.clear()
    assert page.closes == [ASK_AGAIN]
    logins.ipc_main.broadcast("note", "kept")
    await page.connect()
    await until(lambda: page.arrived)
    assert page.resets == []


async def test_a_handler_that_runs_keeps_its_user_and_answers_when_the_page_is_back(logins: Logins) -> None:
    go_on = asyncio.Event()

    @logins.ipc_main.handle("slow")
    async def slow(event: Any) -> str:
        await go_on.wait()
        return f"for {event.user.id}"

    async with Renderer(logins.app, headers=cookie("a1")) as page:
        answer = asyncio.create_task(page.invoke("slow"))
        await settled()
        await reauthenticate(logins)
        await until(lambda: not page.connected)
        go_on.set()
        await settled()
        await page.connect()
        assert await answer == "for ada"


# --- max_age ----------------------------------------------------------------------------------------------------------


async def test_a_page_is_asked_again_after_max_age_and_one_without_a_user_is_not() -> None:
    async def current_user(session: Annotated[str | None, Cookie()] = None) -> str | None:
        return session

    app, ipc_main = application(authenticate=current_user, max_age=0.02, limits=Limits(ack_ms=20))
    ipc_main.handle("who", lambda event: event.user)
    async with Renderer(app, headers=cookie("ada")) as page, Renderer(app) as nobody:
        for _ in range(3):
            await until(lambda: not page.connected)
            await page.connect()
            assert await page.invoke("who") == "ada"
        assert nobody.connected


async def test_pages_that_came_together_are_not_asked_again_together(logins: Logins) -> None:
    hub = logins.ipc_main._provider.here()
    pages = [LoggedInPage(logins, "a1", f"{number:032x}") for number in range(50)]
    for page in pages:
        await page.connect()
    now = asyncio.get_running_loop().time()
    due = [connection.ask_due - now for connection in hub._links]
    assert 3_230 < min(due) < 3_360
    assert 3_840 < max(due) < 3_970
