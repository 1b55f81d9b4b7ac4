/**
 * The values of tests/vectors/values.json as JavaScript has them: one builder under each name of the file.
 *
 * Built by hand, not by the codec, which is compared with them. Twin: tests/support/native_values.py
 */
import { fromHex } from '../support/vectors.js'
import { NATIVE_BUFFERS, share, type Builder } from './native-buffers.js'

interface Facts {
  message?: string
  stack?: string
  cause?: unknown
}

/** An error with these properties and no other; the engine's own `stack` is hidden, because it was not sent. */
function error(Class: ErrorConstructor, facts: Facts): Error {
  const made = new Class()
  for (const [key, value] of Object.entries({ stack: undefined, ...facts })) {
    Object.defineProperty(made, key, { value, configurable: true, writable: true })
  }
  return made
}

function plainError(Class: ErrorConstructor): Error {
  return error(Class, { message: 'no', stack: `${Class.name}: no\n    at f (app.js:1:2)` })
}

function withOwnProto(value: unknown): object {
  return Object.defineProperty({}, '__proto__', { value, configurable: true, enumerable: true, writable: true })
}

/** An array of a length and with entries, given as index or name and value in turn. */
function sparse(length: number, ...entries: unknown[]): unknown[] {
  const array: unknown[] = []
  array.length = length
  for (let at = 0; at < entries.length; at += 2) {
    const value = entries[at + 1]
    Object.defineProperty(array, entries[at] as string, { value, configurable: true, enumerable: true, writable: true })
  }
  return array
}

/** Builds something that holds itself. */
function knot<T>(value: T, tie: (value: T) => unknown): T {
  tie(value)
  return value
}

function nest(levels: number, inner: unknown): unknown {
  let value = inner
  for (let level = 0; level < levels; level += 1) value = [value]
  return value
}

const primitives: Record<string, Builder> = {
  'null': () => null,
  'true': () => true,
  'false': () => false,
  'zero': () => 0,
  'negative-integer': () => -42,
  'fraction': () => 1.5,
  'tenth': () => 0.1,
  'largest-safe-integer': () => Number.MAX_SAFE_INTEGER,
  'smallest-safe-integer': () => Number.MIN_SAFE_INTEGER,
  'smallest-number': () => Number.MIN_VALUE,
  'largest-number': () => Number.MAX_VALUE,
  'small-exponent': () => 1e-7,
  'ten-to-the-21': () => 1e21,
  'minus-ten-to-the-21': () => -1e21,
  'empty-string': () => '',
  'string': () => 'hello',
  'astral-string': () => '😀',
  'string-with-escapes': () => '"\\/\b\f\n\r\t\u0001',
  'string-with-nul': () => 'a\0b',
  'string-with-line-separators': () => '\u2028\u2029',
  'string-with-byte-order-mark': () => '\ufeffx\ufffe\uffff',
  'lone-high-surrogate': () => '\ud800',
  'lone-low-surrogate': () => '\udc00',
  'surrogates-in-the-wrong-order': () => '\udc00\ud800',
  'lone-surrogate-between-letters': () => 'a\ud83db',
  'string-that-reads-like-a-placeholder': () => ['-0', 'NaN', 'Infinity', '9007199254740992', 'ff'],
  'undefined': () => undefined,
  'undefined-in-an-array': () => [null, undefined],
  'undefined-in-an-object': () => ({ a: null, b: undefined }),
  'undefined-many-times': () => [undefined, [undefined], { a: undefined }],
  'undefined-arguments': () => [undefined, undefined],
  'minus-zero': () => -0,
  'nan': () => NaN,
  'infinity': () => Infinity,
  'minus-infinity': () => -Infinity,
  'minus-zero-beside-zero': () => [-0, 0],
  'minus-zero-in-an-object': () => ({ x: -0 }),
  'nan-nested': () => [{ x: [NaN] }],
  'two-to-the-53': () => 2 ** 53,
  'minus-two-to-the-53': () => -(2 ** 53),
  'two-to-the-53-plus-2-nested': () => ({ a: [2 ** 53 + 2] }),
  'ten-to-the-20': () => 1e20,
  'integer-whose-digits-are-rounded': () => 123456789012345680000,
  'largest-number-written-in-digits': () => 999999999999999900000,
  'two-to-the-63-as-a-number': () => 2 ** 63,
  'bigint-zero': () => 0n,
  'bigint-one': () => 1n,
  'bigint-minus-one': () => -1n,
  'bigint-255': () => 255n,
  'bigint-two-to-the-53': () => 2n ** 53n,
  'bigint-minus-two-to-the-64': () => -(2n ** 64n),
  'bigint-huge': () => 2n ** 400n,
  'bigint-nested': () => ({ a: [0xabcdef0123456789n] }),
  'bigint-beside-the-same-number': () => [7n, 7],
}

