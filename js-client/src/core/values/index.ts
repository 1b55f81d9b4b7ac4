/**
 * Classifies JavaScript objects as structured clone does, by brand checks that work across realms (iframes) and that
 * own properties and `Symbol.toStringTag` cannot deceive.
 *
 * The prototype chain selects the brand to check. It decides alone where the language has no brand check (plain
 * objects, platform objects).
 * Twin: server/webipc/core/values/__init__.py, which holds the values that Python lacks.
 */
import { answers, ask, byName } from './slots.js'

/**
 * The code of PROTOCOL.md section 5, `a` for every array; 'refused' for what structured clone does not copy.
 */
export type Kind = 'N' | 'a' | 'b' | 'd' | 'e' | 'm' | 'object' | 'r' | 'refused' | 's' | 'v'

/** A kind, and the member of the built-in's prototype that throws for an object of another class, across realms. */
type Brand = readonly [kind: Kind, prototype: object, member: string]

const BRANDS: ReadonlyMap<string, Brand> = new Map(
  ([
    [Map, 'm', 'size'],
    [Set, 's', 'size'],
    // Throws for a detached buffer too; its length would be that of an empty one.
    [ArrayBuffer, 'b', 'slice'],
    [RegExp, 'r', 'source'],
    [Date, 'd'],
    [Number, 'N'],
    [String, 'N'],
    [Boolean, 'N'],
    [BigInt, 'N'],
  ] as const).map(([{ name, prototype }, kind, member = 'valueOf']) => [name, [kind, prototype, member]]),
)

/** The error classes that structured clone keeps. */
export const ERRORS = byName<ErrorConstructor>(
  Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError,
)

function brandOf(value: object): Brand | undefined {
  return BRANDS.get(classBehind(value))
}

/**
 * The primitive in a boxed primitive, the time of a Date, the source of a RegExp. Throws for an object that has only
 * the prototype of the built-in.
 */
export function unbox(value: object): unknown {
  const [, prototype, member] = brandOf(value) as Brand
  // The zeros are for `slice`, which would copy the buffer; the other members ignore them.
  return ask(prototype, member, value, 0, 0)
}

/**
 * Calls `tell` for each entry of a Map or a Set; for a Proxy of one, by its own `forEach`, which Vue's and MobX's have.
 */
export function each(value: object, tell: (member: unknown, key: unknown) => void): void {
  const [, prototype] = brandOf(value) as Brand
  ask(answers(() => unbox(value)) ? prototype : value, 'forEach', value, tell)
}

/** A cache: the name of the built-in or platform class of each prototype; '' if there are only application classes. */
const classes = new WeakMap<object, string>()

/** Built-ins that are skipped: plain objects have them in their chain too, or another class in it is more precise. */
const VAGUE = /^(Array|Object|(Aggregate|Compile|Link|Runtime|Suppressed)Error)$/

/**
 * The name of a prototype's native constructor; or its `Symbol.toStringTag` if it has no constructor and the tag is
 * read-only, as in generators and iterators. Application code has neither by accident.
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
 * The name of the nearest built-in or platform class in the chain; '' for a plain object or an application's instance.
 */
function classBehind(value: object): string {
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === null) return ''
  let name = classes.get(prototype)
  if (name === undefined) classes.set(prototype, (name = nativeName(prototype) || classBehind(prototype)))
  return name
}

/** The kind of an object. Runs no code of the application except the traps of a Proxy. */
export function kindOf(value: object): Kind {
  if (Array.isArray(value)) return 'a'
  if (ArrayBuffer.isView(value)) return 'v'
  const brand = brandOf(value)
  if (brand) return answers(() => unbox(value)) || 'forEach' in value ? brand[0] : 'refused'
  return kindByClass(value, classBehind(value))
}

function kindByClass(value: object, name: string): Kind {
  // Without a Symbol.toStringTag, this reads internal slots. With one, only the chain can decide.
  const tag = Symbol.toStringTag in value || ask(Object.prototype, 'toString', value)
  // The first: an error, whatever prototype it was given.
  if (tag === '[object Error]' || (ERRORS.has(name) && tag !== '[object Object]')) return 'e'
  return ERRORS.has(name) || (name === '' && tag !== '[object Arguments]') ? 'object' : 'refused'
}

/** Describes a refused object in an error text: `a Promise`, `an Array Iterator`, `a Proxy of a Date`. */
export function describe(value: object): string {
  const name = classBehind(value) || 'arguments object'
  if (name === 'ArrayBuffer') return 'a detached ArrayBuffer'
  return (BRANDS.has(name) ? 'a Proxy of a ' : /^[aeio]/i.test(name) ? 'an ' : 'a ') + name
}
