"""`webipc.testing` with several workers: an application's author tests what a deploy or a load balancer does to it."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from typing import Annotated

import pytest
from fastapi import Cookie, FastAPI, HTTPException, Response

from webipc import IpcMain, IpcMainInvokeEvent, ResetError
from webipc.testing import Browser, ClosedError, InvokeError, Workers


class Shop:
    """The parts that all workers of the application have: they are in this process."""

    def __init__(self) -> None:
        self.made = 0

    def make_app(self) -> FastAPI:
        name = f"worker {self.made}"
        self.made += 1

        def current_user(user: Annotated[str | None, Cookie()] = None) -> str:
            if user is None:
                raise HTTPException(401)
            return user

        app = FastAPI()
        ipc_main = IpcMain(authenticate=current_user)
        ipc_main.mount(app)
        ipc_main.handle("where", lambda event: name)

        @ipc_main.handle("whoami")
        async def whoami(event: IpcMainInvokeEvent) -> str:
            return str(event.user)

        ipc_main.on("say", lambda event, text: ipc_main.broadcast("said", text))
        ipc_main.on("version", lambda event: setattr(event, "return_value", name))
        counts: dict[int, int] = {}

        @ipc_main.handle("count")
        async def count(event: IpcMainInvokeEvent) -> int:
            counts[event.sender.id] = counts.get(event.sender.id, 0) + 1
            return counts[event.sender.id]

        @app.post("/login")
        async def login(response: Response) -> str:
            response.set_cookie("user", "ada")
            return name

        return app


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with Workers(Shop().make_app) as started:
        yield started


@pytest.fixture
async def browser(workers: Workers) -> AsyncIterator[Browser]:
    async with Browser(workers) as made:
        await made.post("/login")
        yield made


async def test_page_is_at_home_where_it_came_first_and_may_come_back_anywhere(browser: Browser) -> None:
    async with browser.open(at=1) as page:
        assert page.at == 1
        assert await page.invoke("where") == "worker 1"
        own = page.web_contents_id
        assert await page.invoke("count") == 1
        await page.reconnect(at=0)
        assert page.at == 0
        assert await page.invoke("where") == "worker 1"
        assert await page.invoke("count") == 2
        await page.reload()
        assert page.web_contents_id == own
        assert await page.invoke("where") == "worker 1"
        await page.reconnect()
        assert await page.invoke("count") == 3


async def test_messages_wait_for_the_worker_at_which_the_page_comes_back(browser: Browser) -> None:
    async with browser.open(at=0) as page, browser.open(at=1) as other:
        await page.disconnect()
        other.send("say", "while you were away")
        await other.received("said")
        page.at = 1
        await page.connect()
        assert await page.received("said") == ["while you were away"]


async def test_synchronous_request_reaches_the_worker_that_the_test_names(browser: Browser) -> None:
    async with browser.open(at=0) as page:
        page.at = 1
        # Its socket is where it was, and so is its tab.
        assert await page.send_sync("version") == "worker 0"


async def test_pages_and_frames_of_a_page_come_to_its_worker_unless_the_test_says(browser: Browser) -> None:
    async with browser.open(at=1) as page, page.open() as same, page.open(at=0) as other:
        assert (same.at, other.at) == (1, 0)
        assert await same.invoke("where") == "worker 1"
        assert await other.invoke("where") == "worker 0"
        async with page.open_frame(at=0) as frame:
            # A document in an iframe is where its tab is.
            assert await frame.invoke("where") == "worker 1"
            assert frame.web_contents_id == page.web_contents_id


async def test_broadcast_reaches_the_pages_of_all_workers(browser: Browser) -> None:
    async with browser.open(at=0) as one, browser.open(at=1) as two:
        one.send("say", "hello")
        assert await one.received("said") == await two.received("said") == ["hello"]


async def test_requests_have_the_browsers_cookies_at_each_worker(workers: Workers) -> None:
    async with Browser(workers) as browser:
        page = browser.open(at=0)
        with pytest.raises(ClosedError) as refused:
            await page.connect()
        assert refused.value.close_code == 4401
        assert (await browser.post("/login", at=1)).json() == "worker 1"
        await page.connect()
        assert await page.invoke("whoami") == "ada"
        assert (await browser.get("/missing", at=1)).status == 404
        await page.close()


async def test_tab_goes_on_in_another_worker_when_its_own_ends_in_good_order(
    workers: Workers, browser: Browser
) -> None:
    async with browser.open(at=0) as page:
        own = page.web_contents_id
        await workers.stop(0)
        assert await page.closed() == 1012
        page.send("say", "kept")
        await page.reconnect(at=1)
        assert page.web_contents_id == own
        assert await page.received("said") == ["kept"]
        assert await page.invoke("where") == "worker 1"
        new = await workers.start()
        async with browser.open(at=new) as other:
            assert await other.invoke("where") == "worker 2"
            other.send("say", "from the new one")
            assert await page.received("said") == ["from the new one"]


async def test_page_is_told_that_its_worker_has_died(workers: Workers, browser: Browser) -> None:
    async with browser.open(at=0) as page, browser.open(at=1) as other:
        page.at = 1
        await workers.kill(0)
        assert await page.closed() == 1006
        with pytest.raises(ResetError) as reset:
            await page.connect()
        assert reset.value.reason == "owner-lost"
        # The next document begins where it comes.
        await page.connect()
        assert await page.invoke("where") == "worker 1"
        assert await other.invoke("where") == "worker 1"
        dead = browser.open(at=0)
        with pytest.raises(ClosedError) as closed:
            await dead.connect()
        assert closed.value.close_code == 1006
        with pytest.raises(ConnectionError, match="was killed"):
            await browser.get("/", at=0)


async def test_page_that_is_refused_is_told_once_and_nothing_of_it_is_logged_later(
    workers: Workers, browser: Browser
) -> None:
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
    await workers.kill(0)

    async def connect() -> None:
        with pytest.raises(ClosedError):
            await browser.open(at=0).connect()

    await asyncio.create_task(connect())
    gc.collect()
    assert told == []


async def test_worker_that_is_not_there_is_a_clear_error(workers: Workers, browser: Browser) -> None:
    with pytest.raises(ValueError, match="expected at=from 0 to 1; got 2"):
        browser.open(at=2)
    async with browser.open() as page:
        with pytest.raises(ValueError, match="got -1"):
            page.at = -1
        with pytest.raises(InvokeError):
            await page.invoke("unknown")
    alone = Browser(Shop().make_app())
    with pytest.raises(ValueError, match="there is one application"):
        alone.open(at=1)
    assert len(workers) == 2


@pytest.mark.parametrize("make_app", [FastAPI, lambda: None])
async def test_application_without_an_ipc_main_is_a_clear_error(make_app: Callable[[], FastAPI]) -> None:
    with pytest.raises(ValueError, match="an IpcMain that is mounted"):
        await Workers(make_app).start()
    with pytest.raises(ValueError, match="at least one worker"):
        Workers(make_app, 0)
    with pytest.raises(ValueError, match="have started"):
        Browser(Workers(make_app))
