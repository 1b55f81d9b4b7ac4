"""The settings of docs/deployment.md for nginx and Caddy, with the real programs: a browser on one side of them, and
`webipc run` on the other.
"""

import os
import re
import signal
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import PageError, browser, evaluate
from tests.browser.site import PAGES, visit
from tests.support.serving import PATIENCE, Spawned, free_port, wait_until
from tools.install_browser import BrowserMissingError
from tools.install_proxies import ProxyMissingError, find

DEPLOYMENT = Path(__file__).parents[2] / "docs" / "deployment.md"
NAME = "app.example"

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

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        server_name {name};
{snippet}
    }}
}}
"""
"""What stands around the settings of a site, in nginx."""


def snippet_of(language: str) -> str:
    """Return the only block of code in this language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", DEPLOYMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert isinstance(found, str)
    assert "127.0.0.1:8000" in found
    return found


def nginx(folder: Path, port: int, server: int) -> list[str]:
    """Write the settings; return the command that runs nginx with them, once it has checked them."""
    file = folder / "nginx.conf"
    snippet = textwrap.indent(snippet_of("nginx").replace("127.0.0.1:8000", f"127.0.0.1:{server}"), " " * 8)
    # Its workers need the folder of the test.
    user = "user root;" if os.geteuid() == 0 else ""
    file.write_text(NGINX.format(folder=folder, port=port, name=NAME, snippet=snippet, user=user))
    command = [find("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(file)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    return command


def caddy(folder: Path, port: int, server: int) -> list[str]:
    """The same for Caddy, without TLS, for which it would ask an authority for a certificate."""
    file = folder / "Caddyfile"
    snippet = snippet_of("caddy").replace("127.0.0.1:8000", f"127.0.0.1:{server}")
    file.write_text("{\n\tadmin off\n}\n" + snippet.replace(NAME, f"http://{NAME}:{port}", 1))
    return [find("caddy"), "run", "--config", str(file), "--adapter", "caddyfile"]


class Proxy:
    """A proxy in a process of its own."""

    def __init__(self, command: list[str], port: int, log: Path) -> None:
        self._command = command
        self.port = port
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{NAME}:{self.port}"

    def start(self) -> None:
        environment = {**os.environ, "HOME": str(self.log.parent), "XDG_DATA_HOME": str(self.log.parent)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment)
        wait_until(self._answers, "the proxy answers")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/", timeout=1):
                return True
        except URLError as error:
            # An answer, of whatever kind.
            return hasattr(error, "code")

    def stop(self) -> None:
        """End it. Caddy 2.6 must not say goodbye: its close frame is not masked, which violates RFC 6455."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL if "caddy" in self._command[0] else signal.SIGTERM)
            self.process.wait(PATIENCE)
            self.process = None


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
