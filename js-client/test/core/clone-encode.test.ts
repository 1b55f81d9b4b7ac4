/**
 * The encoder in cases that no vector can express: refused values, what is read and how often, classes, Proxies, other
 * realms, limits. Compared with the engine's own `structuredClone` where that applies.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import { decode, encode } from '../../src/core/clone/index.js'
import { CloneError, LimitError } from '../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { bufferOf, resize } from './native-buffers.js'
import { assertSame } from './same.js'

/** Encodes and decodes, through JSON. */
function copy(value: unknown): unknown {
  const { skeleton, fixups, segments } = encode(value)
  const [sent, sentFixups] = JSON.parse(JSON.stringify([skeleton, fixups])) as [unknown, unknown[]]
  return decode(sent, sentFixups, segments)
}

/** The path and the reason with which a value is refused. */
function refusal(value: unknown, root?: string): string {
  try {
    encode(value, DEFAULT_LIMITS, root)
  } catch (error) {
    assert.ok(error instanceof CloneError, String(error))
    assert.equal(error.message, `An object could not be cloned. ${error.path}: ${error.reason}`)
    return `${error.path}: ${error.reason}`
  }
  return 'nothing was refused'
}

const realm = createContext({})
const foreign = (source: string): unknown => runInContext(`(${source})`, realm)
// eslint-disable-next-line prefer-rest-params -- an arguments object is needed
const argumentsObject = function (): unknown { return arguments }
const detached = (): ArrayBuffer => {
  const buffer = new ArrayBuffer(8)
  structuredClone(buffer, { transfer: [buffer] })
  return buffer
}

describe('refused', () => {
  const reasons: [string, unknown, string][] = [
    ['a function', () => 0, 'a function'],
    ['a class', Map, 'a function'],
    ['a symbol', Symbol('x'), 'a symbol'],
    ['a boxed symbol', Object(Symbol('x')), 'a Symbol'],
    ['a Promise', Promise.resolve(), 'a Promise'],
    ['a WeakMap', new WeakMap(), 'a WeakMap'],
    ['a WeakSet', new WeakSet(), 'a WeakSet'],
    ['a WeakRef', new WeakRef({}), 'a WeakRef'],
    ['a FinalizationRegistry', new FinalizationRegistry(() => 0), 'a FinalizationRegistry'],
    ['a generator', (function* () { yield 0 })(), 'a Generator'],
    ['an async generator', (async function* () { yield await Promise.resolve(0) })(), 'an AsyncGenerator'],
    ['an iterator of an array', [][Symbol.iterator](), 'an Array Iterator'],
    ['an iterator of a Map', new Map().keys(), 'a Map Iterator'],
    ['an arguments object', argumentsObject(), 'an arguments object'],
    ['a SharedArrayBuffer', new SharedArrayBuffer(1), 'a SharedArrayBuffer'],
    ['a view of a SharedArrayBuffer', new Uint8Array(new SharedArrayBuffer(1)), 'a SharedArrayBuffer'],
    ['an Intl object', new Intl.NumberFormat(), 'a NumberFormat'],
    ['WebAssembly memory', new WebAssembly.Memory({ initial: 0 }), 'a Memory'],
    ['a platform object', new MessageChannel().port1, 'a MessagePort'],
    ['an instance of a subclass of a Promise', new (class Task extends Promise<void> {})(() => 0), 'a Promise'],
    ['a detached ArrayBuffer', detached(), 'a detached ArrayBuffer'],
    ['a Proxy of a Date', new Proxy(new Date(), {}), 'a Proxy of a Date'],
    ['a Proxy of a Map', new Proxy(new Map(), {}),
      'an object that threw TypeError: Method Map.prototype.forEach called on incompatible receiver #<Map>'],
    ['a Proxy of a Promise', new Proxy(Promise.resolve(), {}), 'a Promise'],
    ['a foreign Promise', foreign('Promise.resolve()'), 'a Promise'],
  ]
  for (const [name, value, reason] of reasons) {
    test(name, () => {
      assert.equal(refusal([value]), `args[0]: ${reason}`)
      // Engines share such memory between threads; between processes it cannot be shared.
      if (!reason.includes('SharedArrayBuffer')) assert.throws(() => structuredClone(value), 'the engine clones it')
    })
  }

  test('a view of a detached buffer', () => {
    const view = new DataView(new ArrayBuffer(8))
    structuredClone(view, { transfer: [view.buffer] })
    assert.equal(refusal(view), 'args: a detached ArrayBuffer')
  })

  test('a view that its shrunk buffer left out of bounds', () => {
    const buffer = bufferOf('0001020304050607', 8)
    const views = [new Uint8Array(buffer, 4, 4), new DataView(buffer, 4, 4)]
    resize(buffer, 4)
    for (const view of views) assert.equal(refusal(view), 'args: a view outside of its buffer')
  })

  test('a revoked Proxy', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    assert.match(refusal([proxy]), /^args\[0\]: an object that threw TypeError/)
  })

  test('what throws when it is read', () => {
    const value = { user: { get save() { throw new RangeError('no') } } }
    assert.equal(refusal([1, value]), 'args[1].user.save: a getter that threw RangeError: no')
  })
})

