"""Electron's spec/api-ipc-spec.ts, test by test: invoke, payloads, order, ports, and the `ipc` of what sends."""

from tests.electron.titles import electron
from tests.electron.window import Main, Window
from webipc import IpcMainInvokeEvent

INVOKE = """
  const rendererInvoke = async (...args) => {
    try {
      return { result: await ipcRenderer.invoke('test', ...args) }
    } catch (error) {
      return { error: error.message }
    }
  }
"""


@electron("ipc module › invoke › receives a response from a synchronous handler")
def test_invoke_receives_a_response_from_a_synchronous_handler(main: Main, window: Window) -> None:
    def test(event: IpcMainInvokeEvent, arg: int) -> int:
        assert arg == 123
        return 3

    main.ipc_main.handle_once("test", test)
    assert window.run(f"{INVOKE} return rendererInvoke(123)") == {"result": 3}
