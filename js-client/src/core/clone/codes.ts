/**
 * The codes of fixups (PROTOCOL.md section 5, the table): which node stands at the place, how the value is made from
 * it, and how it is filled.
 *
 * Validates everything, evaluates nothing, never sets a prototype. Throws any error for a wrong fixup; decode.ts turns
 * it into a ProtocolError. What the engine may refuse of a right one is made by `build`: a RegExp and a buffer.
 */
import {
  build, check, isContainer, isCount, isText, keyOf, setOwn, type Container, type Fixup, type Key,
} from './skeleton.js'
import type { Limits } from '../limits.js'
import { makeBuffer, makeView } from '../values/slots.js'
import { ERRORS, kindOf } from '../values/index.js'

/** One run of `decode`. */
export interface Run {
  readonly limits: Limits
  readonly segments: readonly Uint8Array[]
  /** `[skeleton]` */
  readonly root: [unknown]
  /** One buffer for each segment, with its `maxByteLength`, however many fixups use it. */
  readonly buffers: Map<unknown, readonly [ArrayBuffer, max: unknown]>
  readonly sites: ReadonlySet<unknown>
}

/**
 * One fixup, and the value made for it. It stands at its place in the skeleton until all values are made. So a fixup at
 * the place of a text or a key is found to be neither.
 */
export interface Site {
  readonly fixup: Fixup
  readonly code: Code
  readonly holder: Container
  readonly key: Key
  /** The node that stood at the place in the skeleton. */
  readonly node: unknown
  /** The place that a reference leads to. */
  readonly target: readonly [Container, Key]
  /** The value of the place. */
  value?: unknown
}

type Code = readonly [
  /** Whether `node` may stand at the place. */
  isPlace: (node: unknown) => boolean,
  /** Makes the value; an empty one if `fill` follows. Throws if anything is wrong. */
  make: (node: never, fixup: Fixup, run: Run, site: Site) => unknown,
  /** The number of elements of the fixup, with code and path; 2 by default. `b` and `v` may have one more. */
  size?: number,
  /** Adds the contents, after all values stand at their places in `node`. */
  fill?: (value: never, node: never) => void,
]

const isNull = (node: unknown): boolean => node === null
const isPairs = (node: unknown): boolean => Array.isArray(node) && node.length % 2 === 0

export const CODES: ReadonlyMap<unknown, Code> = new Map<unknown, Code>(Object.entries<Code>({
  'u': [isNull, () => undefined],
  'f': [isText, makeNumber],
  'n': [isText, makeBigInt],
  'd': [isTime, (time: number | null) => new Date(time ?? NaN)],
  'r': [Array.isArray, makeRegExp],
  'm': [isPairs, () => new Map(), 2, (map: Map<unknown, unknown>, node: unknown[]) => {
    eachPair(node, (key, value) => map.set(key, value))
  }],
  's': [Array.isArray, () => new Set(), 2, (set: Set<unknown>, node: unknown[]) => {
    for (const member of node) set.add(member)
  }],
  'a': [isPairs, makeArray, 3, (array: unknown[], node: unknown[]) => {
    eachPair(node, (key, value) => { setOwn(array, key as Key, value) })
  }],
  'e': [isContainer, makeError, 3, fillError],
  'N': [Array.isArray, makeBoxed],
  'b': [isNull, (_node, [, , segment, max], run) => bufferOf(segment, max, run), 3],
  'v': [isNull, makeViewOf, 6],
  '@': [isNull, follow, 3],
}))

/** The value of a site, made once. Throws if the fixup does not fit its place. */
export function make(site: Site, run: Run): unknown {
  const { node, code: [isPlace, makeValue], fixup } = site
  check(isPlace(node))
  return (site.value ??= makeValue(node as never, fixup, run, site))
}

function eachPair(node: readonly unknown[], use: (key: unknown, value: unknown) => void): void {
  for (let at = 0; at < node.length; at += 2) use(node[at], node[at + 1])
}

