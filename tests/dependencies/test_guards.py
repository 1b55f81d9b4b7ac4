"""`dependencies=[...]`: what it may be, wherever it is given."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Depends, FastAPI, Security

from webipc import IpcMain, IpcRouter
from webipc.dependencies.guards import checked_dependencies

LISTED = "expected a list of Depends(...) for dependencies, got an object of the type "


def login() -> None:
    """Guard."""


@pytest.mark.parametrize("given", [[], (), None, [Depends(login)], (Security(login, scopes=["x"]), Depends(login))])
def test_it_is_any_list_of_depends(given: Any) -> None:
    assert checked_dependencies(given) == list(given or ())


@pytest.mark.parametrize(
    "wrong, text",
    [
        (Depends(login), "expected a list for dependencies, got one Depends: write dependencies=[Depends(...)]"),
        (
            login,
            f"{LISTED}function: write dependencies=[Depends(login)]",
        ),
        (5, f"{LISTED}int"),
        ("login", f"{LISTED}str"),
        ([login], "expected Depends(...) in dependencies, got an object of the type function: write Depends(login)"),
        ([None], "expected Depends(...) in dependencies, got an object of the type NoneType"),
        ([Depends()], "expected Depends(...) in dependencies, got Depends() without a function"),
    ],
)
def test_anything_else_is_refused_where_it_is_given(wrong: Any, text: str) -> None:
    ipc_main = IpcMain()
    places: list[Callable[[], object]] = [
        lambda: IpcRouter(dependencies=wrong),
        lambda: ipc_main.include_router(IpcRouter(), dependencies=wrong),
        lambda: IpcRouter().include_router(IpcRouter(), dependencies=wrong),
        lambda: ipc_main.handle("x", dependencies=wrong),
        lambda: ipc_main.handle_once("x", dependencies=wrong),
        lambda: ipc_main.on("x", dependencies=wrong),
        lambda: IpcRouter().once("x", dependencies=wrong),
        lambda: ipc_main.mount(FastAPI(), dependencies=wrong),
    ]
    for place in places:
        with pytest.raises(TypeError) as caught:
            place()
        assert str(caught.value) == text
