/**
 * The reader and the writer of literals, which the playground takes arguments with and shows values by.
 * Runs in Node: `node --test tests/pages/playground/`; tests/pages/test_playground.py does so too.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LiteralError, readArguments, readValue } from '../../../static/playground/literal.js'
import { literal } from '../../../static/playground/literal-writer.js'
import { brief, quote, typeOf } from '../../../static/playground/show.js'

/** Strictly equal; Node's own comparison finds two invalid dates different. */
function same(value, expected) {
  if (expected instanceof Date) assert.deepEqual([value.constructor, value.getTime()], [Date, expected.getTime()])
  else assert.deepStrictEqual(value, expected)
}

/** Texts that are JavaScript: what the reader makes of one has to be what JavaScript itself makes of it. */
const JAVASCRIPT = [
  'null', 'true', 'false', 'undefined', 'NaN', 'Infinity', '-Infinity', '+Infinity', '-NaN',
  '0', '-0', '- 0', '+1', '1.', '.5', '1.5e3', '1E-7', '1_000.000_1', '0xFF', '0XfF', '0o17', '0b101', '0x1_0',
  '5n', '-5n', '0n', '0xFFn', '1_000n', '123456789012345678901234567890n',
  "''", '"a"', "'it\\'s'", '"\\n\\t\\r\\b\\v\\f\\0\\\\"', "'\\x41\\u0042\\u{43}\\u{1F600}'", "'\\ud800'", "'a\\\nb'",
  "'\u2028'",
  '`a\nb\\`$ $`', "'\\q'", "'😀'", "'\\😀'",
  '/a/', '/[/]\\/(?<x>.)/gi', '/\\u{1F600}/u', '/a/dgimsuy',
  '[]', '[1]', '[1,]', '[1,2]', '[,]', '[1,,2]', '[,,1,,]', '[[],[[]]]',
  '({})', '({a:1})', "({a:1,'b c':2,\"d\":3,4:5,0x10:6,$_:7,null:8,ünïcode:9,1.50:10,['x y']:11,})", '({a:{b:[{}]}})',
  '({a:1,a:2})', '(((1)))', '/* a */ 1 // b', '1\n// b\n', '\u00a0\ufeff 1',
  'new Map()', 'new Map', 'new Map([[1,2],["a",new Map([[{},[]]])]])', 'new Map(null)',
  'new Set([1,1,"1",NaN])', "new Set('aab')", 'new Date(0)', "new Date('2024-02-29T12:00:00Z')", 'new Date(NaN)',
  'new Date(2024, 0, 1)',
  'new Uint8Array([1,2,300])', 'new Uint8Array(3)', 'new Float64Array([0.5,-0,NaN])', 'new BigInt64Array([1n,-1n])',
  'new Uint8ClampedArray([300])', 'new Int16Array(new ArrayBuffer(8), 2, 2)', 'new ArrayBuffer(8)',
  'new Uint8Array([1,2]).buffer', 'new DataView(new ArrayBuffer(4), 1)', 'new Array(3)', 'new Array(1, 2)',
  "new Error('x')", "new TypeError('x', { cause: 5 })", 'new RangeError', "new RegExp('a/b', 'g')",
  'new Number(-0)', "new String('x')", 'new Boolean(false)', 'Object(5n)', "BigInt('12')",
]

for (const text of JAVASCRIPT) {
  test(`${text} is read as JavaScript reads it`, () => {
    // The only eval is here: it is what the reader is compared with.
    const expected = (0, eval)(`(${text}\n)`)
    const value = readValue(text)
    if (expected instanceof Error) {
      assert.deepEqual([value.constructor, value.message, value.cause],
        [expected.constructor, expected.message, expected.cause])
    } else {
      same(value, expected)
    }
    if (Array.isArray(expected)) assert.deepEqual(Object.keys(value), Object.keys(expected))
  })
}

test('a line end in a template is \\n, whatever the text has', () => {
  assert.equal(readValue('`a\r\nb\rc`'), 'a\nb\nc')
})

test('__proto__ is a key of its own, and no prototype', () => {
  for (const text of ['{ __proto__: { a: 1 } }', "{ '__proto__': { a: 1 } }", "{ ['__proto__']: { a: 1 } }"]) {
    const value = readValue(text)
    assert.deepEqual(Object.keys(value), ['__proto__'])
    assert.equal(value.a, undefined)
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
  }
})

