/**
 * The two operations that block the document: `sendSync`, and the `hello` that an embedded document needs
 * (PROTOCOL.md 4.6 and 6.1). Numbers the call, gives up an unanswered one, and holds back events meanwhile.
 * sync-call.ts makes the requests.
 */
import type { DocumentDescription } from '../page/description.js'
import type { Cloned } from '../core/clone/index.js'
import type { Envelope } from '../core/envelope.js'
import { ResetError, resetReason, UnansweredError } from '../core/errors.js'
import { encodeMessage, type EncodedMessage } from '../core/frame.js'
import { replace } from '../core/link/index.js'
import { introduceParent } from '../page/embedding.js'
import type { EventHold } from '../concurrency/event-hold.js'
import type { PageLink } from './page-link.js'
import { askSync, makeLink } from './sync-call.js'
import type { Refusal } from '../transports/sync-request.js'

/** Within how many milliseconds a server answers a `sync`, if it does not tell. */
export const SYNC_MS = 30_000

/** The part of the connection that is used while the page is blocked. */
export interface BlockedConnection {
  /** Of the server; undefined if there is none, and then no call is answered. */
  readonly address: string | undefined
  /** Within how many milliseconds the server answers. */
  readonly syncMs: number
  /** Holds back events meanwhile. */
  readonly hold: EventHold
  describe(): DocumentDescription
  /** @param piece - the size above which it is cut */
  post(message: EncodedMessage, piece?: number): number
  /** The server has refused the link. */
  refused(link: PageLink, refusal: Refusal): void
}

/** Sends a `sync` and blocks until its answer. @throws what `post` throws, UnansweredError, ResetError */
export function block(connection: BlockedConnection, link: PageLink, channel: string, cloned: Cloned): Envelope {
  const { calls, core } = link
  const call = { channel, resolve: nothing, reject: nothing, seq: 0 }
  const id = calls.open(call)
  let isRefused = false
  try {
    const answer = connection.hold.block(() => {
      // What is posted in here leaves with the request, and not by the socket (socket-session.ts).
      // Whole, because the parts of a message cannot be given up.
      call.seq = connection.post(encodeMessage(['sync', id, channel], cloned), core.limits.partBytes)
      introduceParent(connection.address)
      // Without a server other messages wait for one, but a blocking call cannot.
      if (connection.address === undefined || typeof XMLHttpRequest === 'undefined') return undefined
      return askSync(connection, connection.address, link, id)
    })
    if (answer && 'kind' in answer) {
      connection.post(encodeMessage(['sync-done', id]))
      return answer
    }
    replace(core, call.seq, encodeMessage(['void']))
    if (!answer) throw new UnansweredError(channel)
    isRefused = true
    // The page's listeners run only when its task has ended. Until then the call is open: a reset counts it.
    queueMicrotask(() => {
      connection.refused(link, answer)
      if (!core.ended) calls.settle(id)
    })
    throw new ResetError(resetReason(answer.code, answer.reason))
  } finally {
    if (!isRefused) calls.settle(id)
  }
}

/** Creates this document's link by a beacon, so that an embedded document can be a frame of its tab. */
export function introduce(connection: BlockedConnection, link: PageLink): void {
  const { address } = connection
  if (address === undefined || link.known) return
  introduceParent(address)
  try {
    makeLink(connection, address, link)
  } catch { /* Then the embedded document finds no server either. */ }
}

/** A blocking call has no promise. */
function nothing(): void { /* the answer is returned instead */ }
