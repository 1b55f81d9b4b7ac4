/**
 * Scans the text of a literal: position, white space, comments, and errors with their position.
 *
 * Knows no grammar: scalars.js and literal.js do.
 */

/** A syntax error. Its text has the position, what was expected and what was found. */
export class LiteralError extends Error {
  /**
   * @param {string} text - the whole text
   * @param {number} index - of the unexpected character
   * @param {string} expected
   */
  constructor(text, index, expected) {
    const before = text.slice(0, index).split(/\r\n|[\n\r\u2028\u2029]/)
    const line = before.length
    const column = (before.at(-1) ?? '').length + 1
    super(`line ${line}, column ${column}: expected ${expected}, found ${found(text, index)}`)
    this.name = 'LiteralError'
    this.line = line
    this.column = column
    this.index = index
    this.expected = expected
  }
}

/**
 * @param {string} text
 * @param {number} index
 * @returns {string}
 */
function found(text, index) {
  const rest = text.slice(index)
  if (rest === '') return 'the end'
  const word = /^[\p{ID_Continue}$]+/u.exec(rest)?.[0] ?? String.fromCodePoint(rest.codePointAt(0) ?? 0)
  if (/^\s$/.test(word)) return 'the end of the line'
  return `'${word.length > 24 ? `${word.slice(0, 24)}…` : word}'`
}

const SPACE = /(?:\s|\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\/)*/y
const WORD = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy

export class Scanner {
  /** @param {string} text */
  constructor(text) {
    this.text = text
    this.index = 0
  }

  get ended() {
    return this.index >= this.text.length
  }

  /** The character at the position; empty at the end. */
  get character() {
    return this.text.charAt(this.index)
  }

  /** Skips white space and comments. */
  skip() {
    this.match(SPACE)
    if (this.text.startsWith('/*', this.index)) throw this.error("'*/' at the end of the comment", this.text.length)
  }

  /**
   * Skips what a sticky expression matches here, if it does.
   *
   * @param {RegExp} pattern
   * @returns {string | undefined}
   */
  match(pattern) {
    pattern.lastIndex = this.index
    const match = pattern.exec(this.text)?.[0]
    if (match !== undefined) this.index += match.length
    return match
  }

  /** @returns {string | undefined} the name at the position */
  word() {
    return this.match(WORD)
  }

  /**
   * Skips a token, if it is the next one.
   *
   * @param {string} token
   * @returns {boolean}
   */
  take(token) {
    this.skip()
    if (!this.text.startsWith(token, this.index)) return false
    this.index += token.length
    return true
  }

  /**
   * @param {string} token - the next token
   * @param {string} [expected] - its description in the error
   */
  expect(token, expected = `'${token}'`) {
    if (!this.take(token)) throw this.error(expected)
  }

  /**
   * @param {string} expected
   * @param {number} [index]
   * @returns {LiteralError} to be thrown
   */
  error(expected, index = this.index) {
    return new LiteralError(this.text, index, expected)
  }
}
