"""The options of the command `webipc`: which values are refused, and what they set."""

import re
import sys
from pathlib import Path

import pytest

from tests.cli.processes import line_with, running
from tests.support.serving import DIRECT, STOCK
from webipc.cli import command as cli
from webipc.cli.serving import websocket_class
from webipc.version import VERSION


@pytest.mark.parametrize("name", ["nothing.py", "nothing", ".", "page.html"])
def test_an_application_that_does_not_exist_is_refused_in_one_sentence(
    name: str, program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(program.parent)
    assert cli.main(["dev", name]) == 1
    assert re.fullmatch(r"webipc: .+\n", capsys.readouterr().err)


@pytest.mark.parametrize("port", ["70000", "-1", "eight"])
def test_an_invalid_port_is_refused_with_the_valid_ones(
    port: str, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["dev", str(program), f"--port={port}"])
    assert f"expected a number from 0 to 65535, got {port}\n" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/tools/app", "tools/app/"])
def test_the_root_path_may_have_leading_and_trailing_slashes_or_none(path: str, program: Path) -> None:
    with running("dev", str(program), "--port", "0", "--no-open", "--root-path", path) as process:
        assert line_with(process, "webipc: open").endswith("/tools/app/ipc/\n")


def test_an_invalid_origin_is_refused_in_one_sentence(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dev", str(program), "--origin", "localhost:5173"]) == 1
    assert capsys.readouterr().err == (
        "webipc: --origin: expected an origin such as https://app.example, got 'localhost:5173'\n"
    )


def test_an_invalid_amount_of_memory_is_refused_with_examples(
    program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["run", str(program), "--memory", "much"])
    assert "--memory: expected a size such as 512MiB or 2GB, got 'much'\n" in capsys.readouterr().err


def test_the_start_says_how_much_memory_pages_may_take(program: Path) -> None:
    with running("run", str(program), "--port", "0", "--memory", "100MiB") as process:
        assert "pages may make this process hold 100 MiB" in line_with(process, "may make this process hold")


def test_sockets_are_served_by_our_class_or_by_uvicorns_if_ours_cannot_be_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert websocket_class() == DIRECT
    monkeypatch.setitem(sys.modules, "webipc.servers.uvicorn", None)
    assert websocket_class() == STOCK


def test_one_process_serves_also_if_the_environment_asks_for_more(program: Path) -> None:
    with running("run", str(program), "--port", "0", WEB_CONCURRENCY="3") as process:
        # With several, uvicorn prints a line about the parent process before any of them serves.
        lines: list[str] = []
        while not lines or "startup complete" not in lines[-1]:
            lines.append(line_with(process, ""))
        assert [line for line in lines if "parent process" in line] == []


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"webipc {VERSION}\n"
