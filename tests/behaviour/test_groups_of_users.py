"""Groups and `to(user=...)` with users: what is for one user reaches all tabs of that one, and nobody else."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import Cookie

from tests.support.applications import application
from tests.support.connected import contents_of
from tests.support.waiting import until
from webipc import IpcMain, Limits
from webipc.testing import Browser, ClosedError, Renderer


class User:
    def __init__(self, name: str) -> None:
        self.id = name


def current_user(user: Annotated[str | None, Cookie()] = None) -> User | None:
    return None if user is None else User(user)


class Site:
    """An application whose users are told apart by the cookie `user`, which a test may change."""

    def __init__(self, **settings: Any) -> None:
        self.app, self.ipc_main = application(authenticate=current_user, limits=Limits(goodbye_ms=50), **settings)
        self.ipc_main.handle("end", lambda event: None)

    def browser(self, user: str | None) -> Browser:
        return Browser(self.app, cookies={} if user is None else {"user": user})


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    async with Browser(site.app):
        yield site


def log_in(browser: Browser, user: str | None) -> None:
    """Set or delete the cookie, as a route would."""
    gone = "" if user is not None else "; Max-Age=0"
    browser._client.keep_cookies([(b"set-cookie", f"user={user}; Path=/{gone}".encode())])


async def heard(page: Renderer) -> list[Any]:
    """Return what a page has received on `note` and not taken yet, after a call has come back."""
    await page.invoke("end")
    return [args[0] for _, args in page._arrived.pop("note", [])]


async def comes_as_another(page: Renderer) -> None:
    """Let a page come back with the cookies of now, which are another user's, and then as that user."""
    await page.disconnect()
    with pytest.raises(ClosedError) as closed:
        await page.connect()
    assert (closed.value.close_code, closed.value.reason) == (4401, "another-user")
    await page.connect()


async def test_a_message_to_a_user_reaches_every_tab_of_that_user_and_no_other(site: Site) -> None:
    ada, again, bob = site.browser("ada"), site.browser("ada"), site.browser("bob")
    async with (
        ada.open() as one,
        ada.open() as two,
        again.open() as three,
        one.open_frame() as frame,
        bob.open() as his,
        site.browser(None).open() as nobody,
    ):
        hers = site.ipc_main.to(user="ada")
        assert list(hers) == [contents_of(site.ipc_main, page) for page in (one, two, three)]
        assert contents_of(site.ipc_main, his) not in hers
        hers.send("note", 1)
        hers.send("note", 2, exclude=contents_of(site.ipc_main, two))
        assert [await heard(page) for page in (one, two, three)] == [[1, 2], [1], [1, 2]]
        assert [await heard(page) for page in (frame, his, nobody)] == [[], [], []]
        site.ipc_main.to(user="nobody").send("note", 3)
        site.ipc_main.to(user="None").send("note", 3)
        assert await heard(nobody) == []


async def test_it_reaches_the_next_document_of_a_tab_and_a_page_whose_socket_is_lost(site: Site) -> None:
    async with site.browser("ada").open() as page:
        hers = site.ipc_main.to(user="ada")
        await page.reload()
        hers.send("note", 1)
        assert await heard(page) == [1]
        await page.disconnect()
        hers.send("note", 2)
        await page.connect()
        assert await heard(page) == [2]
        assert len(hers) == 1
        await page.close()
        await until(lambda: len(hers) == 0)
        hers.send("note", 3)


@pytest.mark.parametrize("first, second", [("ada", "bob"), (None, "ada"), ("ada", None)])
async def test_another_user_of_a_page_is_in_none_of_its_groups_and_gets_nothing_that_was_kept(
    site: Site, first: str | None, second: str | None
) -> None:
    browser, ipc_main = site.browser(first), site.ipc_main
    async with browser.open() as page:
        before = contents_of(ipc_main, page)
        assert before.main_frame is not None
        rooms = [ipc_main.group("room"), ipc_main.group("document")]
        rooms[0].add(before)
        rooms[1].add(before.main_frame)

        def send(text: str) -> None:
            for each in [*rooms, *([] if first is None else [ipc_main.to(user=first)])]:
                each.send("note", text)

        await page.disconnect()
        send("kept")
        log_in(browser, second)
        await comes_as_another(page)
        send("later")
        assert await heard(page) == []
        after = contents_of(ipc_main, page)
        assert after is not before
        assert not any(after in room for room in rooms)
        assert second is None or list(ipc_main.to(user=second)) == [after]
        await until(before.is_destroyed)
        assert [len(room) for room in rooms] == [0, 0]
        assert first is None or len(ipc_main.to(user=first)) == 0


async def test_a_reload_as_another_user_leaves_the_groups_behind(site: Site) -> None:
    browser, ipc_main = site.browser("ada"), site.ipc_main
    async with browser.open() as page:
        room = ipc_main.group("room")
        before = contents_of(ipc_main, page)
        room.add(before)
        log_in(browser, "bob")
        await page.reload()
        room.send("note", 1)
        ipc_main.to(user="ada").send("note", 2)
        ipc_main.to(user="bob").send("note", 3)
        assert await heard(page) == [3]
        await until(before.is_destroyed)
        assert len(room) == 0


async def test_the_same_user_with_another_session_stays_in_the_groups(site: Site) -> None:
    browser = site.browser("ada")
    async with browser.open() as page:
        room = site.ipc_main.group("room")
        room.add(contents_of(site.ipc_main, page))
        await page.disconnect()
        log_in(browser, "ada")
        room.send("note", 1)
        await page.connect()
        room.send("note", 2)
        assert await heard(page) == [1, 2]


async def test_a_user_is_named_by_what_the_setting_identity_returns() -> None:
    by_tenant = Site(identity=lambda user: f"acme:{user.id}")
    by_number = Site(identity=lambda user: int(user.id))
    by_uuid = Site(identity=lambda user: UUID(user.id))
    name = "abcdef12-1234-5678-1234-567812345678"
    cases: list[tuple[Site, str, str | int | UUID, str]] = [
        (by_tenant, "ada", "acme:ada", "ada"),
        (by_number, "007", 7, "007"),
        (by_uuid, name.upper().replace("-", ""), UUID(name), name.upper()),
    ]
    for site, cookie, user, wrong in cases:
        async with site.browser(cookie).open() as page:
            site.ipc_main.to(user=wrong).send("note", "wrong")
            site.ipc_main.to(user=user).send("note", "right")
            assert await heard(page) == ["right"]


async def test_without_a_running_application_a_user_has_no_tabs() -> None:
    ipc_main = IpcMain()
    hers = ipc_main.to(user=7)
    hers.send("note", 1)
    assert (len(hers), list(hers)) == (0, [])
    for wrong in (None, True, 7.5, User("ada")):
        with pytest.raises(TypeError, match="expected what identifies a user, as a str, an int or a UUID"):
            ipc_main.to(user=wrong)  # type: ignore[arg-type] # that is the point
