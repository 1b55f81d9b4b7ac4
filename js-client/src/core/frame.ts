/**
 * Encodes and decodes frames, which are WebSocket messages of text or bytes, and what has the same layout: the parcel
 * of a large message and the body of a request (PROTOCOL.md sections 2.4, 3 and 4.3).
 * The messages in a frame are checked by envelope.ts, their numbers by link/.
 * Twin: server/webipc/core/frame/__init__.py
 */
import { lengthOf, withRoom } from './clone/headroom.js'
import { parseJson, toJson } from './clone/json.js'
import { isCount } from './clone/skeleton.js'
import { fail, refuseLarger } from './errors.js'
import { DEFAULT_LIMITS, SERVER_LIMITS, type Limits, type ServerLimits } from './limits.js'

export { isCount }

/** A message in its encoded form: encoded once, however many frames and links carry it. */
export interface EncodedMessage {
  readonly json: string
  readonly segments: readonly Uint8Array[]
  /** In bytes: the JSON as UTF-8 and the segments. */
  readonly size: number
}

/** A received message: an unchecked array, and its segments, which are views of the frame's bytes. */
export interface RawMessage {
  readonly fields: readonly unknown[]
  readonly segments: readonly Uint8Array[]
}

/** A decoded frame: numbered messages, or one control message, or neither. */
export interface Frame {
  /** The number of the first message; without messages the next number; 0 for a control message. */
  readonly seq: number
  /** The number of the last message that the sender of the frame has received in order. */
  readonly ack: number
  readonly messages: readonly RawMessage[]
  /** The control message, for `parseControl`, or null. */
  readonly control: readonly unknown[] | null
  /** In bytes. */
  readonly size: number
  /** Neither messages nor a control message: an acknowledgement and a heartbeat. */
  readonly isBare: boolean
}

/** A value as clone/ encodes it. */
interface Encoded {
  readonly skeleton: unknown
  readonly fixups: readonly unknown[]
  readonly segments: readonly Uint8Array[]
}

const encoder = new TextEncoder()
// Without ignoreBOM the decoder would drop a byte order mark, which JSON does not allow.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Encodes one message: `encodeMessage(['send', channel], cloned)`.
 *
 * @param fields - the kind and the fixed fields before the value
 * @param cloned - the value, for the kinds that have one
 * @param tail - the elements between the value and its fixups: the ports of `post` and `port`, and the meta
 */
export function encodeMessage(
  fields: readonly unknown[], cloned?: Encoded, ...tail: readonly unknown[]
): EncodedMessage {
  const message = cloned ? [...fields, cloned.skeleton, ...tail] : fields
  const fixups = cloned?.fixups.length ? [cloned.fixups] : []
  return sized(toJson([...message, ...fixups]), cloned?.segments)
}

/** A message that is JSON already, with its size. Parts of a parcel are made so. */
export function sized(json: string, segments: readonly Uint8Array[] = []): EncodedMessage {
  return { json, segments, size: utf8Length(json) + lengthOf(segments) }
}

/** Encodes a frame of numbered messages, or a bare one; no message is encoded again. Text if there are no segments. */
export function encodeFrame(
  seq: number,
  ack: number,
  messages: readonly EncodedMessage[],
): string | Uint8Array<ArrayBuffer> {
  const elements = [seq, ack, ...messages.map((message) => message.json)].join()
  return messages.some((message) => message.segments.length > 0) ? pack(elements, messages) : `[${elements}]`
}

/** Encodes a control frame: `encodeControl(0, 'hello', {...})`, `encodeControl(41, 'bye', 12)`. */
export function encodeControl(ack: number, name: string, fields: unknown): string {
  return toJson([0, ack, [name, fields]])
}

/** The binary form of a frame, which bodies need. */
export function binaryForm(frame: string | Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return typeof frame === 'string' ? pack(frame.slice(1, -1), unpack(frame, 2)[0]) : frame
}

/** Encodes a body (PROTOCOL.md 2.4): frames in their binary form, each after its length. */
export function encodeBody(frames: readonly (string | Uint8Array<ArrayBuffer>)[]): Uint8Array<ArrayBuffer> {
  return concat(frames.map(binaryForm).flatMap((frame) => [uint32(frame.length), frame]))
}

/** Decodes a body. @throws ProtocolError 4413 if the body is too large, 4400 if the lengths or a frame are wrong */
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
 * Decodes one frame; segments are views of `data`, not copies. The messages in it are not checked.
 *
 * @throws ProtocolError 4413 if the frame is larger than `socketBytes` or has more than `frameMessages`; 4400 if it is
 *   not JSON, not such an array, or its binary layout does not add up
 */
