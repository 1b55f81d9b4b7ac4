/** What `contextBridge.exposeInMainWorld` makes of a value; the titles that are Electron's stand as they are there. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeContextBridge } from '../../src/electron/context-bridge.js'
import { MainWorld } from '../../src/electron/main-world.js'
import type { ExecutionScript } from '../../src/electron/types.js'
import { ipcRenderer } from '../../src/index.js'

type World = Record<string, unknown> & { readonly example?: unknown }

function exposed(api: unknown): unknown {
  const world: World = {}
  makeContextBridge(ipcRenderer, new MainWorld(world)).exposeInMainWorld('example', api)
  return world.example
}

function nested(levels: number): unknown {
  let value: unknown = []
  for (let level = 1; level < levels; level += 1) value = [value]
  return value
}

describe('contextBridge', () => {
  it('should make global properties read-only', () => {
    const world: World = {}
    makeContextBridge(ipcRenderer, new MainWorld(world)).exposeInMainWorld('example', 123)
    assert.equal(Reflect.set(world, 'example', 7), false)
    assert.equal(Reflect.deleteProperty(world, 'example'), false)
    assert.deepEqual(Object.getOwnPropertyDescriptor(world, 'example'), {
      value: 123, writable: false, enumerable: true, configurable: false,
    })
  })

  it('should not let you overwrite existing exposed things', () => {
    const world: World = Object.create({ inherited: 1 }) as World
    const bridge = makeContextBridge(ipcRenderer, new MainWorld(world))
    bridge.exposeInMainWorld('example', { attempt: 1 })
    const taken = { name: 'Error', message: 'Cannot bind an API on top of an existing property on the window object' }
    assert.throws(() => { bridge.exposeInMainWorld('example', { attempt: 2 }) }, taken)
    assert.throws(() => { bridge.exposeInMainWorld('inherited', 2) }, { ...taken, key: 'inherited', code: 'key-taken' })
    assert.deepEqual(world.example, { attempt: 1 })
  })

  it('should make properties unwriteable, and arrays immutable, to the bottom', () => {
    const api = { list: [1, { two: 2 }], inner: { key: 'value' }, bytes: new Uint8Array([1]) }
    const copy = exposed(api) as typeof api
    for (const tree of [copy, copy.list, copy.list[1], copy.inner]) assert.ok(Object.isFrozen(tree))
    assert.throws(() => copy.list.push(3), TypeError)
    copy.bytes[0] = 9
    assert.deepEqual([copy.bytes[0], api.bytes[0]], [9, 1])
    // What was given stays as it was: only the copy is frozen.
    assert.ok(!Object.isFrozen(api) && !Object.isFrozen(api.list))
  })

  it('should proxy symbols, as values and as keys, and every other primitive', () => {
    const symbol = Symbol('one')
    const primitives = ['text', 1.5, -0, NaN, 10n, true, null, undefined, symbol, Symbol.for('shared')]
    assert.deepEqual(exposed(primitives), primitives)
    assert.equal((exposed({ [symbol]: 1 }) as Record<symbol, number>)[symbol], 1)
    for (const primitive of primitives) assert.equal(exposed(primitive), primitive)
  })

  it('gives functions, promises and blobs as themselves', () => {
    const api = { call: (): number => 1, promise: Promise.resolve(1), blob: new Blob([]) }
    assert.deepEqual(Object.values(exposed(api) as object), [api.call, api.promise, api.blob])
    assert.equal(exposed(api.call), api.call)
    assert.ok(!Object.isFrozen(api.call))
  })

  it('should not leak prototypes, and takes own enumerable properties only', () => {
    class Thing {
      own = 1
      method(): number {
        return this.own
      }
    }
    const thing = Object.defineProperty(new Thing(), 'hidden', { value: 2 })
    const copy = exposed({ thing, bare: Object.assign(Object.create(null) as object, { a: 1 }) }) as { thing: object }
    assert.deepEqual(copy, { thing: { own: 1 }, bare: { a: 1 } })
    assert.equal(Object.getPrototypeOf(copy.thing), Object.prototype)
  })

  it('should handle an own __proto__ key without mutating a prototype', () => {
    const copy = exposed(JSON.parse('{"__proto__":{"polluted":1}}')) as Record<string, unknown>
    assert.deepEqual(Object.keys(copy), ['__proto__'])
    assert.equal(Object.getPrototypeOf(copy), Object.prototype)
    assert.equal(copy['polluted'], undefined)
  })

  it('calls a getter once, and passes on what it throws', () => {
    let calls = 0
    const copy = exposed({ get now() { return calls += 1 } }) as { now: number }
    assert.deepEqual([copy.now, copy.now, calls], [1, 1, 1])
    const boom = { get now(): never { throw new Error('boom') } }
    assert.throws(() => exposed(boom), { message: 'boom' })
  })

  it('should work with recursive objects, and keeps what is shared', () => {
    const api: Record<string, unknown> = { list: [1] }
    Object.assign(api, { self: api, again: api['list'] })
    const copy = exposed(api) as typeof api
    assert.equal(copy['self'], copy)
    assert.equal(copy['again'], copy['list'])
  })

  it('copies by structured clone what is neither an array nor an ordinary object', () => {
    const api = { date: new Date(5), map: new Map([[1, new Set([2])]]), pattern: /a/g, boxed: Object(1n) as unknown }
    const copy = exposed(api) as typeof api
    assert.deepEqual(copy, api)
    for (const key of ['date', 'map', 'pattern', 'boxed'] as const) assert.notEqual(copy[key], api[key])
  })

  it('keeps of an error its message alone', () => {
    const copy = exposed(Object.assign(new TypeError('text'), { code: 1 })) as Error
    assert.deepEqual([copy.constructor, copy.message, Object.keys(copy)], [Error, 'text', []])
  })

  it('refuses what cannot be cloned, and exposes nothing of the rest', () => {
    const world: World = {}
    const bridge = makeContextBridge(ipcRenderer, new MainWorld(world))
    const cannot = { name: 'Error', message: 'An object could not be cloned.' }
    assert.throws(() => { bridge.exposeInMainWorld('example', { a: 1, map: new WeakMap() }) }, cannot)
    assert.throws(() => { bridge.exposeInMainWorld('example', new Map([[1, () => 1]])) }, cannot)
    assert.deepEqual(Object.keys(world), [])
  })

  it('should throw an error when recursion depth is exceeded', () => {
    assert.ok(Array.isArray(exposed(nested(1000))))
    assert.throws(() => exposed(nested(1001)), {
      name: 'TypeError',
      message: 'Electron contextBridge recursion depth exceeded.  Nested objects deeper than 1000 are not supported.',
    })
  })

  it('lets ipcRenderer through as an empty object', () => {
    assert.deepEqual(exposed({ ipcRenderer }), { ipcRenderer: {} })
    assert.deepEqual(exposed(ipcRenderer), {})
  })

  it('refuses a key that is no string', () => {
    const bridge = makeContextBridge(ipcRenderer, new MainWorld({}))
    const text = 'Error processing argument at index 1, conversion failure from undefined'
    const missing = undefined as unknown as string
    assert.throws(() => { bridge.exposeInMainWorld(missing, 1) }, { name: 'TypeError', message: text })
  })

  it('exposes in the one world whatever the number of the world is', () => {
    const world: World = {}
    makeContextBridge(ipcRenderer, new MainWorld(world)).exposeInIsolatedWorld(1004, 'example', { a: 1 })
    assert.deepEqual(world.example, { a: 1 })
  })

  it('runs a function of executeInMainWorld, and says what is wrong with a script', () => {
    const bridge = makeContextBridge(ipcRenderer, new MainWorld({}))
    const run = (script: unknown): unknown => bridge.executeInMainWorld(script as ExecutionScript)
    assert.equal(run({ func: (a: number, b: number) => a + b, args: [1, 2] }), 3)
    assert.equal(run({ func: () => 'none' }), 'none')
    const wrong: [unknown, string][] = [
      [undefined, 'Invalid script'],
      [{}, "Function 'func' is required in script"],
      [{ func: () => 1, args: 'a' }, "'args' must be an array"],
    ]
    for (const [script, message] of wrong) assert.throws(() => run(script), { message })
  })
})
