/**
 * The public signatures, which are Electron's to the letter: code written against `electron` compiles against this.
 * Hence `any`, which is allowed in this file alone. Types only: nothing of it is left in the page.
 */
import type { Connection } from './connection.js'

/** What an emitter calls. */
export type Listener = (...args: any[]) => void

/** What `ipcRenderer` calls: the event, and then each argument by itself. */
export type IpcRendererListener = (event: IpcRendererEvent, ...args: any[]) => void

/** The first parameter of every listener of `ipcRenderer`. */
export interface IpcRendererEvent {
  /** The `ipcRenderer` that received the message. */
  sender: IpcRenderer
  /** The ports that came with the message; empty unless it was posted with some. */
  ports: MessagePort[]
  /** Of a message of `sendTo`: the web contents of its sender; 0 for the server's. */
  senderId?: number
  /** Of a message of `sendTo`: false when it comes from a document in an iframe. */
  senderIsMainFrame?: boolean
  /** In Electron's types, though in the object neither in Electron nor here: there is nothing to prevent. */
  preventDefault: () => void
  /** As `preventDefault`. */
  readonly defaultPrevented: boolean
}

/** What a `<web-view>` dispatches for each message of its guest: an ordinary event, which does not bubble. */
export interface IpcMessageEvent extends Event {
  channel: string
  args: any[]
  /** Which document of the guest has sent it, for `sendToFrame`. */
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
  /** What carries the messages. Electron has no such property: there the two sides cannot lose each other. */
  readonly connection: Connection
  addListener(channel: string, listener: IpcRendererListener): this
  on(channel: string, listener: IpcRendererListener): this
  once(channel: string, listener: IpcRendererListener): this
  off(channel: string, listener: IpcRendererListener): this
  removeListener(channel: string, listener: IpcRendererListener): this
  removeAllListeners(channel?: string): this
  /**
   * Tells the server something; nothing is answered, and a channel without listeners is no error.
   *
   * The arguments are copied before the call returns, by structured clone. Messages arrive in the order of the calls,
   * each once, as long as the link lives. Before the first connection, and between two, they wait.
   *
   * Throws TypeError when the channel is not a string, CloneError for what cannot be copied, LimitError for too long a
   * channel or too large a message, BufferFullError when too much waits, and `IPC method called after context was
   * released` after `connection.close()`. Whenever it throws, nothing was sent.
   */
  send(channel: string, ...args: any[]): void
  /**
   * Asks the server, and resolves with what its handler returned. Whatever `send` throws is a rejection here.
   *
   * Rejects with a plain Error, `Error invoking remote method '<channel>': <message>`, when the handler raised or
   * there is none; it has `code`, `data`, `reference` and `cause` where the server gave them. Rejects with a
   * ResetError when the link ended first: `code` is `not-sent` (safe to repeat) or `unknown-outcome`.
   * There is no timeout. Results come in the order in which handlers finish.
   */
  invoke(channel: string, ...args: any[]): Promise<any>
  /**
   * Asks the server, and blocks the page until a listener has set `event.return_value`; returns that.
   *
   * In order with everything that was sent before, also before the first connection and between two. Throws what `send`
   * throws; an Error when nobody has answered within the server's limit (`sync_ms`, 30 s); a ResetError when the link
   * ended; an UnansweredError when the server could not be reached, and then the call may have run. Where no listener
   * answers, the value is `{ error: 'reply was never sent' }`, as in Electron. Nothing that the server sends is
   * dispatched meanwhile. Use `invoke` where you can: a blocked page is dead to its user.
   */
  sendSync(channel: string, ...args: any[]): any
  /**
   * Sends one value, and ports that belong to the server from then on; listeners there find them in `event.ports`.
   *
   * Throws what `send` throws, and TypeError `Invalid value for transfer` for anything but an array of usable ports.
   * Messages that were said into a port arrive, also those from before this call, each once and in order.
   */
  postMessage(channel: string, message: any, transfer?: MessagePort[]): void
  /**
   * Sends to the main document of another tab of the same browser, as `send` does to the server. Electron 27 and older.
   * Nobody is told when there is no such tab, or the server does not allow it.
   */
  sendTo(webContentsId: number, channel: string, ...args: any[]): void
  /**
   * Tells the page that shows this one in a `<web-view>`, where it is an `ipc-message` event; the server never sees it.
   * Without such a page it is dropped. A host of another origin must be listed in `<meta name="webipc-hosts">`.
   *
   * Copies the arguments and throws as `send` does, but that it needs no connection: it works after
   * `connection.close()`. Of what is sent before the host has answered, the first 1,000 messages are kept for it.
   */
  sendToHost(channel: string, ...args: any[]): void
}
