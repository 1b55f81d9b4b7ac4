"""The URL of a Redis, which has a password: no process that serves shows it in its command line."""

from pathlib import Path

from tests.support.redis_server import redis_server
from tests.support.serving import wait_until
from tests.support.workers import children_of, served


def test_neither_the_parent_nor_a_worker_shows_the_url_nor_prints_it(tmp_path: Path) -> None:
    with redis_server() as redis:
        redis.admin.config_set("requirepass", "secret")
        url = f"redis://:secret@127.0.0.1:{redis.port}/0"
        with served(tmp_path, "--redis", url) as made:
            processes = [made.process.pid, *children_of(made.process.pid)]
            assert len(processes) >= 3
            shown = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes]
            assert not any(b"secret" in each or b"redis" in each for each in shown), shown
            wait_until(lambda: len(redis.admin.client_list()) == 1 + 2 * 3, "they have it all the same")
            assert "secret" not in made.output
