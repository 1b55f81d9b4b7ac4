/** The client's entry point for classic scripts: `window.webipc.ipcRenderer`. */
import { client } from './client.js'
// By name: esbuild would define the properties of `* as` by descriptors that inherit from the page's objects.
import {
  BufferFullError, CloneError, DestroyedError, FeatureError, LimitError, NoSyncError, ProtocolError, ResetError,
  UnansweredError, UnauthorizedError, UnreadableError, WebipcError,
} from './exports.js'
import { ofDocument } from './page/own-document.js'

// `currentScript` is set only while the script runs.
const script = ofDocument('currentScript') as HTMLScriptElement | null | undefined
const ipcRenderer = client(script?.src)
const webipc = {
  BufferFullError, CloneError, DestroyedError, FeatureError, LimitError, NoSyncError, ProtocolError, ResetError,
  UnansweredError, UnauthorizedError, UnreadableError, WebipcError, ipcRenderer,
}
Object.assign(globalThis, { webipc })
