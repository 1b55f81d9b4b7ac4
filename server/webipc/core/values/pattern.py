"""Translates the syntax of a regular expression from JavaScript to Python and back, where both can express it.

What one language lacks is refused. Nothing is compiled here. No twin: only Python needs it.
"""

import re
from typing import Final

# One step through a pattern: what the two languages write differently, or else one character.
_TOKEN: Final = re.compile(
    r"""
      \\k<\w+> | \\u\{[0-9A-Fa-f]+\} | \\c[A-Za-z] | \\.?     # escapes; the first three are JavaScript's alone
    | \(\?P=\w+\) | \(\?P<\w+> | \(\?<\w+> | \(\?<?.          # openings of groups
    | \[\^?\]? | \]                                           # a class
    | (?:[*+?]|\{[0-9]+(?:,[0-9]*)?\}|\{,[0-9]*\})[+?]?       # a quantifier
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_LOOKAROUNDS: Final = frozenset({"(?=", "(?!", "(?<=", "(?<!"})
_GROUPS: Final = _LOOKAROUNDS | {"(?:"}
# "at most": a quantifier in Python, text in JavaScript.
_AT_MOST: Final = "{,"
# The last character that JavaScript reads as one, without its flag `u`.
_LAST_UNIT: Final = "\uffff"
_ESCAPES: Final = frozenset("dDwWsSbBnrtfvxu0123456789")


class _Translator:
    """Reads a pattern once and writes each piece in the syntax of the other language."""

    def __init__(self, flags: str) -> None:
        """`flags` are JavaScript's letters."""
        self._flags = flags
        # Whether the piece stands between [ and ].
        self._in_class = False

    def translate(self, source: str) -> str:
        return "".join(self._one(match[0]) for match in _TOKEN.finditer(source))

    def _one(self, piece: str) -> str:
        if piece.startswith("\\"):
            return self.escape(piece)
        if self._in_class:
            return "".join(self._inside(character) for character in piece)
        if piece.startswith("["):
            return self._open_class(piece)
        return self.outside(piece)

    def _open_class(self, piece: str) -> str:
        self._in_class = True
        return self.empty_class(piece) if piece.endswith("]") else piece

    def _inside(self, character: str) -> str:
        self._in_class = self._in_class and character != "]"
        return self.in_class(character)

    def escape(self, piece: str) -> str:
        letter = piece[1:2]
        if not letter or (letter.isascii() and letter.isalnum() and letter not in _ESCAPES):
            raise ValueError(f"{piece} has no counterpart in the other language")
        return piece

    def group(self, piece: str) -> str:
        if piece not in _GROUPS:
            raise ValueError(f"a group that begins with {piece} has no counterpart in the other language")
        return piece

    def in_class(self, character: str) -> str:
        return character

    def empty_class(self, piece: str) -> str:
        raise NotImplementedError

    def outside(self, piece: str) -> str:
        raise NotImplementedError


class _ToPython(_Translator):
    def escape(self, piece: str) -> str:
        if piece.startswith("\\k<"):
            return f"(?P={piece[3:-1]})"
        if piece.startswith("\\u{"):
            return f"\\U{int(piece[3:-1], 16):08x}"
        if piece.startswith("\\c"):
            return f"\\x{ord(piece[2]) % 32:02x}" if len(piece) > len("\\c") else super().escape(piece)
        return super().escape(piece)

    def empty_class(self, piece: str) -> str:
        # In JavaScript [] matches nothing and [^] anything; in Python both would end at the next bracket.
        self._in_class = False
        return r"[\s\S]" if "^" in piece else "(?!)"

    def in_class(self, character: str) -> str:
        # Python warns of these, because they may mean nested sets in a later version.
        return "\\" + character if character in "[&~|" else character

    def outside(self, piece: str) -> str:
        if piece.startswith("(?<") and piece[3:4] not in {"=", "!"}:
            return f"(?P<{piece[3:-1]}>" if piece.endswith(">") else self.group(piece)
        if piece.startswith("(?"):
            return self.group(piece)
        if piece.startswith(_AT_MOST):
            return "\\" + piece
        if piece == ".":
            return "." if "s" in self._flags else r"[^\n\r\u2028\u2029]"
        return r"\Z" if piece == "$" and "m" not in self._flags else piece


class _ToJavaScript(_Translator):
    def __init__(self, flags: str) -> None:
        super().__init__(flags)
        # How each group that is open begins, and how the one begins that ends right before the piece.
        self._open: list[str] = []
        self._ended = ""

    def escape(self, piece: str) -> str:
        self._ended = ""
        return self._unit(super().escape(piece))

    def empty_class(self, piece: str) -> str:
        return piece[:-1] + r"\]"

    def in_class(self, character: str) -> str:
        self._ended = ""
        if character > _LAST_UNIT:
            raise ValueError(f"{character} in a class is two characters for JavaScript; write it as an alternative")
        return character

    def outside(self, piece: str) -> str:
        ended, self._ended = self._ended, ""
        if piece.startswith("("):
            self._open.append(piece)
            return self._opening(piece)
        if piece == ")":
            self._ended = self._open.pop()
            return piece
        if len(piece) > 1 or piece in "*+?":
            return self._quantifier(piece, ended)
        # In Python `$` also matches before a line end that is the last character.
        return r"(?=\n?$)" if piece == "$" and "m" not in self._flags else self._unit(piece)

    def _opening(self, piece: str) -> str:
        if piece.startswith("(?P="):
            # It is no group: its bracket is part of the piece.
            self._open.pop()
            return f"\\k<{piece[4:-1]}>"
        if piece.startswith("(?P<"):
            return f"(?<{piece[4:-1]}>" if piece.endswith(">") else self.group(piece)
        return self.group(piece) if piece.startswith("(?") else piece

    def _quantifier(self, piece: str, ended: str) -> str:
        if piece.endswith("+") and len(piece) > 1:
            raise ValueError(f"{piece} is possessive, which JavaScript lacks")
        if ended in _LOOKAROUNDS:
            raise ValueError(f"a group that begins with {ended} cannot be followed by {piece} in JavaScript")
        return "{0" + piece[1:] if piece.startswith(_AT_MOST) else piece

    def _unit(self, piece: str) -> str:
        """Keep a character together that is two for JavaScript: a quantifier would take the second half."""
        return f"(?:{piece[-1]})" if piece[-1] > _LAST_UNIT else piece


def to_python(source: str, flags: str) -> str:
    """Return JavaScript's pattern in Python's syntax; `ValueError` where it has no counterpart."""
    return _ToPython(flags).translate(source)


def to_javascript(source: str, flags: str) -> str:
    """Return Python's pattern in JavaScript's syntax; `ValueError` where it has no counterpart."""
    return _ToJavaScript(flags).translate(source)
