"""Which port the server listens on, and what is printed where it cannot."""

import re
import socket
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.cli.processes import line_with, running
from tests.support.serving import PATIENCE
from webipc.cli import command as cli


def test_run_refuses_a_port_in_use(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.main(["run", str(program), "--port", str(port)]) == 1
    assert capsys.readouterr().err == (
        f"webipc: cannot listen on 127.0.0.1:{port}: address already in use; "
        "end the program that listens there, or choose another port with --port\n"
    )


def test_an_address_of_another_machine_is_refused_with_advice(
    program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["dev", str(program), "--host", "203.0.113.1"]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("webipc: cannot listen on 203.0.113.1:8000: ")
    assert printed.endswith(
        "; --host takes an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them\n"
    )


def test_dev_prints_the_port_that_the_system_chose(program: Path) -> None:
    with running("dev", str(program), "--port", "0", "--no-open") as process:
        opened = re.fullmatch(r"webipc: open (http://127\.0\.0\.1:[1-9]\d*)/ipc/\n", line_with(process, "webipc: open"))
        assert opened is not None
        with urlopen(f"{opened[1]}/ipc/", timeout=PATIENCE) as answer:
            assert answer.status == 200


def test_dev_takes_the_next_free_port_and_prints_it(program: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running("dev", str(program), "--port", str(port), "--no-open") as process:
            found = re.search(rf"port {port} is in use; using port (\d+)", line_with(process, "is in use"))
            assert found is not None
            # Usually the next one, unless another program on this machine has that.
            assert port < int(found[1]) < port + 100
