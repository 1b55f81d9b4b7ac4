"""Whether an ASGI call may return before its socket ends: who would notice.

Middleware, and code around a mounted application, may keep something open until the call returns: a trace, a database
session, a task group. Such code is on the stack of the call. So the stack is read, once for each socket, instead of the
application's configuration: instrumentation replaces methods, and an application may be wrapped by anything.
Reasons: docs/adr/0020-idle-sockets-have-no-task.md
"""

import inspect
from types import CodeType
from typing import Final

# Their own code does nothing behind the call of a WebSocket but to return. Their base classes for middleware pass a
# WebSocket through; a subclass of the application that does more has code of its own on the stack.
_FRAMEWORK: Final = frozenset({"uvicorn", "starlette", "fastapi", "webipc"})


def is_called_by_framework(outermost: CodeType) -> bool:
    """Return whether all callers, up to the function with this code, are code of the server and the framework.

    False also where a task between them has begun to run the call.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not outermost:
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in _FRAMEWORK:
            return False
        frame = frame.f_back
    return frame is not None
