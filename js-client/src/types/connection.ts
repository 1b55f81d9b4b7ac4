/**
 * The public types of the connection, `ipcRenderer.connection`. link/connection.ts implements them.
 */

/**
 * - `connecting`: no socket was accepted for this link yet, or a page with `<meta name="webipc-connect"
 *   content="manual">` has not called `open()`; messages wait.
 * - `open`: a socket carries the link.
 * - `resuming`: the socket was lost and the client reconnects; no message is lost.
 * - `reset`: the link has ended and its waiting calls are about to be rejected; the next link exists already.
 * - `closed`: closed until `open()`; `reason` says why, and `code` if a server has refused this page.
 */
export type ConnectionState = 'connecting' | 'open' | 'resuming' | 'reset' | 'closed'

/** The argument of a `state` listener. */
export interface StateEvent {
  readonly state: ConnectionState
  /** Why; set for `reset` and `closed`. */
  readonly reason: string | undefined
  /**
   * The close code of the socket that was lost (`resuming`), or with which the server refuses this page (`closed`):
   * 4401 if it refuses the user, 4403 for the origin, 4406 for the version.
   */
  readonly code: number | undefined
}

/** The argument of a `reset` listener, which is called after the waiting calls were rejected. */
export interface ResetEvent {
  /**
   * The server's reason (`another-process`, `owner-lost`, `unknown-link`, `ended`, `gap`, `overflow`), or `protocol`.
   */
  readonly reason: string
  /** How many waiting calls were never sent: they are safe to retry. */
  readonly notSent: number
  /** How many waiting calls were sent: they may have run. */
  readonly unknownOutcome: number
  /** How many messages of all kinds, with those calls, were not acknowledged. */
  readonly givenUp: number
}

interface ConnectionEvents {
  state: StateEvent
  reset: ResetEvent
}

/** The connection of this document to its server. It connects, reconnects and resumes by itself. */
export interface Connection {
  readonly state: ConnectionState
  /** Why it is `closed` or was `reset`; undefined in any other state. */
  readonly reason: string | undefined
  /** The close code that has led to `resuming` or, if a server has refused this page, to `closed`; else undefined. */
  readonly code: number | undefined
  /** The server's id of this tab, undefined until the first connection; a reload keeps it. */
  readonly webContentsId: number | undefined
  /**
   * A bearer token (RFC 6750, at most 8,192 characters, without the word `Bearer`) that tells the server who the user
   * is. Each socket, blocking request and beacon that begins from then on has it, and nothing else, such as a URL.
   * A cookie with HttpOnly is safer, because scripts cannot read it. Setting anything else throws a TypeError;
   * `undefined` removes it.
   */
  token: string | undefined
  /** True when the server runs in debug mode. */
  readonly debug: boolean
  on<Name extends keyof ConnectionEvents>(name: Name, listener: (event: ConnectionEvents[Name]) => void): this
  once<Name extends keyof ConnectionEvents>(name: Name, listener: (event: ConnectionEvents[Name]) => void): this
  off<Name extends keyof ConnectionEvents>(name: Name, listener: (event: ConnectionEvents[Name]) => void): this
  /**
   * Ends the link for good and tells the server; waiting calls are rejected. Messages sent before still leave: all of
   * them in the state `open`, in any other state as many as beacons hold (60 KiB at least). Afterwards nothing can be
   * sent until `open()`. A second call does nothing.
   */
  close(): void
  /**
   * Connects a connection that is `closed`, after a refusal or after `close()`, with a new link: nothing that was sent
   * before, and no port, belongs to it; listeners stay. The state is `connecting` when it returns. In a page with
   * `<meta name="webipc-connect" content="manual">`, which waits for the first call, it begins with what was sent until
   * then. In any other state, and while the document unloads, it does nothing.
   */
  open(): void
}
