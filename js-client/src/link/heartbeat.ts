/**
 * The heartbeat policy of a socket (PROTOCOL.md section 7): when to answer a bare frame, when to probe, when to give
 * the socket up. Takes the time in milliseconds as an argument; has no timer and sends nothing.
 *
 * The time is wall-clock time, because a monotonic clock may stop while the machine sleeps. A change of the clock
 * counts as elapsed time in either direction: at worst a healthy socket is probed.
 */
import type { Limits } from '../core/limits.js'

export class Heartbeat {
  readonly #limits: Limits
  /** When the last frame was received; of a doubted socket, when the doubt began or it last sent something. */
  #since: number
  #sentAt: number
  /** The bytes that waited in the browser when a doubted socket was last looked at. */
  #buffered = 0
  /** A probe was sent, and no frame was received since. */
  doubted = false

  constructor(limits: Limits, now: number) {
    this.#limits = limits
    this.#since = this.#sentAt = now
  }

  /** A frame was received. */
  heard(now: number): void {
    this.#since = now
    this.doubted = false
  }

  /** A frame was sent. */
  sent(now: number): void {
    this.#sentAt = now
  }

  /** A probe is sent now. */
  doubt(now: number): void {
    if (!this.doubted) this.#since = now
    this.doubted = true
  }

  /** Whether a bare frame is answered: not if this page has just sent a frame. */
  shouldAnswer(now: number): boolean {
    return Math.abs(now - this.#sentAt) >= this.#limits.answerPageMs
  }

  /**
   * Whether a page that wakes has to probe. Not if a frame was received within the last second: that proves enough, and
   * a server that has sent something within that second does not answer the probe.
   */
  shouldProbe(now: number): boolean {
    return !this.doubted && Math.abs(now - this.#since) >= this.#limits.answerServerMs
  }

  /**
   * Milliseconds until the socket is doubted; of a doubted one, until it is given up, or looked at again. 0 or less
   * means now.
   *
   * @param patience - by which the times are multiplied
   * @param buffered - bytes that wait in the browser. Until they have left, the probe has not: a doubted socket is
   *   given its time, as long as they become fewer.
   * @param busy - something large is under way, in either direction, and the answer comes behind it
   */
  wait(now: number, patience = 1, buffered = 0, busy = false): number {
    const { probeMs, silenceMs } = this.#limits
    const left = (limit: number): number => limit * patience - Math.abs(now - this.#since)
    if (!this.doubted) return left(silenceMs)
    if (buffered < this.#buffered) this.#since = now
    this.#buffered = buffered
    return Math.min(left(buffered ? silenceMs : busy ? 3 * probeMs : probeMs), probeMs)
  }
}
