/**
 * Encodes a value as skeleton, fixups and segments (PROTOCOL.md section 5), in one walk that copies it.
 *
 * The copy is on purpose: every property is read exactly once, so a getter or a Proxy cannot return one value here and
 * another to JSON.stringify, and JSON.stringify finds no `toJSON` of a class.
 * Twin: server/webipc/core/clone/encoder.py
 */
import { copyOf } from './headroom.js'
import { countNodes } from './reach.js'
import { keyOf, setOwn, type Cloned, type Container, type Fixup, type Key } from './skeleton.js'
import { CloneError, LimitError, WebipcError } from '../errors.js'
import { DEFAULT_LIMITS, type Limits } from '../limits.js'
import { ask, isInBounds, maxOf, viewKind, viewLength, viewSlot } from '../values/slots.js'
import { ERRORS, describe, each, kindOf, unbox, type Kind } from '../values/index.js'

/** One run of `encode`. */
interface Run {
  readonly limits: Limits
  readonly fixups: Fixup[]
  /** Where each object was met first. */
  readonly met: Map<object, Spot>
  /** The fixups that use each buffer, by first use. */
  readonly buffers: Map<object, { readonly number: number; readonly uses: Fixup[] }>
}

/** A place in the value, as a chain of parents. Its path is built only when it is needed. */
interface Spot {
  readonly run: Run
  /** The enclosing spot; undefined for the one that encloses the whole value. */
  readonly parent: Spot | undefined
  /** The key in the skeleton of `parent`. */
  readonly key: Key
  /** The nesting depth, with this spot. */
  readonly depth: number
  /** A step from this spot to a key in it, in the notation of JavaScript, for error texts. */
  step: (key: Key) => string
}

/**
 * Encodes a value. An object that is reached twice is encoded once and shared.
 *
 * @param root names the value in the paths of errors: `args`, `result`, `message`
 * @throws CloneError for a value that structured clone refuses, and if a getter or a trap throws
 * @throws LimitError for `depth`, `nodes`, `fixups`, `segments` and `bigint_digits`, which the peer would refuse
 */
export function encode(value: unknown, limits: Limits = DEFAULT_LIMITS, root = 'args'): Cloned {
  const fixups: Fixup[] = []
  const run: Run = { limits, fixups, met: new Map(), buffers: new Map() }
  const around: Spot = { run, parent: undefined, key: 0, depth: 0, step: () => root }
  const skeleton = write(value, around, 0)
  allow(around, 'nodes', countNodes([skeleton], fixups, limits.nodes))
  return { skeleton, fixups, segments: [...run.buffers].map(([buffer, { uses }]) => copyBytes(buffer, uses)) }
}

/**
 * Copies the bytes to send, because a message may be sent again after the application has changed them. If one
 * Uint8Array is the only use of a buffer of fixed length, only its bytes are sent: it is often cut from a large pool.
 */
function copyBytes(buffer: object, uses: readonly Fixup[]): Uint8Array {
  const bytes = new Uint8Array(buffer as ArrayBuffer)
  const [only, second] = uses as [Fixup, Fixup?]
  const [, , kind, , offset, length, max] = only
  if (second || kind !== 'Uint8Array' || max !== undefined) return copyOf(bytes)
  only[4] = 0
  return copyOf(bytes.subarray(offset as number, (offset as number) + (length as number)))
}

/** @param name of the limit in PROTOCOL.md */
function allow({ run }: Spot, limit: keyof Limits, actual: number, name: string = limit): void {
  const allowed = run.limits[limit]
  if (actual > allowed) throw new LimitError(name, actual, allowed)
}

/** A step from an array or object to a member. */
function stepTo(key: Key): string {
  if (typeof key === 'number') return `[${key}]`
  return /^[\p{L}$_][\p{L}\d$_]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

/** The path through the skeleton. */
function pathOf({ parent, key }: Spot): Key[] {
  const path = parent ? pathOf(parent) : []
  // The whole value has the empty path.
  if (parent?.parent) path.push(key)
  return path
}

/** The path in an error text, such as `args[1].user.save`. */
function spell({ parent, key }: Spot): string {
  return parent ? spell(parent) + parent.step(key) : ''
}

/** Refuses the value at a spot. */
function refuse(spot: Spot, reason: string): never {
  throw new CloneError(spell(spot), reason)
}

/** Adds a fixup and returns it. */
function fix(spot: Spot, code: string, ...more: unknown[]): Fixup {
  const fixup: Fixup = [code, pathOf(spot), ...more]
  allow(spot, 'fixups', spot.run.fixups.push(fixup))
  return fixup
}

/** Encodes a value. @returns its skeleton, which will stand under `key` in the skeleton of `parent` */
function write(value: unknown, parent: Spot, key: Key): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || isJsonNumber(value)) return value
  const spot: Spot = { run: parent.run, parent, key, depth: parent.depth + 1, step: stepTo }
  return typeof value === 'object' ? writeObject(value, spot) : writePrimitive(value, spot)
}

/** As `write`, for a property of an object. This is the one place that reads it. */
function writeProperty(holder: object, name: Key, spot: Spot, key = name): unknown {
  let value: unknown
  try {
    value = (holder as Container)[name]
  } catch (error) {
    refuse({ ...spot, parent: spot, key }, `a getter that threw ${String(error)}`)
  }
  return write(value, spot, key)
}