const plain: Record<string, Builder> = {
  'empty-array': () => [],
  'array': () => [1, 'a', null, true],
  'nested-arrays': () => [[], [[]], [[[]]]],
  'empty-object': () => ({}),
  'object': () => ({ a: 1, b: { c: [2] } }),
  'empty-key': () => ({ '': 1 }),
  'own-proto-key': () => withOwnProto({ x: 1 }),
  'own-proto-key-with-a-primitive': () => Object.assign(withOwnProto(1), { a: 2 }),
  'own-proto-key-in-a-path': () => withOwnProto(new Date(0)),
  'own-proto-key-with-the-object-itself': () => {
    const value: object = {}
    return Object.defineProperty(value, '__proto__', { value, configurable: true, enumerable: true, writable: true })
  },
  'keys-that-objects-inherit': () => ({ constructor: 1, toString: 2, hasOwnProperty: 3, valueOf: 4, length: 5 }),
  'keys-with-meaning-elsewhere': () => ({ '$': 1, '@': 2, 'type': 3, '$ref': 4, 'then': 5, 'toJSON': 6 }),
  'integer-like-keys': () => ({ 0: 'a', 10: 'b', x: 'c' }),
  'integer-like-key-in-a-path': () => ({ 0: new Date(0) }),
  'lone-surrogate-in-a-key': () => ({ '\ud800': 1, '\udc00': 2 }),
  'lone-surrogate-key-in-a-path': () => ({ '\ud800': undefined }),
  'astral-key': () => ({ '😀': 1 }),
  'equal-objects-that-are-not-one': () => [{}, {}, [], []],
}

const dates: Record<string, Builder> = {
  'date-epoch': () => new Date(0),
  'date': () => new Date(1700000000123),
  'date-before-1970': () => new Date(-1),
  'date-invalid': () => new Date(NaN),
  'date-latest': () => new Date(8.64e15),
  'date-earliest': () => new Date(-8.64e15),
  'date-first-of-year-1': () => new Date('0001-01-01T00:00:00Z'),
  'date-before-year-1': () => new Date(-62135596800001),
  'date-last-of-year-9999': () => new Date('9999-12-31T23:59:59.999Z'),
  'date-after-year-9999': () => new Date('+010000-01-01T00:00:00Z'),
  'date-nested': () => [{ when: new Date(86400000) }],
  'date-twice-the-same-object': () => share(new Date(0), (date) => [date, date]),
  'date-invalid-twice-the-same-object': () => share(new Date(NaN), (date) => [date, date]),
  'dates-that-are-equal': () => [new Date(5), new Date(5)],
}

const regExps: Record<string, Builder> = {
  'regexp': () => /a+b/gi,
  'regexp-empty': () => new RegExp(''),
  'regexp-all-flags-with-u': () => /x/dgimsuy,
  'regexp-flag-v': () => new RegExp('[a--b]', 'v'),
  'regexp-flag-d': () => /x/d,
  'regexp-flag-g': () => /x/g,
  'regexp-flag-i': () => /x/i,
  'regexp-flag-m': () => /x/m,
  'regexp-flag-s': () => /x/s,
  'regexp-flag-u': () => /x/u,
  'regexp-flag-y': () => /x/y,
  'regexp-with-a-slash': () => /a\/b/,
  'regexp-that-python-cannot-express': () => /(?<year>\d{4})\k<year>\p{Lu}/u,
  'regexp-twice-the-same-object': () => share(/x/g, (regExp) => [regExp, regExp]),
}

