/**
 * The request that a page makes while it is blocked in `sendSync`, and what its answer is made of (PROTOCOL.md 2.3 and
 * 4.6). Knows nothing of what the frames say, nor when a request is made again. Twin: server/webipc/sync_endpoint.py
 */
import { CONTENT_TYPE } from './beacon.js'

/** What a server says with a status that is no success. */
export interface Refusal {
  readonly code: number
  readonly reason: string
}

/** @returns the bytes of the answer, or why there is none. @throws whatever the browser does when nothing answers */
export function requestSync(url: string, body: Uint8Array<ArrayBuffer>): Uint8Array | Refusal {
  const request = new XMLHttpRequest()
  request.open('POST', url, false)
  request.setRequestHeader('Content-Type', CONTENT_TYPE)
  request.withCredentials = true
  // A window gets no bytes from a request that blocks it, but text of which each character is a byte.
  request.overrideMimeType('text/plain; charset=x-user-defined')
  request.send(body)
  const text = request.responseText
  if (request.status === 200 && text.startsWith('\x01')) return Uint8Array.from(text, (letter) => letter.charCodeAt(0))
  const refusal = JSON.parse(text) as Partial<Refusal>
  // Whatever else answers (a proxy, a server that is starting) may be asked again.
  if (refusal.code === undefined) throw new TypeError(request.statusText)
  return refusal as Refusal
}

/** The two parts of an answer, behind the byte that keeps browsers from taking the first ones for a mark. */
export function partsOf(answer: Uint8Array): readonly [frame: Uint8Array, parcel: Uint8Array] {
  const end = 5 + new DataView(answer.buffer).getUint32(1, true)
  return [answer.subarray(5, end), answer.subarray(end)]
}
