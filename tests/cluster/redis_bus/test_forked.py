"""An application that is imported before the processes that serve it are forked, as `gunicorn --preload` does."""

import subprocess
import sys
import textwrap

from tests.support.redis_server import RedisServer
from tests.support.serving import PATIENCE


def test_each_forked_process_is_a_worker_of_its_own(server: RedisServer) -> None:
    code = """
        import asyncio, os, sys, time
        from fastapi import FastAPI
        from webipc import IpcMain
        from webipc.testing import Browser
        app = FastAPI()
        ipc_main = IpcMain(redis=sys.argv[1])
        ipc_main.mount(app)

        async def main():
            async with Browser(app), Browser(app).open() as page:
                end = time.monotonic() + 15
                while len(ipc_main.shared.workers) < 3 and time.monotonic() < end:
                    await asyncio.sleep(0.01)
                # In one piece: they share the pipe.
                os.write(1, f"{ipc_main.shared.worker} {page.web_contents_id}\\n".encode())
                while len(os.listdir(sys.argv[2])) < 3 and time.monotonic() < end:
                    open(f"{sys.argv[2]}/{os.getpid()}", "w").close()
                    await asyncio.sleep(0.01)

        children = []
        for _ in range(3):
            if not (child := os.fork()):
                asyncio.run(main())
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    """
    folder = server.directory / "ready"
    folder.mkdir()
    command = [sys.executable, "-c", textwrap.dedent(code), server.url, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=2 * PATIENCE)
    assert done.returncode == 0, done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    assert len(told) == 3
    assert len({worker for worker, _ in told}) == 3
    assert len({contents_id for _, contents_id in told}) == 3
