/**
 * What travels as one WebSocket message, in its two forms, and what is made of the same layout: the parcel of a large
 * message and the body of a request (PROTOCOL.md sections 2.4, 3 and 4.3). The only place that parses JSON.
 *
 * Must not know what a message means: that is envelope.ts, and whether its number is right is link.ts.
 * Twin: server/webipc/core/frame.py
 */
import { isCount } from './clone/skeleton.js'
import { fail, refuseLarger } from './errors.js'
import { DEFAULT_LIMITS, SERVER_LIMITS, type Limits, type ServerLimits } from './limits.js'

export { isCount }

/** A message ready to be sent: encoded once, however many frames and links carry it. */
export interface EncodedMessage {
  readonly json: string
  readonly segments: readonly Uint8Array[]
  /** Bytes: the JSON as UTF-8 and the segments. */
  readonly size: number
}

/** A message as it came: an array nobody has looked into, and its segments, which are views of the frame's bytes. */
export interface RawMessage {
  readonly fields: readonly unknown[]
  readonly segments: readonly Uint8Array[]
}

/** A frame taken apart: numbered messages, or one control message, or nothing. */
export interface Frame {
  /** Number of the first message; without messages the one that is used next; 0 before a control message. */
  readonly seq: number
  /** The number of the last message that the sender of the frame has received in order. */
  readonly ack: number
  readonly messages: readonly RawMessage[]
  /** The control message, for `parseControl`, or null. */
  readonly control: readonly unknown[] | null
  /** Bytes. */
  readonly size: number
  /** Neither messages nor a control message: an acknowledgement and a sign of life. */
  readonly isBare: boolean
}

/** The value of a message as clone.ts encoded it. */
interface Encoded {
  readonly skeleton: unknown
  readonly fixups: readonly unknown[]
  readonly segments: readonly Uint8Array[]
}

const encoder = new TextEncoder()
// Without ignoreBOM the decoder would swallow the three bytes of a byte order mark, which JSON does not allow.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Encodes one message: `encodeMessage(['send', channel], cloned)`.
 *
 * @param fields - the kind and the fixed fields before the value
 * @param cloned - the value, for the kinds that have one
 * @param tail - what stands between the value and its fixups: the ports of `post` and `port`, and the meta
 */
export function encodeMessage(
  fields: readonly unknown[], cloned?: Encoded, ...tail: readonly unknown[]
): EncodedMessage {
  const message = cloned ? [...fields, cloned.skeleton, ...tail] : fields
  const fixups = cloned?.fixups.length ? [cloned.fixups] : []
  return sized(JSON.stringify([...message, ...fixups]), cloned?.segments)
}

/** A message that already is JSON, with its size: the parts of a parcel. */
export function sized(json: string, segments: readonly Uint8Array[] = []): EncodedMessage {
  return { json, segments, size: segments.reduce((sum, segment) => sum + segment.length, utf8Length(json)) }
}

/** A frame of numbered messages, or a bare one; nothing is encoded a second time. Text when no segments travel. */
export function encodeFrame(
  seq: number,
  ack: number,
  messages: readonly EncodedMessage[],
): string | Uint8Array<ArrayBuffer> {
  const elements = [seq, ack, ...messages.map((message) => message.json)].join()
  return messages.some((message) => message.segments.length > 0) ? pack(elements, messages) : `[${elements}]`
}

/** A control frame: `encodeControl(0, 'hello', {...})`, `encodeControl(41, 'bye', 12)`. */
export function encodeControl(ack: number, name: string, fields: unknown): string {
  return JSON.stringify([0, ack, [name, fields]])
}

/** The same frame in its binary form, which bodies need. */
export function binaryForm(frame: string | Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return typeof frame === 'string' ? pack(frame.slice(1, -1), unpack(frame, 2).messages) : frame
}

/** A body (PROTOCOL.md 2.4): frames in their binary form, each behind its length. */
export function encodeBody(frames: readonly (string | Uint8Array<ArrayBuffer>)[]): Uint8Array<ArrayBuffer> {
  return concat(frames.map(binaryForm).flatMap((frame) => [uint32(frame.length), frame]))
}

/** @throws ProtocolError 4413 when the body is too large, 4400 when the lengths or a frame are wrong. */
export function decodeBody(
  body: Uint8Array, limits: Limits & Partial<ServerLimits> = DEFAULT_LIMITS,
): Frame[] {
  refuseLarger('body', body.length, limits.bodyBytes ?? SERVER_LIMITS.bodyBytes)
  const frames: Frame[] = []
  for (let offset = 0; offset < body.length;) {
    const end = offset + 4 + uint32At(body, offset)
    if (end > body.length) fail('a frame is longer than its body')
    frames.push(decodeFrame(body.subarray(offset + 4, end), limits))
    offset = end
  }
  return frames
}

