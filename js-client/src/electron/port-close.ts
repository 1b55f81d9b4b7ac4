/**
 * Dispatches a `close` event at the other end of a channel of the page when a port is closed, as Electron does, after
 * every message that was posted before. Patches the browser's classes, and only if the engine has no such event.
 *
 * It works within this document. A port that left it (to a worker or another window, by `window.postMessage`) is not
 * tracked and gets no event. The client listens for this event as the page does.
 */
import { descriptor } from '../core/clone/skeleton.js'

/** The object whose classes are patched; in a browser, the global object. */
export interface PortRealm {
  MessageChannel: typeof MessageChannel
  MessagePort: typeof MessagePort
  structuredClone: typeof structuredClone
}

/** One end of a channel, whichever port object currently represents it. */
class End {
  /** The other end. Set after both are made. */
  peer: End | undefined
  /** The port of this end in this document; none during a transfer. Weak, so that a port can be collected. */
  port: WeakRef<MessagePort> | undefined
  closed = false
  /** The port was started; it dispatches nothing before. */
  #isStarted = false
  /** How many messages were posted to this end, and how many have arrived. */
  #posted = 0
  #arrived = 0
  #isDispatched = false
  /** The ends that are transferred to this one, for each message with ports. */
  readonly #transfers: (End | undefined)[][] = []

  /** A port of this document stands for this end now. It is not started yet. */
  settle(port: MessagePort): void {
    this.port = new WeakRef(port)
    this.#isStarted = false
  }

  isAt(port: MessagePort): boolean {
    return this.port?.deref() === port
  }

  expect(transferred: (End | undefined)[]): void {
    this.#posted += 1
    if (transferred.length > 0) this.#transfers.push(transferred)
  }

  start(): void {
    this.#isStarted = true
    this.dispatchClose()
  }

  /** A message has arrived. @returns the ends of its ports */
  arrive(hasPorts: boolean): (End | undefined)[] {
    this.#arrived += 1
    this.start()
    return hasPorts ? this.#transfers.shift() ?? [] : []
  }

  /** The event was dispatched, by this file or another. */
  dispatched(): void {
    this.#isDispatched = true
  }

  /** Dispatches the event, in a task after the listeners, if the other end is closed and all messages have arrived. */
  dispatchClose(): void {
    if (!this.peer?.closed || this.closed || !this.#isStarted || this.#arrived < this.#posted) return
    setTimeout(() => {
      if (!this.#isDispatched && !this.closed) this.port?.deref()?.dispatchEvent(new Event('close'))
    })
  }
}

/** Tracks the ends of the channels of one realm. */
class Ends {
  readonly #ends = new WeakMap<MessagePort, End>()

  entangle(port1: MessagePort, port2: MessagePort): void {
    const [one, other] = [new End(), new End()]
    one.peer = other
    other.peer = one
    this.#settle(one, port1)
    this.#settle(other, port2)
  }

  posted(port: MessagePort, transfer: readonly unknown[]): void {
    const transferred = this.#depart(transfer)
    const end = this.at(port)
    if (end && !end.closed) end.peer?.expect(transferred)
  }

  closed(port: MessagePort): void {
    const end = this.at(port)
    if (!end || end.closed) return
    end.closed = true
    end.peer?.dispatchClose()
  }

  /** After a structured clone: the ports in `before` are replaced by those at the same places in `after`. */
  moved(before: unknown, after: unknown, transfer: readonly unknown[]): void {
    const moving = transfer.filter((port) => this.at(port) !== undefined)
    for (const port of moving) {
      const end = this.at(port)
      const arrived = counterpart(port, before, after, new Set())
      if (end) end.port = undefined
      if (end && arrived) this.#settle(end, arrived as MessagePort)
    }
  }

  /** The end of a port; none for other objects, and for ports of elsewhere or that were transferred. */
  at(port: unknown): End | undefined {
    const end = this.#ends.get(port as MessagePort)
    return end?.isAt(port as MessagePort) ? end : undefined
  }

  #depart(transfer: readonly unknown[]): (End | undefined)[] {
    // The event will have these ports, in this order. Buffers are not among them.
    const ports = transfer.filter((each) => each !== null && typeof each === 'object' && 'start' in each)
    return ports.map((port) => {
      const end = this.at(port)
      if (end) end.port = undefined
      return end
    })
  }

  #settle(end: End, port: MessagePort): void {
    this.#ends.set(port, end)
    end.settle(port)
    const arrive = (event: Event): void => {
      const { ports } = event as MessageEvent
      const ends = end.arrive(ports.length > 0)
      ports.forEach((each, index) => {
        const travelled = ends[index]
        if (travelled) this.#settle(travelled, each)
      })
    }
    // The first capturing listener, so that the ports of an event are tracked before the page's listeners use them.
    port.addEventListener('message', arrive, { capture: true })
    port.addEventListener('messageerror', arrive, { capture: true })
    port.addEventListener('close', () => { end.dispatched() }, { capture: true })
  }
}

