/**
 * Node's EventEmitter, which Electron's `ipcRenderer` inherits: same methods, same order of calls, same errors.
 *
 * A warning goes to the page's console. Twin: server/webipc/channels/emitter.py
 */
import type { Emitter, Listener } from '../types/electron.js'

type EventName = string | symbol

/** A listener as it is stored. The wrapper of a `once` listener has the original as `listener`. */
type Kept = Listener & { readonly listener?: Listener }

type Events = Record<EventName, readonly Kept[]>

export class EventEmitter implements Emitter {
  // Public properties with Node's names, not private fields: these also work through a Proxy and through an object that
  // inherits from the emitter, and `on` without `this` fails with Electron's text. Each may be missing, because the
  // methods also work on an object whose constructor has not called this one.
  /** The listeners of each event. An array is replaced, never changed, so a running emit keeps its list. */
  _events: Events | undefined = Object.create(null) as Events
  /** Set by `setMaxListeners`. */
  _maxListeners: number | undefined
  /** The events that were already warned about for too many listeners. */
  _warned: Set<EventName> | undefined

  on(name: EventName, listener: Listener): this {
    return add(this, name, listener, false)
  }

  addListener(name: EventName, listener: Listener): this {
    return add(this, name, listener, false)
  }

  prependListener(name: EventName, listener: Listener): this {
    return add(this, name, listener, true)
  }

  // By these two methods, because a subclass may override them.
  once(name: EventName, listener: Listener): this {
    this.on(name, onceOnly(this, name, listener))
    return this
  }

  prependOnceListener(name: EventName, listener: Listener): this {
    this.prependListener(name, onceOnly(this, name, listener))
    return this
  }

  off(name: EventName, listener: Listener): this {
    return this.removeListener(name, listener)
  }

  /** Removes the instance that was added last. A listener that is not registered is no error. */
  removeListener(name: EventName, listener: Listener): this {
    refuseNonFunction(listener)
    const list = this.rawListeners(name)
    let index = list.length - 1
    while (index >= 0 && list[index] !== listener && (list[index] as Kept).listener !== listener) index -= 1
    if (index >= 0) {
      list.splice(index, 1)
      keep(this, name, list)
      tell(this, 'removeListener', name, listener)
    }
    return this
  }

  removeAllListeners(name?: EventName): this {
    const names = name === undefined ? this.eventNames() : [name]
    if (!this._events?.['removeListener']) {
      for (const each of names) keep(this, each, [])
      return this
    }
    // A `removeListener` listener is called for each removal, and is removed last.
    for (const each of names.filter((other) => other !== 'removeListener' || other === name)) {
      for (const kept of this.rawListeners(each).reverse()) this.removeListener(each, kept)
    }
    return name === undefined ? this.removeAllListeners('removeListener') : this
  }

  /** Calls the listeners in order, with the emitter as `this`. The first that throws ends the emit. */
  emit(name: EventName, ...args: unknown[]): boolean {
    const list = this._events?.[name]
    if (list) for (const listener of list) Reflect.apply(listener, this, args)
    else if (name === 'error') throw unhandled(args[0])
    return list !== undefined
  }

  eventNames(): EventName[] {
    return Reflect.ownKeys(this._events ?? {})
  }

  listenerCount(name: EventName, listener?: Listener): number {
    const list = this.listeners(name)
    return (listener ? list.filter((each) => each === listener) : list).length
  }

  listeners(name: EventName): Listener[] {
    return this.rawListeners(name).map((kept: Kept) => kept.listener ?? kept)
  }

  rawListeners(name: EventName): Listener[] {
    return [...this._events?.[name] ?? []]
  }

  /**
   * Sets how many listeners one event may have before a warning is logged, once. 0 means no limit.
   *
   * @throws RangeError for anything but a non-negative number, with the text of the package that Electron bundles
   */
  setMaxListeners(count: number): this {
    if (typeof count !== 'number' || !(count >= 0)) {
      throw new RangeError(
        `The value of "n" is out of range. It must be a non-negative number. Received ${String(count)}.`,
      )
    }
    this._maxListeners = count
    return this
  }

  getMaxListeners(): number {
    return this._maxListeners ?? 10
  }
}

function add<E extends EventEmitter>(emitter: E, name: EventName, kept: Kept, first: boolean): E {
  refuseNonFunction(kept)
  tell(emitter, 'newListener', name, kept)
  const list = emitter._events?.[name] ?? []
  keep(emitter, name, first ? [kept, ...list] : [...list, kept])
  warn(emitter, name, list.length + 1)
  return emitter
}

function onceOnly(emitter: EventEmitter, name: EventName, listener: Listener): Kept {
  refuseNonFunction(listener)
  let called = false
  const wrapper = (...args: unknown[]): unknown => {
    // A nested emit still has this wrapper in its list.
    if (called) return undefined
    called = true
    emitter.removeListener(name, wrapper)
    return Reflect.apply(listener as (...args: unknown[]) => unknown, emitter, args)
  }
  return Object.assign(wrapper, { listener })
}

function keep(emitter: EventEmitter, name: EventName, list: readonly Kept[]): void {
  const events = emitter._events ??= Object.create(null) as Events
  if (list.length > 0) {
    events[name] = list
  } else {
    Reflect.deleteProperty(events, name)
    emitter._warned?.delete(name)
  }
}

function tell(emitter: EventEmitter, what: 'newListener' | 'removeListener', name: EventName, listener: Kept): void {
  if (emitter._events?.[what]) emitter.emit(what, name, listener.listener ?? listener)
}

function warn(emitter: EventEmitter, name: EventName, count: number): void {
  const most = emitter.getMaxListeners()
  const warned = emitter._warned ??= new Set()
  if (most === 0 || count <= most || warned.has(name)) return
  warned.add(name)
  console.warn(
    `MaxListenersExceededWarning: Possible EventEmitter memory leak detected. ${count} ${String(name)} listeners ` +
    `added to [${emitter.constructor.name}]. MaxListeners is ${most}. Use emitter.setMaxListeners() to increase limit`,
  )
}

function refuseNonFunction(listener: unknown): void {
  if (typeof listener === 'function') return
  // Node's text, with a shorter description of the value.
  const received = listener === undefined || listener === null ? String(listener) : `type ${typeof listener}`
  const text = `The "listener" argument must be of type function. Received ${received}`
  throw Object.assign(new TypeError(text), { code: 'ERR_INVALID_ARG_TYPE' })
}

function unhandled(error: unknown): unknown {
  if (error instanceof Error) return error
  const text = `Unhandled error. (${String(error)})`
  return Object.assign(new Error(text), { code: 'ERR_UNHANDLED_ERROR', context: error })
}
