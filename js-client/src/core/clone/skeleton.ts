/**
 * The skeleton of a value (PROTOCOL.md section 5): its types, finding a place by its path, and its depth.
 */
import { ProtocolError, UnreadableError } from '../errors.js'

/** One step of a path: an index of an array, or a key of an object. */
export type Key = string | number
/** An array or an object of the skeleton, read by key. */
export type Container = Record<Key, unknown>
/** `[code, path, ...]` */
export type Fixup = [code: string, path: readonly Key[], ...more: unknown[]]

/** An encoded value; `fixups` and `segments` may be empty. */
export interface Cloned {
  readonly skeleton: unknown
  readonly fixups: readonly Fixup[]
  readonly segments: readonly Uint8Array[]
}

/** Refuses a received value unless `isRight`. decode.ts adds the fixup to the text. @throws ProtocolError */
export function check(isRight: unknown, what = ''): asserts isRight {
  if (!isRight) throw new ProtocolError(`wrong value: ${what}`)
}

/** Builds what PROTOCOL.md allows. @throws UnreadableError if this engine cannot: it may be old, or short of memory */
export function build<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new UnreadableError(String(error))
  }
}

export function isContainer(node: unknown): node is Container {
  return typeof node === 'object' && node !== null
}

/** Sets an own property, also for the key `__proto__`, which an assignment would set as the prototype. */
export function setOwn(holder: object, key: Key, value: unknown, enumerable = true): void {
  if (key !== '__proto__' && enumerable) (holder as Container)[key] = value
  else Object.defineProperty(holder, key, descriptor({ value, configurable: true, enumerable, writable: true }))
}

/** A descriptor that inherits nothing, because scripts of the page may have put a `get` on every object. */
export function descriptor(fields: PropertyDescriptor): PropertyDescriptor {
  return Object.setPrototypeOf(fields, null) as PropertyDescriptor
}

export function isText(value: unknown): value is string {
  return typeof value === 'string'
}

/** A non-negative safe integer. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** The key of an array's property as the code `a` encodes it: a number for an element, else its name. */
export function keyOf(name: string): Key {
  const index = Number(name) >>> 0
  return String(index) === name && index < 2 ** 32 - 1 ? index : name
}

/**
 * Finds the place of a path, from `[skeleton]`. @returns its container and the key in that
 * @throws ProtocolError if the path leads to no own property or index
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

/** Whether arrays and objects are nested deeper than `levels`. */
export function isDeeper(node: unknown, levels: number): boolean {
  return isContainer(node) && (levels === 0 || Object.values(node).some((member) => isDeeper(member, levels - 1)))
}
