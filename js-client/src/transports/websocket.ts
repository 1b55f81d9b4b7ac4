/**
 * One WebSocket, from its opening to its end, as a carrier of frames. Once it is closed from here it is silent: no
 * event of an earlier socket can be taken for one of the next.
 *
 * Knows nothing of links or of what frames hold. Twin: server/webipc/websocket_transport.py
 */

/** What this file uses of the browser's WebSocket; another implementation may stand in for it. */
export interface Socket {
  binaryType: string
  readonly bufferedAmount: number
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  send(data: string | Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
}

export type SocketClass = new (url: string, protocol: string) => Socket

/** Who is told what becomes of the socket. */
export interface SocketListener {
  opened(): void
  receive(data: string | Uint8Array): void
  /** The socket ended, and not because `close` was called here. */
  lost(code: number, reason: string): void
}

const SUBPROTOCOL = 'webipc.v1'

/** Bytes that may wait in the browser; more would only be a second copy of what the link keeps. */
const MOST_BUFFERED = 4_194_304

export class WebSocketTransport {
  readonly #socket: Socket

  /** @throws DOMException as the browser's constructor does, such as for `ws:` in an `https:` page */
  constructor(WebSocket: SocketClass, url: string, listener: SocketListener) {
    const socket = this.#socket = new WebSocket(url, SUBPROTOCOL)
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => { listener.opened() }
    socket.onmessage = ({ data }: { data: string | ArrayBuffer }) => {
      listener.receive(typeof data === 'string' ? data : new Uint8Array(data))
    }
    socket.onclose = ({ code, reason }: { code: number, reason: string }) => { listener.lost(code, reason) }
  }

  /** So much waits in the browser that further frames should wait in the link. */
  get congested(): boolean {
    return this.#socket.bufferedAmount > MOST_BUFFERED
  }

  /** What a socket that is closing swallows stays in the link. */
  send(frame: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(frame)
  }

  /** Closes behind what was sent; nothing is heard from this socket any more. */
  close(code?: number, reason?: string): void {
    const socket = this.#socket
    socket.onopen = socket.onmessage = socket.onclose = null
    socket.close(code, reason)
  }
}
