"""The demo that `make run` serves: channels to call by hand in the playground, and a live chart.

Open the playground (`/` redirects to it) and call them. While a page is open, the server pushes the machine's CPU and
memory usage twice a second.
"""

import asyncio
import os
import platform
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import machine
from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from webipc import (
    ArrayBuffer,
    BigInt,
    Boxed,
    IpcError,
    IpcMain,
    IpcMainEvent,
    IpcMainInvokeEvent,
    JSArray,
    JSDate,
    JSError,
    JSMap,
    JSRegExp,
    JSSet,
    MessagePortMain,
    TypedArray,
    WebContents,
    undefined,
)

HERE = Path(__file__).parent

app = FastAPI(title="webipc demo", docs_url=None, redoc_url=None)
# The playground is the whole demo, so it is enabled in production too. An application would leave this out.
ipc_main = IpcMain(playground=True)
ipc_main.mount(app)


@app.get("/", include_in_schema=False)
async def home() -> RedirectResponse:
    return RedirectResponse("ipc/")


# --- calls ------------------------------------------------------------------------------------------------------------


@ipc_main.handle("add")
async def add(event: IpcMainInvokeEvent, a: float, b: float = 1.0) -> float:
    """Add two numbers.

    The arguments are validated against the annotations: try `'one'`, or none at all.
    """
    return a + b


@ipc_main.handle("echo")
async def echo(event: IpcMainInvokeEvent, *args: Any) -> list[Any]:
    """Return the arguments. Every value that structured clone supports survives both ways.

    Try `new Map([[{ id: 1 }, -0]]), 8n`, `[1, , undefined]`, `new Date()`. Code is not evaluated: try `2n ** 3n`.
    """
    return list(args)


@ipc_main.handle("one-of-each")
async def one_of_each(event: IpcMainInvokeEvent) -> dict[str, Any]:
    """Return a value of each supported type, created in Python."""
    itself: dict[str, Any] = {"note": "this object is in itself"}
    itself["self"] = itself
    return {
        "nothing": [None, undefined],
        "numbers": [42, -0.0, 0.1 + 0.2, float("nan"), float("-inf")],
        "bigint": BigInt(2**100),
        "text": "naïve 😀 <b>not markup</b>",
        "dates": [datetime.now(UTC), JSDate(None)],
        "map": JSMap([("one", 1), (JSDate(0), "a date is the key"), ("nested", JSMap([(True, [])]))]),
        "set": JSSet([1, "1", 1.5]),
        "holes": JSArray(length=6, items={1: "a", 4: "b"}),
        "pattern": JSRegExp("(?<year>\\d{4})-(?<month>\\d\\d)", "gu"),
        "error": JSError("RangeError", "made in Python", "RangeError: made in Python\n    at main.py", None),
        "short bytes": bytes(range(8)),
        "long bytes": bytes(range(256)) * 8,
        "floats": TypedArray("Float64Array", ArrayBuffer(32)),
        "boxed": Boxed("text"),
        "cycle": itself,
        "long text": "All work and no play. " * 60,
    }


class Person(BaseModel):
    """A person to greet."""

    name: str = Field(min_length=1)
    born: datetime | None = None
    tags: list[str] = []


@ipc_main.handle("greet")
async def greet(event: IpcMainInvokeEvent, person: Person) -> Person:
    """Take a Pydantic model and return one.

    Try `{ name: 'Ada', born: new Date('1815-12-10') }`, then `{ name: '' }` or `{}`.
    """
    return person.model_copy(update={"tags": [*person.tags, f"greeted by web contents {event.sender.id}"]})


@ipc_main.handle("sum")
def total(event: IpcMainInvokeEvent, numbers: TypedArray) -> float:
    """Sum a typed array. It is sent as raw bytes, and Python reads it without a copy."""
    return float(sum(numbers.view()))


@ipc_main.handle("count-words")
def count_words(event: IpcMainInvokeEvent, text: str, most: int = 10) -> JSMap:
    """Count the words of a text. Return a Map, the most common words first."""
    return JSMap(Counter(re.findall(r"\w+", text.lower())).most_common(most))


@ipc_main.handle("slow")
async def slow(event: IpcMainInvokeEvent, seconds: float = 2.0) -> str:
    """Wait some seconds. Meanwhile other calls are answered: an `async def` handler that awaits blocks no other.

    Stop the server while the call waits, and start it again: the page shows the outcome of the call.
    """
    await asyncio.sleep(min(seconds, 60))
    return f"{seconds} seconds later"


