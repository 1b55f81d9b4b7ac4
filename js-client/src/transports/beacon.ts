/**
 * Sends frames in a request that the browser delivers after the document is gone (PROTOCOL.md 2.2 and 6.6).
 * Twin: server/webipc/endpoints/beacon.py
 */
import { encodeBody } from '../core/frame.js'

export const CONTENT_TYPE = 'application/vnd.webipc.v1'

/**
 * Best effort: a browser may refuse or lose it, and the document does not learn that. Two requests, because Firefox
 * loses the beacon of a process that it ends, and the fetch when the whole browser ends. The link drops duplicates.
 */
export function sendBeacon(url: string, frames: readonly (string | Uint8Array<ArrayBuffer>)[]): void {
  try {
    // This content type forces a CORS preflight, which is part of the protection against other sites.
    const body = new Blob([encodeBody(frames)], { type: CONTENT_TYPE })
    navigator.sendBeacon(url, body)
    fetch(url, { method: 'POST', body, keepalive: true, credentials: 'include' }).catch(() => undefined)
  } catch {
    // Neither API exists, or the body exceeds the browser's quota. The socket has sent what it could.
  }
}