const maps: Record<string, Builder> = {
  'map-empty': () => new Map(),
  'map': () => new Map([['a', 1], ['b', 2]]),
  'map-keys-that-python-confuses': () => new Map<unknown, string>([
    [1, 'number'], [true, 'boolean'], ['1', 'string'], [0, 'zero'], [false, 'false'], ['', 'empty'],
  ]),
  'map-bigint-key-beside-number-key': () => new Map<unknown, string>([[1n, 'big'], [1, 'number']]),
  'map-nan-key': () => new Map([[NaN, 'x']]),
  'map-null-and-undefined-keys': () => new Map([[null, 1], [undefined, 2]]),
  'map-minus-zero-value': () => new Map([[0, -0]]),
  'map-object-keys': () => new Map<unknown, string>([[{ a: 1 }, 'first'], [{ a: 1 }, 'second'], [[], 'third']]),
  'map-date-key': () => new Map([[new Date(0), 'x']]),
  'map-in-map': () => new Map([[new Map([['a', 1]]), new Map([['b', [2]]])]]),
  'map-in-map-in-map': () => new Map([['k', new Map([['k', new Map([['k', new Map()]])]])]]),
  'map-that-holds-itself': () => knot(new Map<string, unknown>(), (map) => map.set('self', map)),
  'map-with-itself-as-key': () => knot(new Map<unknown, number>(), (map) => map.set(map, 1)),
  'map-key-that-is-its-value': () => share({}, (object) => new Map([[object, object]])),
  'map-values-undefined-and-date': () => new Map<string, unknown>([['a', undefined], ['b', new Date(0)]]),
  'map-in-an-object': () => ({ m: new Map([[1, 2]]) }),
  'map-key-found-again-outside': () => share({ id: 1 }, (key) => [new Map([[key, 'v']]), key]),
  'map-bytes-value': () => new Map([['x', fromHex('0102')]]),
}

const sets: Record<string, Builder> = {
  'set-empty': () => new Set(),
  'set': () => new Set(['a', 'b']),
  'set-members-that-python-confuses': () => new Set([1, true, '1', 0, false, '']),
  'set-nan-null-undefined': () => new Set([NaN, null, undefined]),
  'set-of-sets': () => new Set<unknown>([new Set(), new Set([1]), new Set([new Set([2])])]),
  'set-that-holds-itself': () => knot(new Set(), (set) => set.add(set)),
  'set-of-equal-objects': () => new Set([{}, {}, [], []]),
  'set-member-found-again-outside': () => share({}, (member) => [new Set([member]), member]),
  'set-of-bigints': () => new Set([1n, -1n]),
}

const arrays: Record<string, Builder> = {
  'array-of-one-hole': () => sparse(1),
  'array-with-a-hole': () => sparse(3, 0, 1, 2, 3),
  'array-with-holes-at-the-end': () => sparse(5, 0, 1),
  'array-hole-beside-undefined': () => sparse(2, 0, undefined),
  'array-longest-without-items': () => sparse(2 ** 32 - 1),
  'array-longest-with-its-last-item': () => sparse(2 ** 32 - 1, 2 ** 32 - 2, 'x'),
  'array-with-a-name': () => sparse(2, 0, 1, 1, 2, 'name', 'x'),
  'array-empty-with-a-name': () => sparse(0, 'name', 'x'),
  'array-with-names-that-look-like-numbers': () =>
    sparse(1, 0, 'a', '-1', 'b', '1.5', 'c', '01', 'd', '4294967295', 'e'),
  'array-with-odd-names': () => sparse(1, 0, 'a', '', 'b', '__proto__', 'c', 'constructor', 'd'),
  'array-sparse-in-sparse': () => sparse(2, 1, sparse(2, 1, 1)),
  'array-sparse-that-holds-itself': () => knot(sparse(2), (array) => (array[1] = array)),
  'array-with-itself-as-a-named-property': () => knot([1], (array) => Object.assign(array, { self: array })),
  'array-with-special-items-and-a-name': () => sparse(3, 0, new Date(0), 2, -0, 'm', new Map()),
  'array-sparse-in-an-object': () => ({ a: sparse(4, 2, null) }),
}

