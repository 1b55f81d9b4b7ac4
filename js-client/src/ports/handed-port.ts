/**
 * A port that the page gets from us: one end of a channel whose other end is ours. Makes either side hear of the
 * other's `close`, which most engines tell nobody. Only as long as the page keeps this very object, or gives it back:
 * what it is transferred to elsewhere is another one. Knows no link.
 */

/** What a port's `close` says to our end, behind all that was posted. Nobody else can know it. */
export const CLOSED = `webipc-closed-${Math.random()}`

const handed = new WeakMap<MessagePort, HandedPort>()

/** Lets the `close` of a port whose other end is ours be heard there. */
function announceClose(port: MessagePort): void {
  port.close = () => {
    port.postMessage(CLOSED)
    MessagePort.prototype.close.call(port)
  }
}

/** A transfer to nobody: what comes of it is entangled with the same other end, and the old port is nothing. */
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
  /** Our end. */
  readonly inner: MessagePort
  /** The page's. */
  readonly port: MessagePort
  /** The page has given it back: then both ends are ours. */
  isBack = false
  /** Messages that were said to the page's end, and those that it has dispatched. */
  #delivered = 0
  #heard = 0
  /** The other side is closed, and the page's end has not been told. */
  #over = false

  constructor() {
    const { port1, port2 } = new MessageChannel()
    this.inner = port1
    this.port = port2
    port2.addEventListener('message', () => {
      this.#heard += 1
      // Behind the page's own listeners.
      queueMicrotask(() => { this.#emitClose() })
    })
    announceClose(port2)
    handed.set(port2, this)
  }

  deliver(message: unknown, ports: MessagePort[]): void {
    this.#delivered += 1
    this.inner.postMessage(message, ports)
  }

  /** The other side is closed: what was said before still arrives, and then `close`. */
  end(): void {
    this.#over = !hearsClose()
    if (this.isBack) this.inner.postMessage(CLOSED)
    this.inner.close()
    queueMicrotask(() => { this.#emitClose() })
  }

  /** A port that was never started does not notice, as in Electron: it has not heard what came before. */
  #emitClose(): void {
    if (!this.#over || this.#heard < this.#delivered) return
    this.#over = false
    const event = new Event('close')
    const { onclose } = this.port as { onclose?: ((event: Event) => void) | null }
    this.port.dispatchEvent(event)
    onclose?.call(this.port, event)
  }
}

/** Whether ports of this engine, or of the electron module, tell of a close by themselves. */
function hearsClose(): boolean {
  return 'onclose' in MessagePort.prototype
}
