/**
 * The links of one document, one after the other. When one ends, the next replaces it at once, while the messages of
 * the old one are still dispatched; its calls are rejected after that (PROTOCOL.md 6.5).
 */
import type { PageLink } from './page-link.js'

export class PageLinks {
  readonly #make: () => PageLink
  /** New messages are sent on it. */
  newest: PageLink
  /** The link that has ended, until its messages are dispatched and its calls are rejected. */
  #ending: PageLink | undefined

  /** @param make - returns a new link */
  constructor(make: () => PageLink) {
    this.#make = make
    this.newest = make()
  }

  /** The link whose messages are dispatched now. */
  get arriving(): PageLink { return this.#ending ?? this.newest }

  /** Ends the newest link and its ports, and makes the next. @returns how many messages are given up */
  replace(): number {
    const old = this.#ending = this.newest
    const givenUp = old.core.end()
    old.ports.end()
    this.newest = this.#make()
    return givenUp
  }

  /** All messages of the ended link are dispatched. */
  forget(): void {
    this.#ending = undefined
  }

  /** The connection is closed: rejects the waiting calls at once. The next link is for its next opening. */
  release(reason: string): void {
    this.#ending?.rejectCalls(reason)
    this.newest.rejectCalls(reason)
    this.replace()
    this.forget()
  }
}
