/**
 * One `sendSync` while the page is blocked in it: asks, asks again where nothing answers, and reads the answer
 * (PROTOCOL.md 4.6). Does not decide what becomes of the link. Twin: server/webipc/sync_calls.py
 */
import type { DocumentDescription } from '../page/description.js'
import { parse, type Envelope } from '../core/envelope.js'
import { CloseCode, ProtocolError } from '../core/errors.js'
import { decodeFrame, decodeParcel, encodeBody, encodeControl } from '../core/frame.js'
import type { Limits } from '../core/limits.js'
import type { PageLink } from './page-link.js'
import { partsOf, requestSync, type Refusal } from '../transports/sync-request.js'

/** How often a call is asked for before it is given up. The server runs it once, however often it is asked. */
const TRIES = 3

/** @returns the answer, or why there will be none; undefined when nothing has answered */
export function askSync(
  url: string, link: PageLink, id: number, description: DocumentDescription, limits: Limits,
): Envelope | Refusal | undefined {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      const body = [...link.body(description), encodeControl(link.core.received, 'await', id)]
      const answer = requestSync(url, encodeBody(body))
      return answer instanceof Uint8Array ? read(answer, link, limits) : answer
    } catch (error) {
      if (error instanceof ProtocolError) return { code: CloseCode.PROTOCOL_ERROR, reason: error.detail }
    }
  }
  return undefined
}

/** Has the server make the link, with all that it keeps and that a beacon may hold. */
export function makeLink(url: string, link: PageLink, description: DocumentDescription, limits: Limits): void {
  try {
    requestSync(url, encodeBody(link.body(description, limits.beaconBytes)))
  } catch {
    // No answer to a beacon has a body; and a server that is away hears nothing of what comes next either.
  }
}

function read(answer: Uint8Array, link: PageLink, limits: Limits): Envelope | undefined {
  const [frame, parcel] = partsOf(answer)
  link.core.receive(decodeFrame(frame, limits), null)
  return parse([decodeParcel([parcel])], limits)[0]
}
