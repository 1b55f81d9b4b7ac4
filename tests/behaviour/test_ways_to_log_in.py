"""The ways to log in that docs/authentication.md shows beside the example: its own lines are run here."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Depends, Header, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tests.support.applications import application
from webipc import IpcMain
from webipc.core.errors import CloseCode
from webipc.testing import ClosedError, Renderer


@dataclass
class User:
    id: str


async def user_of_token(token: str) -> User:
    """Return the user of a token, as an application of the document would."""
    if token != "good":
        raise HTTPException(401, "this token does not hold")
    return User("ada")


def current_user_of(project_root: Path, heading: str) -> Any:
    """Return the `current_user` in the section of the document with this heading."""
    text = (project_root / "docs/authentication.md").read_text(encoding="utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {
        each.__name__: each
        for each in (Depends, Header, HTTPException, HTTPAuthorizationCredentials, HTTPBearer, User, user_of_token)
    }
    names["Annotated"] = Annotated
    exec(found[1], names)
    return names["current_user"]


async def refusal_of(page: Renderer) -> int:
    with pytest.raises(ClosedError) as closed:
        await page.connect()
    return closed.value.close_code


def asking(ipc_main: IpcMain) -> None:
    ipc_main.handle("me", lambda event: getattr(event.user, "id", event.user))


async def test_a_bearer_token(project_root: Path) -> None:
    app, ipc_main = application(authenticate=current_user_of(project_root, "A bearer token"))
    asking(ipc_main)
    async with Renderer(app, token="good") as page:
        assert await page.invoke("me") == "ada"
        assert await refusal_of(Renderer(app, token="stale")) == CloseCode.UNAUTHORIZED
        page.token = "stale"
        await page.disconnect()
        assert await refusal_of(page) == CloseCode.UNAUTHORIZED


async def test_a_proxy_that_authenticates(project_root: Path) -> None:
    app, ipc_main = application(authenticate=current_user_of(project_root, "A proxy that authenticates"))
    asking(ipc_main)
    async with Renderer(app, headers={"x-forwarded-user": "bob"}) as page:
        assert await page.invoke("me") == "bob"
        assert await refusal_of(Renderer(app)) == CloseCode.UNAUTHORIZED
