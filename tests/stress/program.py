"""The application under stress: each handler writes the journal first. `webipc run` serves it in its own process.

The environment says where the journal is (`STRESS_JOURNAL`), which limits it has (`STRESS_LIMITS`, JSON), and which
folder of pages it serves (`STRESS_PAGES`).
"""

import asyncio
import contextlib
import ctypes
import gc
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from tests.stress.journal import Journal
from tests.stress.values import LARGE, bytes_of, is_value_of, seconds_of, value_of
from webipc import DisposedError, IpcMain, IpcMainEvent, IpcMainInvokeEvent, Limits, WebContents
from webipc import __version__ as version

SLOW = 0.12
"""Seconds that a slow handler takes."""
LOOK, LATE = 0.05, 0.1
"""How often it is looked whether the event loop runs, in seconds, and how late that may be."""

journal = Journal(Path(os.environ["STRESS_JOURNAL"]))
pages = os.environ.get("STRESS_PAGES")


async def _look() -> None:
    """Note each time that the event loop was held up: then a timeout says nothing of what ran meanwhile."""
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        await asyncio.sleep(LOOK)
        late = loop.time() - began - LOOK
        if late > LATE:
            journal.ran("held up", "", int(late * 1_000))


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Look as long as the application runs."""
    looking = asyncio.create_task(_look())
    yield
    looking.cancel()


app = FastAPI(lifespan=lifespan)
ipc_main = IpcMain(limits=Limits(**json.loads(os.environ.get("STRESS_LIMITS", "{}"))))
ipc_main.mount(app, pages=None if pages is None else Path(pages))


def answer_of(number: int) -> dict[str, Any]:
    """Return what a call is answered with."""
    return value_of(number + 1)


@ipc_main.on("note")
def note(event: IpcMainEvent, page: str, number: int, value: Any) -> None:
    """Take a message, and reply with its number."""
    journal.ran("note", page, number, intact=is_value_of(number, value))
    event.reply("push", number)


@ipc_main.handle("call")
async def call(event: IpcMainInvokeEvent, page: str, number: int, value: Any) -> Any:
    """Answer: some at once, some later and out of order."""
    journal.ran("call", page, number, intact=is_value_of(number, value))
    if number % 3:
        await asyncio.sleep(number % 7 / 1000)
    return answer_of(number)


@ipc_main.handle("threaded")
def threaded(event: IpcMainInvokeEvent, page: str, number: int, value: Any) -> Any:
    """Answer from a thread."""
    journal.ran("threaded", page, number, intact=is_value_of(number, value))
    time.sleep(number % 5 / 1000)
    return answer_of(number)


@ipc_main.handle("slow")
async def slow(event: IpcMainInvokeEvent, page: str, number: int, value: Any) -> Any:
    """Take a while."""
    journal.ran("slow", page, number, intact=is_value_of(number, value))
    await asyncio.sleep(SLOW)
    return answer_of(number)


@ipc_main.handle("long")
async def long(event: IpcMainInvokeEvent, page: str, number: int, value: Any) -> Any:
    """Take so long that the server may end before."""
    journal.ran("long", page, number, intact=is_value_of(number, value))
    await asyncio.sleep(seconds_of(number))
    return answer_of(number)


@ipc_main.on("long note")
async def long_note(event: IpcMainEvent, page: str, number: int, value: Any) -> None:
    """The same without an answer; note the end, where it comes."""
    journal.ran("long note", page, number, intact=is_value_of(number, value))
    await asyncio.sleep(seconds_of(number))
    journal.ran("long note ended", "", number)


@ipc_main.on("long ask")
async def long_ask(event: IpcMainEvent, page: str, number: int, value: Any) -> None:
    """The same for a `sendSync`."""
    journal.ran("long ask", page, number, intact=is_value_of(number, value))
    await asyncio.sleep(seconds_of(number))
    event.return_value = answer_of(number)


@ipc_main.on("ask")
def ask(event: IpcMainEvent, page: str, number: int, value: Any) -> None:
    """Answer a `sendSync`."""
    journal.ran("ask", page, number, intact=is_value_of(number, value))
    event.return_value = answer_of(number)


@ipc_main.handle("large")
async def large(event: IpcMainInvokeEvent, page: str, number: int, value: Any) -> Any:
    """Send a large value back."""
    journal.ran("large", page, number, intact=bytes(value) == bytes_of(number, LARGE))
    return value


@ipc_main.on("port")
def port(event: IpcMainEvent, page: str) -> None:
    """Take a port, and send everything back through it."""
    (mine,) = event.ports

    def heard(message: Any) -> None:
        number, value = message.data
        journal.ran("port", page, number, intact=is_value_of(number, value))
        mine.post_message([number, value])

    mine.on("message", heard)
    mine.start()


@ipc_main.on("relay")
def relay(event: IpcMainEvent, route: tuple[str, int]) -> None:
    """Pass a port on to another page, which takes what comes and says `relayed` about it."""
    page, target = route
    try:
        # It may be a page of another process.
        ipc_main.remote(target).post_message("relayed", page, event.ports)
    except DisposedError:
        # That page is loading its next document, or its link was reset. The port closes, as it is in nobody's hands.
        event.ports[0].close()


@ipc_main.on("relayed")
def relayed(event: IpcMainEvent, page: str, number: int, intact: bool) -> None:
    """Note that the other page has taken a message of this page from the relayed port."""
    journal.ran("relay", page, number, intact=intact)


@ipc_main.on("shout")
def shout(event: IpcMainEvent, page: str, number: int, value: Any) -> None:
    """Say a number to every page."""
    journal.ran("shout", page, number, intact=is_value_of(number, value))
    ipc_main.broadcast("heard", page, number)


@ipc_main.handle("plain")
async def plain(event: IpcMainInvokeEvent, page: str, number: int, size: int) -> Any:
    """Answer a client that knows no value but JSON's."""
    journal.ran("plain", page, number)
    return {"number": number, "text": "x" * size}


