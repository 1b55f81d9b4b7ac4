"""JSRegExp: the source and flags of a RegExp, and the conversion to and from Python's `re` where both mean the same.

Nothing is compiled unless `compile()` is called: a source from a page is data.
No twin: JavaScript has it. Wire: PROTOCOL.md section 5, code `r`.
"""

import re
from typing import Any, Final, final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from webipc.core.values.pattern import to_javascript, to_python
from webipc.core.values.schema import instance_schema

REGEXP_FLAGS: Final = frozenset("dgimsuvy")
# d, g, u and y say what a match reports, where it begins and what a character is: none changes what Python compiles.
_PYTHON_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
_REFUSED: Final = re.VERBOSE | re.LOCALE


def is_flags(flags: str) -> bool:
    """Tell whether JavaScript takes these as the flags of a RegExp: none twice, and not both `u` and `v`."""
    return len(set(flags)) == len(flags) and set(flags) <= REGEXP_FLAGS and not {"u", "v"} <= set(flags)


@final
class JSRegExp:
    """A RegExp, as its source and flags. Two are equal when both are; as an annotation it takes nothing else."""

    __slots__ = ("flags", "source")

    def __init__(self, source: str, flags: str = "") -> None:
        """`ValueError` for flags that JavaScript lacks. The source is not checked."""
        if not is_flags(flags):
            raise ValueError(f"flags are some of {''.join(sorted(REGEXP_FLAGS))}, each once, not {flags!r}")
        # The pattern in JavaScript's syntax.
        self.source = source
        # The letters of the flags.
        self.flags = flags

    @classmethod
    def from_pattern(cls, pattern: "re.Pattern[Any]") -> "JSRegExp":
        """Return the RegExp of a compiled pattern; `ValueError` where JavaScript lacks something that is in it."""
        if not isinstance(pattern.pattern, str) or pattern.flags & _REFUSED:
            raise ValueError("JavaScript has no pattern of bytes, and no VERBOSE or LOCALE; build a JSRegExp")
        flags = "".join(letter for letter, flag in _PYTHON_FLAGS.items() if pattern.flags & flag)
        return cls(to_javascript(pattern.pattern, flags) or "(?:)", flags)

    def compile(self) -> "re.Pattern[str]":
        r"""Return the Python pattern that matches the same texts; `ValueError` where Python cannot express it.

        `\d`, `\w` and `\b` know ASCII alone, as in JavaScript. Do not compile what a page sent unless you trust the
        page: a pattern can be made to run for ever.
        """
        if "v" in self.flags:
            raise ValueError("Python has no flag v")
        flags = re.ASCII if "i" not in self.flags else re.NOFLAG
        for letter in self.flags:
            flags |= _PYTHON_FLAGS.get(letter, re.NOFLAG)
        try:
            return re.compile(to_python(self.source, self.flags), flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"Python cannot compile /{self.source}/: {error}") from error

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JSRegExp):
            return NotImplemented
        return (self.source, self.flags) == (other.source, other.flags)

    def __hash__(self) -> int:
        return hash((JSRegExp, self.source, self.flags))

    def __repr__(self) -> str:
        return f"JSRegExp({self.source!r}, {self.flags!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return instance_schema(JSRegExp)
