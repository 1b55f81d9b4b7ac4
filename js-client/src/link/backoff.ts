/**
 * How long a page waits before its next socket: a random time below a bound that doubles (PROTOCOL.md section 7), so
 * that the pages of a server that was restarted do not all come back at once.
 *
 * Has no timer and no randomness of its own.
 */

/** Milliseconds. */
const FIRST_BOUND = 100
const LAST_BOUND = 10_000

export class Backoff {
  readonly #random: () => number
  #bound = FIRST_BOUND

  /** @param random - gives a number from 0 up to 1, as Math.random does */
  constructor(random: () => number) {
    this.#random = random
  }

  /** @returns the next wait in milliseconds */
  next(): number {
    const wait = this.#random() * this.#bound
    this.#bound = Math.min(this.#bound * 2, LAST_BOUND)
    return wait
  }

  /** A server answered, or the network is back. */
  reset(): void {
    this.#bound = FIRST_BOUND
  }
}
