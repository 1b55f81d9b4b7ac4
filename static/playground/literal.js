/**
 * Parses JavaScript literals: the arguments typed into the form. It never evaluates code.
 *
 * Every value that structured clone supports can be written, `new Map([[1, new Date(0)]])` and `[1, , -0]` too. The
 * writer of the same notation is literal-writer.js.
 */
import { CONSTRUCTORS, FUNCTIONS, TYPED_ARRAYS } from './constructors.js'
import { readNumber, readRegExp, readString } from './scalars.js'
import { LiteralError, Scanner } from './scanner.js'

export { LiteralError }

/** Levels of nesting; the browser's stack does not allow many more. */
const DEPTH = 500

/** @type {ReadonlyMap<string, unknown>} */
const CONSTANTS = new Map(/** @type {[string, unknown][]} */ ([
  ['null', null], ['true', true], ['false', false], ['undefined', undefined], ['NaN', NaN], ['Infinity', Infinity],
]))

const CODE = new Set(['async', 'await', 'class', 'function', 'typeof', 'void', 'delete', 'this', 'import', 'yield'])

/**
 * @param {string} text - one value, such as `{ a: 1 }`
 * @returns {unknown} the value
 * @throws {LiteralError} with line, column and what was expected
 */
export function readValue(text) {
  const reader = new Reader(text)
  const value = reader.value()
  reader.end()
  return value
}

/**
 * @param {string} text - values with commas between them, as in a call; may be empty
 * @returns {unknown[]} the values
 * @throws {LiteralError} with line, column and what was expected
 */
export function readArguments(text) {
  const reader = new Reader(text)
  const values = reader.list('')
  reader.end()
  return values
}

class Reader {
  #depth = 0
  #scanner

  /** @param {string} text */
  constructor(text) {
    this.#scanner = new Scanner(text)
  }

