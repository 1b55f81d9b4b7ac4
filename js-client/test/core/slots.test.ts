/**
 * Reading buffers and views: above all whether a view tracks the length of its buffer, and that the test for it leaves
 * the buffer unchanged.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decode, encode } from '../../src/core/clone/index.js'
import { answers, ask, maxOf, viewKind, viewLength, viewSlot } from '../../src/core/values/slots.js'
import { kindOf } from '../../src/core/values/index.js'
import { bufferOf, resize } from './native-buffers.js'
import { assertSame } from './same.js'

test('a member of a built-in works for its own objects, and throws for others', () => {
  const map = Object.defineProperty(new Map([[1, 2]]), 'size', { value: 9 })
  assert.equal(ask(Map.prototype, 'size', map), 1)
  assert.equal(ask(Map.prototype, 'get', map, 1), 2)
  assert.equal(ask(Map.prototype, 'a getter of the future', map), undefined)
  assert.equal(answers(() => ask(Map.prototype, 'size', map)), true)
  assert.equal(answers(() => ask(Map.prototype, 'size', new Set())), false)
})

test('only a detached buffer is detached', () => {
  const buffer = new ArrayBuffer(8)
  assert.equal(kindOf(buffer), 'b')
  assert.equal(kindOf(new ArrayBuffer(0)), 'b')
  structuredClone(buffer, { transfer: [buffer] })
  assert.equal(kindOf(buffer), 'refused')
})

test('only a resizable buffer has a maximum', () => {
  assert.deepEqual(maxOf(bufferOf('01', 8)), [8])
  assert.deepEqual(maxOf(bufferOf('01')), [])
})

test('slots are read, not the own properties of a view', () => {
  const view = Object.defineProperty(new Uint16Array(bufferOf('01020304'), 2), 'byteOffset', { value: 9 })
  assert.deepEqual([viewKind(view), viewSlot(view, 'byteOffset'), viewLength(view)], ['Uint16Array', 2, 1])
})

describe('views of resizable buffers', () => {
  const digits = '0102030405060708090a0b0c0d'
  const resizable = (length: number, max: number): ArrayBuffer => bufferOf(digits.slice(0, 2 * length), max)
  const cases: [string, () => object, number | null][] = [
    ['one that follows', () => new Uint8Array(resizable(8, 16)), null],
    ['one that follows a full buffer', () => new Uint8Array(resizable(8, 8)), null],
    ['one of fixed length up to the end', () => new Uint8Array(resizable(8, 16), 4, 4), 4],
    ['one of fixed length on a full buffer', () => new Uint8Array(resizable(8, 8), 0, 8), 8],
    ['one of fixed length before the end', () => new Uint8Array(resizable(8, 16), 4, 2), 2],
    ['one of fixed length, with bytes left over', () => new Float64Array(resizable(13, 16), 0, 1), 1],
    ['one that follows and is empty', () => new Uint32Array(resizable(8, 16), 8), null],
    ['one of fixed length that is empty', () => new Uint32Array(resizable(8, 16), 8, 0), 0],
    ['a DataView that follows', () => new DataView(resizable(8, 8), 3), null],
    ['a DataView of fixed length', () => new DataView(resizable(8, 8), 3, 5), 5],
  ]
  for (const [name, make, length] of cases) {
    test(name, () => {
      const view = make() as Uint8Array
      const before = [...new Uint8Array(view.buffer)]
      assert.equal(viewLength(view), length)
      assert.deepEqual([...new Uint8Array(view.buffer)], before)
      const { skeleton, fixups, segments } = encode(view)
      const arrived = decode(skeleton, fixups, segments) as Uint8Array
      assertSame(arrived, view)
      assert.equal(viewLength(arrived), length)
    })
  }

  test('one that tracks the length, when its buffer has grown by less than an element', () => {
    const buffer = resizable(8, 16)
    const view = new Float64Array(buffer)
    resize(buffer, 13)
    assert.equal(viewLength(view), null)
  })
})
