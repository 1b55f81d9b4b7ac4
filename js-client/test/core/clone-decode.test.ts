/**
 * The decoder with invalid input that no vector can express: large sizes, names of prototypes, memory, mutated wires.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decode, encode } from '../../src/core/clone/index.js'
import { ProtocolError, UnreadableError } from '../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { fromHex, readVectors } from '../support/vectors.js'

interface ValueVector {
  readonly wire: string
  readonly segments?: readonly string[]
}

const isRefusal = (error: unknown): boolean => error instanceof ProtocolError && error.closeCode === 4400

function assertRefused(skeleton: unknown, fixups: unknown[] = [], limits: Partial<typeof DEFAULT_LIMITS> = {}): void {
  assert.throws(() => decode(skeleton, fixups, [], { ...DEFAULT_LIMITS, ...limits }), isRefusal)
}

function nest(levels: number): unknown {
  let value: unknown = null
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

describe('limits', () => {
  test('depth, with and without fixups', () => {
    assert.doesNotThrow(() => decode(nest(512), [], []))
    assertRefused(nest(513))
    assertRefused([nest(512)], [])
    assertRefused(nest(100_000))
  })

  test('fixups', () => {
    const fixups = (count: number): unknown[] => Array.from({ length: count }, (_, index) => ['u', [index]])
    assert.doesNotThrow(() => decode([null, null], fixups(2), [], { ...DEFAULT_LIMITS, fixups: 2 }))
    assertRefused([null, null, null], fixups(3), { fixups: 2 })
  })

  test('segments', () => {
    const segments = [new Uint8Array(1), new Uint8Array(1)]
    const fixups = [['b', [0], 0], ['b', [1], 1]]
    assert.doesNotThrow(() => decode([null, null], fixups, segments, { ...DEFAULT_LIMITS, segments: 2 }))
    assert.throws(() => decode([null, null], fixups, segments, { ...DEFAULT_LIMITS, segments: 1 }), isRefusal)
  })

  test('digits of a BigInt, its sign not counted', () => {
    assert.equal(decode('-ffff', [['n', []]], [], { ...DEFAULT_LIMITS, bigintDigits: 4 }), -0xffffn)
    assertRefused('10000', [['n', []]], { bigintDigits: 4 })
  })

  test('a large BigInt within the limit is decoded fast', () => {
    const digits = 'f'.repeat(DEFAULT_LIMITS.bigintDigits)
    assert.equal((decode(digits, [['n', []]], []) as bigint).toString(16), digits)
  })

  test('nodes, with every reference followed', () => {
    const doubled: unknown[] = [[]]
    const fixups: unknown[] = []
    for (let level = 1; level < 60; level += 1) {
      doubled.push([null, null])
      fixups.push(['@', [level, 0], [level - 1]], ['@', [level, 1], [level - 1]])
    }
    assertRefused(doubled, fixups)
  })

  test('a chain of references deeper than the stack', () => {
    const length = 50_000
    const chain: unknown[] = [[], ...Array.from({ length }, () => [null])]
    const fixups = Array.from({ length }, (_, index) => ['@', [index, 0], [index + 1]])
    chain[0] = [null]
    const limits = { ...DEFAULT_LIMITS, nodes: 1e9 }
    const unending = decode(chain.slice(0, 1000), fixups.slice(0, 999), [], limits) as unknown[][]
    assert.equal(unending[0]?.[0], unending[1])
    assertRefused(chain, fixups)
  })
})

describe('decoding does not touch', () => {
  test('prototypes', () => {
    const value = decode(JSON.parse('{"__proto__":{"polluted":1},"a":null}'), [['u', ['a']]], []) as object
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
    assert.deepEqual(Object.keys(value), ['__proto__', 'a'])
    assert.equal(Reflect.get({}, 'polluted'), undefined)
  })

  test('prototypes, where the fixup itself is at __proto__', () => {
    const value = decode(JSON.parse('[{"__proto__":[["polluted",1]]}]'), [['m', [0, '__proto__', 0]]], []) as object[]
    assert.equal(Object.getPrototypeOf(value[0]), Object.prototype)
  })

  test('the segments, which are the received frame', () => {
    const frame = new Uint8Array([9, 1, 2, 9])
    const bytes = decode(null, [['v', [], 'Uint8Array', 0, 0, 2]], [frame.subarray(1, 3)]) as Uint8Array
    assert.deepEqual(bytes, new Uint8Array([1, 2]))
    assert.equal(bytes.buffer.byteLength, 2)
    bytes[0] = 5
    assert.deepEqual(frame, new Uint8Array([9, 1, 2, 9]))
  })

  test('memory, for the length of an empty array', () => {
    const before = process.memoryUsage().rss
    const arrays = Array.from({ length: 20 }, () => decode([], [['a', [], 30_000_000]], []) as unknown[])
    assert.equal(arrays[0]?.length, 30_000_000)
    assert.ok(process.memoryUsage().rss - before < 100_000_000)
  })
})

test('a text that a fixup replaces by something else is no text', () => {
  assertRefused(['NaN', ''], [['r', []], ['f', [0]]])
  assertRefused({ message: 'NaN' }, [['e', [], 'Error'], ['f', ['message']]])
  assertRefused(['ff', 1], [['a', [], 0], ['n', [0]]])
})

test('the text of a refusal says which fixup, and quotes nothing', () => {
  assert.throws(
    () => decode([{ password: 'secret' }], [['d', [0, 'password']]], []),
    (error: ProtocolError) => error.detail === 'wrong value: fixup 0',
  )
})

/** Park and Miller's generator: the same mutations in every run. */
function randomInts(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 48271) % 2147483647
    return state % below
  }
}

describe('mutated wires', () => {
  const random = randomInts(20260101)
  const oneOf = <T>(list: readonly T[]): T => list[random(list.length)] as T
  const vectors = readVectors<ValueVector[]>('values.json').filter(({ wire }) => wire.length < 300)
  const scraps = [
    'null', '0', '-1', '1.5', '"u"', '"@"', '[]', '{}', '[0]', '["a"]', '"__proto__"', '1e9', 'true', '"NaN"',
  ]

  /** A wire with up to three words replaced: what is still JSON of it. */
  function mutate(wire: string): unknown {
    const tokens = wire.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^[\]{},:"]+/g) ?? []
    const places = tokens.flatMap((token, index) => (/^[[\]{},:]$/.test(token) ? [] : [index]))
    for (let times = random(3); times >= 0; times -= 1) tokens[oneOf(places)] = oneOf(scraps)
    try {
      return JSON.parse(tokens.join(''))
    } catch {
      return undefined
    }
  }

  function outcome({ wire, segments = [] }: ValueVector): string {
    const mutated = mutate(wire)
    if (!Array.isArray(mutated)) return 'no JSON'
    const [skeleton, fixups] = mutated as unknown[]
    const text = JSON.stringify(mutated)
    try {
      encode(decode(skeleton, Array.isArray(fixups) ? (fixups as unknown[]) : [], segments.map(fromHex)))
      return 'a value'
    } catch (error) {
      assert.ok(isRefusal(error) || error instanceof UnreadableError, `${text}: ${String(error)}`)
      return 'a refusal'
    }
  }

  test('end in a value that can be sent, or in one of the two refusals', () => {
    const outcomes = Array.from({ length: 20_000 }, () => outcome(oneOf(vectors)))
    for (const expected of ['a value', 'a refusal']) {
      assert.ok(outcomes.filter((one) => one === expected).length > 1000, `hardly ever ${expected}`)
    }
    assert.deepEqual(Object.keys(Object.prototype), [])
  })
})
