"""Redis over TLS (`rediss://`): a worker connects with the authority of its URL, and one that is not trusted is one
sentence at the start, which has nothing of the URL but the place.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.processes import PROGRAM, running
from tests.support.buses import RedisRig, refusal, workers
from tests.support.redis_server import RedisServer, need_redis, redis_server
from tests.support.serving import PATIENCE, free_port
from tests.support.waiting import until
from webipc.cluster.bus.bus import BusError
from webipc.cluster.redis_bus.making import redis_buses
from webipc.redis_emitter import AsyncRedisEmitter, RedisEmitter


@dataclass
class TlsServer:
    """A Redis with a certificate, and a user for workers."""

    server: RedisServer
    port: int
    folder: Path

    def url(self, authority: str = "redis.pem", host: str = "localhost") -> str:
        return f"rediss://kim:secret@{host}:{self.port}/0?ssl_ca_certs={self.folder / authority}"


def certificate(folder: Path, name: str, host: str) -> None:
    """Make a certificate for a host which is its own authority."""
    files = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={host}"]
    subprocess.run(
        [*command, "-addext", f"subjectAltName=DNS:{host}", *files],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )


def need_tls() -> None:
    program = need_redis()
    # Without a certificate it ends at once: what it says tells whether it knows the option.
    asked = subprocess.run(
        [program, "--port", "0", "--tls-port", "1"], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    if "No tls-cert-file" not in asked.stdout + asked.stderr:
        pytest.skip(f"{program} was built without TLS")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    need_tls()
    folder = tmp_path_factory.mktemp("tls")
    certificate(folder, "redis", "localhost")
    certificate(folder, "other", "localhost")
    with served(folder, "--tls-auth-clients", "no") as made:
        yield made


@contextmanager
def served(folder: Path, *options: str) -> Iterator[TlsServer]:
    port = free_port()
    files = ("--tls-cert-file", str(folder / "redis.pem"), "--tls-key-file", str(folder / "redis.key"))
    with redis_server(options=("--tls-port", str(port), *files, *options)) as server:
        server.admin.execute_command("ACL", "SETUSER", "kim", "on", ">secret", "~*", "&*", "+@all")
        yield TlsServer(server, port, folder)


async def test_workers_and_programs_reach_redis_with_the_authority_of_the_url(tls: TlsServer) -> None:
    rig = RedisRig(tls.server, url=tls.url())
    first, second = await workers(rig, 2)
    # Large ones are keys of their own, which the reader fetches.
    first.say(second, 1, bytes(200_000))
    second.say_to_all(2, bytes(200_000))
    async with AsyncRedisEmitter(tls.url(), name=rig.name) as pages:
        await pages.broadcast("news", 3)
    with RedisEmitter(tls.url(), name=rig.name) as pages_at_once:
        pages_at_once.broadcast("news", 4)
    await until(lambda: second.numbers() == [1] and len(first.to_all) == len(second.to_all) == 3)
    first.bus.directory.tab_born(5, "2" * 32)
    await first.bus.directory.park(5, b"snapshot", ["1" * 32], 60)
    assert await second.bus.directory.take(5) is not None
    # Three of each worker, and none of them without TLS.

    def places() -> list[str]:
        return [each["laddr"] for each in tls.server.admin.client_list() if each["user"] == "kim"]

    await until(lambda: len(places()) == 6)
    assert places() == [f"127.0.0.1:{tls.port}"] * 6
    await rig.close()


async def test_server_that_wants_certificates_of_its_clients_is_given_that_of_the_url(tls: TlsServer) -> None:
    with served(tls.folder, "--tls-ca-cert-file", str(tls.folder / "other.pem")) as made:
        with_own = f"{made.url()}&ssl_certfile={tls.folder}/other.pem&ssl_keyfile={tls.folder}/other.key"
        rig = RedisRig(made.server, url=with_own)
        first, second = await workers(rig, 2)
        first.say(second, 1)
        await until(lambda: second.numbers() == [1])
        await rig.close()
        assert f"Redis at localhost:{made.port}" in await refusal(made.url())


@pytest.mark.parametrize("untrusted", ["of another authority", "of nobody known to the system", "for another host"])
async def test_certificate_that_is_not_trusted_is_one_sentence_that_says_what_to_do(
    tls: TlsServer, untrusted: str
) -> None:
    urls = {
        "of another authority": tls.url("other.pem"),
        "of nobody known to the system": tls.url().partition("?")[0],
        "for another host": tls.url(host="127.0.0.1"),
    }
    text = await refusal(urls[untrusted])
    host = "127.0.0.1" if untrusted == "for another host" else "localhost"
    place = f"webipc cannot begin with Redis: the certificate of Redis at {host}:{tls.port} is not trusted ("
    assert text.startswith(place)
    assert ("not valid for" if untrusted == "for another host" else "self-signed certificate") in text
    assert text.endswith("?ssl_ca_certs=FILE names its authority")


async def test_wrong_password_and_wrong_scheme_are_one_sentence_over_tls_too(tls: TlsServer) -> None:
    assert "refuses the user or the password of its URL" in await refusal(tls.url().replace(":secret@", ":secrets@"))
    for wrong in (
        tls.url().replace("rediss", "redis").partition("?")[0],
        tls.url().replace(f":{tls.port}/", f":{tls.server.port}/"),
    ):
        assert "no connection to Redis at localhost:" in await refusal(wrong)


@pytest.mark.parametrize("name", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
def test_file_that_cannot_be_read_is_refused_before_anything_connects(name: str, tmp_path: Path) -> None:
    with pytest.raises(BusError, match=f"a file that this process can read as {name}") as refused:
        redis_buses(f"rediss://kim:secret@h?{name}={tmp_path}/missing.pem")
    assert "secret" not in str(refused.value)


def test_program_says_one_sentence_and_ends(tls: TlsServer, tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(PROGRAM.format(pages=""), encoding="utf-8")
    with running("run", str(file), "--port", "0", WEBIPC_REDIS=tls.url("other.pem")) as process:
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1
    assert "secret" not in said
    assert "Traceback" not in said
    assert said.count("is not trusted") == 1
