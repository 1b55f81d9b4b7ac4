"""The public names of `webipc`, which `__init__.py` loads when one is asked for first."""

from webipc.channels.complaint import ArgumentError
from webipc.channels.emitter import EventEmitter, MaxListenersExceededWarning
from webipc.channels.handler import HandlerError
from webipc.channels.ipc_router import IpcRouter
from webipc.channels.registering import SecondHandlerError
from webipc.cluster.spread.fetched import Fetched, PageInfo
from webipc.cluster.spread.remote import RemoteWebContents
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
from webipc.electron.remote_sender import RemoteSender
from webipc.electron.web_contents import WebContents
from webipc.electron.web_frame_main import DisposedError, WebFrameMain
from webipc.groups.group import Group
from webipc.hub.provider import WrongLoopError
from webipc.ipc_main import IpcMain

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
    "Fetched",
    "Group",
    "HandlerError",
    "IpcError",
    "IpcMain",
    "IpcMainEvent",
    "IpcMainInvokeEvent",
    "IpcRouter",
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
    "PageInfo",
    "ProtocolError",
    "RemoteError",
    "RemoteSender",
    "RemoteWebContents",
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
    "hole",
    "undefined",
]
