/**
 * The delay before the next socket: random, below a bound that doubles (PROTOCOL.md section 7). So the pages of a
 * restarted server do not all reconnect at once. Timer and randomness come from outside.
 */

/** Milliseconds. */
const FIRST_BOUND = 100
const LAST_BOUND = 10_000

export class Backoff {
  readonly #random: () => number
  #bound = FIRST_BOUND

  /** @param random - returns a number from 0 up to 1, as Math.random does */
  constructor(random: () => number) {
    this.#random = random
  }

  /** @returns the next wait in milliseconds */
  next(): number {
    const wait = this.#random() * this.#bound
    this.#bound = Math.min(this.#bound * 2, LAST_BOUND)
    return wait
  }

  /** To be called when a server answered, or the network is back. */
  reset(): void {
    this.#bound = FIRST_BOUND
  }
}
