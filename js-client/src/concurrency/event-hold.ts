/**
 * Holds back what a page would hear while it is blocked in `sendSync`: one engine runs events, and the messages of
 * ports, in the middle of a blocking request, and a page's listeners must not run there. Knows nothing of sockets or of
 * what is held.
 */
import { report } from './report-error.js'
import { Tasks } from './task-channel.js'

export class Gate {
  #held: (() => void)[] = []
  /** How many calls block. More than one where the page's own port has run in the middle of a call, and has called. */
  #blocking = 0

  /** Runs an action, or keeps it, behind those that are kept already. */
  pass(action: () => void): void {
    if (this.#blocking > 0 || this.#held.length > 0) this.#held.push(action)
    else action()
  }

  /** Runs an action that blocks. What is kept meanwhile runs in its order, in tasks behind the page's own. */
  around<Result>(blocking: () => Result): Result {
    this.#blocking += 1
    try {
      return blocking()
    } finally {
      this.#blocking -= 1
      this.#openLater()
    }
  }

  /** A task for each, so that promise jobs of one run before the next. */
  #openLater(): void {
    if (this.#held.length === 0) return
    const tasks = new Tasks(() => {
      tasks.close()
      this.#open()
    })
    tasks.post()
  }

  #open(): void {
    // The task may have come in the middle of a call; behind that is another.
    if (this.#blocking > 0) return
    try {
      this.#held.shift()?.()
    } catch (error) {
      report(error)
    }
    this.#openLater()
  }
}
