/**
 * Sends messages while the document unloads, from `pagehide` on: by the socket and by a beacon, because a browser
 * delivers one or the other (PROTOCOL.md 6.6). page/lifecycle.ts says when.
 *
 * What a listener posts leaves when that listener returns, because the last event may never fire: Firefox ends the
 * process of a document that a document of another site replaces. It cuts off the script that runs at that moment;
 * nothing catches that, and no `finally` runs. A post that was cut off is repeated.
 */
import { beaconAddress } from '../page/server-address.js'
import type { SocketSession } from './socket-session.js'
import { sendBeacons } from '../transports/beacon.js'
import type { DocumentDescription } from '../page/description.js'
import type { Link } from '../core/link/index.js'
import type { PageLink } from './page-link.js'

/** To a server that takes them in any order. Firefox sends any number, and a page should not need long to leave. */
export const MOST_BEACONS = 16

/** The document that unloads. */
interface Leaving {
  /** Of the server; undefined where there is none. */
  readonly address: string | undefined
  /** How many beacons at most; 0 if nothing may be sent. */
  readonly mostBeacons: number
  describe(): DocumentDescription
}

export class Goodbye {
  /** The document unloads. */
  going = false
  readonly #document: Leaving
  /** A microtask that sends is queued. */
  #due = false
  /** Repeats the post that is running, if the script was cut off in it. */
  #repeat: (() => void) | undefined

  constructor(document: Leaving) {
    this.#document = document
  }

  /** Runs `post`, which posts one message, and remembers it until it returns. */
  protect(link: Link, post: () => void): void {
    if (!this.going) {
      post()
      return
    }
    const { last } = link
    this.#repeat = () => { if (link.last === last) post() }
    try {
      post()
    } finally {
      this.#repeat = undefined
    }
  }

  /** To be called after each post. */
  posted(link: PageLink): void {
    // A link without a socket so far is created by one beacon, which has to carry all messages.
    if (!this.going || this.#due || !link.known) return
    this.#due = true
    queueMicrotask(() => {
      this.#due = false
      this.leave(link, undefined, false)
    })
  }

  /** Sends what is unsent, by the session's socket and by beacons. @param bye - whether the link ends with it */
  leave(link: PageLink, session: SocketSession | undefined, bye: boolean): void {
    this.#repeatPost()
    session?.finish(bye)
    const { address, mostBeacons } = this.#document
    if (address === undefined || mostBeacons === 0) return
    // Each has the `bye`: the first may be the only one that arrives.
    const last = bye ? [link.bye()] : []
    const bodies = link.bodies(this.#document.describe(), last, link.core.limits.beaconBytes)
    sendBeacons(beaconAddress(address), bodies, mostBeacons, last)
  }

  #repeatPost(): void {
    try {
      this.#repeat?.()
    } catch {
      // A value that throws when it is read a second time. The caller no longer runs, so there is no place to throw.
    }
    this.#repeat = undefined
  }
}
