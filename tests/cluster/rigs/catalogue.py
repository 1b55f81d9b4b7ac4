"""The scenarios with several workers, by name."""

from collections.abc import Callable, Mapping

from tests.cluster.rigs.deploys import workers_deploy
from tests.cluster.rigs.kills import workers_kill
from tests.cluster.rigs.redis_deploys import redis_deploy
from tests.cluster.rigs.redis_storm import redis
from tests.cluster.rigs.storm import workers
from tests.stress.run import Run

WORKERS: Mapping[str, Callable[[Run], None]] = {
    "workers": workers,
    "workers-deploy": workers_deploy,
    "workers-kill": workers_kill,
    "redis": redis,
    "redis-deploy": redis_deploy,
}
