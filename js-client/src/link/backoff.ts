/**
 * The wait before the next socket: random, below a bound that doubles (PROTOCOL.md section 7). So the pages of a
 * restarted server do not all reconnect at once. Randomness comes from outside.
 */
import { Timer } from '../concurrency/timer.js'

/** Milliseconds. */
const FIRST_BOUND = 100
const LAST_BOUND = 10_000

/** A timer whose wait grows. */
export class Backoff extends Timer {
  readonly #random: () => number
  /** How many waits there were since the last `reset`. */
  tries = 0
  #asked = 0

  /** @param random - returns a number from 0 up to 1, as Math.random does */
  constructor(random: () => number) {
    super()
    this.#random = random
  }

  /** @returns the next wait in milliseconds */
  next(): number {
    return this.#random() * Math.min(FIRST_BOUND * 2 ** this.tries++, LAST_BOUND)
  }

  /**
   * Runs `action` after the next wait.
   *
   * @param isAsked - the server asks for it (4411): at once, unless it has just asked as well
   */
  retry(action: () => void, isAsked?: boolean): void {
    const now = Date.now()
    if (isAsked && now - this.#asked > LAST_BOUND) {
      this.#asked = now
      action()
    } else {
      this.start(this.next(), action)
    }
  }

  /** To be called when a server answered, or the network is back. */
  reset(): void {
    this.tries = 0
  }
}
