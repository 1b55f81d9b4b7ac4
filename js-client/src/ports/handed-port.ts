/**
 * A port that the client hands to the page: one end of a channel, whose other end stays in the client. Each side gets a
 * `close` event when the other closes, which most engines do not dispatch. This works only while the page keeps this
 * very object, or gives it back: a transfer elsewhere creates another object.
 */

/** The message that a port's `close` posts to the other end, after all others. It is random, so no page can send it. */
export const CLOSED = `webipc-closed-${Math.random()}`

const handed = new WeakMap<MessagePort, HandedPort>()

/** Reports the `close` of a port to the other end, which is in the client. */
function announceClose(port: MessagePort): void {
  port.close = () => {
    port.postMessage(CLOSED)
    MessagePort.prototype.close.call(port)
  }
}

/** Transfers a port within this document: the returned port replaces it, and the old object is unusable. */
export function takeOver(port: MessagePort): MessagePort {
  const taken = structuredClone(port, { transfer: [port] })
  const back = handed.get(port)
  if (back) {
    back.isBack = true
    announceClose(taken)
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
  /** Messages that were posted to the page's end, and those that it has dispatched. */
  #delivered = 0
  #dispatched = 0
  /** The other side is closed, and the page's end has no `close` event yet. */
  #isClosePending = false

  constructor() {
    const { port1, port2 } = new MessageChannel()
    this.inner = port1
    this.port = port2
    port2.addEventListener('message', () => {
      this.#dispatched += 1
      // After the page's own listeners.
      queueMicrotask(() => { this.#emitClose() })
    })
    announceClose(port2)
    handed.set(port2, this)
  }

  deliver(message: unknown, ports: MessagePort[]): void {
    this.#delivered += 1
    this.inner.postMessage(message, ports)
  }

  /** The other side is closed. Messages that were posted before still arrive, then the `close` event. */
  end(): void {
    this.#isClosePending = !dispatchesClose()
    if (this.isBack) this.inner.postMessage(CLOSED)
    this.inner.close()
    queueMicrotask(() => { this.#emitClose() })
  }

  /** Not for a port that was never started, as in Electron: it has not dispatched the earlier messages. */
  #emitClose(): void {
    if (!this.#isClosePending || this.#dispatched < this.#delivered) return
    this.#isClosePending = false
    const event = new Event('close')
    const { onclose } = this.port as { onclose?: ((event: Event) => void) | null }
    this.port.dispatchEvent(event)
    onclose?.call(this.port, event)
  }
}

/** Whether ports of this engine, or of the electron module, dispatch `close` by themselves. */
function dispatchesClose(): boolean {
  return 'onclose' in MessagePort.prototype
}