  end() {
    this.#scanner.skip()
    if (!this.#scanner.ended) throw this.#scanner.error("',' or the end")
  }

  /** @returns {unknown} */
  value() {
    const scanner = this.#scanner
    scanner.skip()
    if (this.#depth >= DEPTH) throw scanner.error(`at most ${DEPTH} levels of nesting`)
    this.#depth += 1
    const value = this.#begun(scanner.character)
    this.#depth -= 1
    return value
  }

  /**
   * Values up to the closing bracket, or up to the end if there is none.
   *
   * @param {string} close
   * @returns {unknown[]}
   */
  list(close) {
    const values = []
    while (!this.#closed(close)) {
      values.push(this.value())
      if (this.#closed(close)) break
      this.#scanner.expect(',', `',' or ${close === '' ? 'the end' : `'${close}'`}`)
    }
    if (close !== '') this.#scanner.expect(close)
    return values
  }

  /**
   * @param {string} close
   * @returns {boolean}
   */
  #closed(close) {
    this.#scanner.skip()
    return close === '' ? this.#scanner.ended : this.#scanner.character === close
  }

  /**
   * @param {string} first - the value's first character
   * @returns {unknown}
   */
  #begun(first) {
    switch (first) {
      case '[': return this.#array()
      case '{': return this.#object()
      case '(': return this.#group()
      case '"': case "'": case '`': return readString(this.#scanner)
      case '/': return readRegExp(this.#scanner)
      case '-': case '+': return this.#signed(first)
      default: return /[\d.]/.test(first) ? readNumber(this.#scanner) : this.#named()
    }
  }

  /** @returns {unknown} */
  #group() {
    this.#scanner.expect('(')
    const value = this.value()
    this.#scanner.expect(')')
    return value
  }

  /**
   * @param {string} sign
   * @returns {number | bigint}
   */
  #signed(sign) {
    this.#scanner.expect(sign)
    this.#scanner.skip()
    const begin = this.#scanner.index
    const value = /[\d.]/.test(this.#scanner.character) ? readNumber(this.#scanner) : this.#constant()
    if (typeof value === 'number') return sign === '-' ? -value : value
    // JavaScript has no `+5n`.
    if (typeof value === 'bigint' && sign === '-') return -value
    throw this.#scanner.error(`a number after '${sign}'`, begin)
  }

  /** @returns {unknown} */
  #constant() {
    return CONSTANTS.get(this.#scanner.word() ?? '')
  }

  /** @returns {unknown[]} */
  #array() {
    /** @type {unknown[]} */
    const array = []
    this.#scanner.expect('[')
    while (!this.#scanner.take(']')) {
      if (this.#scanner.take(',')) {
        // A hole has no value, but counts for the length.
        array.length += 1
        continue
      }
      array.push(this.value())
      this.#separate(']')
    }
    return array
  }

  /** @returns {object} */
  #object() {
    const object = {}
    this.#scanner.expect('{')
    while (!this.#scanner.take('}')) {
      const key = this.#key()
      this.#scanner.expect(':', `':' and a value after the key ${key}`)
      // Defined, not assigned: `__proto__` is an ordinary key here, as for structured clone.
      Object.defineProperty(object, key, { value: this.value(), writable: true, enumerable: true, configurable: true })
      this.#separate('}')
    }
    return object
  }

  /** @returns {string} */
  #key() {
    const scanner = this.#scanner
    scanner.skip()
    if (/["']/.test(scanner.character)) return readString(scanner)
    if (/[\d.]/.test(scanner.character)) return String(readNumber(scanner))
    if (scanner.take('[')) {
      scanner.skip()
      if (!/["'`]/.test(scanner.character)) throw scanner.error('a string as the key')
      const key = readString(scanner)
      scanner.expect(']')
      return key
    }
    const word = scanner.word()
    if (word === undefined) throw scanner.error("a key or '}'")
    return word
  }

  /** @param {string} close */
  #separate(close) {
    this.#scanner.skip()
    if (this.#scanner.character !== close) this.#scanner.expect(',', `',' or '${close}'`)
  }

  /** @returns {unknown} */
  #named() {
    const scanner = this.#scanner
    const begin = scanner.index
    const name = scanner.word()
    if (name === undefined) throw scanner.error('a value')
    if (CONSTANTS.has(name)) return CONSTANTS.get(name)
    if (name === 'new') return this.#constructed(begin)
    const make = FUNCTIONS.get(name)
    if (make && scanner.take('(')) return this.#made(make, begin)
    throw scanner.error(remedy(name, scanner), begin)
  }

  /**
   * @param {number} begin - the index of `new`
   * @returns {unknown}
   */
  #constructed(begin) {
    const scanner = this.#scanner
    scanner.skip()
    const at = scanner.index
    const name = scanner.word()
    const make = CONSTRUCTORS.get(name ?? '')
    if (name === undefined || !make) throw scanner.error('the name of a type that can be sent, such as Map', at)
    const value = scanner.take('(') ? this.#made(make, begin) : this.#calling(make, [], begin)
    if (!TYPED_ARRAYS.includes(name) || !scanner.take('.')) return value
    // The only way to write an ArrayBuffer that is not all zeros.
    scanner.expect('buffer', "'buffer' behind the '.'")
    return /** @type {Uint8Array} */ (value).buffer
  }

  /**
   * @param {import('./constructors.js').Make} make
   * @param {number} begin
   * @returns {unknown}
   */
  #made(make, begin) {
    return this.#calling(make, this.list(')'), begin)
  }

  /**
   * @param {import('./constructors.js').Make} make
   * @param {unknown[]} args
   * @param {number} begin
   * @returns {unknown}
   */
  #calling(make, args, begin) {
    try {
      return make(args)
    } catch (error) {
      throw this.#scanner.error(`arguments that fit (${/** @type {Error} */ (error).message})`, begin)
    }
  }
}

/**
 * @param {string} name - a word that is not a value
 * @param {Scanner} scanner - after the word
 * @returns {string} what was expected instead
 */
function remedy(name, scanner) {
  if (CONSTRUCTORS.has(name)) return `'new' before ${name}`
  scanner.skip()
  if (CODE.has(name) || scanner.text.startsWith('=>', scanner.index)) return 'a value, because code cannot be sent'
  return `a value (a string needs quotes: '${name}')`
}
