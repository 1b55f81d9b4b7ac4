"""`Handler`: a function of the application on a channel, inspected once, when it is registered.

Finds out whether it is `async`, that it takes the event first, which of its other parameters a page gives, and which
FastAPI fills in (dependencies/). Arguments are validated by arguments.py, functions are read by signature.py, and calls
are run by dispatch/.
"""

import inspect
import re
import types
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from copy import copy
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from webipc.channels.arguments import Arguments, Parameter
from webipc.channels.emitter import NEW_LISTENER, REMOVE_LISTENER, Listener
from webipc.channels.event import Event
from webipc.channels.returned import narrowing_for
from webipc.channels.signature import (
    callable_of,
    definition_of,
    describe,
    name_of,
    resolve,
    signature_of,
    source_of,
    text_of,
)
from webipc.core.errors import LocalError
from webipc.dependencies.needs import Needs
from webipc.dependencies.parameters import Filled, TreeError, filled_by_fastapi, remedy_for

Role = Literal["on", "handle"]

# Where an annotation cannot be resolved, only the names in it are known.
_EVENT_NAMES: Final = frozenset({"IpcMainEvent", "IpcMainInvokeEvent"})
_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
# A first parameter of this name is meant as the event, even with a wrong annotation.
_EVENT_WORDS: Final = frozenset({"event", "_event", "evt", "e", "_"})
# Node calls their listeners with a channel and a listener, without an event.
_WITHOUT_EVENT: Final = frozenset({NEW_LISTENER, REMOVE_LISTENER})


class HandlerError(LocalError, TypeError):
    """A function that cannot be a handler or a listener. Raised when it is registered."""

    code = "bad-handler"

    def __init__(self, channel: str, detail: str) -> None:
        """`detail` is the whole text."""
        super().__init__(detail)
        self.channel = channel
        self.detail = detail

    def __reduce__(self) -> tuple[type["HandlerError"], tuple[str, str]]:
        return type(self), (self.channel, self.detail)


