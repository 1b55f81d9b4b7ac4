/**
 * The last words of a document, in a request that the browser delivers after the document is gone (PROTOCOL.md 2.2
 * and 6.6). Knows nothing of what the frames say. Twin: server/webipc/beacon_endpoint.py
 */
import { encodeBody } from '../core/frame.js'

export const CONTENT_TYPE = 'application/vnd.webipc.v1'

/**
 * Best effort: a browser may refuse or lose it, and a document that goes away has nobody to tell. Twice, as Firefox
 * loses the beacon of a process that it ends, and the request when all of it ends; the link knows what came twice.
 */
export function sendBeacon(url: string, frames: readonly (string | Uint8Array<ArrayBuffer>)[]): void {
  try {
    // The type makes another origin ask first, so it is part of the protection against other sites.
    const body = new Blob([encodeBody(frames)], { type: CONTENT_TYPE })
    navigator.sendBeacon(url, body)
    fetch(url, { method: 'POST', body, keepalive: true, credentials: 'include' }).catch(() => undefined)
  } catch {
    // Neither is here, or the body is beyond the browser's quota: the socket has carried what it could.
  }
}
