"""The command for plain uvicorn in docs/deployment.md starts a server that a page connects to."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.cli.processes import answers, page_at
from tests.support.serving import PATIENCE, free_port, wait_until

LARGEST_FRAME = 1_114_112
"""Of PROTOCOL.md 9: a server has to take it."""


def test_the_documented_command_serves_pages_with_frames_of_every_size(program: Path, project_root: Path) -> None:
    document = (project_root / "docs" / "deployment.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^    uvicorn (main:app .*)$", document, re.MULTILINE)
    port = free_port()
    arguments = [sys.executable, "-m", "uvicorn", *command.split(), "--port", str(port)]
    process = subprocess.Popen(arguments, cwd=program.parent, env=os.environ)
    try:
        wait_until(lambda: answers(port), "uvicorn answers")
        with page_at(port, 1) as page:
            page.send('[1,0,["invoke",1,"version",[]]]')
            assert '["result",1,1]' in str(page.recv(PATIENCE))
            # Too large for the link, not for the WebSocket: the code says who has refused it.
            page.send("[" + " " * LARGEST_FRAME + "]")
            with pytest.raises(ConnectionClosed) as caught:
                page.recv(PATIENCE)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 4413
    finally:
        process.terminate()
        process.wait(PATIENCE)
