/**
 * The link of one document with the server: numbers messages, keeps them until they are acknowledged, repeats them on
 * the next socket and drops duplicates (PROTOCOL.md 6.2-6.6). Large messages travel in parts: parcel.ts.
 *
 * The caller passes received frames in and takes frames to send. The link compares numbers only, so any mixture of
 * sockets and request bodies may carry the frames. Twin: server/webipc/core/link/__init__.py
 */
import { parse, type Envelope } from '../envelope.js'
import { BufferFullError, fail, LinkEndedError, LocalError, refuseMore, ResetError } from '../errors.js'
import { encodeFrame, type EncodedMessage, type Frame } from '../frame.js'
import { DEFAULT_LIMITS, type Limits } from '../limits.js'
import { batchOf, frameSize } from './batch.js'
import { Pace } from './pace.js'
import { cut, isPart, Parcel } from './parcel.js'

/** The two roles: the server is MAIN, the page RENDERER. Each is the first id of its calls and of its ports. */
export const Side = { MAIN: 2, RENDERER: 1 } as const
export type Side = (typeof Side)[keyof typeof Side]

type Sendable = string | Uint8Array<ArrayBuffer>

/**
 * One end of a link, for either side. Messages arrive in the order of `post`, each once, however many sockets and
 * bodies carry them. A method that throws leaves the link unchanged, except for ProtocolError: then it has to end.
 *
 * The fields are its whole state. Others may read them; only this file and snapshot.ts write them. What a page never
 * does is a function below or there instead of a method, so that pages do not download it.
 */
export class Link extends Pace {
  /** The number of the last message that was posted. */
  last = 0
  /** The lowest number that is kept, or the one that will be used next. */
  first = 1
  /** The number that the attached socket gets next. */
  next = 1
  /** The highest number that was ever handed to a socket or a body. */
  handed = 0
  /** The unacknowledged messages by number. A Map, because removing its first entries is cheap. */
  kept = new Map<number, EncodedMessage>()
  /** The sum of their sizes. */
  keptBytes = 0
  /** The last number that was received in order. Messages up to it are duplicates. */
  received = 0
  /** Messages received since the last frame was sent: not acknowledged yet. */
  owedMessages = 0
  /** The same in bytes. */
  owedBytes = 0
  /** The message that is being received in parts. */
  parcel = new Parcel()
  /** The highest attempt so far. */
  claimed = 0
  /** The number of the socket that owns the link, or null between two. */
  attempt: number | null = null
  ended = false

  constructor(readonly side: Side, limits: Limits = DEFAULT_LIMITS) {
    super(limits)
  }

  get attached(): boolean { return this.attempt !== null }
  /** True only while no numbered message of this link was handed to a socket or a body (PROTOCOL.md 6.1). */
  get fresh(): boolean { return this.handed === 0 }
  /** Received messages are not acknowledged yet. */
  get ackOwed(): boolean { return this.owedMessages > 0 }
  /** So much is unacknowledged that a bare frame is due now (PROTOCOL.md 6.3). */
  get ackDue(): boolean {
    return this.owedMessages >= this.limits.ackMessages || this.owedBytes >= this.limits.ackBytes
  }

  /** Whether the message with this number was ever handed to a transport; then its outcome is unknown. */
  wasHanded(seq: number): boolean {
    return seq <= this.handed
  }

  /**
   * Numbers and keeps a message, in parts if it is large. A later `takeFrame` or `backlog` returns it in a frame.
   *
   * @param piece - the size above which it is cut
   * @returns the number of the message, or of its last part
   * @throws LimitError, BufferFullError, LinkEndedError; then nothing was numbered
   */
  post(message: EncodedMessage, piece = this.piece): number {
    if (this.ended) throw new LinkEndedError('The link has ended')
    const { limits } = this
    refuseMore('message_bytes', message.size, limits.messageBytes)
    // With many small segments, the frame of a small message can be larger than a receiver accepts.
    const isWhole = message.size <= piece && frameSize(message) <= limits.socketBytes
    const parts = isWhole ? [message] : cut(message, limits, piece)
    let { keptBytes } = this
    for (const part of parts) keptBytes += part.size
    refuseMore('kept_bytes', keptBytes, limits.keptBytes, BufferFullError)
    refuseMore('kept_messages', this.kept.size + parts.length, limits.keptMessages, BufferFullError)
    for (const part of parts) this.kept.set(++this.last, part)
    this.keptBytes = keptBytes
    return this.last
  }

  /**
   * @param first - the lowest number that the peer keeps; @param received - the last number that it has received
   * @returns false if one side lacks what the other no longer keeps, or acknowledges what was never sent (PROTOCOL.md
   *   6.5, `gap`)
   */
  canResume(first: number, received: number): boolean {
    return first <= this.received + 1 && received >= this.first - 1 && received <= this.handed
  }