describe('the path of a refused value', () => {
  const f = (): void => undefined
  const paths: [string, unknown, string][] = [
    ['the value itself', f, 'args'],
    ['properties', [1, { user: { save: f } }], 'args[1].user.save'],
    ['names that are no identifiers', { 'a b': { '': f } }, 'args["a b"][""]'],
    ['names of other scripts', { größe: f }, 'args.größe'],
    ['a value of a Map', new Map<string, unknown>([['a', 1], ['b', f]]), 'args.values()[1]'],
    ['a key of a Map', new Map([[f, 1]]), 'args.keys()[0]'],
    ['a member of a Set', new Set([1, { f }]), 'args.values()[1].f'],
    ['an element behind a hole', Object.assign([], { 5: f }), 'args[5]'],
    ['a property of an array', Object.assign([1], { name: f }), 'args.name'],
    ['a cause', new Error('x', { cause: { f } }), 'args.cause.f'],
  ]
  for (const [name, value, path] of paths) {
    test(name, () => {
      assert.equal(refusal(value), `${path}: a function`)
    })
  }

  test('begins with the name of the whole value', () => {
    assert.equal(refusal({ f }, 'result'), 'result.f: a function')
  })
})

describe('reading', () => {
  test('every getter once, and none of them by JSON', () => {
    let reads = 0
    const counted = { get x() { reads += 1; return reads } }
    const list = Object.defineProperty([0], 0, { get: () => (reads += 1), enumerable: true }) as unknown
    assert.deepEqual(copy([counted, list, new Date(0)]), [{ x: 1 }, [2], new Date(0)])
    assert.equal(reads, 2)
  })

  test('no toJSON, own or inherited', () => {
    class Money { constructor(readonly amount: number) {} toJSON(): string { return 'wrong' } }
    const date = Object.assign(new Date(5), { toJSON: () => 'wrong' })
    assert.deepEqual(copy([new Money(5), date]), [{ amount: 5 }, new Date(5)])
  })

  test('the value as it is at the call', () => {
    const value = { list: [1], bytes: new Uint8Array([1]), map: new Map([[1, 1]]) }
    const cloned = encode(value)
    value.list.push(2)
    value.bytes[0] = 2
    value.map.set(2, 2)
    const { skeleton, fixups, segments } = cloned
    const before = { list: [1], bytes: new Uint8Array([1]), map: new Map([[1, 1]]) }
    assert.deepEqual(decode(skeleton, fixups, segments), before)
  })

  test('the own enumerable properties with names', () => {
    const value = Object.create({ inherited: 1 }, {
      visible: { value: 1, enumerable: true }, hidden: { value: 2 }, [Symbol('s')]: { value: 3, enumerable: true },
    }) as unknown
    assertSame(copy(value), { visible: 1 })
  })

  test('the members that a Map had before a getter in one of them changed it', () => {
    const map = new Map<string, unknown>()
    map.set('first', { get x() { map.set('late', 1); return 1 } })
    assert.deepEqual(copy(map), new Map([['first', { x: 1 }]]))
  })
})

describe('classes', () => {
  class Point { constructor(readonly x: number) {} get double(): number { return this.x * 2 } }
  class Tagged extends Point { get [Symbol.toStringTag](): string { return 'Map' } }
  class OldError { message = 'own'; constructor() { Object.setPrototypeOf(this, TypeError.prototype) } }
  class Hidden extends Map<number, number> {
    override get size(): number { return 5 }
    override forEach(): void { throw new Error('asked') }
    override get [Symbol.toStringTag](): string { return 'Set' }
  }
  const withoutPrototype = Object.assign(Object.create(null) as object, { a: 1 })
  const boxedDate = Object.assign(Object(1) as object, { [Symbol.toStringTag]: 'Date' })

  const cases: [string, unknown, unknown][] = [
    ['an instance is a plain object', new Point(1), { x: 1 }],
    ['an instance that calls itself a Map is a plain object', new Tagged(1), { x: 1 }],
    ['an object that calls itself a Date is a plain object', { [Symbol.toStringTag]: 'Date' }, {}],
    ['an object without a prototype is a plain object', withoutPrototype, { a: 1 }],
    ['a frozen object is not frozen', Object.freeze({ a: 1 }), { a: 1 }],
    ['Math is an empty object', Math, {}],
    ['an error that predates classes is a plain object', new OldError(), { message: 'own' }],
    ['a subclass of Map', new (class extends Map<number, number> {})([[1, 2]]), new Map([[1, 2]])],
    ['a subclass of Map that hides it', Object.assign(new Hidden([[1, 2]]), { expando: 1 }), new Map([[1, 2]])],
    ['a subclass of Set', new (class extends Set<number> {})([1]), new Set([1])],
    ['a subclass of Date', new (class extends Date {})(5), new Date(5)],
    ['a subclass of Array', new (class extends Array<number> {})(1, 2), [1, 2]],
    ['a subclass of RegExp', new (class extends RegExp {})('x', 'g'), /x/g],
    ['a boxed number that calls itself a Date', boxedDate, Object(1)],
    ['a RegExp in the middle of a search', Object.assign(/x/g, { lastIndex: 5 }), /x/g],
    ['a Buffer', Buffer.from([1, 2]), new Uint8Array([1, 2])],
  ]
  for (const [name, value, expected] of cases) {
    test(name, () => {
      assertSame(copy(value), expected)
      if (!(value instanceof Buffer)) assertSame(structuredClone(value), expected)
    })
  }

  test('a Buffer does not drag its pool along', () => {
    assert.equal(encode(Buffer.from([1, 2])).segments[0]?.length, 2)
  })
})

