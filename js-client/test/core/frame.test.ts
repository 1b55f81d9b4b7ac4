/**
 * Frames, bodies and parcels against the shared vectors, in both directions, and cases too large for a vector.
 * Twin: tests/core/test_frame.py
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encode } from '../../src/core/clone/index.js'
import { parse, parseControl, parsePageControl } from '../../src/core/envelope.js'
import { ProtocolError } from '../../src/core/errors.js'
import {
  binaryForm, decodeBody, decodeFrame, decodeParcel, encodeBody, encodeControl, encodeFrame, encodeMessage,
  encodeParcel, sized, type EncodedMessage,
} from '../../src/core/frame.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { fromHex, readVectors, toHex } from '../support/vectors.js'

interface FrameVector {
  readonly name: string
  readonly text?: string
  readonly hex?: string
  readonly seq: number
  readonly ack: number
  readonly messages: readonly string[]
  readonly segments: readonly (readonly string[])[]
}

interface RejectedVector {
  readonly name: string
  readonly text?: string
  readonly hex?: string
  readonly code: number
}

const frames = readVectors<FrameVector[]>('frames.json')
const rejected = readVectors<RejectedVector[]>('rejected_frames.json')

const dataOf = ({ text, hex }: { text?: string, hex?: string }): string | Uint8Array => text ?? fromHex(hex ?? '')
const withCode = (code: number) => (error: unknown): boolean =>
  error instanceof ProtocolError && error.closeCode === code

const bytesMessage = (...segments: Uint8Array[]): EncodedMessage =>
  encodeMessage(['send', 'b'], { skeleton: [null], fixups: [['b', [0], 0]], segments })

describe('frames of the vectors', () => {
  for (const vector of frames) {
    test(`${vector.name} is decoded`, () => {
      const frame = decodeFrame(dataOf(vector))
      const raw = frame.control ? [{ fields: frame.control, segments: [] }] : frame.messages
      assert.equal(frame.seq, vector.seq)
      assert.equal(frame.ack, vector.ack)
      assert.deepEqual(raw.map(({ fields }) => fields), vector.messages.map((json) => JSON.parse(json) as unknown))
      assert.deepEqual(raw.map(({ segments }) => segments.map(toHex)), vector.segments)
      assert.equal(frame.isBare, vector.messages.length === 0)
      assert.equal(frame.size, Buffer.from(dataOf(vector) as string).length)
    })

    test(`${vector.name} is encoded`, () => {
      const messages = vector.messages.map((json, index) => sized(json, (vector.segments[index] ?? []).map(fromHex)))
      const frame = encodeFrame(vector.seq, vector.ack, messages)
      if (vector.text !== undefined) {
        assert.deepEqual(JSON.parse(frame as string), JSON.parse(vector.text))
      } else {
        assert.equal(toHex(binaryForm(frame)), vector.hex)
      }
    })
  }
})

describe('frames that are refused', () => {
  for (const vector of rejected) {
    test(vector.name, () => {
      assert.throws(() => {
        const frame = decodeFrame(dataOf(vector))
        parse(frame.messages)
        const isPage = ['hello', 'bye'].includes(String(frame.control?.[0]))
        if (frame.control) (isPage ? parsePageControl : parseControl)(frame.control)
      }, withCode(vector.code))
    })
  }
})

describe('messages', () => {
  test('a message has its fields, its value, its tail, its meta and its fixups in this order', () => {
    const cloned = { skeleton: [null], fixups: [['u', [0]]], segments: [] }
    const message = encodeMessage(['post', 'c'], cloned, [7], { deadline: 5 })
    assert.equal(message.json, '["post","c",[null],[7],{"deadline":5},[["u",[0]]]]')
  })

  test('fixups are absent when there are none, and a value may be missing', () => {
    assert.equal(encodeMessage(['result', 1], { skeleton: 3, fixups: [], segments: [] }).json, '["result",1,3]')
    assert.deepEqual(encodeMessage(['void']), { json: '["void"]', segments: [], size: 8 })
  })

  test('the size counts the bytes of UTF-8 and of segments, in short texts and in long ones', () => {
    for (const text of ['', 'a', 'ü', '中', '😀', '\ud800', '\u07ff\u0800\ud7ff\ue000\uffff']) {
      for (const repeated of [text, text.repeat(300)]) {
        const message = encodeMessage(['send', repeated], { skeleton: [], fixups: [], segments: [new Uint8Array(5)] })
        assert.equal(message.size, Buffer.byteLength(message.json) + 5)
      }
    }
  })
})

describe('large and small frames', () => {
  test('segments are views of the frame that was received, wherever it lies in its buffer', () => {
    const frame = encodeFrame(1, 0, [bytesMessage(Uint8Array.of(1, 2, 3))]) as Uint8Array
    const moved = new Uint8Array(frame.length + 3).subarray(3)
    moved.set(frame)
    const [segment] = decodeFrame(moved).messages[0]?.segments ?? []
    assert.deepEqual(segment, Uint8Array.of(1, 2, 3))
    assert.equal(segment.buffer, moved.buffer)
  })

  test('a frame of just the allowed size is taken, and one byte more is refused', () => {
    for (const frame of ['[1,0,["send","c",["ü"]]]', encodeFrame(1, 0, [bytesMessage(new Uint8Array(9))])]) {
      const size = typeof frame === 'string' ? Buffer.byteLength(frame) : frame.length
      assert.equal(decodeFrame(frame, { ...DEFAULT_LIMITS, socketBytes: size }).size, size)
      assert.throws(() => decodeFrame(frame, { ...DEFAULT_LIMITS, socketBytes: size - 1 }), withCode(4413))
    }
  })

  test('a control frame holds its name and its fields', () => {
    assert.equal(encodeControl(41, 'bye', 12), '[0,41,["bye",12]]')
    assert.deepEqual(decodeFrame(encodeControl(0, 'reset', { reason: 'gap' })).control, ['reset', { reason: 'gap' }])
  })
})

describe('a large buffer', () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index)
  const large = () => encodeMessage(['send', 'a'], encode([bytes]))
  /** The same message, whose segment has no room in front of it. */
  const copied = { ...large(), segments: [bytes] }

  test('is sent without a copy, with the head in front of it', () => {
    const message = large()
    const frame = encodeFrame(1, 0, [message]) as Uint8Array
    assert.equal(frame.buffer, message.segments[0]?.buffer)
    assert.deepEqual(frame, encodeFrame(1, 0, [copied]))
  })
  test('is copied when it is sent again: no frame changes', () => {
    const message = large()
    const first = encodeFrame(1, 0, [message]) as Uint8Array
    for (const [seq, ack] of [[1_000_000, 1_000_000], [7, 1], [12_345, 12], [1, 0]] as const) {
      assert.deepEqual(encodeFrame(seq, ack, [message]), encodeFrame(seq, ack, [copied]))
    }
    assert.deepEqual(first, encodeFrame(1, 0, [copied]))
    assert.deepEqual(message.segments, copied.segments)
  })
  test('is copied next to another message, and behind a head that is longer than the room', () => {
    const message = large()
    const two = encodeFrame(1, 0, [message, message]) as Uint8Array
    assert.notEqual(two.buffer, message.segments[0]?.buffer)
    assert.deepEqual(two, encodeFrame(1, 0, [copied, copied]))
    const long = encodeMessage(['send', 'a'.repeat(600)], encode([bytes]))
    assert.deepEqual(decodeFrame(encodeFrame(1, 0, [long])).messages[0]?.segments[0], bytes)
  })
  test('is independent of what the application does with it afterwards', () => {
    const own = bytes.slice()
    const sent = encodeMessage(['send', 'a'], encode([own]))
    own.fill(0)
    assert.deepEqual(decodeFrame(encodeFrame(1, 0, [sent])).messages[0]?.segments[0], bytes)
  })
})

