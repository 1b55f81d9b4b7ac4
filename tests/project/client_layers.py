"""The layers of the client: one row for each folder of js-client/src, and the checks of its imports.

Imports are read with regular expressions, so no compiler is needed. Comments, and strings that are not the path of an
import, are blanked first. A new file needs no entry here; a new folder needs a row.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.typescript_names import TOKEN

ROOT_FOLDER = "."
"""The row of the files directly in js-client/src."""

EVERYWHERE = "version.ts"
"""The one file of the root that every folder may import: a constant."""

MOST_FILES = 12
"""The maximum number of source files in a folder."""

UNDIVIDED = "electron"
"""The one folder that may have more, because the build and package.json name its files."""


@dataclass(frozen=True)
class Rule:
    """What a folder is for, and what its files may import, each as names with spaces between them."""

    purpose: str
    folders: str = ""
    packages: str = ""


CLIENT_RULES: Mapping[str, Rule] = {
    # From the lowest layer to the highest. No row lists a row below it.
    "types": Rule("The signatures of the public API. It holds types only."),
    "core": Rule("PROTOCOL.md without I/O: values, frames, messages, and the link that delivers each exactly once."),
    "concurrency": Rule("Tasks, timers and queues of a page, one mechanism per file. It knows nothing of webipc."),
    "channels": Rule("What a program registers on a channel: the event emitter.", "types"),
    "page": Rule(
        "What the browser knows about this document: its server, tab, parent and lifecycle. It knows no socket.",
        "types concurrency",
    ),
    "transports": Rule("One socket or one request that carries frames. It knows no link.", "core"),
    "ports": Rule(
        "MessagePorts that lead across a link. It knows a link only as a function that sends.", "core concurrency"
    ),
    "link": Rule(
        "The connection to the server: connect, resume, reset, block and leave. It does not know what a message means.",
        "types core concurrency channels page transports ports",
    ),
    "web-view": Rule("`<web-view>`: the host and its guests. It does not use the server.", "types core page"),
    ROOT_FOLDER: Rule(
        "The entry points that a page loads, and `ipcRenderer`.",
        "types core concurrency channels page transports ports link web-view",
    ),
    "electron": Rule(
        "The `electron` module, and what runs preload scripts written for Electron.",
        "types core concurrency channels page transports ports link web-view .",
        "buffer url webipc",
    ),
}

_NAMES = r"(?: [\w$]+ \s*,\s* )? (?: \{[^}]*\} | \*(?:\s+as\s+[\w$]+)? ) | [\w$]+"
IMPORT = re.compile(
    rf"""
      ^[ \t]* (?:import|export) \s+ (?P<type>type\s+)? (?:{_NAMES}) \s* from \s* (?P<from>['"][^'"]+['"])
    | ^[ \t]* import \s* (?P<bare>['"][^'"]+['"])
    | \b import \s* \( \s* (?P<dynamic>['"][^'"]+['"])
    """,
    re.MULTILINE | re.VERBOSE,
)
NAMES_A_MODULE = re.compile(r"\b(?:from|import)\s*\(?\s*$")


@dataclass(frozen=True)
class Import:
    """One import of a file: its path as it is written, its line, and whether it imports types only."""

    path: str
    line: int
    is_type: bool


def imports_of(source: str) -> Iterator[Import]:
    """Yield every import of a module: `import`, `import type`, `export ... from`, and `import()`.

    `import { type A }` counts as run time, because TypeScript keeps it there (`verbatimModuleSyntax`).
    """
    text = TOKEN.sub(_blanked, source)
    for match in IMPORT.finditer(text):
        path = (match["from"] or match["bare"] or match["dynamic"])[1:-1]
        yield Import(path, text.count("\n", 0, match.end()) + 1, match["type"] is not None)


def _blanked(token: re.Match[str]) -> str:
    """Return spaces for a comment or string, but the token itself if it is the path of an import."""
    is_string = token[0][0] in "'\""
    if is_string and NAMES_A_MODULE.search(token.string, max(0, token.start() - 20), token.start()):
        return token[0]
    return re.sub(r"[^\n]", " ", token[0])


def folder_of(file: Path) -> str:
    """Return the row of a file, whose path is relative to the sources: the first folder of its path."""
    return file.parts[0] if len(file.parts) > 1 else ROOT_FOLDER


@dataclass(frozen=True)
class Arrow:
    """One import between two files of the client, or from a file to a package; paths are relative to the sources."""

    importer: Path
    imported: Path | str
    line: int
    is_type: bool


def arrows(sources: Path) -> Iterator[Arrow]:
    """Yield every import below a folder of sources. A relative path is resolved, anything else is a package."""
    for file in sorted(sources.rglob("*.ts")):
        importer = file.relative_to(sources)
        for found in imports_of(file.read_text(encoding="utf-8")):
            if found.path.startswith("."):
                target = Path(os.path.normpath(importer.parent / found.path)).with_suffix(".ts")
                yield Arrow(importer, target, found.line, found.is_type)
            else:
                yield Arrow(importer, package_of(found.path), found.line, found.is_type)


def package_of(path: str) -> str:
    """Return the npm package of an import: `buffer` of `buffer/index.js`, `@scope/name` of `@scope/name/file.js`."""
    return "/".join(path.split("/")[: 2 if path.startswith("@") else 1])


def import_faults(sources: Path, rules: Mapping[str, Rule] = CLIENT_RULES) -> list[str]:
    """Return one line for each import that the row of its folder does not allow."""
    return [
        f"{arrow.importer.as_posix()}, line {arrow.line}, imports {arrow.imported}"
        for arrow in arrows(sources)
        if folder_of(arrow.importer) in rules and not is_allowed(arrow, rules[folder_of(arrow.importer)])
    ]


def is_allowed(arrow: Arrow, rule: Rule) -> bool:
    """Return whether a rule allows an import. A folder may always import itself and the version."""
    if isinstance(arrow.imported, str):
        return arrow.imported in rule.packages.split()
    folder = folder_of(arrow.imported)
    return arrow.imported == Path(EVERYWHERE) or folder in (folder_of(arrow.importer), *rule.folders.split())


def row_faults(sources: Path, rules: Mapping[str, Rule] = CLIENT_RULES) -> list[str]:
    """Return one line for each folder without a row, and for each row, or name in a row, without a folder."""
    folders = {folder_of(file.relative_to(sources)) for file in sources.rglob("*.ts")}
    named = {name for rule in rules.values() for name in rule.folders.split()} | rules.keys()
    return [f"{folder} has no row" for folder in sorted(folders - rules.keys())] + [
        f"{folder} is no folder" for folder in sorted(named - folders)
    ]


def rule_circles(rules: Mapping[str, Rule] = CLIENT_RULES) -> list[str]:
    """Return the circles among the rows of the table."""
    return circles({folder: rule.folders.split() for folder, rule in rules.items()})


def run_time_circles(sources: Path) -> list[str]:
    """Return the circles of imports among the files of each folder. Type-only imports do not exist at run time."""
    graph: dict[str, list[str]] = {}
    for arrow in arrows(sources):
        if arrow.is_type or isinstance(arrow.imported, str):
            continue
        if folder_of(arrow.imported) == folder_of(arrow.importer):
            graph.setdefault(arrow.importer.as_posix(), []).append(arrow.imported.as_posix())
    return circles(graph)


def circles(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """Return one circle, as `a -> b -> a`, for each edge that closes a path in a depth-first search."""
    found: list[str] = []
    done: set[str] = set()

    def walk(path: list[str]) -> None:
        for following in graph.get(path[-1], ()):
            if following in path:
                found.append(" -> ".join([*path[path.index(following) :], following]))
            elif following not in done:
                walk([*path, following])
        done.add(path[-1])

    for start in sorted(graph):
        if start not in done:
            walk([start])
    return found


def crowded_folders(sources: Path) -> list[str]:
    """Return each folder, subfolders included, that has more than `MOST_FILES` source files."""
    counts: dict[str, int] = {}
    for file in sources.rglob("*.ts"):
        folder = file.relative_to(sources).parent.as_posix()
        counts[folder] = counts.get(folder, 0) + 1
    return [
        f"{folder} has {count} files"
        for folder, count in sorted(counts.items())
        if count > MOST_FILES and folder != UNDIVIDED
    ]


def table(rules: Mapping[str, Rule] = CLIENT_RULES) -> str:
    """Return the rows as a table of Markdown, the highest layer first, as the table of the server has it."""
    lines = ["| folder | what it is for | may import | npm packages |", "|---|---|---|---|"]
    order = list(rules)[::-1]
    for folder in order:
        rule = rules[folder]
        name = "top level" if folder == ROOT_FOLDER else f"`{folder}/`"
        allowed = [other for other in order if other in rule.folders.split()]
        ours = ", ".join("top level" if other == ROOT_FOLDER else other for other in allowed)
        packages = ", ".join(rule.packages.split())
        lines.append(f"| {name} | {rule.purpose} | {ours or 'nothing'} | {packages or 'none'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    # The table for docs/architecture.md: python -m tests.project.client_layers
    print(table())  # noqa: T201 - a program
