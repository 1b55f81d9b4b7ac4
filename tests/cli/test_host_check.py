"""`webipc run` and `webipc dev` answer for their own hosts alone: pages, routes and sockets. Real processes."""

import contextlib
import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.cli.processes import PROGRAM, answers, line_with, running
from tests.support.serving import PATIENCE, free_port, wait_until
from webipc.cli import command as cli
from webipc.version import SUBPROTOCOL

PATHS = ["/", "/ipc/client.js", "/ipc/", "/route", "/nothing"]
REFUSED = "expected a host of this server, got 'evil.example'; add --allow-host evil.example\n"


OFFERED = [Subprotocol(SUBPROTOCOL)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "web").mkdir()
    (folder / "web" / "index.html").write_text("<!doctype html>", encoding="utf-8")
    file = folder / "main.py"
    route = "@app.get('/route')\ndef route():\n    return 'a route'\n"
    file.write_text(PROGRAM.format(pages=f", pages={str(folder / 'web')!r}") + route, encoding="utf-8")
    return file


@contextlib.contextmanager
def serving(file: Path, *options: str, command: str = "run", **environment: str) -> Iterator[int]:
    port = free_port()
    quiet = ["--no-open"] if command == "dev" else []
    with running(command, str(file), "--port", str(port), *quiet, *options, **environment):
        wait_until(lambda: answers(port), "the server answers")
        yield port


def ask(port: int, path: str, *hosts: str, **headers: str) -> tuple[int, str]:
    """Request a path with these `Host` headers; return status and text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.putrequest("GET", path, skip_host=True)
    for host in hosts:
        connection.putheader("Host", host)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    response = connection.getresponse()
    text = response.read().decode(errors="replace")
    connection.close()
    return response.status, text


def upgrade(port: int, host: str) -> int:
    """Open a socket as a page of this host does; return the status of the handshake."""
    address = f"ws://{host}/ipc/socket"
    try:
        with connect(
            address, sock=_socket(port), origin=Origin(f"http://{host}"), subprotocols=[Subprotocol(SUBPROTOCOL)]
        ):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def _socket(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


@pytest.fixture(scope="module", params=["run", "dev"])
def port(site: Path, request: pytest.FixtureRequest) -> Iterator[int]:
    with serving(site, "--origin", "https://app.example", command=request.param) as served:
        yield served


@pytest.mark.parametrize("path", PATHS)
def test_no_path_is_served_to_a_page_of_another_host(port: int, path: str) -> None:
    assert ask(port, path, f"evil.example:{port}") == (421, REFUSED)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "LOCALHOST:1", "a.localhost", "[::1]:8000", "10.0.0.1", "app.example"],
)
def test_local_hosts_and_those_of_origins_are_served(port: int, host: str) -> None:
    assert ask(port, "/route", host) == (200, '"a route"')
    assert upgrade(port, host) == 101


def test_a_socket_is_refused_before_it_is_accepted(port: int) -> None:
    assert upgrade(port, f"evil.example:{port}") == 421
    assert upgrade(port, "localhost.evil.example") == 421


def test_no_host_and_two_hosts_are_refused(port: int) -> None:
    assert ask(port, "/route") == (421, "expected a host of this server, got none\n")
    assert ask(port, "/route", "localhost", "localhost")[0] == 421


def test_a_forwarded_host_is_not_believed(port: int) -> None:
    assert ask(port, "/route", "evil.example", X_Forwarded_Host="localhost")[0] == 421
    assert ask(port, "/route", "localhost", X_Forwarded_Host="evil.example")[0] == 200


def test_a_page_cannot_use_the_text_of_a_refusal(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "/", headers={"Host": "<script>"})
    response = connection.getresponse()
    assert response.status == 421
    assert response.headers.get_content_type() == "text/plain"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in response.headers
    connection.close()


@pytest.mark.parametrize("command", ["run", "dev"])
def test_a_host_may_be_allowed_by_an_option_or_the_environment(site: Path, command: str) -> None:
    options = ("--allow-host", "app.example", "--allow-host", "*.tunnel.example")
    with serving(site, *options, command=command, WEBIPC_ALLOW_HOSTS="other.example") as port:
        for host in ("app.example", "a.tunnel.example:443", "other.example", "localhost"):
            assert ask(port, "/route", host)[0] == 200
            assert upgrade(port, host) == 101
        assert ask(port, "/route", "evil.example")[0] == 421


def test_the_hosts_of_the_origins_of_the_application_are_served(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    text = site.read_text(encoding="utf-8").replace("IpcMain()", "IpcMain(origins=['https://app.example'])")
    file.write_text(text, encoding="utf-8")
    with serving(file) as port:
        assert ask(port, "/route", "app.example")[0] == 200
        assert ask(port, "/route", "evil.example")[0] == 421


@pytest.mark.parametrize(
    "arguments, hosts",
    [
        (["run"], []),
        (["run", "--host", "localhost"], []),
        # Its public names are not known.
        (["run", "--host", "0.0.0.0"], ["*"]),
        (["run", "--host", "::"], ["*"]),
        (["run", "--host", "0.0.0.0", "--allow-host", "app.example"], ["app.example"]),
        (["dev", "--host", "0.0.0.0"], []),
        (["dev", "--host", "0.0.0.0", "--allow-host", "*"], ["*"]),
    ],
)
def test_on_an_address_that_others_reach_run_checks_if_a_host_is_named_and_dev_always(
    arguments: list[str], hosts: list[str]
) -> None:
    assert cli._allowed_hosts(cli._parser().parse_args([*arguments, "main.py"])) == hosts


def test_on_all_addresses_dev_checks_the_host_as_well(site: Path) -> None:
    with serving(site, "--host", "0.0.0.0", command="dev") as port:
        assert ask(port, "/route", "evil.example")[0] == 421
        assert ask(port, "/route", "localhost")[0] == 200


def test_a_refusal_is_logged_once_in_a_while(site: Path) -> None:
    port = free_port()
    with running("run", str(site), "--port", str(port)) as process:
        line_with(process, "Uvicorn running on")
        for _ in range(20):
            ask(port, "/route", "evil.example")
        os.kill(process.pid, 15)
        assert process.stdout is not None
        lines = [line for line in process.stdout if "was refused" in line]
    assert len(lines) == 1
    assert lines[0].endswith(f"was refused: {REFUSED}")


def test_an_invalid_host_is_refused_in_one_sentence(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dev", str(site), "--allow-host", "https://app.example"]) == 1
    assert capsys.readouterr().err == (
        "webipc: --allow-host: expected a host such as app.example or *.app.example, without a port, "
        "got 'https://app.example'\n"
    )
