"""Electron's IPC for a web page and a Python program: `ipcRenderer` in the page, `ipc_main` in a FastAPI application.

    app = FastAPI()
    ipc_main = IpcMain()
    ipc_main.mount(app, pages="web")

    @ipc_main.handle("add")
    async def add(event: IpcMainInvokeEvent, a: float, b: float) -> float:
        return a + b

Public are the names in `__all__` of this module, of `webipc.testing`, `webipc.uvicorn_websocket` and
`webipc.redis_emitter`, and the command
`webipc`. Everything else may change without notice.
"""

import typing

from webipc.version import VERSION as _VERSION

__version__ = _VERSION

if typing.TYPE_CHECKING:
    from webipc.names import *  # noqa: F403 - they are listed there
else:

    def __getattr__(name: str) -> object:
        """Load all names when one is asked for: the command `webipc` has to handle Ctrl-C before it loads anything."""
        import importlib

        # Not by `from webipc import`, which would ask here for it.
        names = importlib.import_module("webipc.names")
        if hasattr(names, "__all__"):
            globals().update({each: getattr(names, each) for each in names.__all__})
            globals()["__all__"] = [*names.__all__, "__version__"]
        if name not in globals():
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return globals()[name]
