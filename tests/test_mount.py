"""What `IpcMain.mount` adds to an application: routes beside the application's own, pages, and the lifespan."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.testclient import TestClient

from tests.support.applications import application
from tests.support.logged import troubles
from webipc import IpcMain, IpcMainInvokeEvent
from webipc.testing import ClosedError, Renderer


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<!doctype html>the page", encoding="utf-8")
    (tmp_path / "style.css").write_text("", encoding="utf-8")
    return tmp_path


def test_nothing_else_is_served_under_the_prefix() -> None:
    app, _ = application(debug=False)
    client = TestClient(app)
    for path in ("/ipc/", "/ipc/nothing", "/ipc/index.js", "/ipc/../ipc/channels.json"):
        assert client.get(path).status_code == 404, path


@pytest.mark.parametrize("mounts_first", [True, False])
def test_routes_of_the_application_and_ours_are_served_together(*, mounts_first: bool, pages: Path) -> None:
    app = FastAPI()
    ipc_main = IpcMain()
    if mounts_first:
        ipc_main.mount(app, pages=pages)

    @app.get("/own")
    def own() -> str:
        return "own"

    @app.get("/things/{rest:path}")
    def things(rest: str) -> str:
        return rest

    if not mounts_first:
        ipc_main.mount(app, pages=pages)
    client = TestClient(app)
    assert client.get("/own").json() == "own"
    assert client.get("/things/a/b").json() == "a/b"
    assert client.get("/ipc/client.js").status_code == 200
    assert client.get("/").text == "<!doctype html>the page"
    assert client.get("/style.css").headers["cache-control"] == "no-cache"
    assert client.get("/nothing.html").status_code == 404


@pytest.mark.parametrize("mounts_first", [True, False])
def test_a_catch_all_route_does_not_hide_the_client(*, mounts_first: bool) -> None:
    app = FastAPI()
    ipc_main = IpcMain()
    if mounts_first:
        ipc_main.mount(app)

    @app.get("/{rest:path}")
    def everything(rest: str) -> str:
        return rest

    if not mounts_first:
        ipc_main.mount(app)
    client = TestClient(app)
    assert client.get("/ipc/client.js").headers["etag"]
    assert client.get("/anything").json() == "anything"


def test_a_missing_folder_of_pages_is_named_at_the_mount(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "nowhere")):
        IpcMain().mount(FastAPI(), pages=tmp_path / "nowhere")


async def test_any_prefix_and_a_root_path_work() -> None:
    app = FastAPI()
    ipc_main = IpcMain()
    ipc_main.mount(app, prefix="/deep/er/ipc/")

    @ipc_main.handle("here")
    async def here(event: IpcMainInvokeEvent) -> str:
        return "here"

    async with Renderer(app) as page:
        assert await page.invoke("here") == "here"
    behind = TestClient(app, root_path="/behind/a/proxy")
    assert behind.get("/behind/a/proxy/deep/er/ipc/client.js").status_code == 200


async def test_the_lifespan_of_the_application_runs_inside_ours() -> None:
    order: list[str] = []
    ipc_main = IpcMain()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        order.append("begins")
        ipc_main.broadcast("no page is connected yet")
        yield
        order.append("ends")
        ipc_main.broadcast("last", "words")

    app = FastAPI(lifespan=lifespan)
    ipc_main.mount(app)
    async with Renderer(app) as page:
        order.append(str(page.connected))
    assert order == ["begins", "True", "ends"]


async def test_dependencies_of_the_application_and_of_mount_guard_ipc_as_they_guard_routes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked: list[str] = []

    def of_application() -> None:
        asked.append("application")

    def of_mount() -> None:
        asked.append("mount")
        raise HTTPException(401, "log in")

    app = FastAPI(dependencies=[Depends(of_application)])
    ipc_main = IpcMain()
    ipc_main.mount(app, dependencies=[Depends(of_mount)])
    with pytest.raises(ClosedError, match="4401: log in"):
        async with Renderer(app):
            pass
    assert asked == ["application", "mount"]
    assert troubles(caplog) == []


def test_an_application_without_dependencies_does_not_load_what_knows_fastapis_solver() -> None:
    source = """
import sys
from fastapi import Depends, FastAPI
from webipc import IpcMain
ipc_main = IpcMain()
ipc_main.handle("add", lambda event, a, b: a + b)
ipc_main.mount(FastAPI())
print("webipc.dependencies.solver" in sys.modules)
ipc_main.handle("with", lambda event, a, b=Depends(lambda: 1): None)
print("webipc.dependencies.solver" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", source], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"]
