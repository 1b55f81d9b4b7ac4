"""Electron's IPC for a web page and a Python program: `ipcRenderer` in the page, `ipc_main` in a FastAPI application.

    app = FastAPI()
    ipc_main = IpcMain()
    ipc_main.mount(app, pages="web")

    @ipc_main.handle("add")
    async def add(event: IpcMainInvokeEvent, a: float, b: float) -> float:
        return a + b

Public are the names in `__all__` of this module, of `webipc.testing` and of `webipc.uvicorn_websocket`, and the command
`webipc`. Everything else may change without notice.
"""

from webipc.channels.complaint import ArgumentError
from webipc.channels.emitter import EventEmitter, MaxListenersExceededWarning
from webipc.channels.handler import HandlerError
from webipc.channels.ipc_main_impl import SecondHandlerError
from webipc.core.errors import (
    BufferFullError,
    CloneError,
    CloseCode,
    DestroyedError,
    FeatureError,
    IpcError,
    LimitError,
    LinkEndedError,
    LocalError,
    ProtocolError,
    RemoteError,
    ResetError,
    UnreadableError,
    WebipcError,
)
from webipc.core.limits import DEFAULT_LIMITS, Limits
from webipc.core.values import (
    ArrayBuffer,
    BigInt,
    Boxed,
    JSArray,
    JSDate,
    JSError,
    JSMap,
    JSRegExp,
    JSSet,
    TypedArray,
    UndefinedType,
    hole,
    undefined,
)
from webipc.electron.ipc_event import IpcMainEvent, IpcMainInvokeEvent
from webipc.electron.message_port_main import MessageChannelMain, MessageEvent, MessagePortMain, TransferError
from webipc.electron.web_contents import WebContents
from webipc.electron.web_frame_main import DisposedError, WebFrameMain
from webipc.hub.provider import WrongLoopError
from webipc.ipc_main import IpcMain
from webipc.version import VERSION as _VERSION

__version__ = _VERSION

__all__ = [
    "DEFAULT_LIMITS",
    "ArgumentError",
    "ArrayBuffer",
    "BigInt",
    "Boxed",
    "BufferFullError",
    "CloneError",
    "CloseCode",
    "DestroyedError",
    "DisposedError",
    "EventEmitter",
    "FeatureError",
    "HandlerError",
    "IpcError",
    "IpcMain",
    "IpcMainEvent",
    "IpcMainInvokeEvent",
    "JSArray",
    "JSDate",
    "JSError",
    "JSMap",
    "JSRegExp",
    "JSSet",
    "LimitError",
    "Limits",
    "LinkEndedError",
    "LocalError",
    "MaxListenersExceededWarning",
    "MessageChannelMain",
    "MessageEvent",
    "MessagePortMain",
    "ProtocolError",
    "RemoteError",
    "ResetError",
    "SecondHandlerError",
    "TransferError",
    "TypedArray",
    "UndefinedType",
    "UnreadableError",
    "WebContents",
    "WebFrameMain",
    "WebipcError",
    "WrongLoopError",
    "__version__",
    "hole",
    "undefined",
]