@ipc_main.handle("primes")
def primes(event: IpcMainInvokeEvent, below: int = 1_000_000) -> int:
    """Count primes. This is CPU-bound work in a plain `def`, which runs in a thread."""
    limit = min(below, 5_000_000)
    sieve = bytearray([1]) * limit
    sieve[:2] = bytes(min(2, limit))
    for number in range(2, int(limit**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return sum(sieve)


@ipc_main.handle("files")
def files(event: IpcMainInvokeEvent) -> list[dict[str, Any]]:
    """List the files of this demo. The dates arrive as Date objects."""
    found = sorted(path for path in HERE.iterdir() if path.is_file())
    return [
        {"name": path.name, "bytes": stat.st_size, "changed": datetime.fromtimestamp(stat.st_mtime, UTC)}
        for path in found
        for stat in [path.stat()]
    ]


@ipc_main.handle("fail")
async def fail(
    event: IpcMainInvokeEvent, how: Literal["told", "surprise", "deep", "unsendable", "cancelled"] = "told"
) -> Any:
    """Fail in one of the ways that a handler can fail.

    `told`: an IpcError, which is meant for the caller, with code and data. `surprise`: any other exception; in
    production the caller gets a reference, and the log has the traceback. `deep`: an exception with a cause.
    `unsendable`: a result that cannot be cloned. `cancelled`: the handler is cancelled and sends no reply.
    """
    if how == "told":
        raise IpcError("the coffee is out", code="no-coffee", data={"until": datetime.now(UTC), "cups": 0})
    if how == "surprise":
        return {}["no such key"]
    if how == "deep":
        try:
            int("twelve")
        except ValueError as error:
            raise RuntimeError("the configuration is broken") from error
    if how == "cancelled":
        raise asyncio.CancelledError
    return {"user": {"save": fail}}


@ipc_main.handle("who-am-i")
async def who_am_i(event: IpcMainInvokeEvent) -> dict[str, Any]:
    """Return what the server knows about this page."""
    frame = event.sender_frame
    return {
        "web contents": event.sender.id,
        "origin": frame.origin if frame else None,
        "url": frame.url if frame else None,
        "pages": [contents.id for contents in ipc_main.get_all_web_contents()],
        "server process": os.getpid(),
    }


# Open ports. A port that is not referenced would be closed.
talking: set[MessagePortMain] = set()

# --- messages ---------------------------------------------------------------------------------------------------------


@ipc_main.on("ping")
def ping(event: IpcMainEvent, *args: Any) -> None:
    """Reply with a message on the channel `pong`. It appears among the arrivals."""
    event.reply("pong", *args)


@ipc_main.on("say")
def say(event: IpcMainEvent, text: str) -> None:
    """Broadcast a text to all open tabs, on the channel `said`."""
    ipc_main.broadcast("said", {"from": event.sender.id, "text": text, "at": datetime.now(UTC)})


@ipc_main.on("hello")
def hello(event: IpcMainEvent, text: str = "") -> None:
    """Return a value to `sendSync`. With `send`, the return value is dropped."""
    event.return_value = f"Python {platform.python_version()} says hello{' to ' if text else ''}{text}"


@ipc_main.on("talk")
def talk(event: IpcMainEvent, greeting: Any = undefined) -> None:
    """Talk through a MessagePort: select `postMessage`, then write into the port that appears among the arrivals."""
    for port in event.ports:
        port.on("message", lambda said, port=port: port.post_message({"you said": said.data}))
        port.on("close", lambda port=port: talking.discard(port))
        port.start()
        talking.add(port)
        port.post_message({"hello": "from Python", "greeting": greeting})


@ipc_main.on("introduce")
def introduce(event: IpcMainEvent, to: int) -> None:
    """Forward a port to another page: open a second tab, and `postMessage` its web contents id.

    The server passes on the messages of the two pages without decoding them.
    """
    other = ipc_main.from_id(to)
    if other is not None:
        other.post_message("introduced", {"from": event.sender.id}, event.ports)


@ipc_main.handle("countdown")
async def countdown(event: IpcMainInvokeEvent, start: int = 10) -> str:
    """Push a number every 0.2 seconds, then answer: progress is sent as separate messages."""
    for number in range(min(start, 1000), 0, -1):
        event.sender.send("countdown", number)
        await asyncio.sleep(0.2)
    return "lift-off"


# --- the machine ------------------------------------------------------------------------------------------------------

watching: set[asyncio.Task[None]] = set()


@ipc_main.web_contents_created
def begin_watching(event: Any, contents: WebContents) -> None:
    if not watching:
        task = asyncio.get_running_loop().create_task(push_machine())
        watching.add(task)
        task.add_done_callback(watching.discard)


async def push_machine() -> None:
    """Push CPU and memory usage until the last page is closed. No page has to poll."""
    read = machine.reader()
    while ipc_main.get_all_web_contents():
        await asyncio.sleep(0.5)
        ipc_main.broadcast("machine", read())
