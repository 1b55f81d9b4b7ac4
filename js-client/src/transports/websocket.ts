/**
 * One WebSocket that carries frames: `send` one by one, and `close` after all of them. A socket that is closing drops a
 * frame; the link still keeps its messages. Twin: server/webipc/endpoints/websocket/transport.py
 */

/** The part of the browser's WebSocket that is used here. Another implementation may replace it. */
export interface Socket {
  binaryType: string
  /** Bytes that wait in the browser. They do not change within a task. */
  readonly bufferedAmount: number
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  send(data: string | Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
}

export type SocketClass = new (url: string, protocol: string) => Socket

const SUBPROTOCOL = 'webipc.v1'

/**
 * Opens a socket. Its callbacks are called after a `close` of this page too.
 *
 * @throws DOMException as the browser's constructor does, such as for `ws:` in an `https:` page
 */
export function openSocket(
  WebSocket: SocketClass,
  url: string,
  opened: () => void,
  received: (data: string | Uint8Array) => void,
  lost: (code: number, reason: string) => void,
): Socket {
  const socket = new WebSocket(url, SUBPROTOCOL)
  socket.binaryType = 'arraybuffer'
  socket.onopen = opened
  socket.onmessage = ({ data }: { data: string | ArrayBuffer }) => {
    received(typeof data === 'string' ? data : new Uint8Array(data))
  }
  socket.onclose = ({ code, reason }: { code: number, reason: string }) => { lost(code, reason) }
  return socket
}
