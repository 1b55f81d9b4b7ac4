"""The record behind a tab or a document as handlers see it, and back: for folders above, which use records only."""

from webipc.electron.document import Document
from webipc.electron.tab import Tab
from webipc.electron.web_contents import WebContents
from webipc.electron.web_frame_main import WebFrameMain

Face = WebContents | WebFrameMain


def record_of(face: object) -> Tab | Document | None:
    """Return what the server keeps of a tab or a document; None where it is neither."""
    if isinstance(face, WebContents):
        return face._tab  # noqa: SLF001 - a field of this folder
    return face._document if isinstance(face, WebFrameMain) else None  # noqa: SLF001 - the same


def face_of(record: Tab | Document) -> Face:
    """Return what handlers see of a tab or a document."""
    return record.contents if isinstance(record, Tab) else record.frame
