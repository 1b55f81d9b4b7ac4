/**
 * What a document does while it is blocked: a `sendSync`, and the hello that a document in an iframe needs of it
 * (PROTOCOL.md 4.6 and 6.1). Numbers the call, gives up what nobody has answered, lets nothing else run meanwhile.
 *
 * Does not know sockets, nor what becomes of a link that is refused. How one call is asked for: sync-call.ts
 */
import { beaconAddress, syncAddress } from '../page/server-address.js'
import type { DocumentDescription } from '../page/description.js'
import type { Cloned } from '../core/clone/index.js'
import type { Envelope } from '../core/envelope.js'
import { ResetError, UnansweredError } from '../core/errors.js'
import { encodeMessage, type EncodedMessage } from '../core/frame.js'
import type { Limits } from '../core/limits.js'
import { replace } from '../core/link/index.js'
import { introduceParent } from '../page/embedding.js'
import type { EventHold } from '../concurrency/event-hold.js'
import type { PageLink } from './page-link.js'
import { askSync, makeLink } from './sync-call.js'
import type { Refusal } from '../transports/sync-request.js'

/** The connection of the document, as far as it is needed while all else waits. */
export interface BlockedConnection {
  /** Of the server; undefined where there is none: then nobody answers. */
  readonly address: string | undefined
  describe(): DocumentDescription
  post(message: EncodedMessage): number
  /** The server does not go on with the link. */
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

  /** Sends a `sync` on this link, and returns when its answer is there. @throws what `post` throws, and ResetError */
  call(link: PageLink, channel: string, cloned: Cloned): Envelope {
    const connection = this.#connection
    const id = link.calls.open({ channel, resolve: nothing, reject: nothing, seq: 0 })
    try {
      const seq = connection.post(encodeMessage(['sync', id, channel], cloned))
      introduceParent(connection.address)
      const answer = this.#hold.block(() => this.#ask(link, id))
      if (answer && 'kind' in answer) {
        connection.post(encodeMessage(['sync-done', id]))
        return answer
      }
      replace(link.core, seq, encodeMessage(['void']))
      if (!answer) throw new UnansweredError(channel)
      // The page's listeners hear of it when its task has ended.
      queueMicrotask(() => { connection.refused(link, answer) })
      throw new ResetError(answer.reason)
    } finally {
      link.calls.settle(id)
    }
  }

  /** What an iframe of this document needs in order to be a frame of its tab; a beacon makes a link. */
  introduce(link: PageLink): void {
    const { address } = this.#connection
    if (address === undefined || link.known) return
    introduceParent(address)
    makeLink(beaconAddress(address), link, this.#connection.describe(), this.#limits)
  }

  #ask(link: PageLink, id: number): ReturnType<typeof askSync> {
    const { address } = this.#connection
    // A program without a server waits for one everywhere but here.
    if (address === undefined || typeof XMLHttpRequest === 'undefined') return undefined
    return askSync(syncAddress(address), link, id, this.#connection.describe(), this.#limits)
  }
}

/** A blocked page waits for no promise. */
function nothing(): void { /* nobody is told */ }
