"""A price list that several workers serve, and that a program without a page pushes to.

    pip install 'webipc[redis]'
    webipc run main.py --workers 2 --redis redis://127.0.0.1:6379/0
    python push.py            # as cron does, in another terminal: every page shows the new prices

The prices are in Redis, so that it does not matter which worker a page is at. `REDIS_URL` names another Redis for them.
"""

import json
import os
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI
from pydantic import StringConstraints
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from webipc import IpcMain, IpcMainInvokeEvent

PRICES = "prices"

redis = Redis.from_url(
    os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"),
    decode_responses=True,
    # A connection that was kept may be older than Redis, which has been restarted: another one is tried.
    retry=Retry(NoBackoff(), 1),
)
app = FastAPI()
ipc_main = IpcMain()
ipc_main.mount(app, pages=Path(__file__).parent / "web")


@ipc_main.handle("prices")
async def prices(event: IpcMainInvokeEvent) -> dict[str, float]:
    found = await redis.hgetall(PRICES)
    return {name: json.loads(price) for name, price in found.items()}


@ipc_main.handle("people")
async def people(event: IpcMainInvokeEvent) -> int:
    """Count the tabs of all workers. `get_all_web_contents` has those of this one."""
    fetched = await ipc_main.fetch_web_contents()
    return sum(page.connected for page in fetched.pages)


@ipc_main.handle("say")
async def say(event: IpcMainInvokeEvent, text: Annotated[str, StringConstraints(max_length=200)]) -> None:
    """Say something to every page, wherever it is."""
    ipc_main.broadcast("said", text)


@ipc_main.handle("worker")
async def worker(event: IpcMainInvokeEvent) -> int:
    """Tell which process has this tab. It stays there, also when its next socket arrives at another one."""
    return os.getpid()