const errors: Record<string, Builder> = {
  'error-error': () => plainError(Error),
  'error-evalerror': () => plainError(EvalError),
  'error-rangeerror': () => plainError(RangeError),
  'error-referenceerror': () => plainError(ReferenceError),
  'error-syntaxerror': () => plainError(SyntaxError),
  'error-typeerror': () => plainError(TypeError),
  'error-urierror': () => plainError(URIError),
  'error-without-message': () => error(Error, { stack: 'Error' }),
  'error-without-stack': () => error(Error, { message: 'no' }),
  'error-without-anything': () => error(Error, {}),
  'error-empty-message': () => error(TypeError, { message: '', stack: '' }),
  'error-with-a-cause': () => error(Error, { message: 'no', cause: 'because' }),
  'error-with-cause-undefined': () => error(Error, { message: 'no', cause: undefined }),
  'error-with-cause-null': () => error(Error, { message: 'no', cause: null }),
  'error-caused-by-an-error': () => error(Error, { message: 'outer', cause: error(RangeError, { message: 'inner' }) }),
  'error-caused-by-itself': () => knot(error(Error, { message: 'loop', cause: null }), (loop) => (loop.cause = loop)),
  'error-with-an-object-as-cause': () => error(URIError, { cause: { at: new Date(0) } }),
  'errors-with-one-cause': () => share({}, (cause) => [error(Error, { cause }), error(Error, { cause })]),
  'error-with-lone-surrogate': () => error(Error, { message: '\ud800' }),
}

const boxes: Record<string, Builder> = {
  'boxed-true': () => Object(true) as unknown,
  'boxed-false': () => Object(false) as unknown,
  'boxed-number': () => Object(1.5) as unknown,
  'boxed-minus-zero': () => Object(-0) as unknown,
  'boxed-nan': () => Object(NaN) as unknown,
  'boxed-two-to-the-53': () => Object(2 ** 53) as unknown,
  'boxed-string': () => Object('s') as unknown,
  'boxed-empty-string': () => Object('') as unknown,
  'boxed-string-with-lone-surrogate': () => Object('\ud800') as unknown,
  'boxed-bigint': () => Object(-5n) as unknown,
  'boxed-bigint-zero': () => Object(0n) as unknown,
  'boxed-nested-beside-its-primitive': () => ({ a: Object(1) as unknown, b: 1 }),
  'boxed-twice-the-same-object': () => share(Object(1), (box: unknown) => [box, box]),
}

const shared: Record<string, Builder> = {
  'one-object-in-two-arguments': () => share({ n: 1 }, (object) => [object, object]),
  'one-array-in-two-places': () => share([], (a) => ({ a, b: a, c: a })),
  'object-that-holds-itself': () => knot<Record<string, unknown>>({}, (object) => (object['self'] = object)),
  'array-that-holds-itself': () => knot<unknown[]>([], (array) => array.push(array)),
  'cycle-of-two': () => knot<Record<string, unknown>[]>([{}], ([a]) => Object.assign(a as object, { b: { a } })),
  'arguments-that-hold-each-other': () => {
    const [one, two]: Record<string, unknown>[] = [{}, {}]
    return [Object.assign(one as object, { other: two }), Object.assign(two as object, { other: one })]
  },
  'cycle-through-every-container': () => {
    const array = sparse(2)
    const value = { map: new Map([['set', new Set([[error(Error, { cause: array })]])]]) }
    array[0] = value
    return value
  },
  'map-in-two-places': () => share(new Map([[1, 2]]), (map) => [map, map]),
  'set-in-two-places': () => share(new Set([1]), (set) => [set, set]),
  'error-in-two-places': () => share(error(Error, { message: 'x' }), (one) => [one, one]),
  'sparse-array-in-two-places': () => share(sparse(1), (array) => [array, array]),
  'doubling-four-times': () => {
    const levels: unknown[][] = [[]]
    for (let level = 0; level < 4; level += 1) levels.push([levels[level], levels[level]])
    return levels
  },
  'arguments-of-many-kinds': () => [
    'text', 1, undefined, { when: new Date(0), set: new Set(['a']), none: undefined }, fromHex('010203'), [NaN, 255n],
  ],
  'deepest-with-a-fixup': () => nest(512, undefined),
}

export const NATIVE_VALUES: Readonly<Record<string, Builder>> = {
  ...primitives, ...plain, ...dates, ...regExps, ...maps, ...sets, ...arrays, ...errors, ...boxes, ...shared,
  ...NATIVE_BUFFERS,
}