/**
 * Takes one frame apart; segments are views of `data`, not copies.
 *
 * @throws ProtocolError 4413 when the frame is larger than `socketBytes`; 4400 when it is not JSON, not such an array,
 *   or its binary layout does not add up. What the messages say is not looked at.
 */
export function decodeFrame(data: string | Uint8Array, limits: Limits = DEFAULT_LIMITS): Frame {
  const size = typeof data === 'string' ? utf8Length(data) : data.length
  refuseLarger('frame', size, limits.socketBytes)
  const { elements: [seq, ack], messages } = unpack(data, 2)
  // The number of the last message too; without one, this refuses 0.
  if (!isCount(seq) || !isCount(ack) || !isCount(seq + (messages.length - 1))) fail('wrong number')
  const control = seq === 0 ? controlOf(messages) : null
  return { seq, ack, size, control, messages: control ? [] : messages, isBare: messages.length === 0 }
}

/** The parcel of a message that is too large for a frame (PROTOCOL.md 4.3), to be cut into parts. */
export function encodeParcel(message: EncodedMessage): Uint8Array<ArrayBuffer> {
  return pack(message.json, [message])
}

/** @param pieces - those of all parts, in their order. @throws ProtocolError when together they are not a parcel. */
export function decodeParcel(pieces: readonly Uint8Array[]): RawMessage {
  return single(unpack(concat(pieces), 0).messages)
}

function single([message, second]: readonly RawMessage[]): RawMessage {
  return message && !second ? message : fail('malformed frame')
}

function controlOf(messages: readonly RawMessage[]): readonly unknown[] {
  const { fields, segments } = single(messages)
  return segments.length === 0 ? fields : fail('malformed frame')
}

/** Lays out JSON and segments as PROTOCOL.md section 3 says; the one copy that is made of a segment on its way out. */
function pack(
  elements: string, messages: readonly { readonly segments: readonly Uint8Array[] }[],
): Uint8Array<ArrayBuffer> {
  const lengths = messages.map(({ segments }) => segments.map((segment) => segment.length))
  const text = encoder.encode(`[${elements},${JSON.stringify(lengths)}]`)
  const chunks: Uint8Array[] = [uint32(text.length), text]
  let end = 4 + text.length
  for (const segment of messages.flatMap(({ segments }) => segments)) {
    chunks.push(new Uint8Array(padding(end)), segment)
    end += padding(end) + segment.length
  }
  return concat(chunks)
}

function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}

interface Unpacked {
  readonly elements: readonly unknown[]
  readonly messages: readonly RawMessage[]
}

/**
 * The reverse of `pack`, where `before` elements of the JSON stand before the messages. Text is the same without
 * lengths and bytes.
 *
 * Uses as an array what has to be one: nothing else in JSON has an array's methods, so anything else throws.
 */
function unpack(data: string | Uint8Array, before: number): Unpacked {
  try {
    const isText = typeof data === 'string'
    const end = isText ? 0 : 4 + uint32At(data, 0)
    const elements = JSON.parse(isText ? data : decoder.decode(data.subarray(4, end))) as unknown[]
    const segments = isText ? [] : cut(data, end, elements.pop() as number[][])
    const rows = elements.slice(before)
    if ((isText || rows.length === segments.length) && rows.every(Array.isArray)) {
      return { elements, messages: rows.map((fields, index) => ({ fields, segments: segments[index] ?? [] })) }
    }
  } catch {
    // Told below, together with what only looks like a frame.
  }
  return fail('malformed frame')
}

/** Segments begin at multiples of 8 from `end` on, and the last one ends where the data end. */
function cut(data: Uint8Array, end: number, lengths: readonly (readonly number[])[]): Uint8Array[][] {
  const segments = lengths.map((list) => list.map((length) => {
    const start = end + padding(end)
    end = isCount(length) ? start + length : NaN
    return data.subarray(start, end)
  }))
  return end === data.length ? segments : fail('malformed frame')
}

function uint32(value: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(value, value >> 8, value >> 16, value >> 24)
}

/** Of what ends before its fourth byte, the bytes that are there: the length that they make is wrong in any case. */
function uint32At(data: Uint8Array, offset: number): number {
  return data.subarray(offset, offset + 4).reduceRight((value, byte) => value * 256 + byte, 0)
}

/** How many bytes are missing to the next multiple of 8. */
function padding(offset: number): number {
  return -offset & 7
}

/** The bytes that a well-formed string has as UTF-8. Looking whether it is ASCII is cheaper than encoding it. */
function utf8Length(text: string): number {
  return /[\x80-\uffff]/.test(text) ? encoder.encode(text).length : text.length
}
