"""A to-do list in a SQLite file. Every open tab shows the same list, because each change is broadcast.

Start it with `webipc dev main.py`. The file is `todo.sqlite3` in this folder, or the path in `TODO_FILE`.
"""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import StringConstraints

from webipc import IpcMain, IpcMainInvokeEvent

HERE = Path(__file__).parent
FILE = os.environ.get("TODO_FILE", str(HERE / "todo.sqlite3"))
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]

app = FastAPI(title="To do")
ipc_main = IpcMain()
ipc_main.mount(app, pages=HERE / "web")
# A handler that is a plain `def` runs in a thread. The lock covers a change and its broadcast, so that no page gets an
# older list after a newer one.
turn = threading.Lock()


def query(sql: str, *values: object) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(FILE)) as database, database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(sql, values)]


def change(sql: str, *values: object) -> None:
    with turn:
        query(sql, *values)
        ipc_main.broadcast("todos", query("SELECT * FROM todo"))


query("CREATE TABLE IF NOT EXISTS todo (id INTEGER PRIMARY KEY, text TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0)")


@ipc_main.handle("show")
def show(event: IpcMainInvokeEvent) -> None:
    with turn:
        event.sender.send("todos", query("SELECT * FROM todo"))


@ipc_main.handle("add")
def add(event: IpcMainInvokeEvent, text: Text) -> None:
    change("INSERT INTO todo (text) VALUES (?)", text)


@ipc_main.handle("mark")
def mark(event: IpcMainInvokeEvent, todo: int, done: bool) -> None:  # noqa: FBT001 - a page sends by position
    change("UPDATE todo SET done = ? WHERE id = ?", done, todo)


@ipc_main.handle("remove")
def remove(event: IpcMainInvokeEvent, todo: int) -> None:
    change("DELETE FROM todo WHERE id = ?", todo)
