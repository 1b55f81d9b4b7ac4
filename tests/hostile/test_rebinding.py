"""DNS rebinding, in a real browser: the name of another site leads to a server of this machine.

The browser takes the page of the other site and this server for one origin, so it applies no rule between them.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from tests.browser.browsers import browser, evaluate
from tests.cli.processes import PROGRAM, answers, running
from tests.support.serving import free_port, wait_until
from webipc.version import SUBPROTOCOL

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def chromium() -> Iterator[WebDriver]:
    """A browser for which every name of evil.example is this machine, which needs no change of a real DNS entry."""
    with browser("chromium", "--host-resolver-rules=MAP *.example 127.0.0.1") as driver:
        yield driver


@pytest.fixture(params=["run", "dev"])
def port(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[int]:
    file = tmp_path / "main.py"
    file.write_text(PROGRAM.format(pages=""), encoding="utf-8")
    port = free_port()
    options = ["--no-open"] if request.param == "dev" else []
    with running(request.param, str(file), "--port", str(port), "--allow-host", "good.example", *options):
        wait_until(lambda: answers(port), "the server answers")
        yield port


TRIES = {
    "the playground": "fetch('/ipc/').then((response) => response.status)",
    "the client": "import('/ipc/client.js').then(() => 'loaded', () => 421)",
    "a beacon": "fetch('/ipc/beacon', { method: 'POST', body: '' }).then((response) => response.status)",
    "a sendSync": "fetch('/ipc/sync', { method: 'POST', body: '' }).then((response) => response.status)",
    "a socket": f"""new Promise((done) => {{
        const socket = new WebSocket(`ws://${{location.host}}/ipc/socket`, ['{SUBPROTOCOL}'])
        socket.onopen = () => done('open')
        socket.onerror = () => done(421)
    }})""",
}


def test_a_page_of_another_site_whose_name_leads_here_reaches_nothing(chromium: WebDriver, port: int) -> None:
    chromium.get(f"http://evil.example:{port}/")
    assert evaluate(chromium, "document.body.innerText").strip() == (
        "expected a host of this server, got 'evil.example'; add --allow-host evil.example"
    )
    assert evaluate(chromium, "location.origin") == f"http://evil.example:{port}"
    assert {name: evaluate(chromium, expression) for name, expression in TRIES.items()} == dict.fromkeys(TRIES, 421)


def test_a_page_of_a_named_host_works(chromium: WebDriver, port: int) -> None:
    chromium.get(f"http://good.example:{port}/ipc/client.js")
    version = "import('/ipc/client.js').then(({ ipcRenderer }) => ipcRenderer.invoke('version'))"
    assert evaluate(chromium, version) == 1
