"""Installs the Redis server that the tests of several workers start, where it is missing and that is possible.

`python -m tools.install_redis` is part of `make test-python`. Where it cannot be installed, that is said in one line;
the tests that need it are skipped then, and fail in continuous integration, where CI is set.
"""

import os
import shutil
import sys

from tools import apt

PACKAGE = "redis-server"
"""Debian's package, and the program in it."""


def main() -> int:
    """Install it; return the exit status, 1 only where the tests would fail without it."""
    if shutil.which(PACKAGE) is not None:
        return 0
    reason: str | None = "this user cannot install it"
    if apt.can_install():
        print("installing redis-server for the tests of several workers", flush=True)
        reason = apt.install([PACKAGE])
    if reason is None:
        return 0
    hint = "apt-get install --no-install-recommends redis-server"
    print(f"the tests of the bus over Redis need redis-server on PATH ({reason}): {hint}", file=sys.stderr)
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
