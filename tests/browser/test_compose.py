"""The example with several replicas as docker compose would run it, without Docker: its own settings of nginx with TLS,
three programs, one Redis, and a browser in front of them.
"""

import importlib
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import browser, evaluate
from tests.support.redis_server import redis_server
from tests.support.serving import PATIENCE, Spawned, free_port, wait_until
from tools.install_browser import BrowserMissingError
from tools.install_proxies import ProxyMissingError, find

EXAMPLE = Path(__file__).parents[2] / "examples" / "prices"
DEPLOY = EXAMPLE / "deploy"
# It has no types of its own.
yaml: Any = importlib.import_module("yaml")


WATCH = """import('/ipc/client.js').then(({ ipcRenderer }) => {
    window.resets = []
    window.ipc = ipcRenderer
    ipc.connection.on('reset', (event) => resets.push(event.reason))
})"""


def services() -> dict[str, Any]:
    """Return the services of the compose file."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return found


def test_the_replicas_have_more_time_to_stop_than_they_need_and_redis_evicts_nothing() -> None:
    app, redis = services()["app"], services()["redis"]
    assert app["deploy"]["replicas"] == 3
    assert int(app["stop_grace_period"].rstrip("s")) > 30
    assert "noeviction" in redis["command"]
    assert services()["proxy"]["ports"] == ["443:443"]
    assert "ports" not in redis


@dataclass
class Deployment:
    """What runs."""

    url: str
    redis: str
    replicas: list[Spawned]

    def push(self) -> None:
        """Run the program that cron would start."""
        environment = {**os.environ, "REDIS_URL": self.redis, "WEBIPC_REDIS_NAME": "prices"}
        subprocess.run([sys.executable, EXAMPLE / "push.py"], env=environment, check=True, timeout=PATIENCE)

    def replace(self, place: int) -> None:
        """Replace one replica, as a deploy does."""
        replica = self.replicas[place]
        assert replica.process is not None
        replica.process.send_signal(signal.SIGTERM)
        assert replica.process.wait(2 * PATIENCE) == 0
        replica.start()


def _program(redis: str, replica: int) -> Spawned:
    """Return a replica as the compose file starts it, but for its addresses."""
    app = services()["app"]
    _, _, file, *options = app["command"]
    assert file == "/app/examples/prices/main.py"
    environment = {name: text.replace("redis://redis:6379/0", redis) for name, text in app["environment"].items()}
    options[options.index("0.0.0.0")] = "127.0.0.1"
    return Spawned(EXAMPLE / "main.py", free_port(), environment, options)


def _nginx(folder: Path, port: int, replicas: Sequence[Spawned]) -> list[str]:
    """Write the example's settings with the addresses of this test; return the command."""
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    servers = "".join(f"server 127.0.0.1:{replica.port} max_fails=0;" for replica in replicas)
    changes = {
        "resolver 127.0.0.11 valid=2s;": f"upstream replicas {{ random; {servers} }}",
        "set $replicas app:8000;": "set $replicas replicas;",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/etc/nginx/tls.": f"{folder}/tls.",
        "events {}": f"daemon off; pid {folder}/nginx.pid; error_log stderr; user root; events {{}}",
        "http {": "http { access_log off;"
        + "".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        ),
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(text)
    return [find("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def _end(replica: Spawned) -> None:
    if replica.process is not None and replica.process.poll() is None:
        replica.kill()


def _certificate(folder: Path) -> None:
    """Make a certificate with the command that the compose file names."""
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8").replace("\\\n#", "")
    (command,) = re.findall(r"^#\s+(openssl .*)$", text, re.MULTILINE)
    subprocess.run(shlex.split(command), cwd=folder, check=True, capture_output=True)


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """Run what the compose file has."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        replicas = [_program(redis.url, number) for number in range(services()["app"]["deploy"]["replicas"])]
        for replica in replicas:
            stack.callback(_end, replica)
            replica.start()
        _certificate(folder)
        port = free_port()
        with (folder / "nginx.log").open("ab") as log:
            proxy = subprocess.Popen(_nginx(folder, port, replicas), stdout=log, stderr=log)
        stack.callback(proxy.wait)
        stack.callback(proxy.terminate)
        yield Deployment(f"https://localhost:{port}", redis.url, replicas)


@pytest.fixture(scope="module")
def chromium() -> Iterator[WebDriver]:
    try:
        with browser("chromium", "--ignore-certificate-errors") as driver:
            yield driver
    except BrowserMissingError as missing:
        pytest.fail(f"{missing} (or: make browser)", pytrace=False)


def test_prices_reach_a_page_wherever_it_is_and_replacing_every_replica_resets_nothing(
    chromium: WebDriver, tmp_path: Path
) -> None:
    try:
        with deployed(tmp_path) as made:
            chromium.get(made.url)
            _open(chromium)
            evaluate(chromium, WATCH)
            made.push()
            wait_until(
                lambda: evaluate(chromium, "document.querySelectorAll('#prices tr').length") == 3,
                "the prices are shown",
            )
            first = evaluate(chromium, "ipc.invoke('worker')")
            for place in range(len(made.replicas)):
                made.replace(place)
                _open(chromium)
                assert evaluate(chromium, "ipc.invoke('people')") == 1
            assert evaluate(chromium, "ipc.invoke('worker')") != first
            assert evaluate(chromium, "resets") == []
            shown = evaluate(chromium, "document.querySelector('#prices').innerText")
            made.push()
            wait_until(
                lambda: evaluate(chromium, "document.querySelector('#prices').innerText") != shown,
                "new prices are shown",
            )
            # As a restart of Redis does: the program has kept a connection.
            with Redis.from_url(made.redis) as admin:
                admin.client_kill_filter(_type="normal")
            assert len(evaluate(chromium, "ipc.invoke('prices')")) == 3
    except ProxyMissingError as missing:
        pytest.fail(f"{missing} (or: make browser)", pytrace=False)


def _open(tab: WebDriver) -> None:
    wait_until(lambda: evaluate(tab, "document.querySelector('#state').innerText") == "open", "the page is connected")
