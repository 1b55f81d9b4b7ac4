/**
 * What a document says while it goes away, from `pagehide` on: by the socket, and by a beacon, since browsers deliver
 * the one or the other (PROTOCOL.md 6.6). Each listener's words leave when it returns, because the event that is last
 * may never come: Firefox ends the process of a document that another site's takes the place of. It cuts off the script
 * that runs there at that moment, which nothing catches, and no `finally` runs. What was being said is said again.
 *
 * Does not know what the words mean. Whoever knows when a document goes: page-life.ts
 */
import { beaconAddress } from '../page/server-address.js'
import type { SocketSession } from './socket-session.js'
import { sendBeacon } from '../transports/beacon.js'
import type { DocumentDescription } from '../page/description.js'
import type { Limits } from '../core/limits.js'
import type { Link } from '../core/link/index.js'
import type { PageLink } from './page-link.js'

/** Who goes away. */
interface Leaving {
  /** Of the server, if there is one. */
  readonly address: string | undefined
  describe(): DocumentDescription
}

export class LastWords {
  /** The document goes away. */
  going = false
  readonly #document: Leaving
  readonly #limits: Limits
  #due = false
  #cutOff: (() => void) | undefined

  constructor(document: Leaving, limits: Limits) {
    this.#document = document
    this.#limits = limits
  }

  /** Posts a message, which `words` do. */
  say(link: Link, words: () => void): void {
    if (!this.going) {
      words()
      return
    }
    const { last } = link
    this.#cutOff = () => { if (link.last === last) words() }
    try {
      words()
    } finally {
      this.#cutOff = undefined
    }
  }

  /** A message was posted. */
  posted(page: PageLink): void {
    // A link that no socket has made yet is made by one beacon, which has to say all.
    if (!this.going || this.#due || !page.known) return
    this.#due = true
    queueMicrotask(() => {
      this.#due = false
      this.leave(page, undefined, false)
    })
  }

  /** Says what can still be said, by the socket of the session as well, and the goodbye if there is one. */
  leave(page: PageLink, session: SocketSession | undefined, bye: boolean): void {
    this.#sayAgain()
    session?.finish(bye)
    const { address } = this.#document
    const body = page.body(this.#document.describe(), this.#limits.beaconBytes)
    if (bye && (page.known || body.length > 1)) body.push(page.bye())
    if (address !== undefined && body.length > 1) sendBeacon(beaconAddress(address), body)
  }

  #sayAgain(): void {
    try {
      this.#cutOff?.()
    } catch {
      // A value that throws when it is read a second time: nobody is left who could be told.
    }
    this.#cutOff = undefined
  }
}
