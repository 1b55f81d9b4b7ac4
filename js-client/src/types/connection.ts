/**
 * What a program sees of the connection: `ipcRenderer.connection`. Types only.
 * How it works is in connection.ts.
 */

/**
 * - `connecting`: no socket has been welcomed for this link yet; what is sent waits.
 * - `open`: a socket carries the link.
 * - `resuming`: the socket was lost and the next is on its way; nothing is lost.
 * - `reset`: the link has ended and its waiting calls are about to be rejected; the next link is there already.
 * - `closed`: over for good; `reason` says why.
 */
export type ConnectionState = 'connecting' | 'open' | 'resuming' | 'reset' | 'closed'

/** What a listener of `state` is called with. */
export interface StateEvent {
  readonly state: ConnectionState
  /** Why, where there is something to say: of `reset` and `closed`. */
  readonly reason: string | undefined
}

/** What a listener of `reset` is called with, after the waiting calls have been rejected. */
export interface ResetEvent {
  /** As the server gave it (`another-process`, `unknown-link`, `ended`, `gap`, `overflow`), or `protocol`. */
  readonly reason: string
  /** How many waiting calls had never left: safe to repeat. */
  readonly notSent: number
  /** How many waiting calls had left: they may have run. */
  readonly unknownOutcome: number
  /** How many messages of all kinds, those calls included, were not known to have arrived. */
  readonly givenUp: number
}

interface ConnectionEvents {
  state: StateEvent
  reset: ResetEvent
}

/** The connection of this document with its server. It connects, reconnects and resumes by itself. */
export interface Connection {
  readonly state: ConnectionState
  /** Why it is `closed` or was `reset`; undefined in any other state. */
  readonly reason: string | undefined
  /** The server's number for this tab, once it is known; a reload keeps it. */
  readonly webContentsId: number | undefined
  /** True when the server runs in debug mode. */
  readonly debug: boolean
  on<Name extends keyof ConnectionEvents>(name: Name, listener: (event: ConnectionEvents[Name]) => void): this
  once<Name extends keyof ConnectionEvents>(name: Name, listener: (event: ConnectionEvents[Name]) => void): this
  off<Name extends keyof ConnectionEvents>(name: Name, listener: (event: ConnectionEvents[Name]) => void): this
  /**
   * Says goodbye and ends the link for good; waiting calls are rejected. What was sent before it still leaves: all of
   * it in the state `open`, in any other the oldest that a beacon holds (60 KiB). Nothing can be sent afterwards. A
   * second call does nothing.
   */
  close(): void
}