/** The value in `after` at the place of `port` in `before`; both have the same shape. */
function counterpart(port: unknown, before: unknown, after: unknown, seen: Set<unknown>): unknown {
  if (before === port) return after
  if (!isTree(before) || !isTree(after) || seen.has(before)) return undefined
  seen.add(before)
  for (const key of Object.keys(before)) {
    const found = counterpart(port, Reflect.get(before, key), Reflect.get(after, key), seen)
    if (found !== undefined) return found
  }
  return undefined
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)
}

/** The transfer list; it is the argument itself or in an options object. */
function transferOf(options: unknown): readonly unknown[] {
  if (Array.isArray(options)) return options
  return (options as StructuredSerializeOptions | undefined)?.transfer ?? []
}

/** Patches `realm`, once: a patched one has `onclose`. */
export function announcePortClose(realm: PortRealm | undefined = realmHere()): void {
  if (realm === undefined || 'onclose' in realm.MessagePort.prototype) return
  const ends = new Ends()
  patchChannel(realm, ends)
  patchPort(realm.MessagePort.prototype, ends)
  patchClone(realm, ends)
  defineHandler(realm.MessagePort.prototype)
}

function realmHere(): PortRealm | undefined {
  return typeof MessageChannel === 'undefined' ? undefined : globalThis
}

function patchChannel(realm: PortRealm, ends: Ends): void {
  realm.MessageChannel = new Proxy(realm.MessageChannel, {
    construct(target, args, newTarget): MessageChannel {
      const channel = Reflect.construct(target, args, newTarget) as MessageChannel
      ends.entangle(channel.port1, channel.port2)
      return channel
    },
  })
}

function patchPort(prototype: MessagePort, ends: Ends): void {
  wrap(prototype, 'postMessage', (port, native, args) => {
    native()
    ends.posted(port, transferOf(args[1]))
  })
  wrap(prototype, 'close', (port, native) => {
    native()
    ends.closed(port)
  })
  wrap(prototype, 'start', (port, native) => {
    native()
    ends.at(port)?.start()
  })
  const native = Object.getOwnPropertyDescriptor(prototype, 'onmessage')
  Object.defineProperty(prototype, 'onmessage', descriptor({
    ...native,
    set(this: MessagePort, listener: unknown) {
      native?.set?.call(this, listener)
      ends.at(this)?.start()
    },
  }))
}

/** Replaces a method by a proxy that calls `around`. */
function wrap(
  prototype: MessagePort, name: 'postMessage' | 'close' | 'start',
  around: (port: MessagePort, native: () => void, args: readonly unknown[]) => void,
): void {
  const method = new Proxy(Reflect.get(prototype, name) as (...args: unknown[]) => void, {
    apply(target, port: MessagePort, args: unknown[]) {
      around(port, () => { Reflect.apply(target, port, args) }, args)
    },
  })
  const rules = descriptor({ value: method, writable: true, enumerable: true, configurable: true })
  Object.defineProperty(prototype, name, rules)
}

function patchClone(realm: PortRealm, ends: Ends): void {
  realm.structuredClone = new Proxy(realm.structuredClone, {
    apply(target, self, args: [unknown, StructuredSerializeOptions?]): unknown {
      const copy: unknown = Reflect.apply(target, self, args)
      ends.moved(args[0], copy, transferOf(args[1]))
      return copy
    },
  })
}

/** Defines `onclose`, which engines with the event have beside `onmessage`. */
function defineHandler(prototype: MessagePort): void {
  const handlers = new WeakMap<MessagePort, (event: Event) => unknown>()
  const call = function (this: MessagePort, event: Event): void {
    handlers.get(this)?.call(this, event)
  }
  Object.defineProperty(prototype, 'onclose', descriptor({
    configurable: true,
    enumerable: true,
    get(this: MessagePort) {
      return handlers.get(this) ?? null
    },
    set(this: MessagePort, handler: unknown) {
      if (typeof handler === 'function') handlers.set(this, handler as (event: Event) => unknown)
      else handlers.delete(this)
      this.addEventListener('close', call)
    },
  }))
}
