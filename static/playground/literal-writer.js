/**
 * Writes a value as a JavaScript literal that creates an equal value, for copying.
 *
 * Returns plain text. The parser of the same notation is literal.js.
 */
import { ERRORS } from './constructors.js'
import { bytesOf, isBoxed, keyText, quote, scalar } from './show.js'

/** An array with more holes than this is not written. */
const MANY_HOLES = 1000
/** Content of brackets that is longer than this gets its own lines. */
const WIDTH = 72

/**
 * @param {unknown} value
 * @returns {string | undefined} what literal.js parses to an equal value; undefined if there is no such literal: a
 *   cycle, an array with named properties
 */
export function literal(value) {
  try {
    return write(value, [])
  } catch (error) {
    if (error instanceof NoLiteralError) return undefined
    throw error
  }
}

class NoLiteralError extends Error {}

/**
 * @param {unknown} value
 * @param {object[]} above
 * @returns {string}
 */
function write(value, above) {
  if (value instanceof Date) return `new Date(${Number.isNaN(value.getTime()) ? 'NaN' : quote(value.toISOString())})`
  if (isBoxed(value)) return writeBoxed(value)
  const text = scalar(value)
  if (text !== undefined) return text
  const object = /** @type {object} */ (value)
  if (above.includes(object)) throw new NoLiteralError('a cycle')
  const inside = [...above, object]
  if (Array.isArray(object)) return writeArray(object, inside)
  if (object instanceof Error) return writeError(object, inside)
  if (ArrayBuffer.isView(object) || object instanceof ArrayBuffer) return writeBytes(object)
  if (object instanceof Map) {
    return `new Map(${bracketed('[', [...object].map((pair) => writeArray(pair, inside)), ']')})`
  }
  if (object instanceof Set) return `new Set(${bracketed('[', [...object].map((item) => write(item, inside)), ']')})`
  const pairs = Object.entries(object).map(([key, item]) => `${keyText(key)}: ${write(item, inside)}`)
  return pairs.length ? bracketed('{', pairs, '}') : '{}'
}

/** @param {object} value */
function writeBoxed(value) {
  const plain = scalar(value.valueOf()) ?? ''
  return value instanceof BigInt ? `Object(${plain})` : `new ${value.constructor.name}(${plain})`
}

/**
 * @param {unknown[]} array
 * @param {object[]} inside
 * @returns {string}
 */
function writeArray(array, inside) {
  const count = Object.keys(array).length
  if (array.length - count > MANY_HOLES) throw new NoLiteralError('too many holes')
  const items = Array.from(array, (item, index) => index in array ? write(item, inside) : '')
  if (items.filter((item) => item !== '').length < count) throw new NoLiteralError('properties of its own')
  return bracketed('[', items, ']')
}

/**
 * @param {Error} error
 * @param {object[]} inside
 * @returns {string}
 */
function writeError(error, inside) {
  const name = ERRORS.includes(error.name) ? error.name : 'Error'
  const cause = 'cause' in error ? `, { cause: ${write(error.cause, inside)} }` : ''
  return `new ${name}(${quote(error.message)}${cause})`
}

/**
 * @param {ArrayBuffer | ArrayBufferView} value
 * @returns {string}
 */
function writeBytes(value) {
  if (value instanceof DataView) return `new DataView(${writeBytes(bytesOf(value))}.buffer)`
  if (value instanceof ArrayBuffer) {
    const bytes = bytesOf(value)
    return bytes.some((byte) => byte !== 0) ? `${writeBytes(bytes)}.buffer` : `new ArrayBuffer(${value.byteLength})`
  }
  const numbers = Array.from(/** @type {Uint8Array} */ (value), (item) => scalar(item) ?? '')
  return `new ${value.constructor.name}(${bracketed('[', numbers, ']', true)})`
}

/**
 * @param {string} open
 * @param {string[]} items - empty texts are holes
 * @param {string} close
 * @param {boolean} [flat] - always on one line
 * @returns {string}
 */
function bracketed(open, items, close, flat = false) {
  const line = items.join(', ') + (items.at(-1) === '' ? ',' : '')
  const space = open === '{' ? ' ' : ''
  if (flat || (line.length <= WIDTH && !line.includes('\n'))) return `${open}${space}${line}${space}${close}`
  const lines = items.map((item) => `  ${item.replaceAll('\n', '\n  ')},\n`)
  return `${open}\n${lines.join('')}${close}`
}
