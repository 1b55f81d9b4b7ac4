/**
 * Shared by the tests of the link: makes links in some state and received frames, and reads sent ones.
 */
import { encodeFrame, encodeMessage, decodeFrame, type EncodedMessage, type Frame } from '../../src/core/frame.js'
import type { Envelope } from '../../src/core/envelope.js'
import { ProtocolError } from '../../src/core/errors.js'
import { DEFAULT_LIMITS, type Limits } from '../../src/core/limits.js'
import { Link, Side } from '../../src/core/link/index.js'

const withLimits = (limits: Partial<Limits>): Limits => ({ ...DEFAULT_LIMITS, ...limits })
export const refusal = (closeCode: number) => (error: unknown): boolean =>
  error instanceof ProtocolError && error.closeCode === closeCode

export function send(value: unknown, ...segments: Uint8Array[]): EncodedMessage {
  const fixups = segments.map((_, index) => ['b', [index], index])
  return encodeMessage(['send', 'c'], { skeleton: [value], fixups, segments })
}

export function attached(limits: Partial<Limits> = {}, side: Side = Side.RENDERER): Link {
  const link = new Link(side, withLimits(limits))
  link.attach(1, 0)
  return link
}

export function posted(count: number, limits: Partial<Limits> = {}): Link {
  const link = attached(limits)
  for (let index = 1; index <= count; index++) link.post(send(index))
  return link
}

export function frames(link: Link): Frame[] {
  const taken: Frame[] = []
  for (let frame = link.takeFrame(); frame !== null; frame = link.takeFrame()) taken.push(decodeFrame(frame))
  return taken
}

/** The first argument of each `send`. */
export function firsts(envelopes: readonly Envelope[]): unknown[] {
  return envelopes.map((envelope) => envelope.kind === 'send' ? (envelope.value as unknown[])[0] : envelope.kind)
}

/** The frames of the first body of what is kept. */
export function bodyOf(link: Link, room?: number): (string | Uint8Array<ArrayBuffer>)[] {
  return link.backlog(room).next().value ?? []
}

export const incoming = (seq: number, ack: number, ...values: unknown[]): Frame =>
  decodeFrame(encodeFrame(seq, ack, values.map((value) => send(value))))

export const part = (seq: number, remaining: number, size: number): Frame =>
  decodeFrame(encodeFrame(seq, 0, [encodeMessage(['part'], {
    skeleton: remaining, fixups: [], segments: [new Uint8Array(size)],
  })]))
