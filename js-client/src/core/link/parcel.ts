/**
 * The parcel of a message that is too large for one frame: cut into parts by the sender, joined by the receiver
 * (PROTOCOL.md 4.3). To the link a part is a message like any other, but alone in its frame.
 * Twin: server/webipc/core/link/parcel.py
 */
import { lengthOf } from '../clone/headroom.js'
import { parse, type Envelope, type Part } from '../envelope.js'
import { fail, refuseLarger, refuseMore } from '../errors.js'
import { decodeParcel, encodeParcel, sized, type EncodedMessage } from '../frame.js'
import type { Limits } from '../limits.js'

/** `message_bytes` was the size of a message without the layout of its parcel once. */
const MORE_BYTES = 1_024
const PART = '["part",'

/** Cuts the parcel of a message into parts. @throws LimitError if it is too large */
export function cut(message: EncodedMessage, { messageBytes }: Limits, bytes: number): EncodedMessage[] {
  const parcel = encodeParcel(message)
  // The receiver checks only the size of a parcel, so the same check is made here.
  refuseMore('message_bytes', parcel.length, messageBytes)
  const parts: EncodedMessage[] = []
  for (let rest = parcel; rest.length > 0;) {
    const piece = rest.subarray(0, bytes)
    rest = rest.subarray(bytes)
    parts.push(sized(`${PART}${rest.length}]`, [piece]))
  }
  return parts
}

/** Whether a message is a part. Only `cut` makes parts, so the beginning of the JSON decides. */
export function isPart(message: EncodedMessage): boolean {
  return message.json.startsWith(PART)
}

/** The parcel that is being received, if there is one. */
export class Parcel {
  /** The pieces received so far. */
  pieces: readonly Uint8Array[] = []
  /** The bytes that are missing; 0 if no parcel is being received. */
  remaining = 0

  /** @returns a message as it is; for a part nothing, until the last part completes the message that was cut */
  joined(envelope: Envelope, limits: Limits): Envelope[] {
    if (envelope.kind === 'part') return this.#receivePart(envelope, limits)
    if (this.remaining > 0) fail('wrong part')
    return [envelope]
  }

  #receivePart({ remaining, segments }: Part, limits: Limits): Envelope[] {
    const size = remaining + lengthOf(segments)
    if (size === remaining || (this.remaining > 0 && this.remaining !== size)) fail('wrong part')
    refuseLarger('message', size, limits.messageBytes + MORE_BYTES)
    const pieces = [...this.pieces, ...segments]
    this.remaining = remaining
    this.pieces = remaining > 0 ? pieces : []
    const whole = remaining > 0 ? [] : parse([decodeParcel(pieces)], limits)
    if (whole[0]?.kind === 'part') fail('wrong part')
    return whole
  }
}
