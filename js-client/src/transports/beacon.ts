/**
 * Sends frames in requests that the browser delivers after the document is gone (PROTOCOL.md 2.2 and 6.6).
 * Twin: server/webipc/endpoints/beacon.py
 */
import { encodeBody } from '../core/frame.js'

export const CONTENT_TYPE = 'application/vnd.webipc.v1'

export type Frames = readonly (string | Uint8Array<ArrayBuffer>)[]

/**
 * Sends one body after another, until the browser refuses one: Chromium and WebKit take 64 KiB in all. That one goes by
 * `fetchLater`, for which Chromium has another 64 KiB. Each is sent twice, because Firefox loses the beacon of a
 * process that it ends, and the fetch when the whole browser ends. The link drops duplicates.
 *
 * Best effort: a browser may lose what it took, and the document does not learn that.
 *
 * @param bodies - each with a `hello` first; @param most - how many of them; @param last - what is at their end, which
 *   is sent once more with the `hello` alone if a body is refused
 */
export function sendBeacons(url: string, bodies: Iterable<Frames>, most: number, last: Frames): void {
  try {
    for (const frames of bodies) {
      const body = blobOf(frames)
      const init: RequestInit = { method: 'POST', body, keepalive: true, credentials: 'include' }
      const taken = navigator.sendBeacon(url, body)
      fetch(url, init).catch(() => undefined)
      if (!taken) {
        navigator.sendBeacon(url, blobOf([...frames.slice(0, 1), ...last]))
        ;(globalThis as { fetchLater?: (url: string, init: RequestInit) => void }).fetchLater?.(url, init)
      }
      if (!taken || --most === 0) break
    }
  } catch {
    // None of these APIs exists, or a body exceeds the browser's quota. The socket has sent what it could.
  }
}

/** This content type forces a CORS preflight, which is part of the protection against other sites. */
function blobOf(frames: Frames): Blob {
  return new Blob([encodeBody(frames)], { type: CONTENT_TYPE })
}
