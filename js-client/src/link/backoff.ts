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
  #bound = FIRST_BOUND

  /** @param random - returns a number from 0 up to 1, as Math.random does */
  constructor(random: () => number) {
    super()
    this.#random = random
  }

  /** @returns the next wait in milliseconds */
  next(): number {
    const wait = this.#random() * this.#bound
    this.#bound = Math.min(this.#bound * 2, LAST_BOUND)
    return wait
  }

  /** Runs `action` after the next wait. */
  retry(action: () => void): void {
    this.start(this.next(), action)
  }

  /** To be called when a server answered, or the network is back. */
  reset(): void {
    this.#bound = FIRST_BOUND
  }
}
