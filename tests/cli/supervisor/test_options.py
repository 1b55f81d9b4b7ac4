"""The options for several workers: what is refused, in one sentence, and what they change."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import line_with, running
from webipc.cli import command
from webipc.cli.program import Target
from webipc.cli.supervisor.options import Scale, scale_of


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEBIPC_WORKERS", "WEBIPC_REDIS", "WEBIPC_REDIS_NAME", "WEB_CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)


def scale(*arguments: str) -> Scale:
    return scale_of(command._parser().parse_args(["run", "main.py", *arguments]))


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command, which must end with status 1 before anything serves, and return what it says."""
    assert command.main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_one_process_is_the_default() -> None:
    assert scale() == Scale(1, None, None)


def test_the_options_and_the_environment_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    by_options = scale("--workers", "3", "--redis", "redis://a", "--redis-name", "shop")
    assert by_options == Scale(3, "redis://a", "shop")
    monkeypatch.setenv("WEBIPC_WORKERS", "3")
    monkeypatch.setenv("WEBIPC_REDIS", "redis://a")
    assert scale("--redis-name", "shop") == by_options
    # An option has precedence.
    assert scale("--workers", "1", "--redis", "redis://b") == Scale(1, "redis://b", None)


@pytest.mark.parametrize("text", ["0", "-1", "1001", "two", "1.5", "", "²"])
def test_a_number_of_workers_is_from_1_to_1000(
    text: str, program: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit):
        command.main(["run", str(program), f"--workers={text}"])
    assert f"--workers: expected a number from 1 to 1000, got {text}\n" in capsys.readouterr().err
    if text:
        monkeypatch.setenv("WEBIPC_WORKERS", text)
        expected = f"webipc: WEBIPC_WORKERS: expected a number from 1 to 1000, got {text}"
        assert refusal(capsys, "run", str(program)) == expected


def test_dev_refuses_workers_and_ignores_the_environment(
    program: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusal(capsys, "dev", str(program), "--workers", "2") == (
        "webipc: --workers is for webipc run: webipc dev serves with one process, which it restarts"
    )
    monkeypatch.setenv("WEBIPC_WORKERS", "2")
    assert scale_of(command._parser().parse_args(["dev", "main.py"])).workers == 1


@pytest.mark.parametrize("name", ["--redis", "--redis-name"])
def test_an_empty_option_is_refused_and_does_not_mean_a_single_process(
    name: str, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(capsys, "run", str(program), name, "") == (
        f"webipc: {name}: expected a text, got an empty one; leave the option out to do without it"
    )


def test_run_refuses_reload_and_says_what_does_it(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "run", str(program), "--workers", "2", "--reload") == (
        "webipc: --reload is what webipc dev does; with webipc run --workers, SIGHUP loads the program again"
    )


def test_windows_refuses_workers(
    program: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert refusal(capsys, "run", str(program), "--workers", "2") == (
        "webipc: --workers needs descriptors that Windows cannot hand over; "
        "use --redis and several programs behind a proxy"
    )
    assert scale("--workers", "1").workers == 1


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_redis_without_its_package_is_refused_with_the_command_that_installs_it(
    program: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, by_variable: bool
) -> None:
    found = importlib.util.find_spec

    def without_redis(name: str, *more: Any) -> Any:
        return None if name == "redis" else found(name, *more)

    monkeypatch.setattr(importlib.util, "find_spec", without_redis)
    url = "redis://user:secret@host/0"
    if by_variable:
        monkeypatch.setenv("WEBIPC_REDIS", url)
    said = refusal(capsys, "run", str(program), *([] if by_variable else ["--redis", url]))
    assert said == "webipc: --redis needs the package redis: pip install 'webipc[redis]'"


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--redis", "http://host"], "expected the URL of a Redis"),
        (["--redis", "redis://a", "--redis-name", "a{b"], "name"),
    ],
)
def test_a_redis_that_is_none_is_refused_in_one_sentence(
    program: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    said = refusal(capsys, "run", str(program), *arguments)
    assert said.startswith("webipc: --redis: ")
    assert expected in said
    assert "\n" not in said.strip()


@pytest.mark.parametrize("url", ["redis://:secret@a", "rediss://kim:secret@a/0", "redis://a?password=secret"])
def test_a_password_in_an_option_is_advised_against_and_not_one_in_the_environment(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scale("--redis", url)
    assert capsys.readouterr().err == (
        "webipc: every user of this machine can read the password in --redis: give the URL in WEBIPC_REDIS instead\n"
    )
    scale("--redis", "redis://kim@a/0?ssl_ca_certs=")
    monkeypatch.setenv("WEBIPC_REDIS", url)
    scale()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "arguments, seconds",
    [
        ([], 10.0),
        (["--workers", "1"], 10.0),
        (["--workers", "2"], 30.0),
        (["--redis", "redis://a"], 30.0),
        (["--workers", "2", "--graceful-timeout", "4"], 4.0),
        (["--graceful-timeout", "0"], 0.0),
    ],
)
def test_what_runs_may_take_longer_where_others_take_over(arguments: list[str], seconds: float) -> None:
    options = command._parser().parse_args(["run", "main.py", *arguments])
    target = Target(Path(), "main", None)
    assert command._serving(options, target, 8000, scale_of(options)).graceful_seconds == seconds


def test_a_variable_that_means_workers_elsewhere_is_ignored_and_that_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    assert scale().workers == 1
    assert capsys.readouterr().err == (
        "webipc: WEB_CONCURRENCY=3 is ignored, and one process serves: use --workers or WEBIPC_WORKERS\n"
    )
    for arguments in (["--workers", "2"], ["--workers", "1"], ["--redis", "redis://a"]):
        scale(*arguments)
    monkeypatch.setenv("WEB_CONCURRENCY", "1")
    scale()
    assert capsys.readouterr().err == ""


def test_one_worker_has_no_parent(program: Path) -> None:
    with running("run", str(program), "--port", "0", "--workers", "1") as process:
        assert str(process.pid) in line_with(process, "Started server process")
        line_with(process, "Uvicorn running on")
