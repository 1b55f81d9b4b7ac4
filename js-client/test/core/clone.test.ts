/**
 * Structured clone against the shared vectors, in both directions, each compared as JSON, not as text.
 * Twin: tests/core/test_clone.py
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decode, encode, type Cloned } from '../../src/core/clone/index.js'
import { ProtocolError, UnreadableError } from '../../src/core/errors.js'
import { fromHex, readVectors, toHex } from '../support/vectors.js'
import { UNBUILT } from './native-buffers.js'
import { NATIVE_VALUES } from './native-values.js'
import { assertSame } from './same.js'

interface ValueVector {
  readonly name: string
  readonly wire: string
  readonly segments?: readonly string[]
  readonly code?: number
}

const values = readVectors<ValueVector[]>('values.json')
const rejected = readVectors<ValueVector[]>('rejected_values.json')
const spelled = readVectors<(ValueVector & { readonly same: string })[]>('spelled_numbers.json')
const unreadable = readVectors<ValueVector[]>('unreadable_values.json')

/** A vector as the arguments of `decode`. */
function parts({ wire, segments = [] }: ValueVector): [unknown, unknown[], Uint8Array[]] {
  const [skeleton, fixups = []] = JSON.parse(wire) as [unknown, unknown[]?]
  return [skeleton, fixups, segments.map(fromHex)]
}

/** The result of the encoder, through JSON, in the form of a vector. */
function asWire(cloned: Cloned): unknown {
  const { skeleton, fixups, segments } = cloned
  return [JSON.parse(JSON.stringify({ skeleton, fixups })), segments.map(toHex)]
}

function wireOf(vector: ValueVector): unknown {
  const [skeleton, fixups] = parts(vector)
  return [{ skeleton, fixups }, vector.segments ?? []]
}

test('the vectors and the native values have the same names', () => {
  assert.deepEqual(Object.keys(NATIVE_VALUES).sort(), values.map(({ name }) => name).sort())
})

describe('the vectors', () => {
  for (const vector of values) {
    const native = NATIVE_VALUES[vector.name]?.()
    const skip = native === UNBUILT && 'this engine has no such value'
    test(`${vector.name} is encoded as its wire`, { skip }, () => {
      assert.deepStrictEqual(asWire(encode(native)), wireOf(vector))
    })
    test(`${vector.name} is decoded as its value`, { skip }, () => {
      assertSame(decode(...parts(vector)), native)
    })
    test(`${vector.name} is encoded again as it was received`, { skip }, () => {
      assert.deepStrictEqual(asWire(encode(decode(...parts(vector)))), wireOf(vector))
    })
  }
})

describe('the rejected vectors', () => {
  for (const vector of rejected) {
    test(`${vector.name} is refused`, () => {
      assert.throws(
        () => decode(...parts(vector)),
        (error) => error instanceof ProtocolError && error.closeCode === vector.code,
      )
    })
  }
})

describe('numbers that no encoder writes so', () => {
  for (const vector of spelled) {
    test(`${vector.name} is its IEEE value`, () => {
      assert.deepStrictEqual(asWire(encode(decode(...parts(vector)))), wireOf({ ...vector, wire: vector.same }))
    })
  }
})

describe('the vectors that a page cannot read', () => {
  for (const vector of unreadable) {
    test(`${vector.name} is no fault of the protocol`, () => {
      assert.throws(() => decode(...parts(vector)), UnreadableError)
    })
  }

  test('a segment that does not exist is a fault of the protocol, although no buffer can be built of it', () => {
    assert.throws(() => decode(null, [['b', [], 0]], []), ProtocolError)
    assert.throws(() => decode(null, [['b', [], 1, 8]], [new Uint8Array(1)]), ProtocolError)
  })
})

test('numbers are written as the feature `doubles` promises', () => {
  const large = [2 ** 53, 2 ** 53 + 2, 2 ** 60, 1e20, 2 ** 69]
  const others = [-0, 0, 1, 1.5, 5e-324, Number.MAX_SAFE_INTEGER, 1e21, Number.MAX_VALUE]
  for (const number of [...others, ...large].flatMap((each) => [each, -each])) {
    const { skeleton, fixups, segments } = encode([number])
    const text = JSON.stringify(skeleton)
    const digits = /^\[(-?\d+)\]$/.exec(text)?.[1]
    assert.ok(digits === undefined || Number.isSafeInteger(Number(digits)), text)
    assert.ok(Object.is((decode(JSON.parse(text), fixups, segments) as number[])[0], number), text)
  }
})
