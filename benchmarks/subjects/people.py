"""webipc as an application with users has it: one application for each thing that such a one needs.

Each is `ours.py` with one difference, and what it does for a user is as little as can be: the figures are webipc's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Cookie, Depends, FastAPI

from benchmarks.subjects.serve import PAYLOAD
from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent


@dataclass(frozen=True, slots=True)
class User:
    """Who a page belongs to."""

    id: int


ADA = User(1)


class Database:
    """A session that opens nothing."""


def may(event: IpcMainEvent | IpcMainInvokeEvent, channel: str) -> bool:
    return channel != "forbidden"


async def current_user(session: Annotated[str | None, Cookie()] = None) -> User:
    return ADA


def get_db() -> Iterator[Database]:
    """Run in a thread by FastAPI, for each of its two halves."""
    yield Database()


async def add(event: IpcMainInvokeEvent, a: float, b: float) -> float:
    return a + b


async def add_for_user(
    event: IpcMainInvokeEvent, a: float, b: float, user: Annotated[User, Depends(current_user)]
) -> float:
    return a + b


async def add_with_database(
    event: IpcMainInvokeEvent, a: float, b: float, db: Annotated[Database, Depends(get_db)]
) -> float:
    return a + b


def ask(event: IpcMainEvent) -> None:
    event.return_value = 1


def _application(handler: Any = add, **settings: Any) -> tuple[FastAPI, IpcMain]:
    """Return an application whose channel `add` this handler answers."""
    app, ipc_main = FastAPI(), IpcMain(**settings)
    ipc_main.mount(app)
    ipc_main.handle("add", handler)
    ipc_main.on("ask", ask)
    return app, ipc_main


authorizing, _ = _application(authorize=may)
depending, _ = _application(add_for_user)
with_database, _ = _application(add_with_database)
asking, _ = _application(authenticate=current_user)
grouped, _grouped_main = _application()


@_grouped_main.web_contents_created
def created(event: Any, contents: Any) -> None:
    _grouped_main.group("all").add(contents)


@_grouped_main.on("tell")
def tell(event: IpcMainEvent, number: int) -> None:
    _grouped_main.group("all").send("news", PAYLOAD.format(number))
