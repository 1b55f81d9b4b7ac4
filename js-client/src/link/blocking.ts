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
import type { Limits } from '../core/limits.js'
import { replace } from '../core/link/index.js'
import { introduceParent } from '../page/embedding.js'
import type { EventHold } from '../concurrency/event-hold.js'
import type { PageLink } from './page-link.js'
import { askSync, makeLink } from './sync-call.js'
import type { Refusal } from '../transports/sync-request.js'

/** The part of the connection that is used while the page is blocked. */
export interface BlockedConnection {
  /** Of the server; undefined if there is none, and then no call is answered. */
  readonly address: string | undefined
  /** Within how many milliseconds the server answers. */
  readonly syncMs: number
  describe(): DocumentDescription
  /** @param piece - the size above which it is cut */
  post(message: EncodedMessage, piece?: number): number
  /** The server has refused the link. */
  refused(link: PageLink, refusal: Refusal): void
}

export class Blocking {
  readonly #connection: BlockedConnection
  readonly #limits: Limits
  readonly #hold: EventHold

  /** @param hold - holds back events meanwhile */
  constructor(connection: BlockedConnection, limits: Limits, hold: EventHold) {
    this.#connection = connection
    this.#limits = limits
    this.#hold = hold
  }

  /** Sends a `sync` and blocks until its answer. @throws what `post` throws, UnansweredError, ResetError */
  call(link: PageLink, channel: string, cloned: Cloned): Envelope {
    const connection = this.#connection
    const call = { channel, resolve: nothing, reject: nothing, seq: 0 }
    const id = link.calls.open(call)
    let isRefused = false
    try {
      const answer = this.#hold.block(() => {
        // What is posted in here leaves with the request, and not by the socket (socket-session.ts).
        // Whole, because the parts of a message cannot be given up.
        const message = encodeMessage(['sync', id, channel], cloned)
        call.seq = connection.post(message, this.#limits.partBytes)
        introduceParent(connection.address)
        return this.#ask(link, id)
      })
      if (answer && 'kind' in answer) {
        connection.post(encodeMessage(['sync-done', id]))
        return answer
      }
      replace(link.core, call.seq, encodeMessage(['void']))
      if (!answer) throw new UnansweredError(channel)
      isRefused = true
      // The page's listeners run only when its task has ended. Until then the call is open: a reset counts it.
      queueMicrotask(() => {
        connection.refused(link, answer)
        if (!link.core.ended) link.calls.settle(id)
      })
      throw new ResetError(resetReason(answer.code, answer.reason))
    } finally {
      if (!isRefused) link.calls.settle(id)
    }
  }

  /** Creates this document's link by a beacon, so that an embedded document can be a frame of its tab. */
  introduce(link: PageLink): void {
    const { address } = this.#connection
    if (address === undefined || link.known) return
    introduceParent(address)
    try {
      makeLink(this.#connection, address, link, this.#limits)
    } catch { /* Then the embedded document finds no server either. */ }
  }

  #ask(link: PageLink, id: number): ReturnType<typeof askSync> {
    const { address } = this.#connection
    // Without a server other messages wait for one, but a blocking call cannot.
    if (address === undefined || typeof XMLHttpRequest === 'undefined') return undefined
    return askSync(this.#connection, address, link, id, this.#limits)
  }
}

/** A blocking call has no promise. */
function nothing(): void { /* the answer is returned instead */ }
