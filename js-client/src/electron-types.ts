/**
 * The public signatures, which are Electron's to the letter: code written against `electron` compiles against this.
 * Hence `any`, which is allowed in this file alone. Types only: nothing of it is left in the page.
 */
import type { Connection } from './connection-types.js'

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
}
