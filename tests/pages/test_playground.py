"""The playground on the server's side: when it is served, what it lists, and what its page may do.

Node tests its JavaScript (tests/pages/playground) and tsc checks its types, from here; tests/browser has the rest.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.testclient import TestClient

from webipc import IpcMain, IpcMainEvent, IpcMainInvokeEvent

FILES = ["index.html", "main.js", "playground.css", "icon.svg"]


def served(ipc_main: IpcMain, *, prefix: str = "/ipc", **settings: Any) -> TestClient:
    app = FastAPI(**settings)
    ipc_main.mount(app, prefix=prefix)
    return TestClient(app)


def channels(ipc_main: IpcMain) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = served(ipc_main).get("/ipc/channels.json").json()["channels"]
    return listed


@pytest.fixture(autouse=True)
def no_debug_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBIPC_DEBUG", raising=False)


@pytest.mark.parametrize(
    "made, debug, status",
    [
        ({}, False, 404),
        ({}, True, 200),
        ({"debug": True}, False, 200),
        ({"debug": False}, True, 404),
        ({"playground": True}, False, 200),
        ({"playground": False, "debug": True}, True, 404),
    ],
)
def test_it_is_served_in_debug_mode_or_if_it_is_enabled(made: dict[str, Any], debug: bool, status: int) -> None:
    client = served(IpcMain(**made), debug=debug)
    paths = ["/ipc/", "/ipc/channels.json", *[f"/ipc/playground/{name}" for name in FILES]]
    assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, status)


def test_debug_may_be_switched_on_after_the_mount() -> None:
    app = FastAPI()
    IpcMain().mount(app)
    client = TestClient(app)
    assert client.get("/ipc/").status_code == 404
    app.debug = True
    assert client.get("/ipc/").status_code == 200


def test_the_prefix_without_its_slash_redirects_to_it() -> None:
    client = served(IpcMain(playground=True), prefix="/a/b")
    assert client.get("/a/b").url == "http://testserver/a/b/"


def test_the_page_may_load_its_own_files_and_nothing_else() -> None:
    client = served(IpcMain(playground=True))
    headers = client.get("/ipc/").headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"


def test_each_file_has_its_type_and_is_revalidated(project_root: Path) -> None:
    client = served(IpcMain(playground=True))
    types = {}
    for path in (project_root / "static" / "playground").iterdir():
        answer = client.get(f"/ipc/playground/{path.name}")
        assert answer.content == path.read_bytes()
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"
        types[path.suffix] = answer.headers["content-type"].split(";")[0]
    assert types == {
        ".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["..%2f..%2fpyproject.toml", "%2e%2e%5cindex.html", "..%2fplayground%2fmain.js", "none.js", "main.js%00", "%00"],
)
def test_no_name_leaves_the_folder(name: str) -> None:
    assert served(IpcMain(playground=True)).get(f"/ipc/playground/{name}").status_code == 404


def test_other_origins_cannot_read_it() -> None:
    client = served(IpcMain(playground=True, origins=["https://app.example"]))
    answer = client.get("/ipc/channels.json", headers={"origin": "https://app.example"})
    assert "access-control-allow-origin" not in answer.headers


def current_user(x_user: Annotated[str, Header()]) -> str:
    if x_user == "broken":
        raise RuntimeError("the sessions cannot be read")
    if x_user == "busy":
        raise HTTPException(503)
    if x_user == "stranger":
        raise HTTPException(401, "please log in")
    return x_user


def not_mallory(x_user: Annotated[str, Header()]) -> None:
    if x_user == "mallory":
        raise HTTPException(403, "not you")


def guarded(**settings: Any) -> TestClient:
    """Serve a playground of an application in which `x-user` says who asks."""
    app = FastAPI()
    ipc_main = IpcMain(authenticate=current_user, **settings)
    ipc_main.handle("secret", lambda event: None)
    ipc_main.mount(app, dependencies=[Depends(not_mallory)])
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("settings", [{"playground": True}, {"debug": True}])
def test_the_list_of_channels_asks_who_reads_it_as_a_socket_does(settings: dict[str, Any]) -> None:
    with guarded(**settings) as client:
        answers = {}
        for user in ("ada", "stranger", "mallory", "busy", "broken"):
            answer = client.get("/ipc/channels.json", headers={"x-user": user})
            answers[user] = (answer.status_code, answer.json().get("detail"))
        without = client.get("/ipc/channels.json")
    assert answers == {
        "ada": (200, None),
        "stranger": (401, "please log in"),
        "mallory": (403, "not you"),
        "busy": (503, "Service Unavailable"),
        "broken": (500, "the server failed"),
    }
    assert without.status_code == 401
    assert "secret" not in without.text


def test_a_dependency_of_the_application_guards_the_list_of_channels() -> None:
    app = FastAPI(dependencies=[Depends(not_mallory)])
    IpcMain(playground=True).mount(app)
    with TestClient(app) as client:
        statuses = [
            client.get("/ipc/channels.json", headers={"x-user": user}).status_code for user in ("ada", "mallory")
        ]
    assert statuses == [200, 403]


def test_the_files_of_the_page_are_open_to_all() -> None:
    with guarded(playground=True) as client:
        paths = ["/ipc/", *[f"/ipc/playground/{name}" for name in FILES]]
        assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_where_there_is_no_playground_nobody_is_asked() -> None:
    with guarded(playground=False) as client:
        assert client.get("/ipc/channels.json", headers={"x-user": "broken"}).status_code == 404


def test_it_is_not_in_the_schema_of_the_application() -> None:
    assert served(IpcMain(playground=True)).get("/openapi.json").json()["paths"] == {}


def test_handlers_are_listed_with_parameters_defaults_and_docstrings() -> None:
    ipc_main = IpcMain(playground=True)

    @ipc_main.handle("add")
    def add(event: IpcMainInvokeEvent, a: float, b: float = 1.0, *rest: int) -> float:
        """Add numbers.

        All of them.
        """
        return a + b + sum(rest)

    assert channels(ipc_main) == [
        {
            "role": "handle",
            "channel": "add",
            "functions": [
                {
                    "name": "add",
                    "channel": "add",
                    "doc": "Add numbers.\n\nAll of them.",
                    "parameters": [
                        {"name": "a", "annotation": "float", "default": None, "required": True},
                        {"name": "b", "annotation": "float", "default": "1.0", "required": False},
                        {"name": "*rest", "annotation": "int", "default": None, "required": False},
                    ],
                    "returns": "float",
                }
            ],
        }
    ]


def test_every_listener_of_a_channel_is_listed_and_stays() -> None:
    ipc_main = IpcMain(playground=True)

    @ipc_main.on("note")
    def first(event: IpcMainEvent, text: str) -> None: ...

    @ipc_main.once("note")
    def second(event: IpcMainEvent) -> None: ...

    for _ in range(2):
        (listed,) = ipc_main.channels()
        assert (listed["role"], listed["channel"]) == ("on", "note")
        assert [function["name"] for function in listed["functions"]] == ["first", "second"]
    assert ipc_main.listener_count("note") == 2


def test_channels_are_in_the_order_of_their_registration_handlers_first() -> None:
    ipc_main = IpcMain(playground=True)
    ipc_main.on("z", lambda event: None)
    for name in ("b", "a"):
        ipc_main.handle(name, lambda event: None)
    assert [(each["role"], each["channel"]) for each in channels(ipc_main)] == [
        ("handle", "b"),
        ("handle", "a"),
        ("on", "z"),
    ]


def test_an_application_without_channels_lists_none() -> None:
    assert channels(IpcMain(playground=True)) == []


def test_an_own_listener_for_the_channel_error_is_listed() -> None:
    ipc_main = IpcMain(playground=True)

    @ipc_main.on("error")
    def trouble(event: IpcMainEvent) -> None: ...

    (listed,) = channels(ipc_main)
    assert [function["name"] for function in listed["functions"]] == ["trouble"]


def test_the_page_is_named_after_the_application() -> None:
    assert served(IpcMain(playground=True), title="Shop").get("/ipc/channels.json").json()["title"] == "Shop"
    assert served(IpcMain(playground=True)).get("/ipc/channels.json").json()["title"] == "webipc"


# --- its JavaScript ---------------------------------------------------------------------------------------------------


def test_literals_are_read_and_written(project_root: Path) -> None:
    run("node", "--test", "tests/pages/playground/literal.test.mjs", folder=project_root)


def test_its_javascript_is_typed(project_root: Path) -> None:
    run(
        "node",
        "js-client/node_modules/typescript/bin/tsc",
        "-p",
        "tests/pages/playground/tsconfig.json",
        folder=project_root,
    )


def test_its_javascript_never_evaluates_nor_parses_markup(project_root: Path) -> None:
    for path in (project_root / "static" / "playground").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        for word in ("eval(", "new Function", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"):
            assert word not in text, f"{path.name} has {word}"


def run(*command: str, folder: Path) -> None:
    """Run a command; fail with what it printed."""
    assert shutil.which(command[0]), f"{command[0]} is needed, as for building the client"
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=55)
    assert ended.returncode == 0, ended.stdout + ended.stderr
