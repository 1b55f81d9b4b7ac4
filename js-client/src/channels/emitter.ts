/**
 * Node's EventEmitter, which Electron's `ipcRenderer` inherits: same methods, same order of calls, same errors.
 *
 * A warning goes to the page's console. Twin: server/webipc/channels/emitter.py
 */
import type { Emitter, Listener } from '../types/electron.js'

type EventName = string | symbol

/** A listener as it is stored. The wrapper of a `once` listener has the original as `listener`. */
type Kept = Listener & { readonly listener?: Listener }

export class EventEmitter implements Emitter {
  // Public properties with Node's names, not private fields: these also work through a Proxy and through an object that
  // inherits from the emitter, and `on` without `this` fails with Electron's text.
  /** The listeners of each event. An array is replaced, never changed, so a running emit keeps its list. */
  _events: Record<EventName, readonly Kept[]> = Object.create(null) as Record<EventName, readonly Kept[]>
  /** Set by `setMaxListeners`. */
  _maxListeners = 10
  /** The events that were already warned about for too many listeners. */
  _warned = new Set<EventName>()

  on(name: EventName, listener: Listener): this {
    return this._add(name, listener, listener, false)
  }

  addListener(name: EventName, listener: Listener): this {
    return this._add(name, listener, listener, false)
  }

  prependListener(name: EventName, listener: Listener): this {
    return this._add(name, listener, listener, true)
  }

  once(name: EventName, listener: Listener): this {
    return this._add(name, listener, this._onceOnly(name, listener), false)
  }

  prependOnceListener(name: EventName, listener: Listener): this {
    return this._add(name, listener, this._onceOnly(name, listener), true)
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
      this._keep(name, list)
      this._tell('removeListener', name, listener)
    }
    return this
  }

  removeAllListeners(name?: EventName): this {
    const names = name === undefined ? this.eventNames() : [name]
    if (!this._events['removeListener']) {
      for (const each of names) this._keep(each, [])
      return this
    }
    // A `removeListener` listener is called for each removal, and is removed last.
    for (const each of names.filter((other) => other !== 'removeListener' || other === name)) this._removeEach(each)
    return name === undefined ? this.removeAllListeners('removeListener') : this
  }

  /** Calls the listeners in order, with the emitter as `this`. The first that throws ends the emit. */
  emit(name: EventName, ...args: unknown[]): boolean {
    const list = this._events[name]
    if (list) for (const listener of list) Reflect.apply(listener, this, args)
    else if (name === 'error') throw unhandled(args[0])
    return list !== undefined
  }

  eventNames(): EventName[] {
    return Reflect.ownKeys(this._events)
  }

  listenerCount(name: EventName, listener?: Listener): number {
    const list = this.listeners(name)
    return (listener ? list.filter((each) => each === listener) : list).length
  }

  listeners(name: EventName): Listener[] {
    return this.rawListeners(name).map((kept: Kept) => kept.listener ?? kept)
  }

  rawListeners(name: EventName): Listener[] {
    return [...this._events[name] ?? []]
  }

  /** Sets how many listeners one event may have before a warning is logged, once. 0 means no limit. */
  setMaxListeners(count: number): this {
    this._maxListeners = count
    return this
  }

  getMaxListeners(): number {
    return this._maxListeners
  }

  _add(name: EventName, listener: Listener, kept: Kept, first: boolean): this {
    refuseNonFunction(listener)
    this._tell('newListener', name, listener)
    const list = this._events[name] ?? []
    this._keep(name, first ? [kept, ...list] : [...list, kept])
    this._warn(name, list.length + 1)
    return this
  }

  _onceOnly(name: EventName, listener: Listener): Kept {
    let called = false
    const wrapper = (...args: unknown[]): void => {
      // A nested emit still has this wrapper in its list.
      if (called) return
      called = true
      this.removeListener(name, wrapper)
      Reflect.apply(listener, this, args)
    }
    return Object.assign(wrapper, { listener })
  }

  _keep(name: EventName, list: readonly Kept[]): void {
    if (list.length > 0) {
      this._events[name] = list
    } else {
      Reflect.deleteProperty(this._events, name)
      this._warned.delete(name)
    }
  }

  _removeEach(name: EventName): void {
    for (const kept of this.rawListeners(name).reverse()) this.removeListener(name, kept)
  }

  _tell(what: 'newListener' | 'removeListener', name: EventName, listener: Kept): void {
    if (this._events[what]) this.emit(what, name, listener.listener ?? listener)
  }

  _warn(name: EventName, count: number): void {
    const most = this._maxListeners
    if (most === 0 || count <= most || this._warned.has(name)) return
    this._warned.add(name)
    console.warn(
      `MaxListenersExceededWarning: Possible EventEmitter memory leak detected. ${count} ${String(name)} listeners ` +
      `added to [${this.constructor.name}]. MaxListeners is ${most}. Use emitter.setMaxListeners() to increase limit`,
    )
  }
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
