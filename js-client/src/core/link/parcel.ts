/**
 * The parcel of a message that is too large for one frame: cut into parts on one side, joined on the other
 * (PROTOCOL.md 4.3).
 *
 * Must not know numbers, nor what carries a part: to link.ts it is a message like any other, but for being alone in its
 * frame. Twin: server/webipc/core/link_parcel.py
 */
import { parse, type Envelope, type Part } from '../envelope.js'
import { fail, refuseLarger, refuseMore } from '../errors.js'
import { decodeParcel, encodeParcel, sized, type EncodedMessage } from '../frame.js'
import type { Limits } from '../limits.js'

const PART = '["part",'

/** The parts that the parcel of a message is cut into. @throws LimitError when it is too large */
export function cut(message: EncodedMessage, { messageBytes, partBytes }: Limits): EncodedMessage[] {
  const parcel = encodeParcel(message)
  // Of a parcel the receiver sees only its size: what it would refuse is refused here.
  refuseMore('message_bytes', parcel.length, messageBytes)
  const parts: EncodedMessage[] = []
  for (let rest = parcel; rest.length > 0;) {
    const piece = rest.subarray(0, partBytes)
    rest = rest.subarray(partBytes)
    parts.push(sized(`${PART}${rest.length}]`, [piece]))
  }
  return parts
}

/** Whether `cut` has made it: only this file makes parts, so the kind is what the JSON begins with. */
export function isPart(message: EncodedMessage): boolean {
  return message.json.startsWith(PART)
}

/** The parcel that is coming in, if one is. */
export class Parcel {
  /** What has come of it. */
  pieces: readonly Uint8Array[] = []
  /** The bytes that it lacks; 0 when none is coming. */
  remaining = 0

  /** A message as it is; of a parcel nothing until its last part comes, and then the message that was cut. */
  joined(envelope: Envelope, limits: Limits): Envelope[] {
    if (envelope.kind === 'part') return this.#partCame(envelope, limits)
    if (this.remaining > 0) fail('wrong part')
    return [envelope]
  }

  #partCame({ remaining, segments }: Part, limits: Limits): Envelope[] {
    const size = segments.reduce((sum, piece) => sum + piece.length, remaining)
    if (size === remaining || (this.remaining > 0 && this.remaining !== size)) fail('wrong part')
    refuseLarger('message', size, limits.messageBytes)
    const pieces = [...this.pieces, ...segments]
    this.remaining = remaining
    this.pieces = remaining > 0 ? pieces : []
    const whole = remaining > 0 ? [] : parse([decodeParcel(pieces)], limits)
    if (whole[0]?.kind === 'part') fail('wrong part')
    return whole
  }
}