class Handler:
    """A function that is registered on a channel: a listener of `on`, or the handler of `handle`."""

    __slots__ = (
        "_arguments",
        "_authenticate",
        "_filled",
        "_guards",
        "_parameters",
        "_returns",
        "bind",
        "channel",
        "function",
        "is_async",
        "name",
        "narrow",
        "needs",
        "role",
    )

    def __init__(self, function: Listener, channel: str, role: Role, guards: Sequence[Any] = ()) -> None:
        """Inspect the function. `guards` (`Depends(...)`) are solved before its own dependencies.

        Raises HandlerError when it does not take the event first, is a generator, has a keyword-only parameter without
        a default, an annotation that cannot be resolved or validated, or a dependency that needs a request; and when it
        is a listener with dependencies, and no `async def`.
        """
        self.function = function
        self.channel = channel
        # "on" for a listener, whose result is ignored; "handle" for a handler, whose result is the answer.
        self.role: Role = role
        self.name = name_of(function)
        # True when calling it gives a coroutine. (A `def` may still return an awaitable, which the caller awaits.)
        self.is_async = inspect.iscoroutinefunction(callable_of(function))
        self._refuse_generators()
        signature = signature_of(function)
        self._returns: Any = signature.return_annotation
        # The parameters behind the event.
        self._parameters = self._behind_the_event(list(signature.parameters.values()))
        # Those of them that FastAPI fills in, with resolved annotations.
        self._filled = self._find_filled()
        self._guards = tuple(guards)
        self._authenticate: Callable[..., Any] | None = None
        # What FastAPI does before each call; None for a function that needs none of it.
        self.needs = self._make_needs()
        self._arguments = self._make_arguments()
        # Returns the arguments to call the function with, behind the event: `function(event, *bind(args))`.
        self.bind = self._arguments.bind
        # Narrows a result to the return annotation; None where there is nothing to narrow, and for listeners.
        self.narrow = narrowing_for(channel, function, self._returns) if role == "handle" else None

    @property
    def kind(self) -> Literal["async", "sync"]:
        """`async` for `async def`, also behind a partial, a bound method or `__call__`; else `sync`."""
        return "async" if self.is_async else "sync"

    def __call__(self, event: Any = None, *args: Any) -> Any:
        """Validate the arguments and call the function; return its result, or its coroutine.

        With dependencies it is a coroutine in any case, which solves them before it validates the arguments.
        """
        if self.needs is not None:
            return self.call_solved(event, list(args))
        return self.function(event, *self._arguments.bind(list(args)))

    def solved(self, event: Any) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Return what solves the dependencies for one call: `async with` it. The value is for `called`.

        `event` is that of a message: its `connection` and its `user` are what dependencies see.
        """
        assert self.needs is not None, "a function with dependencies"
        if not hasattr(event, "connection"):
            text = (
                f"expected the event of a message, from which the dependencies are solved, got {type(event).__name__}"
            )
            raise TypeError(f"{self._what()}: {text}")
        return self.needs.solved(event.connection.scope, event.user)

    def called(self, event: Any, args: list[Any], values: Mapping[str, Any]) -> Any:
        """Validate the arguments and call the function with what was solved."""
        assert self.needs is not None, "a function with dependencies"
        positional, by_name = self.needs.placed(self.bind(args), values)
        return self.function(event, *positional, **by_name)

    async def call_solved(self, event: Any, args: list[Any]) -> Any:
        """Solve the dependencies, validate the arguments, call the function, and return what it returns, awaited."""
        async with self.solved(event) as values:
            returned = self.called(event, args, values)
            return await returned if inspect.isawaitable(returned) else returned

    def within(self, authenticate: Callable[..., Any] | None) -> "Handler":
        """Return this function for an application whose callers were asked by `authenticate`.

        `Depends(authenticate)`, at any depth, is then the user of the caller.
        """
        if self.needs is None or authenticate == self._authenticate:
            return self
        return self._copy(self.channel, self._guards, authenticate)

    def at(self, channel: str, guards: Sequence[Any] = ()) -> "Handler":
        """Return this function for another channel, behind more guards: what includes its router has a prefix.

        It is not inspected again, because an annotation may name what was local where the function was defined. Raises
        HandlerError as the constructor does for guards.
        """
        return self._copy(channel, (*guards, *self._guards), self._authenticate)

    def _copy(self, channel: str, guards: tuple[Any, ...], authenticate: Callable[..., Any] | None) -> "Handler":
        other = copy(self)
        other.channel = channel
        other._guards, other._authenticate = guards, authenticate  # noqa: SLF001 - its own class
        other.needs = other._make_needs()  # noqa: SLF001 - the same
        arguments = self._arguments.at(channel)
        other._arguments, other.bind = arguments, arguments.bind  # noqa: SLF001 - the same
        other.narrow = None if self.narrow is None else self.narrow.at(channel)
        return other

    def describe(self) -> dict[str, Any]:
        """Return its name, channel, docstring, parameters and return annotation, in plain values.

        The parameters that FastAPI fills in are not among them.
        """
        parameters = [p for p in self._parameters if p.kind in (*_POSITIONAL, p.VAR_POSITIONAL)]
        return {
            "name": self.name,
            "channel": self.channel,
            "doc": inspect.getdoc(definition_of(self.function)),
            "parameters": [describe(p) for p in parameters if not self._is_filled(p)],
            "returns": text_of(self._returns),
        }

    def __repr__(self) -> str:
        return f"<Handler {self.name} for {self.channel!r}>"

    def _what(self) -> str:
        return f"{'listener' if self.role == 'on' else 'handler'} for '{self.channel}'"

    def _refuse_generators(self) -> None:
        function = callable_of(self.function)
        if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
            kind = "an async generator" if inspect.isasyncgenfunction(function) else "a generator"
            remedy = "return a list, or send each item with event.sender.send()"
            raise HandlerError(self.channel, f"{self._what()} is {kind}, which cannot be streamed to a page: {remedy}")

    def _behind_the_event(self, parameters: list[inspect.Parameter]) -> list[inspect.Parameter]:
        first = parameters[0] if parameters else None
        if first is not None and self._takes_event(first):
            # `*args` takes the event and everything behind it.
            return parameters if first.kind is first.VAR_POSITIONAL else parameters[1:]
        if first is not None and first.name in _EVENT_WORDS:
            parameters = parameters[1:]
        rest = "".join(f", {source_of(parameter)}" for parameter in parameters)
        define = "async def" if self.is_async else "def"
        text = f"{self._what()} must take the event first: {define} {self.name}(event{rest})"
        raise HandlerError(self.channel, text)

    def _takes_event(self, first: inspect.Parameter) -> bool:
        if first.kind not in (*_POSITIONAL, first.VAR_POSITIONAL) or self._filled_in(first) is not None:
            return False
        if self.channel in _WITHOUT_EVENT:
            return True
        try:
            return _is_event(resolve(first.annotation, self.function))
        except Exception:  # noqa: BLE001 - an annotation is any expression
            # Most likely imported under TYPE_CHECKING only: then only the name is known.
            return not _EVENT_NAMES.isdisjoint(re.findall(r"\w+", text_of(first.annotation)))

    def _make_arguments(self) -> Arguments:
        positional = []
        rest = None
        for parameter in self._parameters:
            if self._is_filled(parameter):
                continue
            if parameter.kind in _POSITIONAL:
                positional.append(self._parameter(parameter))
            elif parameter.kind is parameter.VAR_POSITIONAL:
                rest = self._parameter(parameter)
            elif parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
                text = f"the keyword-only parameter '{parameter.name}' needs a default"
                raise HandlerError(self.channel, f"{self._what()}: {text}: a page sends its arguments by position")
        return Arguments(self.channel, positional, rest)

    # --- what FastAPI fills in ------------------------------------------------------------------------------------

    def _filled_in(self, parameter: inspect.Parameter) -> Filled | None:
        try:
            annotation = resolve(parameter.annotation, self.function)
        except Exception:  # noqa: BLE001 - it is resolved again where it is needed
            annotation = None
        return filled_by_fastapi(annotation, parameter.default)

    def _is_filled(self, parameter: inspect.Parameter) -> bool:
        return any(parameter.name == filled.name for filled in self._filled)

    def _find_filled(self) -> list[inspect.Parameter]:
        found = []
        for parameter in self._parameters:
            filled = self._filled_in(parameter)
            if filled is None:
                continue
            if filled.refusal is not None:
                raise self._refused(parameter, filled, filled.refusal)
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise self._refused(parameter, filled, "by name only: it cannot be positional-only, *args or **kwargs")
            annotation = self._resolved(parameter) if filled.reads_annotation else parameter.empty
            found.append(parameter.replace(annotation=annotation))
        return found

    def _refused(self, parameter: inspect.Parameter, filled: Filled, why: str) -> HandlerError:
        text = f"FastAPI would fill in '{parameter.name}' ({filled.kind})"
        return HandlerError(self.channel, f"{self._what()}: {text}, {why}")

    def _make_needs(self) -> Needs | None:
        if not self._filled and not self._guards:
            return None
        if self.channel in _WITHOUT_EVENT:
            raise HandlerError(self.channel, f"{self._what()} cannot have dependencies: no page sends it a message")
        if self.role == "on" and not self.is_async:
            text = f"with dependencies must be an `async def`, because they may have to be awaited: {self.name}"
            raise HandlerError(self.channel, f"{self._what()} {text}")
        try:
            return Needs(self._parameters, self._filled, self._guards, self._authenticate)
        except TreeError as error:
            remedy = "" if error.kind is None else f": {remedy_for(error.kind)}"
            raise HandlerError(self.channel, f"{self._what()}: {error}{remedy}") from error

    def _parameter(self, parameter: inspect.Parameter) -> Parameter:
        if isinstance(parameter.default, FieldInfo):
            remedy = f"write {parameter.name}: Annotated[{text_of(parameter.annotation)}, Field(...)] instead"
            raise HandlerError(self.channel, f"{self._what()}: a Field cannot be the default of a parameter: {remedy}")
        annotation = self._resolved(parameter)
        try:
            return Parameter(parameter.name, annotation, parameter.default)
        except Exception as error:
            reason = str(error).partition("\n")[0]
            text = f"{_named(parameter)} cannot be validated: {reason}"
            raise HandlerError(self.channel, f"{self._what()}: {text}") from error

    def _resolved(self, parameter: inspect.Parameter) -> Any:
        try:
            return resolve(parameter.annotation, self.function)
        except Exception as error:
            text = f"{_named(parameter)} cannot be resolved ({error})"
            remedy = "it validates the argument, so import it outside of TYPE_CHECKING"
            raise HandlerError(self.channel, f"{self._what()}: {text}: {remedy}") from error


def _named(parameter: inspect.Parameter) -> str:
    return f"the annotation '{text_of(parameter.annotation)}' of '{parameter.name}'"


def _is_event(annotation: Any) -> bool:
    if annotation in (inspect.Parameter.empty, Any, object):
        return True
    if get_origin(annotation) is Annotated:
        return _is_event(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return all(_is_event(member) for member in get_args(annotation) if member is not type(None))
    if isinstance(annotation, TypeVar):
        return annotation.__bound__ is None or _is_event(annotation.__bound__)
    if not inspect.isclass(annotation):
        return hasattr(annotation, "__value__") and _is_event(annotation.__value__)
    # A Protocol says what the function needs of the event. It cannot be meant for an argument: it validates none.
    is_protocol = bool(getattr(annotation, "_is_protocol", False))
    return is_protocol or issubclass(annotation, Event)
