/** Errors on their way: what is kept of them is what structuredClone keeps. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decode, encode } from '../../src/core/clone/index.js'

/** The value as it arrives. */
function copy(value: unknown): unknown {
  const { skeleton, fixups, segments } = encode(value)
  return decode(JSON.parse(JSON.stringify(skeleton)), fixups, segments)
}

/** An error that must not be asked for one of its properties, once Node has made its stack of them. */
function withGetter(name: string): Error {
  const error = new Error('no')
  assert.ok(error.stack)
  return Object.defineProperty(error, name, { get() { throw new Error('asked') } })
}

describe('errors', () => {
  class MyError extends TypeError { override name = 'MyError'; readonly code = 5 }
  const cases: [string, Error][] = [
    ['a built-in one', new RangeError('no', { cause: { a: 1 } })],
    ['a subclass', new (class extends Error {})('no')],
    ['a subclass of a subclass', new (class extends TypeError {})('no')],
    ['one with a name of its own', new MyError('no')],
    ['one with the name of a class', Object.assign(new Error('no'), { name: 'SyntaxError' })],
    ['an AggregateError', new AggregateError([new Error('inner')], 'no')],
    ['one without a message', new Error()],
    ['one with a message that is no text', Object.assign(new Error('x'), { message: 5 })],
    ['one with a tag', Object.assign(new RangeError('no'), { [Symbol.toStringTag]: 'Nobody' })],
    ['one of WebAssembly', new WebAssembly.RuntimeError('no')],
    ['a compile error of WebAssembly', new WebAssembly.CompileError('no')],
    ['a link error of WebAssembly', new WebAssembly.LinkError('no')],
    ['a subclass of one of WebAssembly', new (class extends WebAssembly.RuntimeError {})('no')],
    ['one with another prototype', Object.setPrototypeOf(new RangeError('no'), { name: 'RangeError' }) as Error],
    ['one without a prototype', Object.setPrototypeOf(new RangeError('no', { cause: 1 }), null) as Error],
    ['one with the prototype of another', Object.setPrototypeOf(new RangeError('no'), TypeError.prototype) as Error],
    ['one with the prototype of a function', Object.setPrototypeOf(new Error('no'), Function.prototype) as Error],
    ['one whose message has a getter', withGetter('message')],
    ['one whose cause has a getter', withGetter('cause')],
    ['one whose message and cause are hidden', Object.defineProperties(new Error('x'), {
      message: { value: 'no', enumerable: false }, cause: { value: [1], enumerable: false },
    })],
  ]
  for (const [name, error] of cases) {
    test(`${name} arrives as with structuredClone`, () => {
      const [mine, theirs] = [copy(error) as Error, structuredClone(error)]
      assert.equal(Object.getPrototypeOf(mine), Object.getPrototypeOf(theirs))
      assert.equal(mine.stack, theirs.stack)
      assert.deepEqual([mine.name, mine.message, mine.cause], [theirs.name, theirs.message, theirs.cause])
      assert.deepEqual(Object.keys(mine), [])
    })
  }
})
