/**
 * The link of one document with the server: numbers messages, keeps them until they are acknowledged, replays them on
 * the next socket and drops what comes twice (PROTOCOL.md 6.2-6.6). Large messages travel in parts: link-parcel.ts.
 *
 * Must not know sockets or time: whoever drives it gives it frames, and asks it for frames. It compares numbers only,
 * so any mixture of sockets and bodies may carry the frames. Twin: server/webipc/core/link.py
 */
import { parse, type Envelope } from '../envelope.js'
import { BufferFullError, fail, LinkEndedError, LocalError, refuseMore, ResetError } from '../errors.js'
import { encodeFrame, type EncodedMessage, type Frame } from '../frame.js'
import { DEFAULT_LIMITS, type Limits } from '../limits.js'
import { batchOf, frameSize } from './batch.js'
import { cut, isPart, Parcel } from './parcel.js'

/** The two roles: the server is MAIN, the page RENDERER. */
export const Side = { MAIN: 'main', RENDERER: 'renderer' } as const
export type Side = (typeof Side)[keyof typeof Side]

type Sendable = string | Uint8Array<ArrayBuffer>

/**
 * One end of a link, for either side. Messages arrive in the order of `post`, each once, however many sockets and
 * bodies carry them. A method that throws leaves the link as it was, except for ProtocolError: then it has to end.
 *
 * Its fields are all that it is; others read them, and only this file writes them. What a page never does is not a
 * method but a function below, so that a page need not download it.
 */
export class Link {
  /** The number of the last message that was posted. */
  last = 0
  /** The lowest number that is kept, or the one that will be used next. */
  first = 1
  /** The number that the attached socket gets next. */
  next = 1
  /** The highest number that was ever in a frame for a socket or a body. */
  handed = 0
  /** What the peer has not acknowledged, by number: a Map loses its beginning at no cost. */
  kept = new Map<number, EncodedMessage>()
  /** The sizes of what is kept. */
  keptBytes = 0
  /** The last number that was received in order; repetitions are known by it. */
  received = 0
  /** What came since the last frame that left: the peer does not know yet that it may forget this. */
  owedMessages = 0
  /** The same in bytes. */
  owedBytes = 0
  /** What has come of a message that travels in parts. */
  parcel = new Parcel()
  /** The highest attempt so far. */
  claimed = 0
  /** The socket that owns the link, or null between two. */
  attempt: number | null = null
  ended = false
  readonly #limits: Limits

  constructor(readonly side: Side, limits: Limits = DEFAULT_LIMITS) {
    this.#limits = limits
  }

  get attached(): boolean { return this.attempt !== null }
  /** True only while no numbered message of this link was handed to a socket or a body (PROTOCOL.md 6.1). */
  get fresh(): boolean { return this.handed === 0 }
  /** Something came that no frame of ours has acknowledged. */
  get ackOwed(): boolean { return this.owedMessages > 0 }
  /** So much came that a bare frame has to acknowledge it now (PROTOCOL.md 6.3). */
  get ackDue(): boolean {
    return this.owedMessages >= this.#limits.ackMessages || this.owedBytes >= this.#limits.ackBytes
  }

  /** Whether the message with this number was ever in a frame: what became of it is unknown then. */
  wasHanded(seq: number): boolean {
    return seq <= this.handed
  }

  /**
   * Numbers and keeps a message, in parts when it is large. It leaves with a later `takeFrame` or `backlog`.
   *
   * @returns the number of the message, or of its last part
   * @throws LimitError, BufferFullError, LinkEndedError: then nothing was numbered
   */
  post(message: EncodedMessage): number {
    if (this.ended) throw new LinkEndedError('The link has ended')
    const limits = this.#limits
    refuseMore('message_bytes', message.size, limits.messageBytes)
    const parts = this.#parts(message)
    const keptBytes = parts.reduce((sum, part) => sum + part.size, this.keptBytes)
    refuseMore('kept_bytes', keptBytes, limits.keptBytes, BufferFullError)
    refuseMore('kept_messages', this.kept.size + parts.length, limits.keptMessages, BufferFullError)
    for (const part of parts) this.kept.set(++this.last, part)
    this.keptBytes = keptBytes
    return this.last
  }

  /**
   * False when one side lacks what the other no longer keeps, or claims what was never sent (PROTOCOL.md 6.5, `gap`).
   *
   * @param first - the lowest number that the peer keeps; @param received - the last one that it has received
   */
  canResume(first: number, received: number): boolean {
    return first <= this.received + 1 && received >= this.first - 1 && received <= this.handed
  }

  /**
   * A socket carries the link from now on, after `hello` and `welcome`: what the peer lacks is sent again.
   *
   * @throws ResetError when the peer cannot have received just that: see `canResume`
   * @throws LocalError when a newer socket has claimed the link since
   */
  attach(attempt: number, peerReceived: number): void {
    if (attempt < this.claimed) throw new LocalError('The socket is superseded')
    if (!this.canResume(0, peerReceived)) throw new ResetError('gap')
    this.#forget(peerReceived)
    this.attempt = this.claimed = attempt
    this.next = this.first
    // Our hello or welcome has just told what we have received.
    this.#settleAck()
  }

