"""The settings that say what is asked of clients: what is wrong is refused where it is written, with advice."""

import functools
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Body, Depends, FastAPI, Response

from webipc import IpcMain


def require_login() -> None: ...


async def current_user() -> None: ...


class Loads:
    async def __call__(self, _: Any) -> str:
        return "ada"


@pytest.mark.parametrize(
    "wrong, text",
    [
        ("current_user", "expected a function, as Depends takes it, for authenticate, got an object of the type str"),
        (
            Depends(current_user),
            (
                "expected a function, as Depends takes it, for authenticate, got an object of the type Depends: "
                "write authenticate=current_user, without Depends"
            ),
        ),
    ],
)
def test_authenticate_is_a_function(wrong: Any, text: str) -> None:
    with pytest.raises(TypeError) as caught:
        IpcMain(authenticate=wrong)
    assert str(caught.value) == text


@pytest.mark.parametrize("right", [current_user, Loads, functools.partial(require_login), lambda: None])
def test_authenticate_is_anything_that_fastapi_calls(right: Callable[..., Any]) -> None:
    IpcMain(authenticate=right).mount(FastAPI())


async def identity(_: Any) -> str:
    return "ada"


@pytest.mark.parametrize(
    "wrong, text",
    [
        (
            7,
            "expected a function of the user for identity, such as lambda user: user.id, got an object of the type int",
        ),
        (identity, "identity is an async function: it must be a plain one. Load what it needs in authenticate"),
        (Loads(), "identity is an async function: it must be a plain one. Load what it needs in authenticate"),
    ],
)
def test_identity_is_a_plain_function(wrong: Any, text: str) -> None:
    with pytest.raises(TypeError) as caught:
        IpcMain(identity=wrong)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "wrong, text",
    [
        (
            Depends(require_login),
            "expected a list for dependencies, got one Depends: write dependencies=[Depends(...)]",
        ),
        (
            [require_login],
            "expected Depends(...) in dependencies, got an object of the type function: write Depends(require_login)",
        ),
        (["require_login"], "expected Depends(...) in dependencies, got an object of the type str"),
        ([Depends()], "expected Depends(...) in dependencies, got Depends() without a function"),
    ],
)
def test_dependencies_of_a_mount_are_a_list_of_depends(wrong: Any, text: str) -> None:
    ipc_main = IpcMain()
    with pytest.raises(TypeError) as caught:
        ipc_main.mount(FastAPI(), dependencies=wrong)
    assert str(caught.value) == text
    # It may be mounted after that.
    ipc_main.mount(FastAPI())


@pytest.mark.parametrize(
    "wrong, error, text",
    [
        ("3600", TypeError, "expected seconds or None for max_age, got an object of the type str"),
        (True, TypeError, "expected seconds or None for max_age, got an object of the type bool"),
        (0, ValueError, "expected more than 0 seconds for max_age, got 0: None is for never"),
        (-1.5, ValueError, "expected more than 0 seconds for max_age, got -1.5: None is for never"),
        (float("inf"), ValueError, "expected more than 0 seconds for max_age, got inf: None is for never"),
        (float("nan"), ValueError, "expected more than 0 seconds for max_age, got nan: None is for never"),
    ],
)
def test_max_age_is_a_time(wrong: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        IpcMain(max_age=wrong)
    assert str(caught.value) == text


@pytest.mark.parametrize("right", [None, 1, 0.5])
def test_max_age_is_seconds_or_none(right: float | None) -> None:
    IpcMain(max_age=right)


def takes_a_body(name: Annotated[str, Body()]) -> None: ...


def takes_a_response(response: Response) -> None: ...


def takes_tasks(tasks: BackgroundTasks) -> None: ...


@pytest.mark.parametrize("dependency", [takes_a_body, takes_a_response, takes_tasks])
@pytest.mark.parametrize("where", ["authenticate", "mount", "application"])
def test_a_dependency_that_takes_what_an_attach_does_not_have_is_refused_by_name(
    dependency: Callable[..., Any], where: str
) -> None:
    app = FastAPI(dependencies=[Depends(dependency)] if where == "application" else [])
    ipc_main = IpcMain(authenticate=dependency if where == "authenticate" else None)
    with pytest.raises(TypeError, match=dependency.__name__):
        ipc_main.mount(app, dependencies=[Depends(dependency)] if where == "mount" else [])
