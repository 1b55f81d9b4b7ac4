"""Every message has the caller that brought it: its socket, its synchronous request or its beacon, and no other."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.held_up import LIMITS, Site, waits
from tests.support.hubs import MakeHub, Socket, hello, visitor
from tests.support.posting_page import PostingPage
from tests.support.waiting import settled, until
from webipc import IpcMainEvent, IpcMainInvokeEvent
from webipc.access.attach_scope import AttachScope
from webipc.access.caller import Caller
from webipc.channels.ipc_main_impl import IpcMainImpl
from webipc.core.frame import decode_frame
from webipc.electron.ipc_event import WebContentsEvent
from webipc.electron.web_contents import WebContents
from webipc.electron.web_frame_main import DisposedError

TEXT = "x" * 300_000


def name_of(event: IpcMainEvent | IpcMainInvokeEvent) -> tuple[str | None, str | None]:
    """Return a header and a cookie of what brought a message."""
    return event.connection.headers.get("name"), event.connection.cookies.get("session")


class Names(Site):
    """An application that notes who has brought each message."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[Any] = []
        self.ipc_main.on("named", lambda event, *args: self.names.append((event.type, *name_of(event))))
        self.ipc_main.handle("thread", name_of)
        self.ipc_main.handle("coroutine", self._coroutine)
        self.ipc_main.on("asked", lambda event: setattr(event, "return_value", list(name_of(event))))

    async def _coroutine(self, event: IpcMainInvokeEvent) -> Any:
        return name_of(event)


@pytest.fixture
async def site() -> AsyncIterator[Names]:
    made = Names()
    yield made
    made.end()
    await made.ipc_main._provider.end()


def be(page: PostingPage, name: str) -> None:
    """Let what the page opens from now on have this name, in a header and in a cookie."""
    page.headers = {"name": name, "cookie": f"session={name}"}


async def page_of(site: Names, name: str) -> PostingPage:
    page = PostingPage(site.app, LIMITS)
    be(page, name)
    await page.connect()
    return page


async def test_a_socket_a_request_a_beacon_and_the_next_socket_show_their_own_headers_and_cookies(
    site: Names,
) -> None:
    page = await page_of(site, "socket-1")
    page.post("send", "named", value=[])
    page.post_ported("post", "named", value=[])
    page.flush()
    be(page, "request")
    page.post("send", "named", value=[])
    _, answer = await page.upload(page.ask("asked"))
    assert b'["request","request"]' in answer
    be(page, "beacon")
    page.post("send", "named", value=[])
    assert (await page.upload(page.body(), path="/ipc/beacon"))[0] == 204
    be(page, "socket-2")
    await page.connect()
    page.post("send", "named", value=[])
    page.post("invoke", 3, "thread", value=[])
    page.post("invoke", 5, "coroutine", value=[])
    page.flush()
    await until(lambda: len(page.results) == 2)
    assert sorted(page.results) == [["result", call_id, ["socket-2", "socket-2"]] for call_id in (3, 5)]
    assert [name for _, name, _ in site.names] == ["socket-1", "socket-1", "request", "beacon", "socket-2"]
    await page.end()


async def test_a_message_whose_parts_came_by_two_sockets_belongs_to_the_one_that_completed_it(site: Names) -> None:
    page = await page_of(site, "socket-1")
    page.post("send", "named", value=[TEXT * 3])
    first = page.link.take_frame(beyond_window=True)
    assert first is not None
    page.write(first)
    await settled()
    be(page, "socket-2")
    await page.connect()
    page.flush()
    await until(lambda: site.names)
    assert site.names == [("frame", "socket-2", "socket-2")]
    await page.end()


@pytest.mark.parametrize("value", [TEXT, TEXT * 3], ids=["frame", "parcel"])
async def test_what_is_decoded_in_the_helper_thread_belongs_to_the_attach_that_brought_it(
    site: Names, value: str
) -> None:
    page = await page_of(site, "socket-1")
    gate = site.hold_up()
    page.post("send", "named", value=[value])
    page.flush()
    await until(waits(site))
    be(page, "request")
    page.post("send", "named", value=[])
    page.upload(page.ask("asked"))
    await settled()
    assert site.names == []
    gate.set()
    await until(lambda: len(site.names) == 2)
    assert [name for _, name, _ in site.names] == ["socket-1", "request"]
    await page.end()