  /** The socket is gone. Does nothing when another one owns the link by now. */
  detach(attempt: number): void {
    if (this.attempt === attempt) this.attempt = null
  }

  /** The next unsent messages as one frame for the attached socket, or null. */
  takeFrame(): Sendable | null {
    const taken = this.attached && this.#take(this.next)
    if (!taken) return null
    this.#settleAck()
    this.next = taken.next
    return taken.frame
  }

  /** An acknowledgement and a sign of life. */
  bareFrame(): string {
    this.#settleAck()
    return encodeFrame(this.last + 1, this.received, []) as string
  }

  /**
   * What is kept, oldest first, as frames for the body of a request. The socket still sends it too: the peer knows
   * repetitions by their numbers.
   *
   * @param room - how many bytes the frames may have together
   */
  backlog(room = Infinity): Sendable[] {
    const frames: Sendable[] = []
    for (let taken = this.#take(this.first, room); taken; taken = this.#take(taken.next, room)) {
      frames.push(taken.frame)
      room -= taken.size
    }
    return frames
  }

  /**
   * Takes a frame: its acknowledgement first, then the messages that are new, each once and in order.
   *
   * @param attempt - the socket that it came by, or null for the body of a request. What a socket delivers that does
   *   not own the link is ignored (PROTOCOL.md 6.4).
   * @throws ProtocolError: then the link has to end
   */
  receive({ seq, ack, messages, size }: Frame, attempt: number | null): Envelope[] {
    if (this.ended || (attempt !== null && attempt !== this.attempt)) return []
    if (!this.wasHanded(ack)) fail('wrong number')
    this.#forget(ack)
    const known = this.received + 1 - seq
    const fresh = messages.slice(Math.max(known, 0))
    if (fresh.length === 0) return []
    if (known < 0) fail('wrong number')
    const envelopes = parse(fresh, this.#limits).flatMap((envelope) => this.parcel.joined(envelope, this.#limits))
    this.received += fresh.length
    this.owedMessages += fresh.length
    this.owedBytes += size
    return envelopes
  }

  /** The link is over. @returns how many messages (parts count) the peer has not acknowledged; they are given up. */
  end(): number {
    const count = this.kept.size
    this.#forget(this.last)
    this.ended = true
    this.attempt = null
    this.parcel = new Parcel()
    return count
  }

  #forget(upTo: number): void {
    for (; this.first <= upTo; this.first++) {
      this.keptBytes -= this.kept.get(this.first)?.size ?? 0
      this.kept.delete(this.first)
    }
    // A body may have brought what the socket had not sent yet.
    this.next = Math.max(this.next, this.first)
  }

  #settleAck(): void {
    this.owedMessages = this.owedBytes = 0
  }

  /** One frame of the messages from a number on, of at most `room` bytes; and the number that is the next one's. */
  #take(seq: number, room = Infinity): { frame: Sendable, size: number, next: number } | null {
    const { messages, size } = batchOf((index) => this.kept.get(seq + index), this.#limits, room)
    const next = seq + messages.length
    if (next === seq) return null
    this.handed = Math.max(this.handed, next - 1)
    return { frame: encodeFrame(seq, this.received, messages), size, next }
  }

  /** The message itself, or the parts that its parcel is cut into. */
  #parts(message: EncodedMessage): EncodedMessage[] {
    const { partBytes, socketBytes } = this.#limits
    // Many small segments can make the frame of a small message larger than a receiver takes.
    return message.size <= partBytes && frameSize(message) <= socketBytes ? [message] : cut(message, this.#limits)
  }
}

/** For MAIN, on `hello`: true when this socket is newer than all before; what older ones deliver is ignored then. */
export function claim(link: Link, attempt: number): boolean {
  if (attempt <= link.claimed) return false
  link.claimed = attempt
  link.attempt = null
  return true
}

/**
 * Gives a kept message up under its number. Does nothing when the peer has it already, nor to a part: others of its
 * parcel may have arrived, and nothing else may come between them (PROTOCOL.md 4.3).
 */
export function replace(link: Link, seq: number, message: EncodedMessage): void {
  const old = link.kept.get(seq)
  if (!old || isPart(old)) return
  link.kept.set(seq, message)
  link.keptBytes += message.size - old.size
}

/** The fields of a link by their names; `kept` in the order of the numbers, from `first` on. */
interface Snapshot extends Readonly<Record<string, unknown>> {
  readonly first: number
  readonly kept: readonly EncodedMessage[]
  readonly parcel: object
}

/** Everything that a link is, as plain values. */
export function snapshot(link: Link): Snapshot {
  // eslint-disable-next-line @typescript-eslint/no-misused-spread -- what the prototypes have is no part of it
  return { ...link, kept: [...link.kept.values()], parcel: { ...link.parcel } }
}

/** A link that goes on where the one that made the snapshot was. */
export function restore(side: Side, limits: Limits, { kept, parcel, ...state }: Snapshot): Link {
  const numbered = kept.map((message, index) => [state.first + index, message] as const)
  const coming = Object.assign(new Parcel(), parcel)
  return Object.assign(new Link(side, limits), state, { kept: new Map(numbered), parcel: coming })
}
