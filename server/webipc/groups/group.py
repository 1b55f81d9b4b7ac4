"""`Group` and `UserTabs`: what `ipc_main.group(name)` and `ipc_main.to(user=...)` return.

They are names: they hold no member, and may be made again wherever they are needed. Electron has neither.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from uuid import UUID

from webipc.core.errors import DestroyedError
from webipc.core.frame import EncodedMessage
from webipc.electron.document import Document
from webipc.electron.faces import Face, face_of, record_of
from webipc.electron.tab import Tab
from webipc.electron.web_frame_main import DisposedError
from webipc.groups.few import Few
from webipc.groups.groups import Elsewhere, Excluded, Groups

NAME_LENGTH: Final = 256
"""Characters of the name of a group at most: a page may have a say in it."""


class Recipients(ABC):
    """Those that a message is sent to together. `len`, `in` and iteration are of this process, at this moment."""

    __slots__ = ("_groups", "_name")

    def __init__(self, groups: Callable[[], Groups | None], name: str) -> None:
        """`groups` are those of the application; None while it does not run."""
        self._groups = groups
        self._name = name

    @abstractmethod
    def _found(self, groups: Groups) -> Callable[[str], Few[Any]]:
        """Return what finds the members by name."""

    @staticmethod
    @abstractmethod
    def _pass_on(elsewhere: Elsewhere, name: str, message: EncodedMessage, excluded: Excluded) -> None:
        """Send to those that are in other processes of the server."""

    def send(self, channel: str, *args: Any, exclude: Face | Iterable[Face] | None = None) -> None:
        """Send a message to all of them, encoded once; their `ipcRenderer.on(channel)` listeners get `args`.

        With several workers, members at the others get it as well, soon afterwards (docs/workers.md). Who gets it here
        is decided when the event loop runs this: at once where this is its thread. A tab gets it in the
        document that it shows, and nothing between two documents, without a line in the log. A page whose socket is
        lost gets it when it is back (PROTOCOL.md section 6.4). A document gets it once, also if its tab is in the group
        as well. A page that goes away meanwhile, or that does not read and is reset, is no error here.

        `exclude`: a tab or a document, or several, that get nothing; a tab with all its documents.

        Without a running application nothing happens. May be called from any thread: what one thread adds, discards and
        sends, here, with `broadcast` and with `send` of web contents, takes effect in its order. Raises TypeError when
        `channel` is not a string or `exclude` holds anything else, CloneError and LimitError when the arguments cannot
        be sent, DestroyedError when the event loop is closed, BufferFullError in a thread that has waited five seconds
        for the event loop to take what was sent before.
        """
        if not isinstance(channel, str):
            raise TypeError("Missing required channel argument")
        excluded = _all_of(exclude)
        groups = self._groups()
        if groups is not None:
            groups.send(self._found(groups), self._pass_on, self._name, channel, args, excluded)

    def _members(self) -> list[Tab | Document]:
        groups = self._groups()
        return [] if groups is None else list(self._found(groups)(self._name))

    def __len__(self) -> int:
        """Return how many there are. From any thread."""
        groups = self._groups()
        return 0 if groups is None else len(self._found(groups)(self._name))

    def __contains__(self, member: object) -> bool:
        """Tell whether a tab or a document is one of them. From any thread."""
        groups = self._groups()
        return groups is not None and record_of(member) in self._found(groups)(self._name)

    def __iter__(self) -> Iterator[Face]:
        """Iterate over a copy, in the order in which they came. From any thread."""
        return map(face_of, self._members())


class Group(Recipients):
    """A group of tabs and documents, by its name. It exists while it has members.

    A page cannot join by itself: a handler adds its sender. Names that come from a page are the application's to check.
    """

    __slots__ = ()

    def __init__(self, groups: Callable[[], Groups | None], name: str) -> None:
        """For `IpcMain.group`, which says what a name is. Raises TypeError and ValueError."""
        if not isinstance(name, str):
            raise TypeError(f"expected the name of a group as a text, such as 'lab:7'; got {type(name).__name__}")
        if not 0 < len(name) <= NAME_LENGTH:
            raise ValueError(f"expected the name of a group with 1 to {NAME_LENGTH} characters; got {len(name):,}")
        super().__init__(groups, name)

    def _found(self, groups: Groups) -> Callable[[str], Few[Any]]:
        return groups.named.members

    @staticmethod
    def _pass_on(elsewhere: Elsewhere, name: str, message: EncodedMessage, excluded: Excluded) -> None:
        elsewhere.group(name, message, excluded)

    def add(self, member: Face) -> None:
        """Take a tab or a document in. One that is in already stays.

        A `WebContents` (`event.sender`) stays until the tab is destroyed: over lost sockets, resets and reloads. A tab
        that another user logs in to is another WebContents. A `WebFrameMain` (`event.sender_frame`) stays until that
        document ends: its page asks to be added again when it loads, and on `reset`.

        Raises TypeError for anything else, DestroyedError for a tab that is destroyed, DisposedError for a document
        that is gone, ValueError for one of another IpcMain. A document that has just ended, and whose last messages
        run, is not added. Order, threads and errors as `send`: in another thread than the event loop's, such as that of
        a `def` handler, `len` and `in` count the member once the event loop has taken it in.

        Raises BufferFullError where the address of the page holds its share of the memory, or there is none left: names
        may come from pages. In another thread than the event loop's that is logged.
        """
        record = _checked(member)
        groups = self._groups()
        if groups is None:
            return
        if isinstance(record, Tab) and record.destroyed:
            raise DestroyedError
        if isinstance(record, Document) and record.disposed:
            raise DisposedError
        if not groups.has(record.tab if isinstance(record, Document) else record):
            raise ValueError(f"{member!r} is not of this IpcMain, or of an application that has ended")
        groups.add(self._name, record)

    def discard(self, member: Face) -> None:
        """Let a tab or a document go. One that is not in, or gone, is no error.

        Raises TypeError for anything else. Order, threads and errors as `send`.
        """
        record = _checked(member)
        groups = self._groups()
        if groups is not None:
            groups.discard(self._name, record)

    def __repr__(self) -> str:
        return f"<Group {self._name!r}, {len(self)} in it>"


class UserTabs(Recipients):
    """Every tab of one user."""

    __slots__ = ()

    def __init__(self, groups: Callable[[], Groups | None], user: str | int | UUID) -> None:
        """For `IpcMain.to`. Raises TypeError."""
        if isinstance(user, bool) or not isinstance(user, str | int | UUID):
            raise TypeError(
                f"expected what identifies a user, as a str, an int or a UUID, such as user.id; "
                f"got {type(user).__name__}"
            )
        super().__init__(groups, str.__str__(user) if isinstance(user, str) else str(user))

    @property
    def identity(self) -> str:
        """What identifies the user, as the text that is compared."""
        return self._name

    def _found(self, groups: Groups) -> Callable[[str], Few[Any]]:
        return groups.users.members

    @staticmethod
    def _pass_on(elsewhere: Elsewhere, name: str, message: EncodedMessage, excluded: Excluded) -> None:
        elsewhere.user(name, message, excluded)

    def __repr__(self) -> str:
        return f"<UserTabs of {self._name!r}, {len(self)} of them>"


def _checked(member: object) -> Tab | Document:
    """Return the record of a member. Raises TypeError when it is none."""
    record = record_of(member)
    if record is None:
        hint = " (event.sender_frame is None once its document is gone)" if member is None else ""
        raise TypeError(f"expected a WebContents or a WebFrameMain; got {type(member).__name__}{hint}")
    return record


def _all_of(exclude: Face | Iterable[Face] | None) -> frozenset[Tab | Document]:
    """Return the records of `exclude`. Raises TypeError."""
    if exclude is None:
        return frozenset()
    if isinstance(exclude, Face):
        return frozenset((_checked(exclude),))
    if not isinstance(exclude, Iterable):
        raise TypeError(
            f"expected a WebContents or a WebFrameMain to exclude, or several; got {type(exclude).__name__}"
        )
    return frozenset(map(_checked, exclude))
