/**
 * How large the pieces of a large message are, and how much may be under way, by what the network carries (PROTOCOL.md
 * 4.3).
 *
 * A piece is what the network carries in `ackMs`, a second: so a slow network gets whole frames through, and a lost
 * socket repeats little. Only acknowledgements are measured, because they alone say that something has arrived.
 * Twin: server/webipc/core/link/pace.py
 */
import type { Limits } from '../limits.js'

/** 64 KiB of bytes and the message around them: the size at first, and the most behind a lost socket. */
const FIRST_PIECE = 67_584
/** Smaller pieces would gain little, and each has a frame of its own. */
const LEAST_PIECE = 16_896

/**
 * The pace of a `Link`, which counts what it sends and what is acknowledged. Its owner measures. A message is cut by
 * `piece`, and sent while less than `window` is under way.
 */
export class Pace {
  piece: number
  /**
   * Bytes of frames that the attached socket got and that are not acknowledged. A guide: messages are a little smaller
   * than frames, and are what is taken off.
   */
  underWay = 0
  /** Bytes that were acknowledged since `since`. */
  acked = 0
  /** Since when acknowledgements are measured; 0 while too little is under way for that. */
  since = 0

  constructor(readonly limits: Limits) {
    this.piece = Math.min(FIRST_PIECE, limits.partBytes)
  }

  /** What is under way is repeated when the socket is lost, and what is sent next waits behind it, a probe too. */
  get window(): number {
    return Math.max(8 * this.piece, 131_072)
  }

  /**
   * Looks at what is under way, after something was sent or acknowledged.
   *
   * The rate is taken over once a piece has been acknowledged: at once where it is higher, though the piece is at most
   * doubled, and by half where it is lower. It is measured only while a piece or more is under way: otherwise the rate
   * would be that of the application. Where less is left at the end, the last acknowledgement may have waited for its
   * time, so that the rate is only known not to be lower.
   *
   * @param now - in milliseconds, and not 0
   */
  measure(now: number): void {
    const { piece, limits: { ackMs, partBytes } } = this
    if (this.since && this.acked >= piece) {
      // A clock may tell no time between two acknowledgements; then this is infinite.
      const rate = Math.min(this.acked * ackMs / (now - this.since), 2 * piece)
      const least = this.underWay < piece ? piece : (piece + rate) / 2
      this.piece = Math.min(Math.max(rate, least, LEAST_PIECE), partBytes) | 0
      this.since = 0
    }
    if (this.underWay < this.piece) {
      this.since = 0
    } else if (!this.since) {
      this.since = now
      this.acked = 0
    }
  }

  /** The socket is lost: nothing is under way, and the network of the next one may be slower. */
  resetPace(): void {
    this.since = this.underWay = 0
    this.piece = Math.min(this.piece, FIRST_PIECE)
  }
}
