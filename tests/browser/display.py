"""An X server without a screen, for a browser that has no headless mode."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 20.0
"""Timeout for the end of the server, in seconds."""


@contextmanager
def display(server: str) -> Iterator[str]:
    """Run the X server at this path on a free display, and yield the name of the display, such as `:3`."""
    reader, writer = os.pipe()
    command = [server, "-displayfd", str(writer), "-noreset", "-nolisten", "tcp", "-screen", "0", "1400x1000x24"]
    try:
        process = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
    finally:
        os.close(writer)
    try:
        with os.fdopen(reader) as lines:
            # Read up to the newline after the number: a server that finds the pipe closed when it writes it ends.
            number = lines.readline().strip()
        assert number, f"{server} ended before it had a display"
        yield f":{number}"
    finally:
        process.terminate()
        process.wait(PATIENCE)