@ipc_main.on("plain note")
def plain_note(event: IpcMainEvent, page: str, number: int) -> None:
    """Take a message of such a client, and reply with its number."""
    journal.ran("plain note", page, number)
    event.reply("push", number)


@ipc_main.handle("block the loop")
async def block(event: IpcMainInvokeEvent, seconds: float) -> None:
    """Do what no handler may: nothing else runs meanwhile."""
    time.sleep(seconds)  # noqa: ASYNC251 - that is the question


@ipc_main.handle("push to")
async def push_to(event: IpcMainInvokeEvent, target: int, first: int, count: int, size: int) -> None:
    """Send another page numbers, each with so many bytes."""
    contents = ipc_main.from_id(target)
    assert contents is not None
    for number in range(first, first + count):
        contents.send("pushed", number, bytes_of(number, size))


@ipc_main.web_contents_created
def created(event: Any, contents: WebContents) -> None:
    """Note the new tab, and how many of its last messages a page could not send, as far as the server knows."""
    if not getattr(event, "adopted", False):
        journal.ran("created", "", contents.id)
    contents.on("ipc-messages-lost", lambda event, details: journal.ran("lost", "", details["count"]))


@ipc_main.handle("where")
async def where(event: IpcMainInvokeEvent) -> int:
    """Tell which process has the page."""
    return os.getpid()


@ipc_main.handle("stats")
async def stats(event: IpcMainInvokeEvent) -> Any:
    """Tell what the process holds for its pages."""
    return ipc_main.stats()


@ipc_main.handle("take")
async def take(event: IpcMainInvokeEvent, page: str, number: int, value: Any) -> bool:
    """Take many bytes; tell whether they are right."""
    return bytes(value) == bytes_of(number, len(value))


@app.get("/shared")
def shared() -> dict[str, Any]:
    """Return what this worker tells of itself and the others."""
    others = ipc_main.shared
    if others is None:
        return {"process": os.getpid(), "version": version, "shared": {}, "workers": 1}
    told = {"shared": others.stats(), "worker": others.worker, "workers": len(others.workers)}
    return {"process": os.getpid(), "version": version, **told}


@app.get("/memory")
def memory() -> int:
    """Return the bytes that the process holds, without garbage and without what the allocator keeps (Linux, glibc)."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@ipc_main.handle("download")
async def download(event: IpcMainInvokeEvent, number: int, size: int) -> bytes:
    """Return so many bytes."""
    return bytes_of(number, size)