/** Whether JSON can hold this number exactly, in every language that reads it. */
function isJsonNumber(value: unknown): boolean {
  if (typeof value !== 'number' || Object.is(value, -0)) return false
  const size = Math.abs(value)
  // All larger ones are integers. From 1e21 on, JSON has an exponent, so no language reads an integer.
  return size <= Number.MAX_SAFE_INTEGER || (size >= 1e21 && size < Infinity)
}

function writePrimitive(value: unknown, spot: Spot): unknown {
  if (typeof value === 'number') {
    fix(spot, 'f')
    // Of the zeros, JSON has the other one.
    return value === 0 ? '-0' : String(value)
  }
  if (typeof value === 'bigint') {
    const digits = value.toString(16)
    allow(spot, 'bigintDigits', digits.length - Number(value < 0n), 'bigint_digits')
    fix(spot, 'n')
    return digits
  }
  if (value !== undefined) refuse(spot, `a ${typeof value}`)
  fix(spot, 'u')
  return null
}

function writeObject(value: object, spot: Spot): unknown {
  const { met } = spot.run
  const first = met.get(value)
  if (first) {
    fix(spot, '@', pathOf(first))
    return null
  }
  met.set(value, spot)
  try {
    const kind = kindOf(value)
    // These three are neither an array nor an object in the skeleton.
    if (!'bdv'.includes(kind)) allow(spot, 'depth', spot.depth)
    // The fixups of these have no further elements.
    if ('Ndmrs'.includes(kind)) fix(spot, kind)
    return WRITERS[kind](value, spot)
  } catch (error) {
    // Thrown by a trap of a Proxy, or by application code that replaced a built-in.
    if (error instanceof WebipcError) throw error
    return refuse(spot, `an object that threw ${String(error)}`)
  }
}

const WRITERS: Readonly<Record<Kind, (value: object, spot: Spot) => unknown>> = {
  a: writeArray,
  N: (value, spot) => [write(unbox(value), spot, 0)],
  b: writeBytes,
  d(value) {
    const time = unbox(value)
    return Number.isNaN(time) ? null : time
  },
  e: writeError,
  m(value, spot) {
    spot.step = (key) => `.${(key as number) % 2 === 0 ? 'keys' : 'values'}()[${(key as number) >> 1}]`
    return writeContents(value, spot, (member, key) => [key, member])
  },
  object(value, spot) {
    const skeleton = {}
    for (const key of Object.keys(value)) setOwn(skeleton, key, writeProperty(value, key, spot))
    return skeleton
  },
  refused: (value, spot) => refuse(spot, describe(value)),
  r: (value) => [unbox(value), ask(RegExp.prototype, 'flags', value)],
  s(value, spot) {
    spot.step = (key) => `.values()[${key}]`
    return writeContents(value, spot, (member) => [member])
  },
  v: (value, spot) => writeBytes(viewSlot(value, 'buffer') as object, spot, value),
}

/** Reads all contents before the first is written, because a getter in one may change the rest. */
function writeContents(value: object, spot: Spot, take: (member: unknown, key: unknown) => unknown[]): unknown[] {
  const contents: unknown[] = []
  each(value, (...entry) => contents.push(...take(...entry)))
  return contents.map((content, index) => write(content, spot, index))
}

function writeArray(value: object, spot: Spot): unknown[] {
  const { length } = value as unknown[]
  const keys = Object.keys(value)
  // Indices come before names, so checking the last key is enough to exclude holes and names.
  const isDense = keys.length === length && (length === 0 || keys[length - 1] === String(length - 1))
  if (isDense) return keys.map((_, index) => writeProperty(value, index, spot))
  const skeleton: unknown[] = []
  spot.step = (key) => stepTo(skeleton[(key as number) - 1] as Key)
  fix(spot, 'a', length)
  // As the keys of an object they are in order, even if a Proxy lists them in another order.
  for (const name of Object.keys(Object.fromEntries(keys.map((key) => [key, 0])))) {
    skeleton.push(keyOf(name))
    skeleton.push(writeProperty(value, name, spot, skeleton.length))
  }
  return skeleton
}

/**
 * As V8 does: the class by `name`, `message` and `cause` if they are own and no accessors, `stack` if it is a string.
 */
function writeError(value: object, spot: Spot): Container {
  const { name, stack } = value as Container
  fix(spot, 'e', ERRORS.has(name) ? name : 'Error')
  const [message, cause] = ['message', 'cause'].map((key) => Object.getOwnPropertyDescriptor(value, key))
  const skeleton: Container = {}
  if (message && Object.hasOwn(message, 'value')) skeleton['message'] = String(message.value)
  if (typeof stack === 'string') skeleton['stack'] = stack
  if (cause && Object.hasOwn(cause, 'value')) skeleton['cause'] = write(cause.value, spot, 'cause')
  return skeleton
}

/** A buffer, or a view of it. */
function writeBytes(buffer: object, spot: Spot, view?: object): null {
  const { buffers } = spot.run
  // Refuses shared memory and a detached buffer, which only a view can lead to.
  if (kindOf(buffer) !== 'b') refuse(spot, describe(buffer))
  const segment = buffers.get(buffer) ?? { number: buffers.size, uses: [] }
  buffers.set(buffer, segment)
  allow(spot, 'segments', buffers.size)
  segment.uses.push(fixBytes(spot, segment.number, maxOf(buffer), view))
  return null
}

function fixBytes(spot: Spot, segment: number, max: readonly number[], view: object | undefined): Fixup {
  if (!view) return fix(spot, 'b', segment, ...max)
  if (!isInBounds(view)) refuse(spot, 'a view outside of its buffer')
  return fix(spot, 'v', viewKind(view), segment, viewSlot(view, 'byteOffset'), viewLength(view), ...max)
}
