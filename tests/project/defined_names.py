"""The names that server/webipc and js-client/src define, read from the sources, to check what a document names.

Python is read with `ast`, TypeScript with regular expressions. A name is a module, folder, class, function, method,
attribute, parameter or constant; a word is a string of the sources that has no space, such as a kind of message.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tests.support.typescript_names import TOKEN

DECLARATION = re.compile(r"\b(?:class|function\*?|const|let|interface|type|enum|namespace)\s+(\w+)")
CLASS = re.compile(
    r"\b(?:class|interface)\s+(\w+)(?:<[^{]*?>)?(?:\s+extends\s+(\w+))?[^{;]*\{\n(.*?)^\}", re.DOTALL | re.MULTILINE
)
MEMBER = re.compile(
    r"^  (?:(?:public|private|protected|static|async|readonly|override|declare|abstract|get|set)\s+)*"
    r"#?(\w+)[?!]?\s*(?:[:=;<]|\((?:(?!=>).)*$)",
    re.MULTILINE,
)
QUOTED = re.compile(r"""(['"`])([\w.:#$/-]+)\1""")


@dataclass
class Definitions:
    """Names, words, and the members and parents of each class; classes of the same name in both languages are one."""

    names: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    members: dict[str, set[str]] = field(default_factory=dict)
    parents: dict[str, set[str]] = field(default_factory=dict)

    def has(self, dotted: str) -> bool:
        """Return whether a dotted name is defined: each part, and after a class of ours a member of that class."""
        parts = dotted.replace("#", "").split(".")
        pairs = pairwise(parts)
        return set(parts) <= self.names and all(
            part in self.members_of(owner) for owner, part in pairs if owner in self.members
        )

    def members_of(self, name: str) -> set[str]:
        """Return the members of a class, and those of its parents."""
        found = set(self.members.get(name, ()))
        for parent in self.parents.get(name, set()) - {name}:
            found |= self.members_of(parent)
        return found

    def add_class(self, name: str, members: set[str], parents: set[str]) -> None:
        """Add a class to the names, and its members."""
        self.names |= {name, *members}
        self.members.setdefault(name, set()).update(members)
        self.parents.setdefault(name, set()).update(parents)


def definitions_below(*folders: Path) -> Definitions:
    """Return everything that the Python and TypeScript files below these folders define."""
    found = Definitions()
    for folder in folders:
        found.names |= {folder.name, *(path.stem for path in folder.rglob("*"))}
        for file in folder.rglob("*.py"):
            read_python(file.read_text(encoding="utf-8"), found)
        for file in folder.rglob("*.ts"):
            read_typescript(file.read_text(encoding="utf-8"), found)
    return found


def read_python(source: str, found: Definitions) -> None:
    """Add what a Python module defines."""
    tree = ast.parse(source)
    found.names |= set(_python_names(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            parents = {ast.unparse(parent).partition("[")[0] for parent in node.bases}
            found.add_class(node.name, set(_python_names(node)), parents)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not re.search(r"\s", node.value):
            found.words.add(node.value)


def _python_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def read_typescript(source: str, found: Definitions) -> None:
    """Add what a TypeScript module defines."""
    text = TOKEN.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)
    found.words |= {word for _, word in QUOTED.findall(source)}
    found.names |= set(DECLARATION.findall(text))
    for name, parent, body in CLASS.findall(text):
        found.add_class(name, set(MEMBER.findall(body)), {parent} - {""})