function isTime(node: unknown): boolean {
  return node === null || new Date(node as number).getTime() === node
}

function makeNumber(node: string): number {
  const number = Number(node)
  const isLarge = /^-?[1-9]\d*$/.test(node) && Number.isFinite(number) && !Number.isSafeInteger(number)
  check(isLarge || /^(-0|NaN|-?Infinity)$/.test(node))
  return number
}

function makeBigInt(node: string, _fixup: Fixup, { limits }: Run): bigint {
  const digits = node.replace('-', '')
  check(/^-?[\da-f]+$/.test(node) && digits.length <= limits.bigintDigits)
  const size = BigInt(`0x${digits}`)
  return digits === node ? size : -size
}

function makeRegExp(node: string[]): RegExp {
  const [source, flags] = node as [string, string]
  check(node.length === 2 && node.every(isText) && !/(.).*\1|u.*v|v.*u|[^dgimsuvy]/.test(flags))
  return build(() => new RegExp(source, flags))
}

function makeArray(node: unknown[], [, , length]: Fixup): unknown[] {
  const array: unknown[] = []
  // An engine reserves memory for a large length, but stores an array of the maximal length as a hash table.
  array.length = 2 ** 32 - 1
  array.length = length as number
  const keys = node.filter((_, at) => at % 2 === 0)
  for (const key of keys) setOwn(array, key as Key, null)
  // A duplicate key, or one in the wrong order or of the wrong type, differs from the array's key at its index.
  const made = Object.keys(array).map(keyOf)
  // An index beyond the length has changed the length.
  check(array.length === length && keys.every((key, index) => key === made[index]))
  return array
}

function makeError(node: Container, [, , name]: Fixup): Error {
  const Class = ERRORS.get(name)
  check(Class && !Array.isArray(node))
  for (const [key, text] of Object.entries(node)) {
    check(key === 'cause' || (/^(message|stack)$/.test(key) && isText(text)))
  }
  return new Class()
}

/**
 * Sets the properties as the language does: own, and not enumerable. A property that the sender's error lacks is unset:
 * the engine gives each new error a stack, which is not the sender's.
 */
function fillError(error: Error, node: Container): void {
  for (const [key, value] of Object.entries({ stack: undefined, ...node })) setOwn(error, key, value, false)
}

/** The value of a node: of the site that stands there, or the node itself. */
function valueOf(node: unknown, run: Run): unknown {
  return run.sites.has(node) ? make(node as Site, run) : node
}

function makeBoxed(node: unknown[], _fixup: Fixup, run: Run): unknown {
  const primitive = valueOf(node[0], run)
  // Refuses null and undefined, which `Object` makes a plain object, and an object, which it returns.
  const boxed = Object(primitive) as object
  check(node.length === 1 && boxed !== primitive && kindOf(boxed) === 'N')
  return boxed
}

/** The target of a reference, which must be an object, not a reference. */
function follow(_node: null, _fixup: Fixup, run: Run, { code, target: [holder, key] }: Site): unknown {
  const there = holder[key]
  check((there as Site | null)?.code !== code)
  const value = valueOf(there, run)
  check(isContainer(value))
  return value
}

/** The buffer of a segment. The first call copies it out of the frame. */
function bufferOf(segment: unknown, max: unknown, { segments, buffers }: Run): ArrayBuffer {
  check(isCount(segment) && (max === undefined || isCount(max)))
  const bytes = segments[segment]
  check(bytes && !(max as number < bytes.length))
  const made = buffers.get(segment) ?? ([build(() => makeBuffer(bytes, max)), max] as const)
  buffers.set(segment, made)
  check(made[1] === max)
  return made[0]
}

function makeViewOf(_node: null, fixup: Fixup, run: Run): ArrayBufferView {
  const [, , kind, segment, offset, length, max] = fixup
  check(isCount(offset) && (isCount(length) || (length === null && max !== undefined)))
  return makeView(kind, bufferOf(segment, max, run), offset, length)
}
