/**
 * Brand checks: the kind of an object, which its own properties cannot change. Twin: tests/core/test_values.py
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import { describe as nameOf, each, kindOf, unbox } from '../../src/core/values/index.js'

const realm = createContext({})
const sources: [string, string][] = [
  ['array', '[]'], ['object', '{}'], ['object', 'Object.create(null)'], ['object', 'new (class A {})()'],
  ['map', 'new Map()'], ['set', 'new Set()'], ['date', 'new Date(0)'], ['regexp', '/x/'], ['error', 'new TypeError()'],
  ['buffer', 'new ArrayBuffer(1)'], ['view', 'new Uint8Array(1)'], ['view', 'new DataView(new ArrayBuffer(1))'],
  ['boxed', 'Object(1)'], ['boxed', 'Object("")'], ['boxed', 'Object(true)'], ['boxed', 'Object(1n)'],
  ['refused', 'Object(Symbol())'], ['refused', 'Promise.resolve()'], ['refused', 'new WeakMap()'],
  ['refused', '(function* () {})()'], ['refused', '[].values()'], ['refused', '(function () { return arguments })()'],
]

/** The kinds as PROTOCOL.md section 5 calls them. */
const CODES: Readonly<Record<string, string>> = {
  array: 'a', boxed: 'N', buffer: 'b', date: 'd', error: 'e', map: 'm', regexp: 'r', set: 's', view: 'v',
}

describe('kinds', () => {
  for (const [kind, source] of sources) {
    const code = CODES[kind] ?? kind
    test(`${source} here and in another realm is: ${kind}`, () => {
      assert.equal(kindOf(eval(`(${source})`) as object), code)
      assert.equal(kindOf(runInContext(`(${source})`, realm) as object), code)
    })
    test(`${source} with a tag of another class is: ${kind}`, () => {
      for (const tag of ['Map', 'Date', 'Error', 'Object', 'Array']) {
        // The only brand of an arguments object is its tag.
        if (source.includes('arguments')) continue
        const value = Object.defineProperty(eval(`(${source})`) as object, Symbol.toStringTag, { value: tag })
        assert.equal(kindOf(value), code, tag)
      }
    })
  }

  test('an object with only the prototype of a built-in is refused', () => {
    for (const Class of [Date, RegExp, Number, ArrayBuffer, Promise]) {
      const lookalike = Object.create(Class.prototype as object) as object
      assert.equal(kindOf(lookalike), 'refused', Class.name)
    }
  })

  test('an object with the prototype of an array or an error, as in code without classes, is a plain object', () => {
    function Old(this: unknown): void {}
    Old.prototype = Object.create(Error.prototype) as object
    assert.equal(kindOf(Object.create(Old.prototype) as object), 'object')
    assert.equal(kindOf(Object.create(Array.prototype as object) as object), 'object')
  })

  test('a class of the application with a tag is a plain object', () => {
    class Store { get [Symbol.toStringTag](): string { return 'Map' } }
    assert.equal(kindOf(new Store()), 'object')
  })
})

test('the primitive of a box does not come from its own valueOf', () => {
  assert.equal(unbox(Object.assign(Object(5) as object, { valueOf: () => 6 })), 5)
})

test('the contents of a Map or a Set do not come from its own forEach', () => {
  const told: unknown[] = []
  const tell = (member: unknown, key: unknown): unknown => told.push([key, member])
  const forEach = (): void => assert.fail('asked')
  each(Object.assign(new Map([['a', 1]]), { forEach }), tell)
  each(Object.assign(new Set(['b']), { forEach }), tell)
  assert.deepEqual(told, [['a', 1], ['b', 'b']])
})

test('a refused object is described in the error', () => {
  assert.equal(nameOf(Promise.resolve()), 'a Promise')
  assert.equal(nameOf([].values()), 'an Array Iterator')
  assert.equal(nameOf(new Proxy(new Date(), {})), 'a Proxy of a Date')
})
