/**
 * The public signatures, identical to Electron's: code written for `electron` compiles against them. Hence `any`, which
 * ESLint allows in this file and in electron/types.ts only.
 */
import type { Connection } from './connection.js'

/** A listener of any emitter. */
export type Listener = (...args: any[]) => void

/** A listener of `ipcRenderer`: called with the event, then each argument. */
export type IpcRendererListener = (event: IpcRendererEvent, ...args: any[]) => void

/** The first parameter of every listener of `ipcRenderer`. */
export interface IpcRendererEvent {
  /** The `ipcRenderer` that received the message. */
  sender: IpcRenderer
  /** The ports that were sent with the message; empty for all others. */
  ports: MessagePort[]
  /** For a message of `sendTo`: the web contents id of its sender; 0 for messages of the server. */
  senderId?: number
  /** For a message of `sendTo`: false if a document in an iframe has sent it. */
  senderIsMainFrame?: boolean
  /** In Electron's types only: neither Electron's events nor these have it. */
  preventDefault: () => void
  /** As `preventDefault`. */
  readonly defaultPrevented: boolean
}

/** What `invoke` rejects with when the server has answered with an error. */
export interface InvokeError extends Error {
  /** The text alone, without Electron's prefix and without the name of the exception's class. */
  readonly detail?: string
  /**
   * The code of an `IpcError`, the status of an `HTTPException` (`"404"`; `"unauthorized"` for 401, `"forbidden"` for
   * 403), or that of one of webipc's own refusals.
   */
  readonly code?: string
  /** The data of an `IpcError`; for the code `bad-argument`, `{ errors: ArgumentProblem[] }`. */
  readonly data?: any
  /** By which the server's log has an error whose text is withheld. */
  readonly reference?: string
}

/** One place where an argument does not fit its annotation; the server sends 20 at most. */
export interface ArgumentProblem {
  /** Such as `user.tags[0]`: it begins with the name of the parameter. */
  readonly path: string
  /** To be shown beside the field of a form. */
  readonly message: string
  /** The type of Pydantic's error, such as `string_too_short`. */
  readonly type: string
}

/** The event that a `<web-view>` dispatches for each message of its guest. It does not bubble. */
export interface IpcMessageEvent extends Event {
  channel: string
  args: any[]
  /** The document of the guest that has sent it, for `sendToFrame`. */
  frameId: [number, number]
}

/** Node's EventEmitter, as `ipcRenderer` inherits it. */
export interface Emitter {
  prependListener(channel: string | symbol, listener: Listener): this
  prependOnceListener(channel: string | symbol, listener: Listener): this
  emit(channel: string | symbol, ...args: any[]): boolean
  eventNames(): (string | symbol)[]
  listenerCount(channel: string | symbol, listener?: Listener): number
  listeners(channel: string | symbol): Listener[]
  rawListeners(channel: string | symbol): Listener[]
  setMaxListeners(count: number): this
  getMaxListeners(): number
}

/** Electron's `ipcRenderer`. Its send methods do not need `this`; those of the emitter do. */
export interface IpcRenderer extends Emitter {
  /** The connection to the server. Electron has no such property, because its two sides cannot lose each other. */
  readonly connection: Connection
  addListener(channel: string, listener: IpcRendererListener): this
  on(channel: string, listener: IpcRendererListener): this
  once(channel: string, listener: IpcRendererListener): this
  off(channel: string, listener: IpcRendererListener): this
  removeListener(channel: string, listener: IpcRendererListener): this
  removeAllListeners(channel?: string): this
  /**
   * Sends a message to the server, without an answer. A channel without listeners is no error.
   *
   * The arguments are copied before the call returns, by structured clone. Messages arrive in the order of the calls,
   * each once, as long as the link exists. Before the first connection, and between two, they wait.
   *
   * Throws TypeError if the channel is not a string, CloneError for a value that cannot be copied, LimitError for too
   * long a channel or too large a message, BufferFullError if too much waits, and `IPC method called after context was
   * released` after `connection.close()`; UnauthorizedError if the server has refused this page. If it throws, nothing
   * was sent.
   */
  send(channel: string, ...args: any[]): void
  /**
   * Calls the server's handler, and resolves with its result. What `send` throws is a rejection here.
   *
   * Rejects with a plain Error, `Error invoking remote method '<channel>': <message>`, if the handler raised or there
   * is none; it has the fields of an `InvokeError`, and `cause`, as far as the server has sent them. Rejects with a
   * ResetError if the link ended first: `code` is `not-sent` (safe to retry) or `unknown-outcome`.
   * There is no timeout. Results arrive in the order in which handlers finish.
   */
  invoke(channel: string, ...args: any[]): Promise<any>
  /**
   * Calls the server and blocks the page until a listener has set `event.return_value`, which it returns.
   *
   * In order with everything that was sent before, also before the first connection and between two. Throws what `send`
   * throws; an Error on a timeout (the server's limit `sync_ms`, 30 s); a ResetError if the link ended; an
   * UnansweredError if the server could not be reached, and then the call may have run. If no listener answers, it
   * returns `{ error: 'reply was never sent' }`, as in Electron. No message of the server is dispatched meanwhile.
   * Prefer `invoke`: a blocked page does not respond to its user.
   */
  sendSync(channel: string, ...args: any[]): any
  /**
   * Sends one value, and ports, which the page can no longer use. The server's listeners find them in `event.ports`.
   *
   * Throws what `send` throws, and TypeError `Invalid value for transfer` for anything but an array of usable ports.
   * Messages posted to a port arrive, also those from before this call, each once and in order.
   */
  postMessage(channel: string, message: any, transfer?: MessagePort[]): void
  /**
   * Sends to the main document of another tab of the same browser, as `send` does to the server. Electron 27 and older.
   * Dropped silently if there is no such tab, or the server does not allow it.
   */
  sendTo(webContentsId: number, channel: string, ...args: any[]): void
  /**
   * Sends to the page that shows this one in a `<web-view>`, which gets an `ipc-message` event; the server is not
   * involved. Dropped if there is no such page. A host of another origin must be in `<meta name="webipc-hosts">`.
   *
   * Copies the arguments and throws as `send` does, but needs no connection: it also works after `connection.close()`.
   * Until the host has answered, up to 1,000 messages are kept for it.
   */
  sendToHost(channel: string, ...args: any[]): void
}
