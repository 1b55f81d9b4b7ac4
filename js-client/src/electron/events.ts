/**
 * The module `events`: the client's emitter as old code uses the package of this name, which Electron bundles. It is a
 * function that can also be called without `new` on an object that inherits from it (`EventEmitter.call(this)`), and
 * its methods work on objects for which it was never called.
 */
import type { Listener } from '../types/electron.js'
import { EventEmitter as Emitter } from '../channels/emitter.js'

interface EventsModule {
  new (): Emitter
  (this: object): void
  readonly prototype: Emitter
  readonly EventEmitter: EventsModule
  defaultMaxListeners: number
  once(emitter: Emitter | EventTarget, name: string | symbol): Promise<unknown[]>
  listenerCount(emitter: Emitter, name: string | symbol): number
}

function EventEmitter(this: object): object {
  const target = new.target as unknown
  const made = construct(target ?? Emitter)
  return target ? made : Object.assign(this, made)
}

/** An emitter whose prototype is that of `target`, which may be a subclass. */
function construct(target: unknown): Emitter {
  return Reflect.construct(Emitter, [], target as typeof Emitter)
}

export const events = EventEmitter as unknown as EventsModule

const { prototype } = Emitter
/** Of emitters without a limit of their own, also of those that exist already. */
let defaultMaxListeners = 10

Object.assign(prototype, {
  setMaxListeners(this: Emitter, count: number) {
    refuseNegative('n', count)
    this._maxListeners = count
    return this
  },
  getMaxListeners(this: Emitter) {
    return this._maxListeners ?? defaultMaxListeners
  },
})
// The same functions, as in the package; and old code copies them: `Object.assign({}, EventEmitter.prototype)`.
for (const [name, same] of [['on', 'addListener'], ['off', 'removeListener']] as const) {
  Object.defineProperty(prototype, name, { value: Reflect.get(prototype, same) as unknown })
}
for (const name of Object.getOwnPropertyNames(prototype)) Object.defineProperty(prototype, name, { enumerable: true })
Object.defineProperty(prototype, 'constructor', { value: EventEmitter, enumerable: false })

// The same prototype, so that `ipcRenderer instanceof EventEmitter` holds, as in Electron.
EventEmitter.prototype = prototype
Object.assign(EventEmitter, { EventEmitter, once, listenerCount })
Object.defineProperties(EventEmitter, {
  // A minifier renames the function, and warnings name it.
  name: { value: 'EventEmitter' },
  defaultMaxListeners: {
    enumerable: true,
    get: () => defaultMaxListeners,
    set(most: number) {
      refuseNegative('defaultMaxListeners', most)
      defaultMaxListeners = most
    },
  },
})

function refuseNegative(name: string, count: unknown): void {
  if (typeof count === 'number' && count >= 0) return
  const text = `The value of "${name}" is out of range. It must be a non-negative number. Received ${String(count)}.`
  throw Object.assign(new RangeError(text), { code: 'ERR_OUT_OF_RANGE' })
}

/** Resolves with the arguments of the next emit of `name`; rejects if `error` is emitted first. */
function once(emitter: Emitter | EventTarget, name: string | symbol): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    if (!('on' in emitter)) {
      emitter.addEventListener(String(name), (event) => { resolve([event]) }, { once: true })
      return
    }
    const failed: Listener = (error: Error) => {
      emitter.removeListener(name, emitted)
      reject(error)
    }
    const emitted: Listener = (...args: unknown[]) => {
      emitter.removeListener('error', failed)
      resolve(args)
    }
    emitter.once(name, emitted)
    if (name !== 'error') emitter.once('error', failed)
  })
}

function listenerCount(emitter: Emitter, name: string | symbol): number {
  return emitter.listenerCount(name)
}
