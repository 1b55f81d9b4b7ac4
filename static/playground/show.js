/**
 * Describes a value as text: its type, and its content on one line.
 *
 * Returns plain text, never markup. literal-writer.js writes the whole value; value-tree.js draws it.
 */

/** @typedef {Int8Array | Uint8Array | Uint8ClampedArray | Int16Array | Uint16Array | Int32Array | Uint32Array |
 *   Float32Array | Float64Array | BigInt64Array | BigUint64Array} TypedArray */

/** Longer byte arrays are shown in hexadecimal. */
export const MANY_BYTES = 16

/** A run of holes in an array. */
class Holes {
  /** @param {number} count */
  constructor(count) {
    this.count = count
  }
}

/**
 * @param {unknown} value
 * @returns {value is TypedArray}
 */
export function isTypedArray(value) {
  return ArrayBuffer.isView(value) && !(value instanceof DataView)
}

/**
 * @param {unknown} value
 * @returns {value is object} for `new Number(1)` and similar objects
 */
export function isBoxed(value) {
  return value instanceof Boolean || value instanceof Number || value instanceof String || value instanceof BigInt
}

/**
 * @param {unknown} value
 * @returns {string} such as `number`, `Map(2)`, `Uint8Array(4)`, `TypeError`
 */
export function typeOf(value) {
  if (value === null) return 'null'
  if (typeof value === 'string') return `string(${value.length.toLocaleString('en')})`
  if (typeof value !== 'object') return typeof value
  if (value instanceof Holes) return ''
  const name = value.constructor?.name ?? 'Object'
  const size = sizeOf(value)
  if (size !== undefined) return `${name}(${size.toLocaleString('en')})`
  if (isBoxed(value)) return `${name} object`
  return name === 'Object' ? 'object' : name
}

/**
 * @param {object} value
 * @returns {number | undefined} its number of elements or bytes, if it has one
 */
function sizeOf(value) {
  if (isTypedArray(value) || Array.isArray(value)) return value.length
  if (value instanceof Map || value instanceof Set) return value.size
  return value instanceof ArrayBuffer || value instanceof DataView ? value.byteLength : undefined
}

/**
 * @param {unknown} value
 * @returns {string | undefined} the whole value if it is a single word, undefined if it contains other values
 */
export function scalar(value) {
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value !== 'object' || value === null) return String(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof RegExp) return String(value)
  if (value instanceof Holes) return `<${value.count.toLocaleString('en')} empty>`
  const object = /** @type {object} */ (value)
  return isBoxed(object) ? scalar(object.valueOf()) : undefined
}

/**
 * @param {string} text
 * @returns {string} with single quotes, and invisible characters escaped
 */
export function quote(text) {
  const doubly = JSON.stringify(text).slice(1, -1)
  const escaped = doubly.replace(/\\(.)/g, (pair, character) => character === '"' ? '"' : pair)
  const visible = escaped.replace(/[\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, unicode)
  return `'${visible.replaceAll("'", "\\'")}'`
}

/** @param {string} character */
function unicode(character) {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/**
 * @param {string} key
 * @returns {string} as written in an object literal
 */
export function keyText(key) {
  // Without the brackets it would set the prototype when it is pasted into a console.
  if (key === '__proto__') return "['__proto__']"
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? key : quote(key)
}

/**
 * @param {Uint8Array} bytes
 * @param {number} [most]
 * @returns {string} such as `de ad be ef`
 */
export function hex(bytes, most = MANY_BYTES) {
  const shown = Array.from(bytes.subarray(0, most), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
  return bytes.length > most ? `${shown} …` : shown
}

/**
 * @param {ArrayBuffer | ArrayBufferView} value
 * @returns {Uint8Array} its bytes, not copied
 */
export function bytesOf(value) {
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}

/**
 * The content of a value, in its own order.
 *
 * @param {object} value
 * @returns {Iterable<[label: string, value: unknown]>} an index, a key as it is written, or `key =>` of a Map
 */
export function* entries(value) {
  if (value instanceof Map) {
    for (const [key, item] of value) yield [`${brief(key, 40)} =>`, item]
  } else if (value instanceof Set) {
    for (const item of value) yield ['', item]
  } else if (value instanceof Error) {
    if ('cause' in value) yield ['cause', value.cause]
  } else if (Array.isArray(value)) {
    yield* arrayEntries(value)
  } else if (isTypedArray(value)) {
    for (let index = 0; index < value.length; index += 1) yield [String(index), value[index]]
  } else {
    for (const [key, item] of Object.entries(value)) yield [keyText(key), item]
  }
}

/**
 * Consecutive holes are one entry: there may be billions of them.
 *
 * @param {unknown[]} array
 * @returns {Iterable<[label: string, value: unknown]>}
 */
function* arrayEntries(array) {
  let next = 0
  for (const [key, item] of Object.entries(array)) {
    const index = /^(?:0|[1-9]\d*)$/.test(key) ? Number(key) : array.length
    if (index > next) yield [String(next), new Holes(index - next)]
    next = index + 1
    yield [index < array.length ? key : keyText(key), item]
  }
  if (next < array.length) yield [String(next), new Holes(array.length - next)]
}

/**
 * One line with the content of a value, truncated when it is too long.
 *
 * @param {unknown} value
 * @param {number} [width] - characters at most
 * @returns {string}
 */
export function brief(value, width = 100) {
  const text = glance(value, width, 0, [])
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}

/**
 * @param {unknown} value
 * @param {number} width
 * @param {number} depth
 * @param {object[]} above - the values that contain this one
 * @returns {string}
 */
function glance(value, width, depth, above) {
  if (typeof value === 'string') return quote(value.slice(0, width))
  const text = scalar(value)
  if (text !== undefined) return isBoxed(value) ? `${value.constructor.name} object ${text}` : text
  const object = /** @type {object} */ (value)
  if (above.includes(object)) return '↻'
  if (object instanceof Error) return `${object.name}: ${object.message}`
  if (isBytes(object)) return `${typeOf(object)} [${hex(bytesOf(object))}]`
  return depth > 2 ? `${typeOf(object)} …` : glanceInside(object, width, depth, [...above, object])
}

/** @param {object} value @returns {value is ArrayBuffer | ArrayBufferView} */
function isBytes(value) {
  return value instanceof ArrayBuffer || value instanceof DataView
    || (value instanceof Uint8Array && value.length > MANY_BYTES)
}

/**
 * @param {object} value
 * @param {number} width
 * @param {number} depth
 * @param {object[]} above
 * @returns {string}
 */
function glanceInside(value, width, depth, above) {
  const ordered = Array.isArray(value) || isTypedArray(value)
  const pieces = []
  let length = 0
  for (const [label, item] of entries(value)) {
    if (length > width) break
    const text = glance(item, width, depth + 1, above)
    const isIndex = label === '' || (ordered && /^\d+$/.test(label))
    pieces.push(isIndex ? text : `${label}${label.endsWith('=>') ? '' : ':'} ${text}`)
    length += (pieces.at(-1) ?? '').length
  }
  if (ordered) return `${Array.isArray(value) ? '' : `${typeOf(value)} `}[${pieces.join(', ')}]`
  const name = typeOf(value) === 'object' ? '' : `${typeOf(value)} `
  return pieces.length ? `${name}{ ${pieces.join(', ')} }` : `${name}{}`
}