test('arguments stand as in a call', () => {
  assert.deepEqual(readArguments(''), [])
  assert.deepEqual(readArguments(' // none\n'), [])
  assert.deepEqual(readArguments("1, 'two', [3],"), [1, 'two', [3]])
  assert.deepEqual(readArguments('undefined'), [undefined])
})

/** Texts that are refused: line and column of the error, and words that must be in it. */
const REFUSED = [
  ['', 1, 1, 'a value, found the end'],
  ['1 2', 1, 3, "',' or the end, found '2'"],
  ['[1 2]', 1, 4, "',' or ']', found '2'"],
  ['[1', 1, 3, "',' or ']', found the end"],
  ['{a 1}', 1, 4, "':' and a value after the key a"],
  ['{a}', 1, 3, "':' and a value after the key a, found '}'"],
  ['{a: 1 b: 2}', 1, 7, "',' or '}', found 'b'"],
  ['{...a}', 1, 2, 'a number'],
  ['{get a() {}}', 1, 6, "':'"],
  ['{[a]: 1}', 1, 3, 'a string as the key'],
  ['{\n  a: 1,\n  b: hello\n}', 3, 6, "(a string needs quotes: 'hello')"],
  ['hello', 1, 1, "'hello'"],
  ["'abc", 1, 5, "' at the end of the string, found the end"],
  ["'a\nb'", 1, 3, "' at the end of the string, found the end of the line"],
  ["'\\u{110000}'", 1, 2, '10FFFF'],
  ["'\\u12'", 1, 2, '\\uHHHH'],
  ["'\\07'", 1, 2, 'octal'],
  ['`${1}`', 1, 2, 'a template without ${}'],
  ['012', 1, 1, 'a number'], ['1__0', 1, 1, 'a number'], ['1_', 1, 1, 'a number'], ['0x', 1, 1, 'a number'],
  ['1.5n', 1, 1, 'a number'], ['5..', 1, 1, 'a number'], ['3px', 1, 1, 'a number'], ['1e', 1, 1, 'a number'],
  ["-'1'", 1, 2, "a number after '-'"], ['+1n', 1, 2, "a number after '+'"], ['--1', 1, 2, "a number after '-'"],
  ['/a', 1, 1, 'a regular expression'], ['/(/', 1, 1, 'a valid regular expression'], ['/a/gg', 1, 1, 'a valid regular'],
  ['new Foo()', 1, 5, 'the name of a type that can be sent'], ['new Function("1")', 1, 5, 'the name of a type'],
  ['new', 1, 4, 'the name of a type'], ['Map()', 1, 1, "'new' before Map"],
  ['new Map([1])', 1, 1, 'arguments that fit'],
  ['new Uint8Array(-1)', 1, 1, 'arguments that fit'], ['new Date().buffer', 1, 11, "',' or the end"],
  ['() => 1', 1, 2, 'a value'], ['x => 1', 1, 1, 'code cannot be sent'],
  ['function () {}', 1, 1, 'code cannot be sent'],
  ['alert(1)', 1, 1, 'a value'], ['1 + 1', 1, 3, "',' or the end"], ['/* a', 1, 5, "'*/'"],
  ['BigInt(1.5)', 1, 1, 'arguments'],
  ['constructor', 1, 1, 'a value'], ['new toString()', 1, 5, 'the name of a type'],
]

for (const [text, line, column, words] of REFUSED) {
  test(`${JSON.stringify(text)} is refused at line ${line}, column ${column}`, () => {
    assert.throws(() => readValue(text), (error) => {
      assert.ok(error instanceof LiteralError)
      assert.ok(error.message.includes(words), error.message)
      assert.equal(`${error.line}:${error.column}`, `${line}:${column}`, error.message)
      return true
    })
  })
}

test('nesting without end is refused, not a stack overflow', () => {
  assert.throws(() => readValue('['.repeat(100_000)), /at most 500 levels of nesting/)
  assert.throws(() => readValue('new Map('.repeat(100_000)), /at most 500 levels of nesting/)
})

