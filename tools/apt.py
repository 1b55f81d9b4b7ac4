"""Installs Debian's packages, as root on a machine with apt-get."""

import os
import shutil
import subprocess
from collections.abc import Sequence


def can_install() -> bool:
    """Whether this machine and this user can install packages."""
    return os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str]) -> str | None:
    """Install packages; return None, or in one line why it failed."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "--quiet=2", *command], env=quiet, check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            return f"apt-get {command[0]} failed: {last}"
    return None