export function decodeFrame(data: string | Uint8Array, limits: Limits = DEFAULT_LIMITS): Frame {
  const size = typeof data === 'string' ? utf8Length(data) : data.length
  refuseLarger('frame', size, limits.socketBytes)
  const [messages, [seq, ack]] = unpack(data, 2)
  refuseLarger('messages of a frame', messages.length, limits.frameMessages)
  // Checks the number of the last message too; without messages, this refuses 0.
  if (!isCount(seq) || !isCount(ack) || !isCount(seq + (messages.length - 1))) fail('wrong number')
  const control = seq === 0 ? controlOf(messages) : null
  return { seq, ack, size, control, messages: control ? [] : messages, isBare: messages.length === 0 }
}

/** The parcel of a message that is too large for a frame (PROTOCOL.md 4.3), to be cut into parts. */
export function encodeParcel(message: EncodedMessage): Uint8Array<ArrayBuffer> {
  return pack(message.json, [message])
}

/** @param pieces - of all parts, in order. @throws ProtocolError if together they are not a parcel */
export function decodeParcel(pieces: readonly Uint8Array[]): RawMessage {
  return single(unpack(concat(pieces), 0)[0])
}

function single([message, second]: readonly RawMessage[]): RawMessage {
  return message && !second ? message : fail('malformed frame')
}

function controlOf(messages: readonly RawMessage[]): readonly unknown[] {
  const { fields, segments } = single(messages)
  return segments.length === 0 ? fields : fail('malformed frame')
}

/** Lays out JSON and segments (PROTOCOL.md section 3). A single segment with room in front of it is not copied. */
function pack(
  elements: string, messages: readonly { readonly segments: readonly Uint8Array[] }[],
): Uint8Array<ArrayBuffer> {
  const lengths = messages.map(({ segments }) => segments.map((segment) => segment.length))
  const text = encoder.encode(`[${elements},${toJson(lengths)}]`)
  const segments = messages.flatMap((message) => message.segments)
  const start = 4 + text.length
  const whole = placeFor(segments, start)
  whole.set(uint32(text.length))
  whole.set(text, 4)
  let end = start
  for (const segment of segments) {
    end += padding(end)
    if (segment.buffer !== whole.buffer) whole.set(segment, end)
    end += segment.length
  }
  return whole
}

/** Where the segments go, after `start` bytes: around the only one, if it has room in front of it. */
function placeFor(segments: readonly Uint8Array[], start: number): Uint8Array<ArrayBuffer> {
  const [only, second] = segments
  const place = only && !second ? withRoom(only, start + padding(start)) : undefined
  if (place) return place
  let end = start
  for (const { length } of segments) end += padding(end) + length
  return new Uint8Array(end)
}

function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(lengthOf(chunks))
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}

type Unpacked = readonly [messages: readonly RawMessage[], elements: readonly unknown[]]

/**
 * The reverse of `pack`; `before` elements of the JSON stand before the messages. Text has no lengths and no segments.
 *
 * Calls array methods without checking for an array: no other JSON value has them, so anything else throws.
 */
function unpack(data: string | Uint8Array, before: number): Unpacked {
  try {
    const isText = typeof data === 'string'
    const end = isText ? 0 : 4 + uint32At(data, 0)
    const elements = parseJson(isText ? data : decoder.decode(data.subarray(4, end))) as unknown[]
    const segments = isText ? [] : cut(data, end, elements.pop() as number[][])
    const rows = elements.slice(before)
    if ((isText || rows.length === segments.length) && rows.every(Array.isArray)) {
      // Not `segments[index] ?? []`: a script may have given every array an element.
      const segmentsOf = (index: number): Uint8Array[] => isText ? [] : segments[index] as Uint8Array[]
      return [rows.map((fields, index) => ({ fields, segments: segmentsOf(index) })), elements]
    }
  } catch {
    // Refused below, like an array that is no frame.
  }
  return fail('malformed frame')
}

/** Segments begin at multiples of 8, after `end`. The last one ends with the data. */
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

/** Reads fewer than four bytes at the end of the data: a length there is wrong in any case. */
function uint32At(data: Uint8Array, offset: number): number {
  return data.subarray(offset, offset + 4).reduceRight((value, byte) => value * 256 + byte, 0)
}

/** The number of bytes up to the next multiple of 8. */
function padding(offset: number): number {
  return -offset & 7
}

/** The length of a well-formed string as UTF-8. The test for ASCII is cheaper than encoding. */
function utf8Length(text: string): number {
  return /[\x80-\uffff]/.test(text) ? encoder.encode(text).length : text.length
}
