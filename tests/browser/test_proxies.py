"""The settings of docs/deployment.md for nginx and Caddy, with the real programs: a browser on one side of them, and
`webipc run` on the other.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import PageError, browser, evaluate
from tests.browser.proxies import NAME, Proxy, balancing_nginx, caddy, nginx
from tests.browser.site import PAGES, visit
from tests.support.serving import PATIENCE, Spawned, free_port
from tools.install_browser import BrowserMissingError
from tools.install_proxies import ProxyMissingError

PROGRAM = f"""
from typing import Annotated

from fastapi import Cookie, FastAPI, Response
from webipc import IpcMain

def current_user(user: Annotated[str | None, Cookie()] = None) -> str | None:
    return user

app = FastAPI()
ipc_main = IpcMain(authenticate=current_user)
ipc_main.mount(app, pages={str(PAGES)!r})
room = ipc_main.group("room")

@app.post("/login/{{name}}")
def login(name: str, response: Response) -> None:
    response.set_cookie("user", name, httponly=True)

@ipc_main.handle("join")
async def join(event):
    room.add(event.sender)
    return event.user

@ipc_main.handle("tell")
async def tell(event, user, number):
    room.send("count", number)
    ipc_main.to(user=user).send("count", number + 1)

@ipc_main.handle("length")
async def length(event, value):
    return len(value)

@ipc_main.on("length")
def length_at_once(event, value):
    event.return_value = len(value)

@ipc_main.on("count to")
def count(event, number):
    for each in range(number):
        event.reply("count", each)
"""


@contextmanager
def served(folder: Path) -> Iterator[Spawned]:
    file = folder / "main.py"
    file.write_text(PROGRAM)
    server = Spawned(file, free_port(), {}, ["--allow-host", NAME])
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(params=[nginx, caddy])
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proxy]:
    settings: Callable[[Path, int, int], list[str]] = request.param
    with served(tmp_path) as server:
        port = free_port()
        try:
            made = Proxy(settings(tmp_path, port, server.port), port, tmp_path / "proxy.log")
        except ProxyMissingError as missing:
            pytest.fail(f"{missing} (or: make browser)", pytrace=False)
        made.start()
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[WebDriver]:
    """A browser that finds the name of the site on this machine."""
    try:
        with browser("chromium", f"--host-resolver-rules=MAP {NAME} 127.0.0.1") as driver:
            yield driver
    except BrowserMissingError as missing:
        pytest.fail(f"{missing} (or: make browser)", pytrace=False)


def test_a_page_behind_the_proxy_has_its_socket_its_sync_calls_and_its_uploads(
    chromium: WebDriver, proxy: Proxy
) -> None:
    visit(chromium, proxy.url)
    assert evaluate(chromium, "ipcRenderer.invoke('length', new Uint8Array(3_000_000))") == 3_000_000
    # The body of the request, which a proxy may bound.
    assert evaluate(chromium, "ipcRenderer.sendSync('length', new Uint8Array(5_000_000))") == 5_000_000
    evaluate(chromium, "ipcRenderer.send('count to', 300)")
    evaluate(chromium, "until(() => arrived.length === 300)")
    proxy.stop()
    evaluate(chromium, "until(() => connection.state === 'resuming')")
    proxy.start()
    # The path of this socket is another one: it has the number of the attempt.
    assert evaluate(chromium, "ipcRenderer.invoke('length', 'again')") == 5
    assert evaluate(chromium, "resets") == []


@pytest.mark.parametrize("is_blocked", [True, False], ids=["sendSync", "socket"])
def test_another_user_behind_the_proxy_gets_nothing_that_was_for_the_first(
    chromium: WebDriver, proxy: Proxy, *, is_blocked: bool
) -> None:
    def log_in(name: str) -> None:
        assert evaluate(chromium, f"fetch('/login/{name}', {{ method: 'POST' }}).then(({{ ok }}) => ok)")

    visit(chromium, proxy.url)
    log_in("ada")
    visit(chromium, proxy.url)
    assert evaluate(chromium, "ipcRenderer.invoke('join')") == "ada"
    assert evaluate(chromium, "ipcRenderer.invoke('tell', 'ada', 1).then(() => arrived.splice(0))") == [1, 2]
    log_in("bob")
    if is_blocked:
        with pytest.raises(PageError, match="another-user"):
            evaluate(chromium, "ipcRenderer.sendSync('length', 'secret')")
    else:
        proxy.stop()
        proxy.start()
    evaluate(chromium, "until(() => connection.state === 'closed')")
    assert evaluate(chromium, "[connection.code, arrived]") == [4401, []]
    evaluate(chromium, "connection.open(), until(() => connection.state === 'open')")
    assert evaluate(chromium, "ipcRenderer.invoke('tell', 'ada', 3).then(() => arrived.splice(0))") == []
    assert evaluate(chromium, "ipcRenderer.invoke('tell', 'bob', 5).then(() => arrived.splice(0))") == [6]
    chromium.delete_all_cookies()


def machine_for(proxy: Proxy, cookie: str) -> int:
    """Return the number of the machine to which a request with these cookies is sent."""
    with urlopen(Request(f"http://127.0.0.1:{proxy.port}/", headers={"Cookie": cookie}), timeout=PATIENCE) as answer:
        return int(answer.read())


def test_a_balancer_with_the_documented_settings_sends_each_browser_to_one_machine_and_uses_all(
    tmp_path: Path,
) -> None:
    port, machines = free_port(), (free_port(), free_port())
    try:
        proxy = Proxy(balancing_nginx(tmp_path, port, machines), port, tmp_path / "proxy.log")
    except ProxyMissingError as missing:
        pytest.fail(f"{missing} (or: make browser)", pytrace=False)
    proxy.start()
    try:
        used = set()
        for principal in (secrets.token_hex(16) for _ in range(64)):
            # On https and on plain http, between other cookies.
            cookies = (
                f"__Host-webipc_principal={principal}",
                f"webipc_principal={principal}",
                f"a=1; __Host-webipc_principal={principal}; b=2",
            )
            (machine,) = {machine_for(proxy, cookie) for cookie in cookies}
            used.add(machine)
        assert used == {0, 1}
    finally:
        proxy.stop()
