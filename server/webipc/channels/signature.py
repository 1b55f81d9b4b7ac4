"""Reads a Python function: its signature, the values of its annotations, and how a person writes both.

Works for functions, bound methods, partials and objects with `__call__`, decorated or not.
"""

import functools
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any

from webipc.channels.complaint import shown


def callable_of(function: Any) -> Any:
    """Return what decides whether a call gives a coroutine: the function of a partial, `__call__` of an object."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function) or hasattr(function, "__code__"):
        return function
    return type(function).__call__


def definition_of(function: Any) -> Any:
    """Return the function that was written with `def`, whose module the annotations belong to."""
    function = inspect.unwrap(callable_of(function))
    function = callable_of(function)
    if inspect.isclass(function):
        function = function.__init__
    return getattr(function, "__func__", function)


def name_of(function: Any) -> str:
    """Return the name of a function, or of an object's class; "handler" for a lambda, whose name no `def` can have."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        name = type(function).__name__
    return name if name.isidentifier() else "handler"


def signature_of(function: Any) -> inspect.Signature:
    """Return the signature; annotations may be strings, or on Python 3.14 forward references."""
    try:
        if sys.version_info >= (3, 14):
            # Annotations are evaluated when they are asked for, and a name for the type checker alone would raise.
            import annotationlib

            return inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF)
        return inspect.signature(function)
    except ValueError:
        # Some builtins have none. They are called with every argument.
        return inspect.Signature([inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)])


def resolve(annotation: Any, function: Any) -> Any:
    """Return an annotation without strings in it. Raises what its evaluation raises, which may be anything."""
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    definition = definition_of(function)
    names = getattr(definition, "__globals__", {})
    hints = typing.get_type_hints(holder, names, dict(_local_names(definition)), include_extras=True)
    # `None` as an annotation means its type; nothing else changes.
    return hints["it"]


def _local_names(definition: Any) -> Iterator[tuple[str, Any]]:
    """Yield the local names of the function in which another one is defined, and the type parameters of that one.

    The outer function is still running when its inner function is registered by a decorator.
    """
    code = getattr(definition, "__code__", None)
    frame = inspect.currentframe()
    while frame is not None:
        if any(constant is code for constant in frame.f_code.co_consts):
            yield from frame.f_locals.items()
            break
        frame = frame.f_back
    for parameter in getattr(definition, "__type_params__", ()):
        yield parameter.__name__, parameter


def text_of(annotation: Any) -> str:
    """Return an annotation as it stands in the source; empty without one."""
    if annotation is inspect.Parameter.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def source_of(parameter: inspect.Parameter) -> str:
    """Return a parameter as it stands in a `def`."""
    stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
    if parameter.kind is parameter.VAR_KEYWORD:
        stars = "**"
    annotation = text_of(parameter.annotation)
    text = f"{stars}{parameter.name}{': ' if annotation else ''}{annotation}"
    if parameter.default is parameter.empty:
        return text
    return f"{text} = {shown(parameter.default)}" if annotation else f"{text}={shown(parameter.default)}"


def describe(parameter: inspect.Parameter) -> dict[str, Any]:
    """Return a parameter in plain values: name, annotation and default as texts, and whether a caller must give it."""
    has_default = parameter.default is not parameter.empty
    return {
        "name": source_of(parameter.replace(annotation=parameter.empty, default=parameter.empty)),
        "annotation": text_of(parameter.annotation),
        "default": shown(parameter.default) if has_default else None,
        "required": not has_default and parameter.kind is not parameter.VAR_POSITIONAL,
    }
