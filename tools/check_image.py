"""Builds the image of the Dockerfile and checks the running container, on a machine without Docker and a registry.

`.venv/bin/python tools/check_image.py`, as root on Debian, with the packages buildah and debootstrap. The base images
are made from Debian's packages and this machine's Node; pip and npm in them use the same registries as pip and npm
here. All files are in a folder that is removed afterwards. Not a part of `make test`: it takes minutes, and port 8000.
tests/packaging/test_dockerfile.py checks what can be read from the Dockerfile.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

ROOT = Path(__file__).parent.parent
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PACKAGES = "ca-certificates,python3,python3-pip,python3-venv"
HOST, PORT = "127.0.0.1", 8000
ADDRESS = f"{HOST}:{PORT}"
PATIENCE_SECONDS = 60.0
HELLO = (
    f'[0,0,["hello",{{"link":"{"0" * 32}","secret":"{"1" * 32}","attempt":1,"received":0,"first":1,'
    '"fresh":true,"features":[]}]]'
)


class CheckFailedError(Exception):
    """The image is wrong, or this machine cannot run the check; the text is one sentence."""

    code = "check-failed"


class Buildah:
    """The builder, with its own store: its images are separate from those of the machine."""

    def __init__(self, folder: Path) -> None:
        self._command = ["buildah", f"--root={folder / 'store'}", f"--runroot={folder / 'run'}"]
        # Neither a container runtime nor user namespaces are needed for this.
        self._environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}

    def __call__(self, *arguments: str) -> str:
        """Run one command; return its standard output. Its error output goes to the terminal."""
        command = [*self._command, *arguments]
        done = subprocess.run(command, env=self._environment, check=False, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise CheckFailedError(f"buildah {arguments[0]} failed with {done.returncode}")
        return done.stdout.strip()

    def image_of(self, folder: Path, name: str) -> None:
        """Make an image from the files of a folder."""
        container = self("from", "scratch")
        self("copy", "--quiet", container, str(folder), "/")
        self("config", "--env", "PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin", container)
        self("commit", "--quiet", "--rm", container, name)

    def start(self, container: str, command: list[str]) -> subprocess.Popen[bytes]:
        """Run a command in a container, in a process group that can be ended as a whole."""
        line = [*self._command, "run", "--network=host", container, "--", *command]
        return subprocess.Popen(line, env=self._environment, start_new_session=True)


def need_tools() -> None:
    """Raise CheckFailedError if the check cannot run."""
    missing = [name for name in ("buildah", "debootstrap", "node", "npm") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        raise CheckFailedError(f"this needs root on Debian, and on PATH: {', '.join(missing) or 'nothing more'}")
    with suppress(ConnectionRefusedError), socket.create_connection((HOST, PORT), timeout=5):
        raise CheckFailedError(f"{ADDRESS} is in use; the container needs this port")


def make_python(folder: Path) -> None:
    """Fill a folder with Debian's Python, made like the official image: `python`, and a pip that installs."""
    release = _release()
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", release, str(folder)],
        check=False,
        stdout=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise CheckFailedError(f"debootstrap of {release} failed with {done.returncode}")
    for marker in folder.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    (folder / "usr/bin/python").symlink_to("python3")
    if CERTIFICATES.exists():
        shutil.copy(CERTIFICATES, folder / CERTIFICATES.relative_to("/"))
    _configure_pip(folder)


def _release() -> str:
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    return next(line.partition("=")[2].strip('"') for line in lines if line.startswith("VERSION_CODENAME="))


def _configure_pip(folder: Path) -> None:
    index = _asked("pip", "config", "get", "global.index-url")
    lines = ["[global]", f"cert = {CERTIFICATES}", *([f"index-url = {index}"] if index else [])]
    (folder / "etc/pip.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")


