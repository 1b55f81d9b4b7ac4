"""Reads the exports of a TypeScript module without a compiler, precisely enough to compare them with its Python twin.

Comments, strings, templates and regular expressions are blanked first, so that braces can be counted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"""
      (?P<blank> //[^\n]* | /\*.*?\*/ | '(?:\\.|[^'\\\n])*' | "(?:\\.|[^"\\\n])*" | `(?:\\.|[^`\\])*` )
    | (?P<regex> (?<=[=(,:\[!&|?{};>\n]) [ ]* /(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]* )
    """,
    re.DOTALL | re.VERBOSE,
)
EXPORT = re.compile(
    r"^export\s+(?:declare\s+|abstract\s+|async\s+)*(class|function\*?|const|let|interface|type|enum)\s+(\w+)",
    re.MULTILINE,
)
EXPORT_LIST = re.compile(r"^export\s+(?:type\s+)?\{([^}]*)\}", re.MULTILINE)
MEMBER = re.compile(
    r"^\s*(?P<words>(?:(?:public|private|protected|static|async|readonly|override|declare|abstract|get|set)\s+)*)"
    r"(?:\*\s*)?(?P<name>#?\w+)\s*(?P<call>[<(])?"
)


@dataclass
class Export:
    """One exported name: the keyword of its declaration, and a class's public members."""

    kind: str
    methods: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)


def exports_of(source: str) -> dict[str, Export]:
    """Return every exported name of a module."""
    text = TOKEN.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)
    found = {name: Export("list") for names in EXPORT_LIST.findall(text) for name in _listed(names)}
    for match in EXPORT.finditer(text):
        export = found.setdefault(match[2], Export(match[1]))
        if match[1] == "class":
            _read_members(export, text[match.end() :])
    return found


def _listed(names: str) -> Iterator[str]:
    for name in filter(None, map(str.strip, names.split(","))):
        yield name.removeprefix("type ").split(" as ")[-1].strip()


def _read_members(export: Export, text: str) -> None:
    for statement in _statements(text):
        member = MEMBER.match(statement)
        if member is None or member["name"] == "constructor" or member["name"].startswith("#"):
            continue
        words = member["words"].split()
        if {"private", "protected"} & set(words):
            continue
        kind = export.methods if member["call"] and not {"get", "set"} & set(words) else export.fields
        kind.add(member["name"])


def _statements(text: str) -> Iterator[str]:
    """Yield each line that begins directly inside the braces of a class body."""
    depth = 0
    for line in text[text.index("{") :].splitlines():
        if depth == 1:
            yield line
        depth += sum(line.count(mark) for mark in "{([") - sum(line.count(mark) for mark in "})]")
        if depth <= 0:
            return
