"""A shared drawing board. The page is a Vite, React and TypeScript project in `web`.

During development, Python and Vite run side by side (`webipc dev main.py`, `npm run dev` in `web`), and Vite proxies
`/ipc/` to Python. After `npm run build` this program serves the build, without Node.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request, Response
from pydantic import AfterValidator

from webipc import IpcError, IpcMain, IpcMainInvokeEvent, JSMap, TypedArray, WebContents

BUILT = Path(__file__).parent / "web" / "dist"
FULL = 1_000

app = FastAPI(title="Sketch", docs_url=None, redoc_url=None)
ipc_main = IpcMain()
ipc_main.mount(app, pages=BUILT if BUILT.is_dir() else None)


def pairs(points: TypedArray) -> TypedArray:
    if points.kind != "Float32Array" or points.length not in range(4, 20_001, 2):
        raise ValueError("expected a Float32Array of x, y, x, y, at most 10,000 points")
    return points


Ink = Literal["graphite", "coral", "amber", "leaf", "ocean"]
Points = Annotated[TypedArray, AfterValidator(pairs)]


@dataclass
class Stroke:
    """One line. `web/src/channels.ts` has the same type."""

    by: int
    ink: Ink
    points: TypedArray


strokes: dict[int, Stroke] = {}
people: dict[int, datetime] = {}
numbers = count(1)


@ipc_main.web_contents_created
def came(event: Any, contents: WebContents) -> None:
    people[contents.id] = datetime.now(UTC)
    contents.on("destroyed", went)
    ipc_main.broadcast("people", JSMap(people))


def went(event: Any) -> None:
    people.pop(event.sender.id, None)
    ipc_main.broadcast("people", JSMap(people))


# Each handler is an `async def` without an `await`: it runs on the event loop, and no other handler can interleave.
@ipc_main.handle("join")
async def join(event: IpcMainInvokeEvent) -> dict[str, Any]:
    return {"me": event.sender.id, "strokes": JSMap(strokes), "people": JSMap(people)}


@ipc_main.handle("draw")
async def draw(event: IpcMainInvokeEvent, ink: Ink, points: Points) -> int:
    if len(strokes) == FULL:
        raise IpcError("The board is full. Clear it to continue.", code="full")
    number = next(numbers)
    strokes[number] = Stroke(event.sender.id, ink, points)
    ipc_main.broadcast("stroke", number, strokes[number])
    return number


@ipc_main.handle("undo")
async def undo(event: IpcMainInvokeEvent) -> bool:
    mine = [number for number, stroke in strokes.items() if stroke.by == event.sender.id]
    for number in mine[-1:]:
        del strokes[number]
        ipc_main.broadcast("erase", [number])
    return bool(mine)


@ipc_main.handle("clear")
async def clear(event: IpcMainInvokeEvent) -> int:
    erased = list(strokes)
    strokes.clear()
    ipc_main.broadcast("erase", erased)
    return len(erased)


@app.middleware("http")
async def forbid_what_is_not_ours(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = "default-src 'self'"
    return response