def add_node(folder: Path) -> None:
    """Put this machine's Node and npm into a folder, with the registry that npm uses here."""
    shutil.copy(Path(_asked("node", "--print", "process.execPath")), folder / "usr/bin/node")
    npm = Path(_asked("npm", "root", "--global")) / "npm"
    shutil.copytree(npm, folder / "usr/lib/node_modules/npm", symlinks=True)
    (folder / "usr/bin/npm").symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
    (folder / "usr/etc").mkdir(exist_ok=True)
    registry = _asked("npm", "config", "get", "registry")
    text = f"registry={registry}\ncafile={CERTIFICATES}\n"
    (folder / "usr/etc/npmrc").write_text(text, encoding="utf-8")


def _asked(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()


def build(buildah: Buildah, folder: Path) -> Mapping[str, Any]:
    """Build the image; return its configuration."""
    python, node = folder / "python", folder / "node"
    make_python(python)
    buildah.image_of(python, "localhost/check-python")
    # Node's image is Debian too, and needs no further packages.
    python.rename(node)
    add_node(node)
    buildah.image_of(node, "localhost/check-node")
    buildah(
        *("build", "--network=host", "--pull-never", "--format=docker", "--tag=localhost/webipc-demo"),
        *("--build-arg=PYTHON_IMAGE=localhost/check-python", "--build-arg=NODE_IMAGE=localhost/check-node"),
        str(ROOT),
    )
    image: dict[str, Any] = json.loads(buildah("inspect", "--type=image", "localhost/webipc-demo"))
    configuration: dict[str, Any] = image["Docker"]["config"]
    return configuration


@contextmanager
def running(buildah: Buildah, configuration: Mapping[str, Any]) -> Iterator[str]:
    """Run the image's command; yield the container when its health check succeeds."""
    container = buildah("from", "--pull-never", "localhost/webipc-demo")
    process = buildah.start(container, configuration["Cmd"])
    try:
        probe = configuration["Healthcheck"]["Test"][1:]
        end = time.monotonic() + PATIENCE_SECONDS
        while buildah.start(container, probe).wait() != 0:
            if process.poll() is not None or time.monotonic() > end:
                raise CheckFailedError("the image's HEALTHCHECK does not succeed")
            time.sleep(0.5)
        yield container
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        buildah("rm", container)


def look(buildah: Buildah, container: str) -> Iterator[str]:
    """Yield a sentence for each check that succeeds; raises CheckFailedError at the first that fails."""
    user = buildah("run", container, "--", "id", "--user")
    if user == "0":
        raise CheckFailedError("the process in the container runs as root")
    yield f"it runs as user {user}"
    with urllib.request.urlopen(f"http://{ADDRESS}/ipc/client.js", timeout=5) as response:
        kind, client = response.headers["Content-Type"], response.read()
    if "javascript" not in kind or b"ipcRenderer" not in client:
        raise CheckFailedError(f"expected the client at /ipc/client.js, got {len(client)} bytes of {kind}")
    yield f"/ipc/client.js is {len(client)} bytes of {kind}"
    with connect(
        f"ws://{ADDRESS}/ipc/socket", origin=Origin(f"http://{ADDRESS}"), subprotocols=[Subprotocol("webipc.v1")]
    ) as page:
        page.send(HELLO)
        answer = str(page.recv(5))
    if '"welcome"' not in answer:
        raise CheckFailedError(f"expected a welcome for the hello, got {answer[:200]}")
    yield "a hello is answered with a welcome"


def main() -> int:
    """Build, run and check; return the exit status, 1 after printing the error in one sentence."""
    # Not in /tmp, which may be in memory: the folder grows to some gigabytes.
    folder = Path(tempfile.mkdtemp(prefix="webipc-image-", dir="/var/tmp"))
    buildah = Buildah(folder)
    try:
        need_tools()
        configuration = build(buildah, folder)
        with running(buildah, configuration) as container:
            print("the HEALTHCHECK succeeds")
            for sentence in look(buildah, container):
                print(sentence)
    except CheckFailedError as failed:
        print(f"check_image: {failed}", file=sys.stderr)
        return 1
    finally:
        if shutil.which("buildah") is not None:
            with suppress(CheckFailedError):
                buildah("rm", "--all")
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
