/**
 * The synchronous request of a page that is blocked in `sendSync`, and the layout of its answer (PROTOCOL.md 2.3 and
 * 4.6). Twin: server/webipc/endpoints/sync.py
 */
import { CONTENT_TYPE } from './beacon.js'

/** The body of a refusal, which has another status than 200. */
export interface Refusal {
  readonly code: number
  readonly reason: string
}

/** @returns the bytes of the answer, or the refusal. @throws the browser's error if nothing answers */
export function requestSync(url: string, body: Uint8Array<ArrayBuffer>): Uint8Array | Refusal {
  const request = new XMLHttpRequest()
  request.open('POST', url, false)
  request.setRequestHeader('Content-Type', CONTENT_TYPE)
  request.withCredentials = true
  // A synchronous request of a window cannot return bytes, only text. Here each character is one byte.
  request.overrideMimeType('text/plain; charset=x-user-defined')
  request.send(body)
  const text = request.responseText
  if (request.status === 200 && text.startsWith('\x01')) return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
  const refusal = JSON.parse(text) as Partial<Refusal>
  // A proxy, or a server that is starting. The caller may retry.
  if (refusal.code === undefined) throw new TypeError(request.statusText)
  return refusal as Refusal
}

/** The two parts of an answer, after a byte that keeps browsers from reading the first bytes as a byte order mark. */
export function partsOf(answer: Uint8Array): readonly [frame: Uint8Array, parcel: Uint8Array] {
  const end = 5 + new DataView(answer.buffer).getUint32(1, true)
  return [answer.subarray(5, end), answer.subarray(end)]
}