/** Values whose literal must read as an equal value. */
const VALUES = [
  null, undefined, true, NaN, -0, 0, 1.5, -1e300, 5n, -(2n ** 80n), '', "it's \"q\" \\ \n \u0000 \ud800 \u202e 😀",
  [], [1, [2]], [, 1, , ], Array(3), {}, { a: 1, 'b c': { 0: [] } }, JSON.parse('{"__proto__": {"a": 1}}'),
  new Map([[{ a: 1 }, new Set([1, 'x'])]]), new Set(), new Date(0), new Date(NaN), new Date(-1e15), /[/]\n/gi,
  new RegExp(''),
  new Uint8Array([1, 2]), new Float64Array([-0, NaN, 0.1]), new BigUint64Array([1n]), new Uint8Array(0),
  new ArrayBuffer(4), new Uint8Array([1, 2]).buffer, new DataView(new Uint8Array([1, 2]).buffer),
  new Number(-0), new String("a'b"), new Boolean(false), Object(5n),
  Array.from({ length: 40 }, (_, index) => ({ index, name: `item ${index}` })), { long: ['x'.repeat(100), 'y'] },
  [Array(3), ['x'.repeat(80), , ]],
]

for (const value of VALUES) {
  test(`the literal of ${brief(value, 60)} reads as an equal value`, () => {
    same(readValue(literal(value)), value)
  })
}

test('the literal of a TypedArray is JavaScript for JavaScript itself, and so is that of __proto__', () => {
  for (const value of [new Uint8Array([1, 2]).buffer, JSON.parse('{"__proto__": 1}'), [1, , ]]) {
    assert.deepStrictEqual((0, eval)(`(${literal(value)})`), value)
  }
})

test('an error is written with its class, message and cause', () => {
  const read = readValue(literal(new RangeError('far', { cause: new Map() })))
  assert.deepEqual([read.constructor, read.message, read.cause], [RangeError, 'far', new Map()])
})

test('what no literal can say has none', () => {
  const cycle = {}
  cycle.self = [cycle]
  assert.equal(literal(cycle), undefined)
  assert.equal(literal(Object.assign([1], { extra: 2 })), undefined)
  assert.equal(literal(new Array(1e9)), undefined)
})

test('a value that is there twice, and not within itself, is no cycle', () => {
  const shared = [1]
  assert.equal(literal([shared, shared]), '[[1], [1]]')
})

test('types are named with their sizes', () => {
  const named = [
    [null, 'null'], [undefined, 'undefined'], ['abc', 'string(3)'], [1n, 'bigint'], [[1, 2], 'Array(2)'],
    [{}, 'object'],
    [new Map([[1, 2]]), 'Map(1)'], [new Uint8Array(4), 'Uint8Array(4)'], [new ArrayBuffer(8), 'ArrayBuffer(8)'],
    [new TypeError('x'), 'TypeError'], [Object(5n), 'BigInt object'], [new Date(0), 'Date'],
    [Object.create(null), 'object'],
  ]
  for (const [value, name] of named) assert.equal(typeOf(value), name)
})

test('one line says what is in a value', () => {
  const cycle = { name: 'x' }
  cycle.self = cycle
  const lines = [
    [{ cpu: 1.5, tags: ['a'] }, "{ cpu: 1.5, tags: ['a'] }"], [cycle, "{ name: 'x', self: ↻ }"], [[], '[]'], [{}, '{}'],
    [new Map([[1, 'a'], [{ b: 1 }, -0]]), "Map(2) { 1 => 'a', { b: 1 } => -0 }"], [new Set([5n]), 'Set(1) { 5n }'],
    [new Uint8Array([1, 2]), 'Uint8Array(2) [1, 2]'], [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new Date(NaN), 'Invalid Date'],
    [new Uint8Array(20).fill(255), `Uint8Array(20) [${'ff '.repeat(16)}…]`], [new TypeError('no'), 'TypeError: no'],
    [new Number(-0), 'Number object -0'], [[[[[1]]]], '[[[Array(1) …]]]'],
    [[, 1, , , 2, ,], '[<1 empty>, 1, <2 empty>, 2, <1 empty>]'], [new Array(1e9), '[<1,000,000,000 empty>]'],
    [Object.assign([1, ,], { extra: 2 }), '[1, <1 empty>, extra: 2]'],
  ]
  for (const [value, line] of lines) assert.equal(brief(value), line)
})

test('a line is cut, and costs no more for a value that is large', () => {
  const line = brief({ text: 'x'.repeat(1e6), list: Array.from({ length: 1e5 }, (_, index) => index) }, 50)
  assert.equal(line.length, 50)
  assert.ok(line.endsWith('…'))
})

test('what cannot be seen is escaped', () => {
  assert.equal(quote('a\u200b\u202e\u0007\u009f'), "'a\\u200b\\u202e\\u0007\\u009f'")
})
