/**
 * A port that the client hands to the page: one end of a channel, whose other end stays in the client. Each side gets a
 * `close` event when the other closes, which most engines do not dispatch. `postMessage` throws for what is beyond a
 * limit. All this works only while the page keeps this very object, or gives it back: a transfer elsewhere creates
 * another object.
 */
import { descriptor } from '../core/clone/skeleton.js'

/** The message that a port's `close` posts to the other end, after all others. It is random, so no page can send it. */
export const CLOSED = `webipc-closed-${Math.random()}`

const handed = new WeakMap<MessagePort, HandedPort>()

/** Closes a port and reports that to the other end, which is in the client. */
function closeLoudly(port: MessagePort): void {
  port.postMessage(CLOSED)
  MessagePort.prototype.close.call(port)
}

/** Transfers a port within this document: the returned port replaces it, and the old object is unusable. */
export function takeOver(port: MessagePort): MessagePort {
  const taken = structuredClone(port, { transfer: [port] })
  const back = handed.get(port)
  if (back) {
    back.isBack = true
    taken.close = () => { closeLoudly(taken) }
  }
  return taken
}

export class HandedPort {
  /** The client's end. */
  readonly inner: MessagePort
  /** The page's end. */
  readonly port: MessagePort
  /** The page has given it back, so both ends are in the client. */
  isBack = false
  /** How many messages were posted to the page's end and are not dispatched there. */
  #waiting = 0
  /** The page has started its end, which dispatches nothing before. */
  #isStarted = false
  /** The other side is closed. */
  #isEnded = false
  /**
   * No `close` event is due: this engine or the electron module dispatches it, or it was dispatched, or the page has
   * closed its end.
   */
  #isSilent = 'onclose' in MessagePort.prototype

  /** @param check - throws for a message that the link would refuse when it has arrived at the client's end */
  constructor(check: (message: unknown) => void) {
    const { port1, port2: port } = new MessageChannel()
    const { prototype } = MessagePort
    this.inner = port1
    this.port = port
    port.addEventListener('message', () => {
      this.#waiting -= 1
      this.#started()
    })
    port.postMessage = (...args: unknown[]) => {
      check(args[0])
      prototype.postMessage.call(port, ...args as [message: unknown, options: StructuredSerializeOptions])
    }
    port.close = () => {
      this.#isSilent = true
      closeLoudly(port)
    }
    // A port is started by `start`, and by setting `onmessage`.
    port.start = () => {
      prototype.start.call(port)
      this.#started()
    }
    Object.defineProperty(port, 'onmessage', descriptor({
      configurable: true,
      get: () => Reflect.get(prototype, 'onmessage', port) as unknown,
      set: (listener: unknown) => {
        Reflect.set(prototype, 'onmessage', listener, port)
        this.#started()
      },
    }))
    handed.set(port, this)
  }

  /** Delivers a message to the page. Named like the next, as the two of a port that the page has sent. */
  postMessage(message: unknown, ports: MessagePort[]): void {
    this.#waiting += 1
    this.inner.postMessage(message, ports)
  }

  /** The other side is closed. Messages that were posted before still arrive, then the `close` event. */
  close(): void {
    this.#isEnded = true
    if (this.isBack) this.inner.postMessage(CLOSED)
    this.inner.close()
    this.#closeLater()
  }

  #started(): void {
    this.#isStarted = true
    this.#closeLater()
  }

  #closeLater(): void {
    if (!this.#isEnded || !this.#isStarted || this.#waiting > 0) return
    // In a task of its own: a browser runs microtasks after every single listener of an event.
    setTimeout(() => {
      if (this.#isSilent || this.isBack) return
      this.#isSilent = true
      const event = new Event('close')
      const { onclose } = this.port as { onclose?: ((event: Event) => void) | null }
      this.port.dispatchEvent(event)
      onclose?.call(this.port, event)
    })
  }
}
