/**
 * The skeleton of a value (PROTOCOL.md section 5): finding a place by its path, and the two measures that bound a
 * value.
 *
 * Knows arrays and objects as JSON gives them, and no fixup but the reference.
 */
import { ProtocolError } from '../errors.js'

/** One step of a path: an index of an array, or a key of an object. */
export type Key = string | number
/** An array or an object of the skeleton, read by key. */
export type Container = Record<Key, unknown>
/** `[code, path, ...]` */
export type Fixup = [code: string, path: readonly Key[], ...more: unknown[]]

/** A value as it travels: `fixups` and `segments` are empty where there are none. */
export interface Cloned {
  readonly skeleton: unknown
  readonly fixups: readonly Fixup[]
  readonly segments: readonly Uint8Array[]
}

/** Refuses what came, unless it is right. The decoder knows in which fixup it is, and says so. */
export function check(isRight: unknown, what = ''): asserts isRight {
  if (!isRight) throw new ProtocolError(`wrong value: ${what}`)
}

export function isContainer(node: unknown): node is Container {
  return typeof node === 'object' && node !== null
}

/** Sets an own property, also where the key is `__proto__`, which an assignment would take for the prototype. */
export function setOwn(holder: object, key: Key, value: unknown, enumerable = true): void {
  if (key !== '__proto__' && enumerable) (holder as Container)[key] = value
  else Object.defineProperty(holder, key, { value, configurable: true, enumerable, writable: true })
}

export function isText(value: unknown): value is string {
  return typeof value === 'string'
}

/** A non-negative safe integer. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** The name of a property of an array as `a` writes it: an element's is a number. */
export function keyOf(name: string): Key {
  const index = Number(name) >>> 0
  return String(index) === name && index < 2 ** 32 - 1 ? index : name
}

/**
 * The place that a path leads to from `[skeleton]`: what holds it, and the key in that.
 * Throws where the path leads to no own property or index.
 */
export function locate(root: readonly [unknown], path: unknown): [Container, Key] {
  check(Array.isArray(path))
  let holder = root as unknown as Container
  let key: Key = 0
  for (const step of path as unknown[]) {
    const node = holder[key]
    const isStep = typeof step === (Array.isArray(node) ? 'number' : 'string')
    check(isStep && isContainer(node) && Object.hasOwn(node, step as Key))
    holder = node
    key = step as Key
  }
  return [holder, key]
}

/** Whether arrays and objects stand in each other more than `levels` deep. */
export function isDeeper(node: unknown, levels: number): boolean {
  return isContainer(node) && (levels === 0 || Object.values(node).some((member) => isDeeper(member, levels - 1)))
}
