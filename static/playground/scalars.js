/**
 * Parses scalar literals: numbers, BigInts, strings and regular expressions, as strict JavaScript does.
 *
 * Each function starts at the first character of its literal, and leaves the scanner after the last.
 */

/** @typedef {import('./scanner.js').Scanner} Scanner */

const RADIX = /0(?:[xX][\da-fA-F](?:_?[\da-fA-F])*|[oO][0-7](?:_?[0-7])*|[bB][01](?:_?[01])*)n?/y
const BIGINT = /(?:0|[1-9](?:_?\d)*)n/y
const DECIMAL = /(?:(?:0|[1-9](?:_?\d)*)(?:\.(?:\d(?:_?\d)*)?)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?/y
const BEHIND_A_NUMBER = /[\p{ID_Continue}$.]/uy

/**
 * @param {Scanner} scanner
 * @returns {number | bigint}
 */
export function readNumber(scanner) {
  const begin = scanner.index
  const text = scanner.match(RADIX) ?? scanner.match(BIGINT) ?? scanner.match(DECIMAL)
  if (text === undefined || scanner.match(BEHIND_A_NUMBER)) {
    throw scanner.error('a number in JavaScript notation', begin)
  }
  const digits = text.replaceAll('_', '')
  // `n` is the only suffix of a hexadecimal number: it is not a digit.
  return digits.endsWith('n') ? BigInt(digits.slice(0, -1)) : Number(digits)
}

/** @type {Readonly<Record<string, string>>} */
const ESCAPES = { n: '\n', t: '\t', r: '\r', b: '\b', v: '\v', f: '\f' }
const PLAIN = { "'": /[^'\\\n\r]+/y, '"': /[^"\\\n\r]+/y, '`': /[^`\\$]+/y }
const CODE = /x([\da-fA-F]{2})|u([\da-fA-F]{4})|u\{([\da-fA-F]+)\}/y
const LINE_END = /\r\n|[\n\r\u2028\u2029]/y

/**
 * @param {Scanner} scanner
 * @returns {string}
 */
export function readString(scanner) {
  const quote = /** @type {keyof typeof PLAIN} */ (scanner.character)
  scanner.index += 1
  const pieces = []
  while (scanner.character !== quote) {
    if (scanner.ended || (quote !== '`' && /[\n\r]/.test(scanner.character))) {
      throw scanner.error(`${quote} at the end of the string`)
    }
    pieces.push(readPiece(scanner, PLAIN[quote]))
  }
  scanner.index += 1
  return pieces.join('')
}

/**
 * @param {Scanner} scanner
 * @param {RegExp} plain
 * @returns {string}
 */
function readPiece(scanner, plain) {
  const text = scanner.match(plain)
  // Only a template may contain line breaks, and they are \n, whatever the text has.
  if (text !== undefined) return text.replace(/\r\n?/g, '\n')
  if (scanner.character === '\\') return readEscape(scanner)
  if (scanner.text.startsWith('${', scanner.index)) {
    throw scanner.error('a template without ${}, because nothing is evaluated')
  }
  scanner.index += 1
  return '$'
}

/**
 * @param {Scanner} scanner
 * @returns {string}
 */
function readEscape(scanner) {
  const begin = scanner.index
  scanner.index += 1
  if (scanner.match(LINE_END) !== undefined) return ''
  const code = scanner.match(CODE)
  if (code !== undefined) return codePoint(scanner, code, begin)
  const character = String.fromCodePoint(scanner.text.codePointAt(scanner.index) ?? 0)
  if (scanner.ended) throw scanner.error('the rest of the string')
  if (character === 'x' || character === 'u') throw scanner.error('\\xHH, \\uHHHH or \\u{H…}', begin)
  scanner.index += character.length
  if (character === '0' && !/\d/.test(scanner.character)) return '\0'
  if (/\d/.test(character)) throw scanner.error('\\xHH, because strict JavaScript has no octal escapes', begin)
  return ESCAPES[character] ?? character
}

/**
 * @param {Scanner} scanner
 * @param {string} code - `x41`, `u0041` or `u{41}`
 * @param {number} begin
 * @returns {string}
 */
function codePoint(scanner, code, begin) {
  const number = parseInt(code.replace(/^[xu]\{?/, ''), 16)
  if (number > 0x10ffff) throw scanner.error('a code point of at most 10FFFF', begin)
  return String.fromCodePoint(number)
}

// A dot is any character of the same line; within brackets a slash is an ordinary character.
const BODY = /\/(?:(?![\\/[]).|\\.|\[(?:(?![\\\]]).|\\.)*\])+\//y
const FLAGS = /[\p{ID_Continue}$]*/uy

/**
 * @param {Scanner} scanner
 * @returns {RegExp}
 */
export function readRegExp(scanner) {
  const begin = scanner.index
  const body = scanner.match(BODY)
  if (body === undefined) throw scanner.error("a regular expression that ends with '/' on the same line", begin)
  const flags = scanner.match(FLAGS)
  try {
    return new RegExp(body.slice(1, -1), flags)
  } catch (error) {
    throw scanner.error(`a valid regular expression (${/** @type {Error} */ (error).message})`, begin)
  }
}
