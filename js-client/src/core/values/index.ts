/**
 * What a JavaScript object is in the eyes of structured clone: brand checks that hold across realms (iframes) and are
 * not fooled by own properties or `Symbol.toStringTag`.
 *
 * Asks, and changes nothing; does not know how anything is encoded, but for the code of it. The chain of prototypes
 * says which brand to look for, and decides alone where the language has no brand check (plain objects, platform
 * objects).
 * Twin: server/webipc/core/values.py, which holds the values that Python lacks.
 */
import { answers, ask, byName } from './slots.js'

/**
 * The code of PROTOCOL.md section 5, which is `a` for every array; 'refused' is everything that structured clone does
 * not copy.
 */
export type Kind = 'N' | 'a' | 'b' | 'd' | 'e' | 'm' | 'object' | 'r' | 'refused' | 's' | 'v'

/** A kind, and the member of a prototype that throws unless the built-in has made the object, in whatever realm. */
type Brand = readonly [kind: Kind, prototype: object, member: string]

const BRANDS: ReadonlyMap<string, Brand> = new Map(
  ([
    [Map, 'm', 'size'],
    [Set, 's', 'size'],
    // Throws for a detached buffer too, which its length does not tell from an empty one.
    [ArrayBuffer, 'b', 'slice'],
    [RegExp, 'r', 'source'],
    [Date, 'd'],
    [Number, 'N'],
    [String, 'N'],
    [Boolean, 'N'],
    [BigInt, 'N'],
  ] as const).map(([{ name, prototype }, kind, member = 'valueOf']) => [name, [kind, prototype, member]]),
)

/** The classes of errors that structured clone knows. */
export const ERRORS = byName<ErrorConstructor>(
  Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError,
)

function brandOf(value: object): Brand | undefined {
  return BRANDS.get(classBehind(value))
}

/**
 * The primitive in a boxed primitive, the time in a Date, the source of a RegExp; throws where only the prototype is
 * the built-in's.
 */
export function unbox(value: object): unknown {
  const [, prototype, member] = brandOf(value) as Brand
  // The zeros are for `slice`, which would copy the buffer; the other members ignore them.
  return ask(prototype, member, value, 0, 0)
}

/**
 * What `forEach` tells of a Map or a Set; of a Proxy of one, what its own `forEach` tells (Vue's and MobX's know how).
 */
export function each(value: object, tell: (member: unknown, key: unknown) => void): void {
  const [, prototype] = brandOf(value) as Brand
  ask(answers(() => unbox(value)) ? prototype : value, 'forEach', value, tell)
}

/** The name of the built-in or platform class behind each prototype that was met, '' for application code alone. */
const classes = new WeakMap<object, string>()

/** Built-ins whose prototype may stand behind a plain object, or behind another class that tells more. */
const VAGUE = /^(Array|Object|(Aggregate|Suppressed)Error)$/

/**
 * What one prototype says: the name of its native constructor; or its `Symbol.toStringTag` where it has no constructor
 * and the tag is read-only, as in generators and iterators. Application code writes neither by accident.
 */
function nativeName(prototype: object): string {
  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof constructor === 'function') {
    const isNative = /\[native code\]\s*\}$/.test(ask(Function.prototype, 'toString', constructor) as string)
    return isNative && !VAGUE.test(constructor.name) ? constructor.name : ''
  }
  const tag = Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag)
  return tag?.writable === false ? (tag.value as string) : ''
}

/**
 * The name of the nearest class on the chain that is not the application's own, '' for a plain object or an instance.
 */
function classBehind(value: object): string {
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === null) return ''
  let name = classes.get(prototype)
  if (name === undefined) classes.set(prototype, (name = nativeName(prototype) || classBehind(prototype)))
  return name
}

/** Which way structured clone goes with an object; runs no code of the application but the traps of a Proxy. */
export function kindOf(value: object): Kind {
  if (Array.isArray(value)) return 'a'
  if (ArrayBuffer.isView(value)) return 'v'
  const brand = brandOf(value)
  if (brand) return answers(() => unbox(value)) || 'forEach' in value ? brand[0] : 'refused'
  return kindByClass(value, classBehind(value))
}

function kindByClass(value: object, name: string): Kind {
  // Without a Symbol.toStringTag this reads internal slots. With one, there is nothing to go by but the chain.
  const tag = Symbol.toStringTag in value || ask(Object.prototype, 'toString', value)
  if (ERRORS.has(name) && tag !== '[object Object]') return 'e'
  return ERRORS.has(name) || (name === '' && tag !== '[object Arguments]') ? 'object' : 'refused'
}

/** What a refused object is, for people: `a Promise`, `an Array Iterator`, `a Proxy of a Date`. */
export function describe(value: object): string {
  const name = classBehind(value) || 'arguments object'
  if (name === 'ArrayBuffer') return 'a detached ArrayBuffer'
  return (BRANDS.has(name) ? 'a Proxy of a ' : /^[aeio]/i.test(name) ? 'an ' : 'a ') + name
}
