/**
 * Whether two values are the same to structured clone: kind and contents, holes, order, `-0`, and which places share
 * one object.
 *
 * `assert.deepStrictEqual` does not look at shared references, at the order of keys, nor at the buffers behind views.
 * Twin: tests/support/same.py
 */
import assert from 'node:assert/strict'

type Shape = Record<PropertyKey, unknown>

const bytesOf = (buffer: ArrayBuffer): number[] => [...new Uint8Array(buffer)]

/** The contents of an object besides its properties, as plain lists; objects in them are compared recursively. */
function contentsOf(value: object): unknown[] {
  if (value instanceof Date) return [value.getTime()]
  if (value instanceof RegExp) return [value.source, value.flags]
  if (value instanceof Map) return [...value].flat(1)
  if (value instanceof Set) return [...value]
  if (ArrayBuffer.isView(value)) return [value.buffer, value.byteOffset, value.byteLength]
  if (value instanceof ArrayBuffer) {
    return [...bytesOf(value), Reflect.get(value, 'resizable'), Reflect.get(value, 'maxByteLength')]
  }
  const isBox = [Boolean, Number, String, BigInt].some((Class) => value instanceof Class)
  return isBox ? [value.valueOf()] : []
}

function keysOf(value: object): PropertyKey[] {
  const isError = Object.prototype.toString.call(value) === '[object Error]'
  // The engine and a decoder make the properties of an error in different orders.
  if (isError) return Reflect.ownKeys(value).sort()
  return ArrayBuffer.isView(value) ? [] : Reflect.ownKeys(value)
}

export function assertSame(
  actual: unknown, expected: unknown, path = 'value', pairs = new Map<unknown, unknown>(),
): void {
  if (!isObject(actual) || !isObject(expected)) {
    assert.ok(Object.is(actual, expected), `${path}: ${String(actual)} is not ${String(expected)}`)
  } else if (pairs.has(actual) || pairs.has(expected)) {
    const isPair = pairs.get(actual) === expected && pairs.get(expected) === actual
    assert.ok(isPair, `${path}: another object is shared here`)
  } else {
    pairs.set(actual, expected).set(expected, actual)
    assertSameObject(actual, expected, path, pairs)
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function assertSameObject(actual: object, expected: object, path: string, pairs: Map<unknown, unknown>): void {
  assert.equal(Object.getPrototypeOf(actual), Object.getPrototypeOf(expected), `${path}: another prototype`)
  const [mine, theirs] = [contentsOf(actual), contentsOf(expected)]
  assert.equal(mine.length, theirs.length, `${path}: another number of contents`)
  mine.forEach((content, index) => {
    assertSame(content, theirs[index], `${path}{${index}}`, pairs)
  })
  assert.deepEqual(keysOf(actual), keysOf(expected), `${path}: other keys`)
  for (const key of keysOf(actual)) {
    const [one, other] = [actual, expected].map((value) => Object.getOwnPropertyDescriptor(value, key))
    assert.equal(one?.enumerable, other?.enumerable, `${path}.${String(key)}: enumerable`)
    assertSame((actual as Shape)[key], (expected as Shape)[key], `${path}.${String(key)}`, pairs)
  }
}
