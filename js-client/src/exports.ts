/** The exports of both entry points besides `ipcRenderer`: the error classes, and types. */
export {
  BufferFullError, CloneError, DestroyedError, FeatureError, LimitError, NoSyncError, ProtocolError, ResetError,
  UnansweredError, UnauthorizedError, UnreadableError, WebipcError,
} from './core/errors.js'
export type { Connection, ConnectionState, ResetEvent, StateEvent } from './types/connection.js'
export type {
  ArgumentProblem, InvokeError, IpcRenderer, IpcRendererEvent, IpcRendererListener,
} from './types/electron.js'
