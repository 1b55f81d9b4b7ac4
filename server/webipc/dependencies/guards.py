"""What `dependencies=[...]` may be, of a mount, a router or a channel: a list of `Depends(...)`, as FastAPI has it."""

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import params

Guards = Sequence[params.Depends]


def checked_dependencies(dependencies: Any) -> list[params.Depends]:
    """Return the setting `dependencies`, as `include_router` takes it. Raises TypeError, with advice, otherwise."""
    if isinstance(dependencies, params.Depends):
        raise TypeError("expected a list for dependencies, got one Depends: write dependencies=[Depends(...)]")
    if dependencies is None:
        # As FastAPI has it.
        return []
    if isinstance(dependencies, str) or not isinstance(dependencies, Iterable):
        name = getattr(dependencies, "__name__", "...")
        advice = f": write dependencies=[Depends({name})]" if callable(dependencies) else ""
        raise TypeError(f"expected a list of Depends(...) for dependencies, got {_kind(dependencies)}{advice}")
    found = list(dependencies)
    for each in found:
        if not isinstance(each, params.Depends):
            name = getattr(each, "__name__", "...")
            advice = f": write Depends({name})" if callable(each) else ""
            raise TypeError(f"expected Depends(...) in dependencies, got {_kind(each)}{advice}")
        if each.dependency is None:
            raise TypeError("expected Depends(...) in dependencies, got Depends() without a function")
    return found


def _kind(value: Any) -> str:
    return f"an object of the type {type(value).__name__}"
