"""The options of the command `webipc`: what is refused, and what the server gets of them."""

import re
import sys
from pathlib import Path

import pytest

from tests.cli.processes import line_with, running
from tests.support.serving import DIRECT, STOCK
from webipc.cli import command as cli
from webipc.version import VERSION


@pytest.mark.parametrize("name", ["nothing.py", "nothing", ".", "page.html"])
def test_what_is_not_there_is_told_in_one_sentence(
    name: str, program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(program.parent)
    assert cli.main(["dev", name]) == 1
    assert re.fullmatch(r"webipc: .+\n", capsys.readouterr().err)


@pytest.mark.parametrize("port", ["70000", "-1", "eight"])
def test_what_is_no_port_is_refused_with_the_ports_that_there_are(
    port: str, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["dev", str(program), f"--port={port}"])
    assert f"expected a number from 0 to 65535, got {port}\n" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/tools/app", "tools/app/"])
def test_a_path_under_which_a_proxy_serves_may_be_written_with_any_slashes(path: str, program: Path) -> None:
    with running("dev", str(program), "--port", "0", "--no-open", "--root-path", path) as process:
        assert line_with(process, "webipc: open").endswith("/tools/app/ipc/\n")


def test_what_is_no_origin_is_told_in_one_sentence(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dev", str(program), "--origin", "localhost:5173"]) == 1
    told = "webipc: --origin: expected an origin such as https://app.example, got 'localhost:5173'\n"
    assert capsys.readouterr().err == told


def test_sockets_are_served_by_our_class_and_by_uvicorns_where_it_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli._websocket_class() == DIRECT
    monkeypatch.setitem(sys.modules, "webipc.servers.uvicorn", None)
    assert cli._websocket_class() == STOCK


def test_one_process_serves_whatever_the_host_says_of_how_many(program: Path) -> None:
    with running("run", str(program), "--port", "0", WEB_CONCURRENCY="3") as process:
        # With several, the one that starts the others says so before any of them serves.
        lines: list[str] = []
        while not lines or "startup complete" not in lines[-1]:
            lines.append(line_with(process, ""))
        assert [line for line in lines if "parent process" in line] == []


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"webipc {VERSION}\n"
