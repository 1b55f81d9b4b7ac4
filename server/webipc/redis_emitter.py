"""The documented names of what other programs send to pages with, over Redis: `RedisEmitter("redis://...")`."""

from webipc.cluster.redis_bus.emitter import AsyncPages, AsyncRedisEmitter, NotWrittenError, Pages, RedisEmitter

__all__ = ["AsyncPages", "AsyncRedisEmitter", "NotWrittenError", "Pages", "RedisEmitter"]
