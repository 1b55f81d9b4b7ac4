/**
 * Holds back what a socket says while the page is blocked in `sendSync`: one engine runs its events in the middle of a
 * blocking request, and a page's listeners must not run there. Knows nothing of sockets or of what is held.
 */
export class Gate {
  #held: (() => void)[] = []
  #closed = false

  /** Runs an action, or keeps it, behind those that are kept already. */
  pass(action: () => void): void {
    if (this.#closed || this.#held.length > 0) this.#held.push(action)
    else action()
  }

  /** Runs an action that blocks. What is kept meanwhile runs in their order when the page's own task has ended. */
  around<Result>(blocking: () => Result): Result {
    this.#closed = true
    try {
      return blocking()
    } finally {
      this.#closed = false
      queueMicrotask(() => { this.#open() })
    }
  }

  #open(): void {
    try {
      while (!this.#closed && this.#held.length > 0) this.#held.shift()?.()
    } finally {
      // What throws holds up nobody behind it.
      if (this.#held.length > 0) queueMicrotask(() => { this.#open() })
    }
  }
}
