/**
 * Whether a socket is alive (PROTOCOL.md section 7): when to answer a bare frame, when to doubt the socket, when to
 * give it up. Pure policy: takes the time in milliseconds as an argument, has no timer, sends nothing.
 *
 * The time is that of a clock which may be set, since a clock that cannot be set may stand still while the machine
 * sleeps. A jump in either direction counts as so much time: at worst a socket is doubted that is well.
 */
import type { Limits } from '../core/limits.js'

export class Heartbeat {
  readonly #limits: Limits
  /** When something came, or once the socket is doubted, when that began. */
  #since: number
  #sentAt: number
  /** A probe was sent, and nothing has come since. */
  doubted = false

  constructor(limits: Limits, now: number) {
    this.#limits = limits
    this.#since = this.#sentAt = now
  }

  /** Something came. */
  heard(now: number): void {
    this.#since = now
    this.doubted = false
  }

  /** A frame left. */
  sent(now: number): void {
    this.#sentAt = now
  }

  /** A probe leaves now. */
  doubt(now: number): void {
    if (!this.doubted) this.#since = now
    this.doubted = true
  }

  /** Whether a bare frame that has come is answered: not when the server has heard from us just now. */
  shouldAnswer(now: number): boolean {
    return Math.abs(now - this.#sentAt) >= this.#limits.answerPageMs
  }

  /**
   * Whether a page that wakes has to probe. What was heard within the last second proves enough; besides, a server
   * does not answer a probe when it has sent something within that second, and silence would mean nothing.
   */
  shouldProbe(now: number): boolean {
    return !this.doubted && Math.abs(now - this.#since) >= this.#limits.answerServerMs
  }

  /** Milliseconds until the socket is to be doubted, or once it is, to be given up; 0 or less: now. */
  wait(now: number): number {
    const { probeMs, silenceMs } = this.#limits
    return (this.doubted ? probeMs : silenceMs) - Math.abs(now - this.#since)
  }
}
