"""`request_view`: the scope of an attach as that of a GET request without a body, for the application's dependencies.

A dependency is written for requests, and most take a `Request`. So it sees one, whatever brought the message: a socket,
a beacon or a synchronous request.
"""

import asyncio
import copy
from collections.abc import Mapping
from typing import Any, Final, NoReturn

_SCHEMES: Final = {"ws": "http", "wss": "https"}
_NO_BODY: Final = (
    "expected a dependency that reads no body, because a message of a page is no request: take what the page sends as "
    "arguments of the handler"
)


def request_view(scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new scope of type `http`. `scope` is that of an attach, and is left as it is.

    Headers, cookies, query, client, `session`, `user` and `app` are those of the attach. `state` is a copy, because two
    calls of one page may run at once, and each has what its own dependencies note there.
    """
    view = {**scope, "type": "http", "method": "GET", "path_params": {}}
    scheme = scope.get("scheme", "http")
    view["scheme"] = _SCHEMES.get(scheme, scheme)
    if "state" in scope:
        view["state"] = copy.copy(scope["state"])
    return view


async def no_body() -> NoReturn:
    """Raise RuntimeError: the `receive` of a view."""
    # `Request.is_disconnected` cancels its call of `receive` in this turn, and takes that as a no.
    await asyncio.sleep(0)
    raise RuntimeError(_NO_BODY)
