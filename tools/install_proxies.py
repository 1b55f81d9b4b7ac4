"""Finds the reverse proxies that docs/deployment.md has settings for, and installs missing ones if possible.

`python -m tools.install_proxies nginx caddy` is part of `make browser`, because a browser tests the settings.
"""

import shutil
import sys
from collections.abc import Sequence

from tools import apt

PACKAGES = {"nginx": "nginx-light", "caddy": "caddy"}
"""Debian's package of each program."""


class ProxyMissingError(Exception):
    """A proxy is missing and could not be installed; the text is one line that says what to install."""

    code = "proxy-missing"

    def __init__(self, names: Sequence[str], reason: str) -> None:
        self.names = tuple(names)
        packages = " ".join(PACKAGES[name] for name in names)
        super().__init__(
            f"the tests of docs/deployment.md need {', '.join(names)} on PATH ({reason}): "
            f"apt-get install --no-install-recommends {packages}"
        )


def find(name: str) -> str:
    """Return the path of a proxy. Raises `ProxyMissingError`."""
    # Debian has nginx in a folder that is on root's PATH only.
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if program is None:
        raise ProxyMissingError([name], f"no {name}")
    return program


def install(names: Sequence[str]) -> None:
    """Install Debian's packages of those that are missing. Raises `ProxyMissingError`."""
    missing = [name for name in names if not _is_there(name)]
    if not missing:
        return
    if not apt.can_install():
        raise ProxyMissingError(missing, "and this user cannot install it")
    packages = [PACKAGES[name] for name in missing]
    print(f"installing {' '.join(packages)} for the tests of docs/deployment.md", flush=True)
    if (reason := apt.install(packages)) is not None:
        raise ProxyMissingError(missing, reason)


def _is_there(name: str) -> bool:
    try:
        find(name)
    except ProxyMissingError:
        return False
    return True


def main(names: Sequence[str]) -> int:
    """Install the named proxies; return the exit status, 1 after printing in one line what is missing."""
    try:
        install(names)
    except ProxyMissingError as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
