/**
 * One WebSocket that carries frames. After `close` it calls no listener, so no event of an earlier socket can be
 * taken for one of the next. Twin: server/webipc/endpoints/websocket/transport.py
 */

/** The part of the browser's WebSocket that is used here. Another implementation may replace it. */
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

/** The callbacks of a socket. */
export interface SocketListener {
  opened(): void
  receive(data: string | Uint8Array): void
  /** The socket ended, but not by `close` of this class. */
  lost(code: number, reason: string): void
}

const SUBPROTOCOL = 'webipc.v1'

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

  /** Bytes that wait in the browser. They do not change within a task. */
  get buffered(): number {
    return this.#socket.bufferedAmount
  }

  /** A socket that is closing drops the frame; the link still keeps its messages. */
  send(frame: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(frame)
  }

  /** Closes after all frames that were sent. No callback follows. */
  close(code?: number, reason?: string): void {
    const socket = this.#socket
    socket.onopen = socket.onmessage = socket.onclose = null
    socket.close(code, reason)
  }
}
