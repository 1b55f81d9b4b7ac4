/**
 * What each code of a fixup means (PROTOCOL.md section 5, the table): what stands at its place, how its value is made
 * from that, and how it is filled.
 *
 * Trusts nothing, evaluates nothing, never sets a prototype; throws whatever where a fixup is wrong. Must not know how
 * places are found.
 */
import {
  check, isContainer, isCount, keyOf, setOwn, type Container, type Fixup, type Key,
} from './clone-skeleton.js'
import type { Limits } from './limits.js'
import { makeBuffer, makeView } from './slots.js'
import { ERRORS, kindOf } from './values.js'

/** One fixup, where it belongs, and what becomes of it. */
export interface Site {
  readonly fixup: Fixup
  readonly code: Code
  readonly holder: Container
  readonly key: Key
  /** What stands at the place in the skeleton. */
  readonly node: unknown
  /** What really stands at the place. */
  value: unknown
}

/** The sites directly inside of an array or object, by key. */
export type Sites = ReadonlyMap<Key, Site>

/** One run of `decode`. */
export interface Run {
  readonly limits: Limits
  readonly segments: readonly Uint8Array[]
  readonly root: [skeleton: unknown]
  /** The buffers of the segments, each with its `maxByteLength`; one of each, however many fixups look at it. */
  readonly buffers: Map<unknown, readonly [ArrayBuffer, max: unknown]>
  /** The sites by place. */
  readonly places: Map<unknown, Map<Key, Site>>
}

type Code = readonly [
  /** How many elements the fixup has, code and path included; `b` and `v` may have one more. */
  size: number,
  /** Whether `node` may stand at the place. */
  isPlace: (node: unknown) => boolean,
  /** The value; empty where `fill` follows. Throws for everything that can be wrong. */
  make: (node: never, fixup: Fixup, inside: Sites, run: Run) => unknown,
  /** Puts the contents in, when all that was made stands in its place in `node`. */
  fill?: (value: never, node: never) => void,
]

const isNull = (node: unknown): boolean => node === null
const isText = (node: unknown): boolean => typeof node === 'string'
const isPairs = (node: unknown): boolean => Array.isArray(node) && node.length % 2 === 0

export const CODES: ReadonlyMap<unknown, Code> = new Map<unknown, Code>([
  ['u', [2, isNull, () => undefined]],
  ['f', [2, isText, makeNumber]],
  ['n', [2, isText, makeBigInt]],
  ['d', [2, isTime, (time: number | null) => new Date(time ?? NaN)]],
  ['r', [2, Array.isArray, makeRegExp]],
  ['m', [2, isPairs, () => new Map(), (map: Map<unknown, unknown>, node: unknown[]) => {
    eachPair(node, (key, value) => map.set(key, value))
  }]],
  ['s', [2, Array.isArray, () => new Set(), (set: Set<unknown>, node: unknown[]) => {
    for (const member of node) set.add(member)
  }]],
  ['a', [3, isPairs, makeArray, (array: unknown[], node: unknown[]) => {
    eachPair(node, (key, value) => { setOwn(array, key as Key, value) })
  }]],
  ['e', [3, isContainer, makeError, fillError]],
  ['N', [2, Array.isArray, makeBoxed]],
  ['b', [3, isNull, (_node, [, , segment, max], _inside, run) => bufferOf(segment, max, run)]],
  ['v', [6, isNull, makeViewOf]],
  // Gets its value when all objects have been made.
  ['@', [3, isNull, () => undefined]],
])

/** Gives a site its value; throws where the fixup does not fit its place. */
export function make(site: Site, run: Run): void {
  const { node, code: [, isPlace, makeValue], fixup } = site
  check(isPlace(node))
  site.value = makeValue(node as never, fixup, run.places.get(node) ?? new Map<Key, Site>(), run)
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

function makeBigInt(node: string, _fixup: Fixup, _inside: Sites, { limits }: Run): bigint {
  const digits = node.replace('-', '')
  check(/^-?[\da-f]+$/.test(node) && digits.length <= limits.bigintDigits)
  const size = BigInt(`0x${digits}`)
  return digits === node ? size : -size
}

function makeRegExp(node: string[], _fixup: Fixup, inside: Sites): RegExp {
  check(node.length === 2 && node.every(isText) && inside.size === 0)
  return new RegExp(...(node as [string, string]))
}

function makeArray(node: unknown[], [, , length]: Fixup, inside: Sites): unknown[] {
  const array: unknown[] = []
  // The engine would reserve memory for a length that is merely large, but keeps the longest array as a table.
  array.length = 2 ** 32 - 1
  array.length = length as number
  const keys = node.filter((_, at) => at % 2 === 0)
  for (const key of keys) setOwn(array, key as Key, null)
  // A key that came twice, in the wrong order or as the wrong type is not what the array has in its place.
  const made = Object.keys(array).map(keyOf)
  check(keys.every((key, index) => key === made[index] && !inside.has(2 * index)))
  // An index beyond the length has changed it.
  check(array.length === length)
  return array
}

function makeError(node: Container, [, , name]: Fixup, inside: Sites): Error {
  const Class = ERRORS.get(name)
  check(Class !== undefined && !Array.isArray(node))
  for (const [key, text] of Object.entries(node)) {
    check(key === 'cause' || (/^(message|stack)$/.test(key) && typeof text === 'string' && !inside.has(key)))
  }
  return new Class()
}

/**
 * The properties as the language makes them: own, and not enumerable. What the sender's error lacks, this one lacks
 * too: the engine gives each new error a stack, and that is not the sender's.
 */
function fillError(error: Error, node: Container): void {
  for (const [key, value] of Object.entries({ stack: undefined, ...node })) setOwn(error, key, value, false)
}

function makeBoxed(node: unknown[], _fixup: Fixup, inside: Sites, run: Run): unknown {
  const inner = inside.get(0)
  if (inner) make(inner, run)
  // Null, undefined and references become a plain object here, and an object stays what it is.
  const primitive = inner ? inner.value : node[0]
  const boxed = Object(primitive) as object
  check(node.length === 1 && boxed !== primitive && kindOf(boxed) === 'N')
  return boxed
}

/** The buffer of a segment, copied out of the frame at the first call. */
function bufferOf(segment: unknown, max: unknown, { segments, buffers }: Run): ArrayBuffer {
  check(isCount(segment) && (max === undefined || isCount(max)))
  const made = buffers.get(segment) ?? ([makeBuffer(segments[segment] as Uint8Array, max), max] as const)
  buffers.set(segment, made)
  check(made[1] === max)
  return made[0]
}

function makeViewOf(_node: null, fixup: Fixup, _inside: Sites, run: Run): ArrayBufferView {
  const [, , kind, segment, offset, length, max] = fixup
  check(isCount(offset) && (isCount(length) || (length === null && max !== undefined)))
  return makeView(kind, bufferOf(segment, max, run), offset, length)
}
