/** What a client, and the connection in it, are made with. Tests give other limits, sockets and random numbers. */
import type { Envelope } from '../core/envelope.js'
import type { Limits } from '../core/limits.js'
import type { SocketClass } from '../transports/websocket.js'

export interface ClientOptions {
  /** Of the server, without a slash at its end; undefined if there is none. */
  readonly address: string | undefined
  /** The browser's, or another; undefined if there is none, and then messages wait, within the link's limits. */
  readonly WebSocket: SocketClass | undefined
  /** Nothing connects before `open()`. */
  readonly manual?: boolean
  readonly limits?: Limits | undefined
  readonly random?: () => number
}

export interface ConnectionOptions extends ClientOptions {
  /** Called with each message. @throws ProtocolError if its value is wrong */
  readonly deliver: (envelope: Envelope) => void
}
