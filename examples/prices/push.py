"""Changes each price and tells every page. It is no web server, and needs none: cron may start it.

A line of a crontab: `* * * * *  REDIS_URL=redis://127.0.0.1:6379/0 python push.py`
`WEBIPC_REDIS_NAME` has to be the `--redis-name` of the application, if it has one: another name reaches no page.
An application without `--redis` is reached by none.
"""

import json
import os
import random

from redis import Redis

from webipc.redis_emitter import RedisEmitter

URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
NAME = os.environ.get("WEBIPC_REDIS_NAME", "default")
PRICES = "prices"
NAMES = ("apples", "bread", "cheese")


def push(url: str) -> dict[str, float]:
    """Change the prices that the Redis at `url` has, tell the pages, and return them."""
    prices = {name: round(random.uniform(1, 9), 2) for name in NAMES}
    with Redis.from_url(url) as redis:
        redis.hset(PRICES, mapping={name: json.dumps(price) for name, price in prices.items()})
    RedisEmitter(url, name=NAME).broadcast("prices", prices)
    return prices


if __name__ == "__main__":
    push(URL)
