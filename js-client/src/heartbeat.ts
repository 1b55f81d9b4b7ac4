/**
 * Whether a socket is alive (PROTOCOL.md section 7): when to answer a bare frame, when to doubt the socket, when to
 * give it up. Pure policy: takes the time in milliseconds as an argument, has no timer, sends nothing.
 */
import type { Limits } from './core/limits.js'

export class Heartbeat {
  readonly #limits: Limits
  #heardAt: number
  #sentAt: number
  /** When a probe was sent that nothing has come after. */
  #doubtedAt: number | undefined

  constructor(limits: Limits, now: number) {
    this.#limits = limits
    this.#heardAt = this.#sentAt = now
  }

  /** A probe was sent, and nothing has come since. */
  get doubted(): boolean {
    return this.#doubtedAt !== undefined
  }

  /** Something came. */
  heard(now: number): void {
    this.#heardAt = now
    this.#doubtedAt = undefined
  }

  /** A frame left. */
  sent(now: number): void {
    this.#sentAt = now
  }

  /** A probe leaves now. */
  doubt(now: number): void {
    this.#doubtedAt ??= now
  }

  /** Whether a bare frame that has come is answered: not when the server has heard from us just now. */
  shouldAnswer(now: number): boolean {
    return now - this.#sentAt >= this.#limits.answerPageMs
  }

  /**
   * Whether a page that wakes has to probe. What was heard within the last second proves enough; besides, a server
   * does not answer a probe when it has sent something within that second, and silence would mean nothing.
   */
  shouldProbe(now: number): boolean {
    return !this.doubted && now - this.#heardAt >= this.#limits.answerServerMs
  }

  /** Milliseconds until the socket is to be doubted, or once it is, to be given up; 0 or less: now. */
  wait(now: number): number {
    const { probeMs, silenceMs } = this.#limits
    return this.#doubtedAt === undefined ? this.#heardAt + silenceMs - now : this.#doubtedAt + probeMs - now
  }
}
