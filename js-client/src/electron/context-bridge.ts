/**
 * Electron's `contextBridge` in a page, which has one world: an exposed API becomes a read-only global, a frozen copy.
 *
 * There is no isolated world, so nothing is proxied: functions stay the same object, and `removeListener` finds them.
 * Nothing is protected either: any other script of the page can load the client too.
 */
import { descriptor } from '../core/clone/skeleton.js'
import { WebipcError } from '../core/errors.js'
import { MainWorld } from './main-world.js'
import type { ContextBridge, ExecutionScript } from './types.js'

const MOST_LEVELS = 1000

/** The key is already a property of the global object. */
export class KeyTakenError extends WebipcError {
  override readonly name = 'Error'
  override readonly code = 'key-taken'
  declare readonly key: string
  /** @param key that was to be exposed */
  constructor(key: string) {
    super('Cannot bind an API on top of an existing property on the window object', { key })
  }
}

/**
 * @param ipcRenderer - exposed as a whole, it becomes an empty object, as in Electron
 * @param world - whose globals are defined
 */
export function makeContextBridge(ipcRenderer: object, world = new MainWorld()): ContextBridge {
  const expose = (index: number, key: string, api: unknown): void => {
    if (typeof key !== 'string') {
      throw new TypeError(`Error processing argument at index ${index}, conversion failure from ${String(key)}`)
    }
    if (world.isTaken(key)) throw new KeyTakenError(key)
    world.define(key, new Copier(ipcRenderer).copy(api, 0))
  }
  return Object.freeze({
    // Electron counts an internal argument, the id of the main world, before the key.
    exposeInMainWorld: (key: string, api: unknown) => { expose(1, key, api) },
    exposeInIsolatedWorld: (_worldId: number, key: string, api: unknown) => { expose(1, key, api) },
    executeInMainWorld: execute,
  })
}

function execute(script: ExecutionScript): unknown {
  const { func, args = [] } = asScript(script)
  if (typeof func !== 'function') throw new Error("Function 'func' is required in script")
  if (!Array.isArray(args)) throw new Error("'args' must be an array")
  return Reflect.apply(func, undefined, args)
}

function asScript(script: unknown): Partial<ExecutionScript> {
  if (!isObject(script)) throw new Error('Invalid script')
  return script
}

/** Copies one value as the bridge does: plain objects and arrays frozen, others by kind; a shared object once. */
class Copier {
  readonly #ipcRenderer: object
  readonly #copies = new Map<object, unknown>()

  constructor(ipcRenderer: object) {
    this.#ipcRenderer = ipcRenderer
  }

  copy(value: unknown, level: number): unknown {
    if (level >= MOST_LEVELS) {
      throw new TypeError(
        'Electron contextBridge recursion depth exceeded.  ' +
        `Nested objects deeper than ${MOST_LEVELS} are not supported.`,
      )
    }
    if (!isObject(value) || passesAsItself(value)) return value
    if (!this.#copies.has(value)) this.#start(value, level)
    return this.#copies.get(value)
  }

  #start(value: object, level: number): void {
    if (value === this.#ipcRenderer) {
      this.#copies.set(value, Object.freeze({}))
    } else if (value instanceof Error) {
      this.#copies.set(value, new Error(value.message))
    } else if (isCloned(value)) {
      this.#copies.set(value, clone(value))
    } else if (Array.isArray(value)) {
      this.#copyArray(value, level)
    } else {
      this.#copyObject(value, level)
    }
  }

  #copyArray(array: readonly unknown[], level: number): void {
    const copy: unknown[] = []
    // Set before its elements are copied, because one of them may refer to it.
    this.#copies.set(array, copy)
    for (let index = 0; index < array.length; index += 1) copy.push(this.copy(array[index], level + 1))
    Object.freeze(copy)
  }

  #copyObject(object: object, level: number): void {
    const copy = {}
    this.#copies.set(object, copy)
    for (const key of Reflect.ownKeys(object)) {
      if (!Object.prototype.propertyIsEnumerable.call(object, key)) continue
      const value = this.copy(Reflect.get(object, key), level + 1)
      // Not assigned: an assignment to `__proto__` would set the prototype.
      Object.defineProperty(copy, key, descriptor({ value, enumerable: true }))
    }
    Object.freeze(copy)
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Classes whose objects cross Electron's bridge unchanged, or would only have to be converted for a second world. */
const ITSELF = ['Promise', 'Element', 'Blob', 'VideoFrame']
/** Classes whose objects Electron copies by structured clone, or refuses because structured clone does. */
const CLONED = [
  'ArrayBuffer', 'BigInt', 'Boolean', 'Date', 'Map', 'Number', 'RegExp', 'Set', 'String',
  'WeakMap', 'WeakRef', 'WeakSet',
]

function passesAsItself(value: object): boolean {
  return isOneOf(value, ITSELF)
}

function isCloned(value: object): boolean {
  return ArrayBuffer.isView(value) || isOneOf(value, CLONED)
}

function isOneOf(value: object, names: readonly string[]): boolean {
  return names.some((name) => {
    // By name, because a worker has no Element, and not every engine has VideoFrame.
    const type: unknown = Reflect.get(globalThis, name)
    return typeof type === 'function' && value instanceof type
  })
}

function clone(value: object): unknown {
  try {
    return structuredClone(value)
  } catch {
    throw new Error('An object could not be cloned.')
  }
}
