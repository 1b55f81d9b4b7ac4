/** What both entry points export besides `ipcRenderer`: the classes of the errors, and types. */
export {
  BufferFullError, CloneError, DestroyedError, FeatureError, LimitError, ProtocolError, ResetError, UnansweredError,
  WebipcError,
} from './core/errors.js'
export type { Connection, ConnectionState, ResetEvent, StateEvent } from './types/connection.js'
export type { IpcRenderer, IpcRendererEvent, IpcRendererListener } from './types/electron.js'
