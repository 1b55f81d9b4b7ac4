/**
 * The module `events`: the client's emitter as old code uses Node's, a function that can also be called without `new`,
 * on an object that inherits from it (`EventEmitter.call(this)`).
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
  const most = events.defaultMaxListeners
  if (most !== 10) made.setMaxListeners(most)
  return target ? made : Object.assign(this, made)
}

/** An emitter whose prototype is that of `target`, which may be a subclass. */
function construct(target: unknown): Emitter {
  return Reflect.construct(Emitter, [], target as typeof Emitter)
}

export const events = EventEmitter as unknown as EventsModule

// The same prototype, so that `ipcRenderer instanceof EventEmitter` holds, as in Electron.
EventEmitter.prototype = Emitter.prototype
Object.assign(EventEmitter, { EventEmitter, defaultMaxListeners: 10, once, listenerCount })

/** Resolves with the arguments of the next emit of `name`; rejects if `error` is emitted first. */
function once(emitter: Emitter | EventTarget, name: string | symbol): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    if (emitter instanceof EventTarget) {
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