async def test_a_message_in_parts_by_a_request_belongs_to_the_request(site: Names) -> None:
    page = await page_of(site, "socket-1")
    be(page, "request")
    page.post("send", "named", value=[TEXT * 3])
    assert (await page.upload(page.ask("asked")))[0] == 200
    assert [name for _, name, _ in site.names] == ["request"]
    await page.end()


async def test_a_connection_is_made_once_for_an_event_and_never_shared(site: Names) -> None:
    page = await page_of(site, "socket-1")
    events: list[IpcMainEvent] = []
    site.ipc_main.on("kept", events.append)
    page.post("send", "kept", value=[])
    page.post("send", "kept", value=[])
    page.flush()
    await until(lambda: len(events) == 2)
    one, other = (event.connection for event in events)
    assert events[0].connection is one
    one.scope["path"] = "/changed"
    assert other.url.path == "/ipc/socket"
    assert (one.client is not None and one.client.host, one.scope["app"]) == ("testclient", site.app)
    await page.end()
    assert other.cookies["session"] == "socket-1", "an event that is kept shows it after the end of its socket"


# --- a hub without sockets: users who are told apart ------------------------------------------------------------------


def caller(user: str) -> Caller:
    return Caller(AttachScope({"type": "websocket", "headers": [(b"name", user.encode())]}), user)


async def test_listeners_that_are_found_when_the_next_socket_has_brought_a_message_see_who_brought_theirs(
    make_hub: MakeHub,
) -> None:
    ipc_main = IpcMainImpl()
    hub = make_hub(ipc_main=ipc_main)
    heard: list[Any] = []
    first = hello()
    page = hub.attaches.attach(first, visitor("192.0.2.1"), caller("Ada"), Socket())
    go_on = asyncio.Event()

    async def one(event: IpcMainEvent) -> None:
        # The second listener is not looked for yet, and the second message not looked at.
        hub.attaches.attach(dataclasses.replace(first, fresh=False), visitor("192.0.2.1"), caller("Bob"), Socket(2))
        page.receive(decode_frame('[3,0,["send","next",[]]]'), 2, caller("Bob"))
        await go_on.wait()
        heard.append(("suspended", event.user, event.connection.headers["name"]))

    ipc_main.on("named", one)
    ipc_main.on("named", lambda event: heard.append(("second", event.user, event.connection.headers["name"])))
    ipc_main.on("next", lambda event: heard.append(("next", event.user, event.connection.headers["name"])))
    page.receive(decode_frame('[1,0,["send","named",[]],["send","next",[]]]'), 1, caller("Ada"))
    page.jobs.start()
    await until(lambda: len(heard) == 3)
    go_on.set()
    await until(lambda: len(heard) == 4)
    assert heard == [
        ("second", "Ada", "Ada"),
        ("next", "Ada", "Ada"),
        ("next", "Bob", "Bob"),
        ("suspended", "Ada", "Ada"),
    ]


async def test_messages_of_two_attaches_that_run_in_one_turn_have_their_own_callers(make_hub: MakeHub) -> None:
    ipc_main = IpcMainImpl()
    hub = make_hub(ipc_main=ipc_main)
    heard: list[Any] = []
    first = hello()
    page = hub.attaches.attach(first, visitor("192.0.2.1"), caller("first"), Socket())
    ipc_main.on("named", lambda event, *args: heard.append(event.user))
    ipc_main.on("asked", lambda event: heard.append(event.user))

    @ipc_main.handle("called")
    async def called(event: IpcMainInvokeEvent) -> None:
        heard.append(event.user)

    messages = '["send","named",[]],["invoke",%d,"called",[]],["post","named",null,[]],["sync",%d,"asked",[]]'
    page.receive(decode_frame(f"[1,0,{messages % (1, 3)}]"), 1, caller("first"))
    hub.attaches.attach(dataclasses.replace(first, fresh=False), visitor("192.0.2.1"), caller("second"), Socket(2))
    page.receive(decode_frame(f"[5,0,{messages % (5, 7)}]"), 2, caller("second"))
    page.jobs.start()
    await until(lambda: len(heard) == 8)
    assert heard == ["first"] * 4 + ["second"] * 4


