"""The scenarios with several workers, by name."""

from collections.abc import Callable, Mapping

from selenium.webdriver.remote.webdriver import WebDriver

from tests.cluster.acceptor.door import workers_door
from tests.cluster.rigs.deploys import workers_deploy
from tests.cluster.rigs.kills import workers_kill
from tests.cluster.rigs.partitions import two_machines
from tests.cluster.rigs.redis_browsers import redis_browsers
from tests.cluster.rigs.redis_deploys import redis_deploy
from tests.cluster.rigs.redis_faults import redis_faults
from tests.cluster.rigs.redis_storm import redis
from tests.cluster.rigs.storm import workers
from tests.stress.run import Run

WORKERS_IN_BROWSERS: Mapping[str, Callable[[Run, WebDriver], None]] = {"redis-browsers": redis_browsers}
"""They run once in each engine, in a tab of its own."""

WORKERS: Mapping[str, Callable[[Run], None]] = {
    "workers": workers,
    "workers-deploy": workers_deploy,
    "workers-kill": workers_kill,
    "workers-door": workers_door,
    "redis": redis,
    "redis-deploy": redis_deploy,
    "redis-faults": redis_faults,
    "machines": two_machines,
}
