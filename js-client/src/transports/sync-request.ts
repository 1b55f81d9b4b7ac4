/**
 * The synchronous request of a page that is blocked in `sendSync`, and the layout of its answer (PROTOCOL.md 2.3 and
 * 4.6). Twin: server/webipc/endpoints/sync.py
 */
import { encodeBody } from '../core/frame.js'
import { CONTENT_TYPE, type Frames } from './beacon.js'

/** The close codes of a refusal begin here (PROTOCOL.md 8). */
const FIRST_CODE = 4_000

/** The body of a refusal, which has another status than 200. */
export interface Refusal {
  readonly code: number
  readonly reason: string
}

/**
 * Sends a body, and blocks until there is a response.
 *
 * @param milliseconds - how long at most, if this is a worker
 * @throws the browser's error if nothing answers: in a worker TimeoutError when the time is over
 */
export function request(url: string, frames: Frames, milliseconds: number): XMLHttpRequest {
  const sent = new XMLHttpRequest()
  sent.open('POST', url, false)
  sent.setRequestHeader('Content-Type', CONTENT_TYPE)
  sent.withCredentials = true
  try {
    // For a network that is gone without a sign. A window may set no limit, and blocks until the browser gives up.
    sent.timeout = milliseconds
  } catch { /* a window */ }
  // A synchronous request of a window cannot return bytes, only text. Here each character is one byte.
  sent.overrideMimeType('text/plain; charset=x-user-defined')
  sent.send(encodeBody(frames))
  return sent
}

/**
 * @returns the bytes of the answer, or the refusal; undefined if something else has answered than the endpoint
 * @throws SyntaxError if something else has answered
 */
export function answerOf({ responseText: text }: XMLHttpRequest): Uint8Array | Refusal | undefined {
  // No other content begins with this byte, whatever its status.
  if (text[0] === '\x01') return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
  const refusal = JSON.parse(text) as Refusal
  // Otherwise of a proxy, whose codes are those of HTTP, or of a server that is starting.
  return refusal.code >= FIRST_CODE && refusal.reason ? refusal : undefined
}

/** The two parts of an answer, after a byte that keeps browsers from reading the first bytes as a byte order mark. */
export function partsOf(answer: Uint8Array): readonly [frame: Uint8Array, parcel: Uint8Array] {
  const end = 5 + new DataView(answer.buffer).getUint32(1, true)
  return [answer.subarray(5, end), answer.subarray(end)]
}
