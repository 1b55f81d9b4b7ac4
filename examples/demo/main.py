"""The demonstration that `make run` serves: a handful of channels to call by hand, and one that moves by itself.

Open the playground (`/` leads there) and call them. The machine's CPU and memory come by push, twice a second, for as
long as anybody looks.
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
# The playground is the whole demonstration, so it is there in production too. An application would leave this out.
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
    """Return whatever came: every value that structured clone knows survives both ways.

    Try `new Map([[{ id: 1 }, -0]]), 2n ** 3n` (and see that nothing is computed), `[1, , undefined]`, `new Date()`.
    """
    return list(args)


@ipc_main.handle("one-of-each")
async def one_of_each(event: IpcMainInvokeEvent) -> dict[str, Any]:
    """Return a value of every type that crosses, made in Python."""
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
    """Somebody to greet."""

    name: str = Field(min_length=1)
    born: datetime | None = None
    tags: list[str] = []


@ipc_main.handle("greet")
async def greet(event: IpcMainInvokeEvent, person: Person) -> Person:
    """Take a Pydantic model, and return one.

    Try `{ name: 'Ada', born: new Date('1815-12-10') }`, then `{ name: '' }` or `{}`.
    """
    return person.model_copy(update={"tags": [*person.tags, f"greeted by web contents {event.sender.id}"]})


@ipc_main.handle("sum")
def total(event: IpcMainInvokeEvent, numbers: TypedArray) -> float:
    """Add up a typed array. It crosses as raw bytes, and nothing is copied to read it."""
    return float(sum(numbers.view()))


@ipc_main.handle("count-words")
def count_words(event: IpcMainInvokeEvent, text: str, most: int = 10) -> JSMap:
    """Count the words of a text, and return a Map from the commonest on."""
    return JSMap(Counter(re.findall(r"\w+", text.lower())).most_common(most))


@ipc_main.handle("slow")
async def slow(event: IpcMainInvokeEvent, seconds: float = 2.0) -> str:
    """Take some time. Meanwhile other calls are answered: an `async def` that waits holds up nobody.

    Stop the server while it waits, and start it again: the page says what became of the call.
    """
    await asyncio.sleep(min(seconds, 60))
    return f"{seconds} seconds later"


@ipc_main.handle("primes")
def primes(event: IpcMainInvokeEvent, below: int = 1_000_000) -> int:
    """Count primes. It keeps a processor busy, so it is a plain `def`, which runs in a thread."""
    limit = min(below, 5_000_000)
    sieve = bytearray([1]) * limit
    sieve[:2] = bytes(min(2, limit))
    for number in range(2, int(limit**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return sum(sieve)


@ipc_main.handle("files")
def files(event: IpcMainInvokeEvent) -> list[dict[str, Any]]:
    """List the files of this demonstration, with real dates."""
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
    """Fail in one of the ways in which handlers do.

    `told`: an IpcError, raised for the caller, with code and data. `surprise`: any other exception; in production the
    caller reads a reference and the log has the rest. `deep`: one with a cause. `unsendable`: a result that cannot be
    cloned. `cancelled`: no answer at all.
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
    """Tell what the server knows of this page."""
    frame = event.sender_frame
    return {
        "web contents": event.sender.id,
        "origin": frame.origin if frame else None,
        "url": frame.url if frame else None,
        "pages": [contents.id for contents in ipc_main.get_all_web_contents()],
        "server process": os.getpid(),
    }


# Ports that somebody talks through.
talking: set[MessagePortMain] = set()

# --- messages ---------------------------------------------------------------------------------------------------------


@ipc_main.on("ping")
def ping(event: IpcMainEvent, *args: Any) -> None:
    """Answer with a message on the channel `pong`, which shows among the arrivals."""
    event.reply("pong", *args)


@ipc_main.on("say")
def say(event: IpcMainEvent, text: str) -> None:
    """Tell everybody: it arrives in every tab that is open, on the channel `said`."""
    ipc_main.broadcast("said", {"from": event.sender.id, "text": text, "at": datetime.now(UTC)})


@ipc_main.on("hello")
def hello(event: IpcMainEvent, text: str = "") -> None:
    """Answer a page that waits: say it with `sendSync`. With `send`, the answer is nobody's."""
    event.return_value = f"Python {platform.python_version()} says hello{' to ' if text else ''}{text}"


@ipc_main.on("talk")
def talk(event: IpcMainEvent, greeting: Any = undefined) -> None:
    """Talk through a port: say it with `postMessage`, and write into the port that appears among the arrivals."""
    for port in event.ports:
        port.on("message", lambda said, port=port: port.post_message({"you said": said.data}))
        port.on("close", lambda port=port: talking.discard(port))
        port.start()
        talking.add(port)
        port.post_message({"hello": "from Python", "greeting": greeting})


@ipc_main.on("introduce")
def introduce(event: IpcMainEvent, to: int) -> None:
    """Lead a port to another page: open a second tab, and say its web contents' number with `postMessage`.

    What the two pages say through it passes by here, and is not looked at.
    """
    other = ipc_main.from_id(to)
    if other is not None:
        other.post_message("introduced", {"from": event.sender.id}, event.ports)


@ipc_main.handle("countdown")
async def countdown(event: IpcMainInvokeEvent, start: int = 10) -> str:
    """Push a number every fifth of a second, then answer: progress is a message of its own."""
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
    """Push CPU and memory until the last page is gone. Nobody asks for them again and again: that is the point."""
    read = machine.reader()
    while ipc_main.get_all_web_contents():
        await asyncio.sleep(0.5)
        ipc_main.broadcast("machine", read())
