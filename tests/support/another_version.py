"""Another version of the package, for tests of two versions at once: a copy of the checkout's own, with differences.

`DIFFERENCES` are what a later version may do and an earlier one has to live with: more keys in heads, records, scripts
and entries, and kinds of messages that nobody else knows. `NEW_FORMAT` is a step further: tabs are written down in a
format that the earlier version does not read. `NEW_LOCAL_BUS` needs another parent process. Each names a text of
today's code; where that is gone, `absent` says which.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import webipc
from webipc.pages.assets import CLIENT_FILES, PRELOAD_RUNTIME, client_file
from webipc.version import VERSION

PACKAGE = Path(webipc.__file__).parent
LATER = "999.0.0"


class Difference(NamedTuple):
    """A text of one file, and what is there instead, wherever it is."""

    file: str
    old: str
    new: str


DIFFERENCES: Sequence[Difference] = (
    Difference("version.py", f'VERSION: Final = "{VERSION}"', f'VERSION: Final = "{LATER}"'),
    # Every head of every message on the bus, and what is in an answer.
    Difference("cluster/bus/wire.py", "{_KIND: kind, **head}", '{_KIND: kind, "later": {"of": [1, None]}, **head}'),
    Difference("cluster/bus/questions.py", '"fields": dict(fields)', '"fields": {**fields, "later": 1}'),
    # With each attach one message of an unknown kind to each worker, and one to all.
    Difference(
        "cluster/shared.py",
        "        return await self._placing.place(hello, visitor, is_relayed=is_relayed)\n",
        "        for member in self._bus.members:\n"
        '            self._bus.post(member.worker, "later", {"link": hello.link}, (b"row",))\n'
        '        self._bus.post_all("later", {"x": 1}, (b"row",))\n'
        "        return await self._placing.place(hello, visitor, is_relayed=is_relayed)\n",
    ),
    # What a tab is written down as, in the same format.
    Difference(
        "cluster/moves/snapshot.py",
        '    """The tab: what the server keeps of it beside its documents."""\n',
        "    later: list[int] = Field(default_factory=lambda: [1])\n",
    ),
    Difference(
        "cluster/moves/snapshot.py", '    """One document, which is one link."""\n', '    later: str = "a document"\n'
    ),
    Difference("cluster/moves/snapshot.py", '    """The first row."""\n', "    later: int | None = 1\n"),
    # What Redis has of a worker, a tab and a parked one, and the entries of its streams.
    Difference(
        "cluster/redis_bus/scripts/members.py",
        "call('HSET', P..'w:'..me, 'ordinal',",
        "call('SET', P..'later:'..me, '1', 'EX', 60)\ncall('HSET', P..'w:'..me, 'later', '1', 'ordinal',",
    ),
    Difference(
        "cluster/redis_bus/scripts/tabs.py",
        "call('SET', P..'t:'..token, id,",
        "call('SET', P..'later:'..id, '1', 'EX', 60)\n  call('SET', P..'t:'..token, id,",
    ),
    Difference("cluster/redis_bus/scripts/tabs.py", "call('HSET', x, 's',", "call('HSET', x, 'later', '1', 's',"),
    Difference("cluster/redis_bus/server/entries.py", 'return ["o", origin,', 'return ["z", "later", "o", origin,'),
    # What a worker tells its parent, which is of the version with which the program was started.
    Difference(
        "cluster/local/local_connection.py",
        '["enter", hub, VERSION, realm, worker, list(formats)]',
        '["enter", hub, VERSION, realm, worker, list(formats), {"later": 1}]',
    ),
    Difference("cluster/local/local_bus.py", '{"is_draining": True}', '{"is_draining": True, "later": 1}'),
)

NEW_FORMAT: Sequence[Difference] = (
    Difference("cluster/moves/snapshot.py", "FORMAT: Final = 1\n", "FORMAT: Final = 2\n"),
    Difference("cluster/moves/snapshot.py", "READS: Final = (FORMAT,)\n", "READS: Final = (FORMAT, FORMAT - 1)\n"),
)

NEW_LOCAL_BUS: Sequence[Difference] = (
    Difference("cluster/local/values.py", "VERSION: Final = 1\n", "VERSION: Final = 2\n"),
)
"""Its workers and a parent process of the earlier version do not understand each other."""

_GUARD = f"""
from webipc.version import VERSION as _of_this_process
assert _of_this_process == {LATER!r}, "a process of another version has loaded a file of {LATER}"
"""
"""A process that runs while its files are replaced must have loaded all of them."""


def absent() -> list[str]:
    """Return the texts that are to be another one and are not there any more: they have to be changed here too."""
    every = [*DIFFERENCES, *NEW_FORMAT, *NEW_LOCAL_BUS]
    return [f"{file}: {old!r}" for file, old, _ in every if old not in (PACKAGE / file).read_text(encoding="utf-8")]


def this_version(folder: Path) -> Path:
    """Return a folder with this checkout's own version, as a package that is installed elsewhere."""
    package = folder / "webipc"
    package.mkdir(parents=True)
    for each in PACKAGE.iterdir():
        (package / each.name).symlink_to(each)
    _add_client(package)
    return package


def later_version(folder: Path, *differences: Sequence[Difference]) -> Path:
    """Make the package with these differences in a folder, and return where it is. Raises AssertionError."""
    package = folder / "webipc"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for file, old, new in [one for some in (DIFFERENCES, *differences) for one in some]:
        text = (package / file).read_text(encoding="utf-8")
        assert old in text, absent()
        (package / file).write_text(text.replace(old, new), encoding="utf-8")
    _add_client(package)
    for path in package.rglob("*.py"):
        if path.name != "__main__.py":
            path.write_text(path.read_text(encoding="utf-8") + _GUARD, encoding="utf-8")
    return package


def _add_client(package: Path) -> None:
    """Add the built client, which in a checkout is elsewhere."""
    static = package / "static"
    if not static.exists():
        static.mkdir()
        for name in (*CLIENT_FILES, PRELOAD_RUNTIME):
            (static / name).write_bytes(client_file(name).read_bytes())


class Installed:
    """A folder for `PYTHONPATH`, with one version of the package at a time, as pip replaces it on disk."""

    def __init__(self, folder: Path, package: Path) -> None:
        """`package` is there first."""
        self.folder = folder
        self._place = folder / "webipc"
        folder.mkdir()
        self.install(package)

    def install(self, package: Path) -> None:
        """Replace what is there. Processes that run keep what they have loaded."""
        new = self.folder / "new"
        new.symlink_to(package)
        new.replace(self._place)