@pytest.mark.parametrize("by_request", [False, True])
async def test_who_uses_a_new_tab_is_known_when_it_is_announced(make_hub: MakeHub, by_request: bool) -> None:
    seen: list[Any] = []

    def created(event: WebContentsEvent, contents: WebContents) -> None:
        seen.append((event.sender.user, contents.user))

    hub = make_hub(created=created)
    if by_request:
        hub.attaches.identify(hello(), visitor("192.0.2.1"), caller("Ada"))
    else:
        hub.attaches.attach(hello(), visitor("192.0.2.1"), caller("Ada"), Socket())
    await until(lambda: seen)
    assert seen == [("Ada", "Ada")]


async def test_a_document_and_its_tab_have_the_user_of_the_newest_attach(make_hub: MakeHub) -> None:
    hub = make_hub()
    first = hello()
    page = hub.attaches.attach(first, visitor("192.0.2.1"), caller("Ada, 1"), Socket())
    frame, contents = page.document.frame, page.document.tab.contents
    hub.attaches.attach(dataclasses.replace(first, fresh=False), visitor("192.0.2.1"), caller("Ada, 2"), Socket(2))
    assert (frame.user, contents.user) == ("Ada, 2", "Ada, 2")
    hub.attaches.identify(dataclasses.replace(first, fresh=False), visitor("192.0.2.1"), caller("Ada, 3"))
    assert (frame.user, contents.user) == ("Ada, 3", "Ada, 3")
    assert page.transport is not None
    page.lost(page.transport)
    after = hub.attaches.attach(
        dataclasses.replace(hello(), token=page.document.tab.token),
        visitor("192.0.2.1"),
        caller("Ada, 4"),
        Socket(),
    )
    assert after.document.tab is page.document.tab
    assert (frame.user, contents.user, after.document.frame.user) == ("Ada, 3", "Ada, 4", "Ada, 4")
    hub.attaches.identify(dataclasses.replace(first, fresh=False), visitor("192.0.2.1"), caller("Ada, 5"))
    assert (frame.user, contents.user) == ("Ada, 5", "Ada, 4"), "the tab shows the newer document"
    hub.end(after, "ended")
    hub.end(page, "ended")
    await until(frame.is_destroyed)
    assert contents.user == "Ada, 4"
    with pytest.raises(DisposedError):
        _ = frame.user


async def test_an_iframe_has_a_user_of_its_own_and_its_tab_that_of_the_main_document(make_hub: MakeHub) -> None:
    hub = make_hub()
    page = hub.attaches.attach(hello(), visitor("192.0.2.1"), caller("above"), Socket())
    child = hub.attaches.attach(
        dataclasses.replace(hello(), parent=page.link_id), visitor("192.0.2.1"), caller("below"), Socket()
    )
    assert child.document.tab is page.document.tab
    assert (child.document.frame.user, page.document.frame.user) == ("below", "above")
    assert page.document.tab.contents.user == "above"


async def test_a_refused_attach_changes_nobody(make_hub: MakeHub) -> None:
    hub = make_hub()
    first = hello()
    page = hub.attaches.attach(first, visitor("192.0.2.1"), caller("Ada"), Socket(2))
    for attempt in (1, 2):
        with pytest.raises(Exception, match="not larger"):
            hub.attaches.attach(
                dataclasses.replace(first, fresh=False), visitor("192.0.2.1"), caller("Eve"), Socket(attempt)
            )
    assert (page.document.frame.user, page.document.tab.contents.user) == ("Ada", "Ada")


def test_a_caller_never_shows_headers_or_user_in_its_repr() -> None:
    shown = repr(Caller(AttachScope({"headers": [(b"cookie", b"secret")]}), "secret", "secret"))
    assert "secret" not in shown
