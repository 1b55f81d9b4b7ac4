"""Installs what the tests of several workers start, where it is missing and that is possible: a Redis server, and the
program `ip`, which makes machines of network namespaces.

`python -m tools.install_redis` is part of `make test-python`. Where Redis cannot be installed, that is said in one
line; the tests that need it are skipped then, and fail in continuous integration, where CI is set. Without `ip`, one
is skipped.
"""

import os
import shutil
import sys

from tools import apt

REDIS = "redis-server"
PACKAGES = {REDIS: REDIS, "ip": "iproute2"}
"""Debian's packages by the program in each."""


def main() -> int:
    """Install it; return the exit status, 1 only where the tests would fail without it."""
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    if not missing:
        return 0
    reason: str | None = "this user cannot install it"
    if apt.can_install():
        print(f"installing {' and '.join(missing)} for the tests of several workers", flush=True)
        reason = apt.install(missing)
    if reason is None or REDIS not in missing:
        return 0
    hint = "apt-get install --no-install-recommends redis-server"
    print(f"the tests of the bus over Redis need redis-server on PATH ({reason}): {hint}", file=sys.stderr)
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