  /**
   * A socket owns the link from now on, after `hello` and `welcome`. What the peer lacks is sent again.
   *
   * @throws ResetError if the link cannot resume: see `canResume`
   * @throws LocalError if a newer socket has claimed the link since
   */
  attach(attempt: number, peerReceived: number): void {
    if (attempt < this.claimed) throw new LocalError('The socket is superseded')
    if (!this.canResume(0, peerReceived)) throw new ResetError('gap')
    this.#forget(peerReceived)
    this.attempt = this.claimed = attempt
    this.next = this.first
    this.resetPace()
    // This side's hello or welcome has just acknowledged everything.
    this.#settleAck()
  }

  /** The socket is gone. Does nothing if another one owns the link by now. */
  detach(attempt: number): void {
    if (this.attempt === attempt) this.attempt = null
  }

  /**
   * The next unsent messages as one frame for the attached socket, or null. While the window of the pace is full,
   * messages stay here until something is acknowledged, unless `beyondWindow`.
   */
  takeFrame(beyondWindow = false): Sendable | null {
    const open = beyondWindow || this.underWay < this.window
    const taken = this.attached && open && this.#take(this.next)
    if (!taken) return null
    this.#settleAck()
    this.next = taken.next
    this.underWay += taken.frame.length
    return taken.frame
  }

  /** A frame without messages: an acknowledgement and a heartbeat. */
  bareFrame(): string {
    this.#settleAck()
    return encodeFrame(this.last + 1, this.received, []) as string
  }

  /**
   * The kept messages, oldest first, as the frames of one body after another, each made when it is asked for; without
   * any, of one body. The socket still sends them too; the peer drops duplicates by number.
   *
   * @param room - how many bytes the frames of a body may have together
   */
  * backlog(room = Infinity): Generator<Sendable[], undefined> {
    let seq = this.first
    let frames: Sendable[]
    do {
      frames = []
      let left = room
      for (let taken = this.#take(seq, left); taken; taken = this.#take(seq, left)) {
        frames.push(taken.frame)
        left -= taken.size
        seq = taken.next
      }
      yield frames
    } while (frames[0] && seq <= this.last)
  }

  /**
   * The peer has taken nothing above what it has acknowledged, and never will (PROTOCOL.md 6.5): no message above was
   * handed to it, except up to `carried`.
   */
  retract(carried: number): void {
    this.handed = Math.max(this.first - 1, carried)
  }

  /**
   * Takes a received frame: first its acknowledgement, then its messages.
   *
   * @param attempt - the number of its socket, or null for the body of a request. Frames of a socket that does not own
   *   the link are ignored (PROTOCOL.md 6.4).
   * @returns the new messages, each once and in order
   * @throws ProtocolError; then the link has to end
   */
  receive({ seq, ack, messages, size }: Frame, attempt: number | null): Envelope[] {
    if (this.ended || (attempt !== null && attempt !== this.attempt)) return []
    if (!this.wasHanded(ack)) fail('wrong number')
    this.#forget(ack)
    const known = this.received + 1 - seq
    const fresh = messages.slice(Math.max(known, 0))
    if (fresh.length === 0) return []
    if (known < 0) fail('wrong number')
    const envelopes = parse(fresh, this.limits).flatMap((envelope) => this.parcel.joined(envelope, this.limits))
    this.received += fresh.length
    this.owedMessages += fresh.length
    this.owedBytes += size
    return envelopes
  }

  /** Ends the link. @returns how many messages (parts count) are given up because they were not acknowledged */
  end(): number {
    const count = this.kept.size
    this.#forget(this.last)
    this.ended = true
    this.attempt = null
    this.parcel = new Parcel()
    return count
  }

  #forget(upTo: number): void {
    const { keptBytes } = this
    for (; this.first <= upTo; this.first++) {
      this.keptBytes -= this.kept.get(this.first)?.size ?? 0
      this.kept.delete(this.first)
    }
    const size = keptBytes - this.keptBytes
    this.acked += size
    this.underWay = this.first < this.next ? Math.max(this.underWay - size, 0) : 0
    // A body may have delivered what the socket has not sent yet.
    this.next = Math.max(this.next, this.first)
  }

  #settleAck(): void {
    this.owedMessages = this.owedBytes = 0
  }

  /** One frame of the messages from `seq` on, of at most `room` bytes, and the number after its last message. */
  #take(seq: number, room = Infinity): { frame: Sendable, size: number, next: number } | null {
    const { messages, size } = batchOf((index) => this.kept.get(seq + index), this.limits, room)
    const next = seq + messages.length
    if (next === seq) return null
    this.handed = Math.max(this.handed, next - 1)
    return { frame: encodeFrame(seq, this.received, messages), size, next }
  }
}

/** For MAIN, on `hello`: true if this socket is newer than all before. Then frames of older ones are ignored. */
export function claim(link: Link, attempt: number): boolean {
  if (attempt <= link.claimed) return false
  link.claimed = attempt
  link.attempt = null
  return true
}

/**
 * Replaces a kept message under its number. Does nothing if the peer has acknowledged it, nor to a part: other parts of
 * its parcel may have arrived, and no other message may stand between them (PROTOCOL.md 4.3).
 */
export function replace(link: Link, seq: number, message: EncodedMessage): void {
  const old = link.kept.get(seq)
  if (!old || isPart(old)) return
  link.kept.set(seq, message)
  link.keptBytes += message.size - old.size
}
