/** The wire uses nothing that a page can change: values and frames are the same whatever scripts add to prototypes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '../../src/core/clone/index.js'
import { decodeValue, parse, parseControl, type Carrier } from '../../src/core/envelope.js'
import {
  binaryForm, decodeBody, decodeFrame, decodeParcel, encodeBody, encodeControl, encodeFrame, encodeMessage,
  encodeParcel, sized,
} from '../../src/core/frame.js'

type Globals = Record<PropertyKey, unknown>

const objects = Object.prototype as unknown as Globals
const arrays = Array.prototype as unknown as Globals
const strange = (): string => 'strange'

type Change = readonly [object, PropertyKey, unknown]

const everywhere = (where: object, keys: readonly PropertyKey[]): Change[] => keys.map((key) => [where, key, strange])

/** What scripts add to or replace in the page, as [where, key, value]. */
const CHANGES: Readonly<Record<string, readonly Change[]>> = {
  'toJSON of arrays (Prototype.js)': [[arrays, 'toJSON', strange]],
  'toJSON of objects': [[objects, 'toJSON', strange]],
  // Not `get` and `set`, which the tools that run these tests do not survive: tests/browser/test_changed_pages.py.
  'words of property descriptors': everywhere(objects, ['value', 'writable', 'configurable', 'enumerable']),
  'words of messages': everywhere(objects, [
    'name', 'message', 'cause', 'stack', 'kind', 'channel', 'fixups', 'segments', 'meta', 'ports', 'debug', 'version',
  ]),
  'elements of every array': everywhere(arrays, [0, 1, 2, 3, 4]),
  'reduce and Array.from of old libraries': [
    [arrays, 'reduce', function reduce(this: unknown[]): unknown { return this.length > 1 ? this : this[0] }],
    [Array, 'from', (list: ArrayLike<unknown>): unknown[] => Array.prototype.slice.call(list) as unknown[]],
  ],
  'another JSON': [[JSON, 'stringify', strange], [JSON, 'parse', strange]],
}

class Own { field = 1 }
const shared = { a: [1] }
const VALUES: readonly unknown[] = [
  null, 'text', [], {}, [1, [2, { three: 3 }]], { toJSON: 1, get: 2, value: 3, name: 4, ['__proto__']: 5 }, new Own(),
  [undefined, -0, NaN, 10n, 2 ** 60], new Date(5), /a/gi, new Map([[1, { a: 1 }]]), new Set([[1]]), [shared, shared],
  Object.assign(new Array(2), [1], { name: 'x' }), new Uint8Array([1, 2, 3]),
  [new Uint8Array(3).buffer, new Float64Array(2)],
  new RangeError('a', { cause: new Error('b') }), new Number(5), [[[[[]]]]],
]

function roundTrip(value: unknown): readonly unknown[] {
  const message = encodeMessage(['send', 'channel'], encode([value]), { traceparent: '0' })
  const frames = [encodeFrame(1, 0, [message, encodeMessage(['void'])]), encodeFrame(1, 0, [message])]
  const body = encodeBody(frames)
  const bare = decodeFrame(binaryForm(encodeFrame(3, 0, [])))
  const all = [...frames.map((frame) => decodeFrame(frame)), ...decodeBody(body), bare]
  const parcel = decodeParcel([encodeParcel(message)])
  const envelopes = [...all.flatMap((frame) => parse(frame.messages)), ...parse([parcel])]
  return [
    ...frames.map((frame) => typeof frame === 'string' ? frame : String(frame)), String(body),
    ...envelopes.map((each) => each.kind === 'send' ? decodeValue(each as Carrier) : each),
  ]
}

function control(): readonly unknown[] {
  const welcome = {
    received: 0, features: ['a'], process: 'p', webContentsId: 1, token: '0'.repeat(32), frameToken: '1'.repeat(32),
    messageBytes: 5,
  }
  const frame = encodeControl(0, 'welcome', welcome)
  const part = encodeFrame(1, 0, [sized('["part",0]', [new Uint8Array(2)])])
  return [frame, parseControl(decodeFrame(frame).control ?? []), parse(decodeFrame(part).messages)]
}

const run = (): readonly unknown[] => [control(), ...VALUES.map((value) => roundTrip(value))]

/** Runs with a changed page, and undoes the change before anything else runs. */
function changed<T>(changes: readonly Change[], call: () => T): T {
  const before = changes.map(([where, key]) => Reflect.getOwnPropertyDescriptor(where, key))
  try {
    // Without a prototype: the changes would be part of a descriptor.
    for (const [where, key, value] of changes) {
      const rules = Object.assign(Object.create(null) as object, { value, configurable: true, writable: true })
      Reflect.defineProperty(where, key, rules)
    }
    return call()
  } finally {
    changes.forEach(([where, key], index) => {
      Reflect.deleteProperty(where, key)
      const old = before[index]
      if (old) Reflect.defineProperty(where, key, old)
    })
  }
}

for (const [name, changes] of Object.entries(CHANGES)) {
  test(`a page that changes ${name} sends and receives the same`, () => {
    const expected = run()
    assert.deepEqual(changed(changes, run), expected)
  })
}