describe('Proxies and other realms', () => {
  const reactive = <T extends object>(target: T): T => new Proxy(target, {
    get(from, key) {
      const value: unknown = Reflect.get(from, key, from)
      if (typeof value === 'function') return value.bind(from) as unknown
      return typeof value === 'object' && value !== null ? reactive(value) : value
    },
  })

  test('a Proxy of an object or an array is read through its traps', () => {
    assertSame(copy(reactive({ a: [1, { b: 2 }], c: null })), { a: [1, { b: 2 }], c: null })
  })

  test('a Proxy of a Map or a Set is read through its own forEach', () => {
    assertSame(copy(reactive(new Map([['a', 1]]))), new Map([['a', 1]]))
    assertSame(copy(reactive(new Set(['a']))), new Set(['a']))
  })

  test('an array whose Proxy lists its keys in another order is still one that can be sent', () => {
    const proxy = new Proxy([1, 2], { ownKeys: () => ['1', 'length', '0'] })
    assertSame(copy(proxy), [1, 2])
  })

  const sources = [
    '{ a: [1, undefined] }', 'new Map([[1, new Set([2])]])', 'new Date(5)', '/x/gi', 'new ArrayBuffer(2)',
    'new DataView(new ArrayBuffer(4), 1)',
    'new Uint16Array([1, 2]).subarray(1)', 'Object(5n)', 'Object("s")', '[1, , 2]',
  ]
  for (const source of sources) {
    test(`${source} of another realm`, () => {
      assertSame(copy(foreign(source)), eval(`(${source})`))
    })
  }

  test('an error of another realm', () => {
    const error = copy(foreign('new RangeError("no")')) as Error
    assert.ok(error instanceof RangeError)
    assert.equal(error.message, 'no')
  })
})

describe('limits', () => {
  const limitOf = (value: unknown, limits: Partial<typeof DEFAULT_LIMITS>): unknown[] => {
    try {
      encode(value, { ...DEFAULT_LIMITS, ...limits })
    } catch (error) {
      assert.ok(error instanceof LimitError, String(error))
      return [error.limit, error.actual, error.allowed]
    }
    return []
  }
  const buffers = (count: number): ArrayBuffer[] => Array.from({ length: count }, () => new ArrayBuffer(1))
  const pair = (value: unknown): unknown[] => [value, value]

  test('what is at the limit goes, what is beyond it does not', () => {
    assert.deepEqual(limitOf([[{}]], { depth: 3 }), [])
    assert.deepEqual(limitOf([[{}]], { depth: 2 }), ['depth', 3, 2])
    assert.deepEqual(limitOf([new Date(), new ArrayBuffer(1), undefined], { depth: 1 }), [])
    assert.deepEqual(limitOf([new Set()], { depth: 1 }), ['depth', 2, 1])
    assert.deepEqual(limitOf([undefined, NaN], { fixups: 2 }), [])
    assert.deepEqual(limitOf([undefined, NaN, 1n], { fixups: 2 }), ['fixups', 3, 2])
    assert.deepEqual(limitOf(buffers(2), { segments: 2 }), [])
    assert.deepEqual(limitOf(buffers(3), { segments: 2 }), ['segments', 3, 2])
    assert.deepEqual(limitOf(-0xffffn, { bigintDigits: 4 }), [])
    assert.deepEqual(limitOf(0x10000n, { bigintDigits: 4 }), ['bigint_digits', 5, 4])
  })

  test('the nodes are those that are reached when every reference is followed', () => {
    const doubled = pair(pair(pair([])))
    assert.deepEqual(limitOf(doubled, { nodes: 15 }), [])
    assert.deepEqual(limitOf(doubled, { nodes: 14 })[0], 'nodes')
    assert.deepEqual(limitOf([1, 2, 3], { nodes: 1 }), [], 'a value without references has no such limit')
  })

  test('a reference to an enclosing object counts as one node', () => {
    const loop: unknown[] = []
    loop.push(loop, loop)
    assert.deepEqual(limitOf(loop, { nodes: 3 }), [])
  })

  test('a value much deeper than the engine\'s stack is a LimitError', () => {
    let deep: unknown = null
    for (let level = 0; level < 200_000; level += 1) deep = [deep]
    assert.deepEqual(limitOf(deep, {}), ['depth', 513, 512])
  })
})
