/**
 * Lets `close()` on a port of a channel that the page itself made be heard at the other end, as Electron has it: a
 * `close` event behind every message that was posted before. Patches the browser's own classes, and only where the
 * engine has no such event.
 *
 * Heard is what happens in this document. A port that left it (to a worker, to another window, by `window.postMessage`)
 * is out of sight, and an event for it goes nowhere. Knows no connection: the client listens like anybody.
 */

/** What is patched; in a browser, the global object. */
export interface PortRealm {
  MessageChannel: typeof MessageChannel
  MessagePort: typeof MessagePort
  structuredClone: typeof structuredClone
}

/** One end of a channel, whichever port object it is at the moment. */
class End {
  /** The other end; both are made before either can have it. */
  peer: End | undefined
  /** The port that is this end in this document; none while it travels. Weak: an end must not keep a port alive. */
  port: WeakRef<MessagePort> | undefined
  closed = false
  /** How many messages were posted to it, and how many have come. */
  #posted = 0
  #arrived = 0
  #told = false
  /** The ends that travel with messages to this one, for each message that has ports. */
  readonly #travelling: (End | undefined)[][] = []

  isAt(port: MessagePort): boolean {
    return this.port?.deref() === port
  }

  expect(travelling: (End | undefined)[]): void {
    this.#posted += 1
    if (travelling.length > 0) this.#travelling.push(travelling)
  }

  /** A message has come; returns the ends that its ports are. */
  arrive(hasPorts: boolean): (End | undefined)[] {
    this.#arrived += 1
    this.tell()
    return hasPorts ? this.#travelling.shift() ?? [] : []
  }

  /** The event was dispatched, by this file or by another. */
  heard(): void {
    this.#told = true
  }

  /** Dispatches the event if the other end is closed and has nothing under way; in a task, behind the listeners. */
  tell(): void {
    if (!this.peer?.closed || this.closed || this.#arrived < this.#posted) return
    setTimeout(() => {
      if (!this.#told && !this.closed) this.port?.deref()?.dispatchEvent(new Event('close'))
    })
  }
}

/** Follows the ends of the channels of one realm. */
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
    const travelling = this.#depart(transfer)
    const end = this.at(port)
    if (end && !end.closed) end.peer?.expect(travelling)
  }

  closed(port: MessagePort): void {
    const end = this.at(port)
    if (!end || end.closed) return
    end.closed = true
    end.peer?.tell()
  }

  /** The ports of `before` are those at the same places of `after` now. */
  moved(before: unknown, after: unknown, transfer: readonly unknown[]): void {
    const moving = transfer.filter((port) => this.at(port) !== undefined)
    for (const port of moving) {
      const end = this.at(port)
      const arrived = counterpart(port, before, after, new Set())
      if (end) end.port = undefined
      if (end && arrived) this.#settle(end, arrived as MessagePort)
    }
  }

  /** The end that a port is; none for what is no port, came from elsewhere, or has been given away. */
  at(port: unknown): End | undefined {
    const end = this.#ends.get(port as MessagePort)
    return end?.isAt(port as MessagePort) ? end : undefined
  }

  #depart(transfer: readonly unknown[]): (End | undefined)[] {
    // The ports of the event will be these, in this order; a buffer is none of them.
    const ports = transfer.filter((each) => each !== null && typeof each === 'object' && 'start' in each)
    return ports.map((port) => {
      const end = this.at(port)
      if (end) end.port = undefined
      return end
    })
  }

  #settle(end: End, port: MessagePort): void {
    this.#ends.set(port, end)
    end.port = new WeakRef(port)
    const arrive = (event: Event): void => {
      const { ports } = event as MessageEvent
      const ends = end.arrive(ports.length > 0)
      ports.forEach((each, index) => {
        const travelled = ends[index]
        if (travelled) this.#settle(travelled, each)
      })
    }
    // Capturing, and there before anybody else's: what a listener does with the ports of its event is followed too.
    port.addEventListener('message', arrive, { capture: true })
    port.addEventListener('messageerror', arrive, { capture: true })
    port.addEventListener('close', () => { end.heard() }, { capture: true })
  }
}

/** What stands in `after` where `port` stands in `before`; both have the same shape. */
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

/** The list of what is given away; browsers take it by itself or in an object. */
function transferOf(options: unknown): readonly unknown[] {
  if (Array.isArray(options)) return options
  return (options as StructuredSerializeOptions | undefined)?.transfer ?? []
}

/** Patches `realm`, once: afterwards it has the event. */
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
}

/** Replaces a method by one that looks like it and goes through `around`. */
function wrap(
  prototype: MessagePort, name: 'postMessage' | 'close',
  around: (port: MessagePort, native: () => void, args: readonly unknown[]) => void,
): void {
  const method = new Proxy(Reflect.get(prototype, name) as (...args: unknown[]) => void, {
    apply(target, port: MessagePort, args: unknown[]) {
      around(port, () => { Reflect.apply(target, port, args) }, args)
    },
  })
  Object.defineProperty(prototype, name, { value: method, writable: true, enumerable: true, configurable: true })
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

/** `onclose`, as an engine that has the event has it beside `onmessage`. */
function defineHandler(prototype: MessagePort): void {
  const handlers = new WeakMap<MessagePort, (event: Event) => unknown>()
  const call = function (this: MessagePort, event: Event): void {
    handlers.get(this)?.call(this, event)
  }
  Object.defineProperty(prototype, 'onclose', {
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
  })
}
