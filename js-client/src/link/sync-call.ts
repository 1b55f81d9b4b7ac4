/**
 * The requests of one `sendSync`: sends, retries if nothing answers, and reads the answer (PROTOCOL.md 4.6).
 * Twin: server/webipc/link/sync_calls.py
 */
import type { DocumentDescription } from '../page/description.js'
import { parse, type Envelope } from '../core/envelope.js'
import { CloseCode, ProtocolError } from '../core/errors.js'
import { decodeFrame, decodeParcel, encodeBody, encodeControl } from '../core/frame.js'
import type { Limits } from '../core/limits.js'
import type { PageLink } from './page-link.js'
import { partsOf, requestSync, type Refusal } from '../transports/sync-request.js'

/** How many requests are made for one call. The server runs the call once, however many arrive. */
const TRIES = 3

/** @returns the answer or a refusal; undefined if no request was answered */
export function askSync(
  url: string, link: PageLink, id: number, description: DocumentDescription, limits: Limits,
): Envelope | Refusal | undefined {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      const body = [...link.body(description), encodeControl(link.core.received, 'await', id)]
      const answer = requestSync(url, encodeBody(body))
      if (answer) return answer instanceof Uint8Array ? read(answer, link, limits) : answer
    } catch (error) {
      if (error instanceof ProtocolError) return { code: CloseCode.PROTOCOL_ERROR, reason: error.detail }
    }
  }
  return undefined
}

/** Has the server create the link, with the kept messages that a beacon may hold. */
export function makeLink(url: string, link: PageLink, description: DocumentDescription, limits: Limits): void {
  try {
    requestSync(url, encodeBody(link.body(description, limits.beaconBytes)))
  } catch {
    // The answer to a beacon has no body, so reading it throws. A server that is away cannot be reached later either.
  }
}

function read(answer: Uint8Array, link: PageLink, limits: Limits): Envelope | undefined {
  const [frame, parcel] = partsOf(answer)
  link.core.receive(decodeFrame(frame, limits), null)
  return parse([decodeParcel([parcel])], limits)[0]
}
