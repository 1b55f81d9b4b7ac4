/**
 * Messages and control messages against the shared vectors, and cases too large for a vector.
 * Twin: tests/core/test_envelope.py
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeValue, parse, parseControl, parsePageControl, type Envelope } from '../../src/core/envelope.js'
import { ProtocolError } from '../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { fromHex, readVectors } from '../support/vectors.js'

interface Vector {
  readonly name: string
  readonly wire: string
  readonly segments?: readonly string[]
  readonly fields: Readonly<Record<string, unknown>>
}

const vectors = readVectors<Vector[]>('envelopes.json')
const CONTROLS: Readonly<Record<string, (control: readonly unknown[]) => object>> = {
  hello: parsePageControl, bye: parsePageControl, await: parsePageControl,
  welcome: parseControl, reset: parseControl, reload: parseControl,
}
const refusal = (closeCode: number) => (error: unknown): boolean =>
  error instanceof ProtocolError && error.closeCode === closeCode

function parseOne(fields: readonly unknown[], segments: readonly Uint8Array[] = []): Envelope | undefined {
  return parse([{ fields, segments }])[0]
}

/** The fields that the vector has: neither `undefined` nor empty ones. */
function told(parsed: object): Record<string, unknown> {
  const { segments: _segments, ...fields } = parsed as Record<string, unknown>
  if (fields['meta'] === null) delete fields['meta']
  if (Array.isArray(fields['fixups']) && fields['fixups'].length === 0) delete fields['fixups']
  return Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== undefined))
}

describe('the vectors', () => {
  for (const { name, wire, segments = [], fields } of vectors) {
    test(name, () => {
      const raw = JSON.parse(wire) as unknown[]
      const bytes = segments.map(fromHex)
      const parsed = CONTROLS[String(raw[0])]?.(raw) ?? parseOne(raw, bytes)
      assert.deepEqual(told(parsed ?? {}), fields)
      if (parsed && 'segments' in parsed) assert.deepEqual(parsed.segments, bytes)
    })
  }

  test('every kind is among them', () => {
    const kinds = new Set(vectors.map(({ fields }) => fields['kind']))
    assert.equal(kinds.size, 12 + Object.keys(CONTROLS).length)
  })
})

describe('limits', () => {
  const limits = { ...DEFAULT_LIMITS, channelLength: 3, segments: 2, fixups: 3 }
  const cases: [string, unknown[], number][] = [
    ['a channel', ['send', 'four', []], 0],
    ['segments', ['send', 'c', [], [['b', [0], 0]]], 3],
    ['fixups', ['send', 'c', [], [0, 1, 2, 3].map((index) => ['u', [index]])], 0],
  ]
  for (const [name, fields, count] of cases) {
    test(`too much of ${name} is refused as too large`, () => {
      const message = { fields, segments: Array.from({ length: count }, () => new Uint8Array(1)) }
      assert.equal(parse([message]).length, 1)
      assert.throws(() => parse([message], limits), refusal(4413))
    })
  }
})

describe('received messages', () => {
  test('one wrong message refuses the whole frame', () => {
    const right = { fields: ['void'], segments: [] }
    assert.throws(() => parse([right, { fields: ['void', 1], segments: [] }]), refusal(4400))
  })

  test('keys of hello and welcome that are not known are ignored', () => {
    const control = parseControl(['reset', { reason: 'gap', later: 1 }])
    assert.deepEqual(control, { kind: 'reset', reason: 'gap' })
  })

  test('a kind that is an object with its own toString is refused, not run', () => {
    assert.throws(() => parseOne([{ toString: 1 }, 'c', []]), refusal(4400))
    assert.throws(() => parseControl([{ toString: 1 }, {}]), refusal(4400))
    assert.throws(() => parsePageControl([{ toString: 1 }, {}]), refusal(4400))
  })

  test('the text of a refusal does not contain the secret', () => {
    const secret = 'not a proper secret'
    const hello = { link: '0'.repeat(32), secret }
    assert.throws(() => parsePageControl(['hello', hello]), (error: Error) => !error.message.includes(secret))
  })

  test('decodeValue decodes the value with its fixups', () => {
    const envelope = parseOne(['send', 'c', [1700000000123], [['d', [0]]]])
    assert.ok(envelope?.kind === 'send')
    assert.deepEqual(decodeValue(envelope), [new Date(1700000000123)])
  })
})
