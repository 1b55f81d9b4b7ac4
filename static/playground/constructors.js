/**
 * The constructors that a literal may use. Each is called with values only, so no code of the page or the user runs.
 *
 * The reader accepts no other name, even if the page has a global of this name.
 */

/** @typedef {(args: unknown[]) => unknown} Make */

export const TYPED_ARRAYS = [
  'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array',
  'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array',
  // Browsers from before 2025 do not have it.
  ...'Float16Array' in globalThis ? ['Float16Array'] : [],
]

export const ERRORS = ['Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError']

const OTHERS = ['Array', 'ArrayBuffer', 'Boolean', 'DataView', 'Date', 'Map', 'Number', 'RegExp', 'Set', 'String']

/**
 * @param {string} name
 * @returns {[string, Make]}
 */
function constructing(name) {
  const constructor = /** @type {Record<string, Function>} */ (/** @type {unknown} */ (globalThis))[name]
  if (constructor === undefined) throw new TypeError(`this browser has no ${name}`)
  return [name, (args) => Reflect.construct(constructor, args)]
}

/**
 * @param {[string, Make]} entry
 * @returns {[string, Make]}
 */
function withoutOurStack([name, make]) {
  return [name, (args) => {
    const error = /** @type {Error} */ (make(args))
    // The real stack would only show the frames of the reader.
    error.stack = String(error)
    return error
  }]
}

/** The names that may follow `new`. @type {ReadonlyMap<string, Make>} */
export const CONSTRUCTORS = new Map([
  ...[...TYPED_ARRAYS, ...OTHERS].map(constructing),
  ...ERRORS.map(constructing).map(withoutOurStack),
])

/** Functions that are called without `new`. @type {ReadonlyMap<string, Make>} */
export const FUNCTIONS = new Map(/** @type {[string, Make][]} */ ([
  ['BigInt', ([value]) => BigInt(/** @type {string} */ (value))],
  // The only way to write a BigInt object: `Object(5n)`.
  ['Object', ([value]) => Object(value)],
]))