describe('bodies', () => {
  const messages = [encodeMessage(['void']), bytesMessage(Uint8Array.of(7))]
  const rows = [encodeControl(0, 'bye', 2), encodeFrame(1, 0, messages)]

  test('a body is a sequence of binary frames, each after its length', () => {
    const [bye, numbered] = decodeBody(encodeBody(rows))
    assert.deepEqual(bye?.control, ['bye', 2])
    assert.deepEqual(numbered?.messages.map(({ segments }) => segments.map(toHex)), [[], ['07']])
    const text = '[0,0,["bye",2],[[]]]'
    assert.equal(toHex(encodeBody(rows.slice(0, 1))), `1800000014000000${Buffer.from(text).toString('hex')}`)
  })

  test('a body without a frame is empty', () => {
    assert.deepEqual(decodeBody(encodeBody([])), [])
  })

  test('a body that ends within a frame or within a length is refused', () => {
    const body = encodeBody(rows)
    for (let end = 1; end < body.length; end++) {
      if (end !== 28) assert.throws(() => decodeBody(body.subarray(0, end)), withCode(4400), `cut at ${end}`)
    }
  })

  test('a body that is too large is refused', () => {
    const body = encodeBody(rows)
    assert.throws(() => decodeBody(body, { ...DEFAULT_LIMITS, bodyBytes: body.length - 1 }), withCode(4413))
  })
})

describe('parcels', () => {
  test('a parcel is a message after the length of its JSON, and may arrive in pieces', () => {
    const message = bytesMessage(Uint8Array.of(1, 2), Uint8Array.of(3))
    const parcel = encodeParcel(message)
    for (const pieces of [[parcel], [parcel.subarray(0, 5), parcel.subarray(5)]]) {
      const raw = decodeParcel(pieces)
      assert.deepEqual(raw.fields, JSON.parse(message.json))
      assert.deepEqual(raw.segments, message.segments)
    }
  })

  test('a message without segments has one empty list of lengths', () => {
    assert.equal(Buffer.from(encodeParcel(encodeMessage(['void'])).subarray(4)).toString(), '[["void"],[[]]]')
  })

  test('an invalid parcel is refused', () => {
    const wrong = ['[]', '[[]]', '[[[]]]', '[["void"],["void"],[[],[]]]', '[5,[[]]]', '{}', '[["void"],[[1]]]']
    for (const json of wrong) {
      const parcel = Buffer.concat([Buffer.from([json.length, 0, 0, 0]), Buffer.from(json)])
      assert.throws(() => decodeParcel([parcel]), withCode(4400), json)
    }
  })
})
