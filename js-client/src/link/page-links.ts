/**
 * The links of one document, one after the other: when one has ended the next takes its place at once, while what came
 * on the old one is still dispatched and its calls wait for that (PROTOCOL.md 6.5).
 *
 * Does not know why a link ends, nor who is told.
 */
import type { PageLink } from './page-link.js'

export class PageLinks {
  readonly #make: () => PageLink
  /** What is sent goes this way. */
  newest: PageLink
  /** The link that has ended, until what came on it is dispatched and its calls are rejected. */
  #ending: PageLink | undefined

  /** @param make - gives a link that nobody has used */
  constructor(make: () => PageLink) {
    this.#make = make
    this.newest = make()
  }

  /** What is dispatched came this way. */
  get arriving(): PageLink { return this.#ending ?? this.newest }

  /** The newest has ended, and its ports. @returns how many messages are given up */
  replace(): number {
    const old = this.#ending = this.newest
    const givenUp = old.core.end()
    old.ports.end()
    this.newest = this.#make()
    return givenUp
  }

  /** All that came on the link that has ended is dispatched: nobody waits for it any more. */
  forget(): void {
    this.#ending = undefined
  }

  /** There will be none: whoever waits for an answer is told. */
  release(reason: string): void {
    for (const link of [this.#ending, this.newest]) {
      link?.rejectCalls(reason)
      link?.ports.end()
    }
  }
}
