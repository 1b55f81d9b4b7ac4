/** The module `timers`, as Electron's browser version has it: handles that can be closed, and `setImmediate`. */

type Callback = (...args: unknown[]) => void

/** The handle of `setTimeout` and `setInterval`. `ref` and `unref` do nothing: a page does not end without timers. */
class Timeout {
  readonly #clear: () => void

  constructor(clear: () => void) {
    this.#clear = clear
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  close(): void {
    this.#clear()
  }
}

const waiting = new Map<number, () => void>()
let last = 0
let channel: MessageChannel | undefined

/** Calls `callback` in a task of its own, after the earlier ones. */
export function setImmediate(callback: Callback, ...args: unknown[]): number {
  last += 1
  waiting.set(last, () => { callback(...args) })
  channel ??= openChannel()
  channel.port2.postMessage(last)
  return last
}

export function clearImmediate(handle?: number): void {
  if (handle !== undefined) waiting.delete(handle)
}

function openChannel(): MessageChannel {
  const made = new MessageChannel()
  made.port1.onmessage = ({ data }: MessageEvent<number>) => {
    const call = waiting.get(data)
    waiting.delete(data)
    // Reopened at the next use: in Node, an open channel keeps the process alive.
    if (waiting.size === 0) closeChannel()
    call?.()
  }
  return made
}

function closeChannel(): void {
  channel?.port1.close()
  channel = undefined
}

function clear(handle?: Timeout | number): void {
  if (handle instanceof Timeout) handle.close()
  else clearTimeout(handle)
}

export const timers = {
  setTimeout: (callback: Callback, delay?: number, ...args: unknown[]): Timeout => {
    const handle = setTimeout(callback, delay, ...args)
    return new Timeout(() => { clearTimeout(handle) })
  },
  setInterval: (callback: Callback, delay?: number, ...args: unknown[]): Timeout => {
    const handle = setInterval(callback, delay, ...args)
    return new Timeout(() => { clearInterval(handle) })
  },
  // In a browser either function clears both kinds.
  clearTimeout: clear,
  clearInterval: clear,
  setImmediate,
  clearImmediate,
}
