"""nginx and Caddy with the settings of docs/deployment.md, for tests whose pages come through them."""

import os
import re
import signal
import subprocess
import textwrap
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.support.serving import PATIENCE, wait_until
from tools.install_proxies import find

DEPLOYMENT = Path(__file__).parents[2] / "docs" / "deployment.md"
NAME = "app.example"

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{inside}
}}
"""
"""What stands around the settings of sites, in nginx."""

SITE = """
    server {{
        listen 127.0.0.1:{port};
        server_name {name};
{snippet}
    }}
"""
MACHINES = ("10.0.0.11:8000", "10.0.0.12:8000")
"""Those between which the documented settings balance."""


def snippet_of(language: str, server: str = "127.0.0.1:8000") -> str:
    """Return the only block of code in this language that names this server."""
    blocks = re.findall(rf"```{language}\n(.*?)```", DEPLOYMENT.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [block for block in blocks if server in block]
    assert isinstance(found, str)
    return found


def nginx(folder: Path, port: int, server: int) -> list[str]:
    """Write the settings; return the command that runs nginx with them, once it has checked them."""
    snippet = textwrap.indent(snippet_of("nginx").replace("127.0.0.1:8000", f"127.0.0.1:{server}"), " " * 8)
    return _checked(folder, SITE.format(port=port, name=NAME, snippet=snippet))


def balancing_nginx(folder: Path, port: int, machines: tuple[int, int]) -> list[str]:
    """The same with the settings for several machines. What answers at the ports of the machines is their number."""
    shop = snippet_of("nginx", MACHINES[0])
    for number, (documented, its_port) in enumerate(zip(MACHINES, machines, strict=True)):
        assert documented in shop
        shop = shop.replace(documented, f"127.0.0.1:{its_port}")
        shop += f"server {{ listen 127.0.0.1:{its_port}; return 200 {number}; }}\n"
    return _checked(folder, f"{shop}server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://shop; }} }}")


def _checked(folder: Path, inside: str) -> list[str]:
    file = folder / "nginx.conf"
    # Its workers need the folder of the test.
    user = "user root;" if os.geteuid() == 0 else ""
    file.write_text(NGINX.format(folder=folder, inside=inside, user=user))
    command = [find("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(file)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    return command


def caddy(folder: Path, port: int, server: int) -> list[str]:
    """The same for Caddy, without TLS, for which it would ask an authority for a certificate."""
    file = folder / "Caddyfile"
    snippet = snippet_of("caddy").replace("127.0.0.1:8000", f"127.0.0.1:{server}")
    file.write_text("{\n\tadmin off\n}\n" + snippet.replace(NAME, f"http://{NAME}:{port}", 1))
    return [find("caddy"), "run", "--config", str(file), "--adapter", "caddyfile"]


class Proxy:
    """A proxy in a process of its own."""

    def __init__(self, command: list[str], port: int, log: Path) -> None:
        self._command = command
        self.port = port
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{NAME}:{self.port}"

    def start(self) -> None:
        environment = {**os.environ, "HOME": str(self.log.parent), "XDG_DATA_HOME": str(self.log.parent)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment)
        wait_until(self._answers, "the proxy answers")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/", timeout=1):
                return True
        except HTTPError as error:
            # An answer, of whatever kind.
            error.close()
            return True
        except OSError:
            return False

    def stop(self) -> None:
        """End it. Caddy 2.6 must not say goodbye: its close frame is not masked, which violates RFC 6455."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL if "caddy" in self._command[0] else signal.SIGTERM)
            self.process.wait(PATIENCE)
            self.process = None
